"""Options, tiers and what several test files share.

Default: everything that fits into 25 minutes on two cores.  `--slow`: lessons in full, installation with all
requirements, the whole demo.  `--experiment`: the controlled experiments.
"""
import hashlib, os, shutil, signal, subprocess, sys, sysconfig, time
from pathlib import Path
import pytest
from PIL import Image, ImageFilter

ROOT = Path(__file__).resolve().parents[1]
NBS, LIB, SAMPLES = ROOT/'nbs', ROOT/'qualiteacher', ROOT/'data_samples'
TIERS = {'slow': 'minutes each: lessons in full, full installation, the whole demo',
         'experiment': 'hours: the controlled experiments'}
BUDGET = {'notebook': 90, 'lesson': 600}    # seconds on two cores
# tests run side by side: then one thread each, for their children too
THREADS = '1' if 'PYTEST_XDIST_WORKER' in os.environ else '2'
os.environ.update(OMP_NUM_THREADS=THREADS, OMP_WAIT_POLICY='PASSIVE')

def notebooks():
    "Notebooks below nbs/, as nbdev finds them: nothing that begins with _ or ."
    return [f for f in sorted(NBS.rglob('*.ipynb'))
            if not any(p[0] in '_.' for p in f.relative_to(NBS).parts)]

def clean_env(home=None, **more):
    "Environment of a child process: few threads, no network, figures in memory, no caches of this user if `home`"
    env = {k: v for k, v in os.environ.items() if k not in ('IN_TEST', 'PYTHONPATH', 'QUALITEACHER_SMOKE')}
    env.update(PYTHONPATH=str(ROOT/'tests'/'offline'), HF_HUB_OFFLINE='1', OMP_NUM_THREADS=THREADS, OMP_WAIT_POLICY='PASSIVE',
               MPLBACKEND='Agg')
    if home: env.update(HOME=str(home), TORCH_HOME=f'{home}/torch', HF_HOME=f'{home}/hf', XDG_CACHE_HOME=f'{home}/cache')
    return {**env, **more}

def run(cmd, timeout=300, cwd=None, env=None):
    "Run `cmd`, its children included killed after `timeout` seconds; adds `.seconds` and `.text` (both streams)"
    start = time.time()
    p = subprocess.Popen([str(c) for c in cmd], cwd=cwd, env=env or clean_env(), text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try: out, err = p.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, err = p.communicate()
        pytest.fail(f'killed after {timeout} s: {cmd}\n{out[-2000:]}\n{err[-4000:]}')
    res = subprocess.CompletedProcess(cmd, p.returncode, out, err)
    res.seconds, res.text = time.time() - start, out + err
    return res

@pytest.fixture(autouse=True)
def one_thread():
    "Runs are compared to the bit, and a test before may have left another number of threads (see 00c_threads)"
    if 'torch' in sys.modules: sys.modules['torch'].set_num_threads(1)

# --- tiers ---
def pytest_addoption(parser):
    for name, text in TIERS.items(): parser.addoption(f'--{name}', action='store_true', help=f'also run: {text}')

def pytest_configure(config):
    for name, text in TIERS.items(): config.addinivalue_line('markers', f'{name}: {text}')

@pytest.hookimpl(tryfirst=True)        # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config, items):
    for item in items:
        # a file shares fixtures, so one process has it whole; notebooks share nothing
        if item.path.name != 'test_notebooks.py': item.add_marker(pytest.mark.xdist_group(item.path.stem))
        for name in TIERS:
            if item.get_closest_marker(name) and not config.getoption(name): item.add_marker(pytest.mark.skip(reason=f'needs --{name}'))

# --- what was measured ---
def pytest_terminal_summary(terminalreporter):
    "Times against their budgets, and whatever a test noted with record_property('measured', text)"
    props = [p for key in ('passed', 'failed') for r in terminalreporter.stats.get(key, [])
             if r.when == 'call' for p in r.user_properties]
    times = sorted((v for k, v in props if k == 'budget'), key=lambda o: -o[1])
    if times:
        terminalreporter.section('notebook budgets')
        for name, secs, budget in times:
            terminalreporter.line(f'{secs:7.1f} s of {budget} s  {name}{"" if secs <= budget else "   OVER BUDGET"}')
        terminalreporter.line(f'{sum(t[1] for t in times):7.1f} s in all, {sum(t[1] > t[2] for t in times)} over budget')
    measured = [v for k, v in props if k == 'measured']
    if measured:
        terminalreporter.section('measured')
        for m in measured: terminalreporter.line(m)

# --- the package as a stranger gets it ---
IGNORE = shutil.ignore_patterns('.git', '.venv', 'build', 'dist', '*.egg-info', 'runs', '__pycache__', '.ipynb_checkpoints',
                                '.pytest_cache', '.hypothesis', '_docs*', '_proc')

@pytest.fixture(scope='session')
def dists(tmp_path_factory):
    "(wheel, sdist); the wheel is built from the sdist, both from a copy, where no old build folder can leak in"
    src = tmp_path_factory.mktemp('src')/'qualiteacher'
    shutil.copytree(ROOT, src, ignore=IGNORE)
    r = run([sys.executable, '-m', 'build', '--no-isolation', '--outdir', src.parent/'dist', src], cwd=src.parent)
    assert r.returncode == 0, r.text[-4000:]
    return tuple(next((src.parent/'dist').glob(g)) for g in ('*.whl', '*.tar.gz'))

def fresh_venv(folder, dist):
    """A new environment that holds `dist` alone and borrows the requirements from the running one.
    The borrowed folder comes after the new one on sys.path, and its .pth files (an editable install) are not read."""
    r = run([sys.executable, '-m', 'venv', folder])
    assert r.returncode == 0, r.text
    py = folder/'bin'/'python'
    site = Path(run([py, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']).stdout.strip())
    theirs = dict.fromkeys([sysconfig.get_path('purelib'), *(p for p in sys.path if p.endswith('site-packages'))])
    (site/'requirements.pth').write_text('\n'.join(theirs) + '\n')
    # --no-build-isolation: an sdist is built with the borrowed setuptools, so no network is needed
    r = run([py, '-m', 'pip', 'install', '--no-deps', '--no-build-isolation', '--no-index', '--ignore-installed', dist])
    assert r.returncode == 0, r.text[-4000:]
    where = run([py, '-c', 'import qualiteacher; print(qualiteacher.__file__)'], cwd=folder).stdout.strip()
    assert where.startswith(str(site)), f'tests the wrong copy: {where}'
    return py

@pytest.fixture(scope='session')
def installed(dists, tmp_path_factory):
    "Python of a fresh environment with the wheel"
    return fresh_venv(tmp_path_factory.mktemp('wheel')/'venv', dists[0])

# --- the command line ---
def cli(*args, **kw):
    "The command that the installation made, in its own process"
    return run([Path(sys.executable).with_name('qualiteacher'), *args], **kw)

def ok(*args, **kw):
    r = cli(*args, **kw)
    assert r.returncode == 0, r.text[-4000:]
    return r

def refused(*args, **kw):
    "The command fails, and says why in a sentence: a traceback is for programmers"
    r = cli(*args, **kw)
    assert r.returncode != 0, r.text[-4000:]
    assert 'Traceback' not in r.text and r.stderr.strip(), r.text[-4000:]
    return r

def digest(folder): return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.rglob('*') if f.is_file()}

@pytest.fixture(scope='session')
def photo():
    "128 x 160 pixels of a real photograph, darkened"
    im = Image.open(min(SAMPLES.rglob('*.jpg'), key=lambda f: f.stat().st_size)).convert('RGB')
    return im.resize((160, 128)).point(lambda v: v//3)

@pytest.fixture
def folder(tmp_path, photo):
    "Three small photographs"
    d = tmp_path/'photos'
    d.mkdir()
    photo.save(d/'dark.png')
    photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(d/'mirrored.jpg', quality=95)
    photo.filter(ImageFilter.GaussianBlur(3)).save(d/'blurred.png')
    return d
