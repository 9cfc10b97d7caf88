"The command line on good input: what each command prints, writes and returns."
import json, re
import pytest
from PIL import Image
from conftest import clean_env, digest, ok, refused

COMMANDS = 'demo score train restore sweep doctor'.split()

# --- help, doctor ---
def test_help_lists_every_command():
    r = ok('--help')
    for c in COMMANDS: assert re.search(rf'\b{c}\b', r.stdout), c

@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_has_help(command): assert len(ok(command, '--help').stdout.splitlines()) > 2

@pytest.mark.parametrize('args', [(), ('paint',), ('restore',), ('doctor', '--paint')], ids=' '.join)
def test_wrong_usage_is_refused(args): assert refused(*args).returncode == 2

def test_doctor(tmp_path):
    out = ok('doctor', env=clean_env(home=tmp_path)).stdout.lower()
    for word in ('qualiteacher', 'python', 'torch', 'pyiqa', 'cpu', 'brisque', 'musiq', 'clipiqa'): assert word in out, word
    assert re.search(r'\.(pth|pt)\b', out), 'names the weight files that are missing'
    assert str(tmp_path).lower() in out, 'and where to put them'

# --- score ---
def test_score(folder):
    r = ok('score', *sorted(folder.iterdir()))
    for f in folder.iterdir():
        row = next(l for l in r.stdout.splitlines() if f.name in l)
        numbers = [float(n) for n in re.findall(r'-?\d+\.\d+', row.split(f.name)[1])]
        assert len(numbers) >= 3, 'at least two metrics and a total or level'
        assert 0 <= numbers[-1] <= 10
    assert 'brisque' in r.stdout.lower() and 'level' in r.stdout.lower()

def test_score_is_repeatable(folder):
    assert ok('score', folder/'dark.png').stdout == ok('score', folder/'dark.png').stdout

# --- restore, sweep ---
def test_restore_a_file(folder, tmp_path):
    src, dst = folder/'dark.png', tmp_path/'out.png'
    ok('restore', src, dst)
    a, b = Image.open(src), Image.open(dst)
    assert a.size == b.size and a.tobytes() != b.tobytes()

def test_restore_a_folder(folder, tmp_path):
    before, dst = digest(folder), tmp_path/'new'/'out'
    ok('restore', folder, dst)
    assert sorted(f.stem for f in dst.iterdir()) == sorted(f.stem for f in folder.iterdir())
    assert digest(folder) == before

def test_restore_is_repeatable(folder, tmp_path):
    for n in 'ab': ok('restore', folder/'dark.png', tmp_path/f'{n}.png')
    assert (tmp_path/'a.png').read_bytes() == (tmp_path/'b.png').read_bytes()

def test_restore_keeps_odd_sizes(tmp_path, photo):
    photo.crop((0, 0, 101, 67)).save(tmp_path/'odd.png')
    ok('restore', tmp_path/'odd.png', tmp_path/'out.png')
    assert Image.open(tmp_path/'out.png').size == (101, 67)

@pytest.mark.parametrize('quality', ['-1', '7.5', 'high'])
def test_restore_refuses_a_wrong_level(folder, tmp_path, quality):
    r = refused('restore', folder/'dark.png', tmp_path/'out.png', '--quality', quality)
    assert 'quality' in r.stderr and quality in r.stderr and not (tmp_path/'out.png').exists()

def test_restore_refuses_what_is_not_a_checkpoint(folder, tmp_path):
    (tmp_path/'w.safetensors').write_bytes(b'not weights')
    for w in ('w.safetensors', 'absent.safetensors'):
        assert w in refused('restore', folder/'dark.png', tmp_path/'out.png', '--weights', tmp_path/w).stderr
    assert not (tmp_path/'out.png').exists()

def test_sweep(folder, tmp_path):
    ok('sweep', folder/'dark.png', tmp_path/'sweep.png')
    assert Image.open(tmp_path/'sweep.png').width > 2*160

# --- train, demo ---
def test_train_then_restore(folder, tmp_path):
    run_dir = tmp_path/'run'
    ok('train', '--real', folder, '--base', 'lowlight', '--out', run_dir, '--preset', 'smoke')
    made = list(run_dir.rglob('*.safetensors'))    # the student alone; what resumes a run is another file
    assert made, 'a student'
    ok('restore', folder/'dark.png', tmp_path/'out.png', '--weights', made[0])
    assert Image.open(tmp_path/'out.png').size == (160, 128)

def test_train_refuses_a_base_that_does_not_exist(folder, tmp_path):
    r = refused('train', '--real', folder, '--base', 'moonlight', '--out', tmp_path/'run', '--preset', 'smoke')
    assert 'moonlight' in r.stderr and 'lowlight' in r.stderr, 'says which there are'

def check_report(out):
    "The two reports of a demo: self-contained, and about the same run"
    page, numbers = (out/'report.html').read_text(encoding='utf-8'), json.loads((out/'report.json').read_text())
    assert not re.search(r'''(?:src|href)\s*=\s*["'](?!data:|#)''', page), 'needs no other file and no network'
    assert page.count('data:image/') >= 5
    for word in ('base', 'teacher', 'student', 'seed', 'one run'): assert word in page.lower(), word
    finite = json.dumps(numbers, allow_nan=False)    # raises on NaN and infinity
    for word in ('share', 'gate', 'seed', 'psnr', 'ssim'): assert word in finite.lower(), word
    assert [f for f in out.rglob('*') if f.suffix in ('.safetensors', '.pt')]

def test_demo_at_smoke_size(tmp_path):
    r = ok('demo', '--preset', 'smoke', cwd=tmp_path, env=clean_env(home=tmp_path))
    check_report(tmp_path/'runs'/'demo')
    assert 'report.html' in r.stdout.splitlines()[-1] + r.stdout.splitlines()[-2], 'ends with the path of the report'

@pytest.mark.slow
def test_demo(tmp_path, record_property):
    r = ok('demo', cwd=tmp_path, env=clean_env(home=tmp_path), timeout=4*300)
    check_report(tmp_path/'runs'/'demo')
    record_property('budget', ('qualiteacher demo', r.seconds, 300))
