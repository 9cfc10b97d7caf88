"The package as a stranger gets it: built, installed in a fresh environment, used far from the clone."
import subprocess, sys, tarfile, zipfile
import pytest
from PIL import Image
from conftest import LIB, ROOT, SAMPLES, clean_env, fresh_venv, run

def a_photo(root): return min(root.rglob('*.jpg'), key=lambda f: f.stat().st_size)

SAMPLES_CODE = '''
from importlib.resources import files
root = files('qualiteacher.data_samples')
print(root)
for f in root.rglob('*'):
    if f.is_file() and f.suffix not in ('.py', '.pyc'): print(f.relative_to(root).as_posix())
'''

def sample_files(): return sorted(f.relative_to(SAMPLES).as_posix() for f in SAMPLES.rglob('*')
                                  if f.is_file() and f.suffix not in ('.py', '.pyc'))

def check_samples(py, cwd):
    "The installed samples are those of the clone"
    r = run([py, '-c', SAMPLES_CODE], cwd=cwd)
    assert r.returncode == 0, r.text
    root, *found = r.stdout.splitlines()
    assert sorted(found) == sample_files()
    return root

def test_sdist_is_complete(dists):
    with tarfile.open(dists[1]) as t: names = {n.partition('/')[2] for n in t.getnames()}
    for must in ('settings.ini', 'setup.py', 'README.md', 'LICENSE', 'CONTRIBUTING.md', 'pytest.ini', 'nbs/index.ipynb',
                 'tests/conftest.py', 'tests/tools/readme.py', 'qualiteacher/_modidx.py', 'pyproject.toml', 'CHANGELOG.md',
                 'CITATION.cff', 'LICENCES.md', 'index_files/output_1_0.jpg', 'tests/types/consumer.py'): assert must in names
    for f in sample_files(): assert f'data_samples/{f}' in names
    for d in (LIB/'weights', LIB):
        for f in d.glob('*'):
            if f.is_file() and f.suffix != '.pyc': assert f.relative_to(ROOT).as_posix() in names
    assert not [n for n in names if '__pycache__' in n or '.ipynb_checkpoints' in n or n.startswith(('runs/', 'build/', '.'))]

def test_wheel_is_complete_and_small(dists, record_property):
    names = set(zipfile.ZipFile(dists[0]).namelist())
    for f in (LIB/'weights').glob('*'): assert f'qualiteacher/weights/{f.name}' in names
    assert not [n for n in names if n.startswith(('nbs', 'tests', 'data_samples')) or '__pycache__' in n]
    mb = dists[0].stat().st_size/1e6
    record_property('measured', f'wheel: {mb:.1f} MB')
    assert mb < 26    # 10 MB of photographs, 13 MB of restorers (three bases, three students), 2 MB of what the scorers need
    assert all(f.stat().st_size < 3e6 for f in (LIB/'weights').glob('*.safetensors'))

def test_samples_come_with_the_wheel(installed, tmp_path):
    assert str(ROOT) not in check_samples(installed, tmp_path)

def test_samples_come_with_the_sdist(dists, tmp_path):
    assert str(ROOT) not in check_samples(fresh_venv(tmp_path/'venv', dists[1]), tmp_path)

@pytest.mark.parametrize('cwd', ['the clone', 'elsewhere'])
def test_samples_come_with_this_environment(cwd, tmp_path):
    "Usually an editable install, which must find them from any folder"
    check_samples(sys.executable, ROOT if cwd == 'the clone' else tmp_path)

def test_installed_doctor(installed, tmp_path):
    r = run([installed.parent/'qualiteacher', 'doctor'], cwd=tmp_path)
    assert r.returncode == 0, r.text

def test_installed_restore(installed, tmp_path):
    src, dst = a_photo(SAMPLES), tmp_path/'out.png'
    r = run([installed.parent/'qualiteacher', 'restore', src, dst], cwd=tmp_path)
    assert r.returncode == 0, r.text
    assert Image.open(dst).size == Image.open(src).size

def test_import_is_quick(installed, record_property, tmp_path):
    "On top of torch, which nobody can do without"
    code = 'import time, torch; t = time.time(); import {}; print(time.time() - t)'
    for mod in ('qualiteacher', 'qualiteacher.cli'):
        secs = min(float(run([installed, '-c', code.format(mod)], cwd=tmp_path).stdout) for _ in range(3))
        record_property('measured', f'import {mod} on top of torch: {secs:.2f} s')
        assert secs < 2

@pytest.mark.slow
def test_install_with_requirements(dists, tmp_path, record_property):
    "Fetches everything, as the README's first command does; needs a package index, and no compiler"
    py = tmp_path/'venv'/'bin'/'python'
    subprocess.run([sys.executable, '-m', 'venv', tmp_path/'venv'], check=True)
    env = {k: v for k, v in clean_env(CC='false', CXX='false').items() if k != 'PYTHONPATH'}
    r = run([py, '-m', 'pip', 'install', dists[0]], timeout=3600, env=env)
    assert r.returncode == 0, r.text[-4000:]
    record_property('measured', f'installing the wheel with its requirements: {r.seconds:.0f} s')
    assert run([py, '-m', 'pip', 'check']).returncode == 0
    r = run([py.with_name('qualiteacher'), 'doctor'], cwd=tmp_path)
    assert r.returncode == 0, r.text
