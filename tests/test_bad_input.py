"Hostile and unlucky input: named clearly, the usable part used, nothing written over, a failure that says it failed."
import re
import numpy as np, pytest
from PIL import Image
from conftest import clean_env, cli, digest, ok, refused

# file name: what the line that names it must say
BROKEN = {'truncated.jpg': r'truncat|broken|damaged|incomplete',
          'text.png': r'not an image|no image|cannot identify|not a picture'}
ODD = {'one.png': r'1 ?[x×] ?1|small', 'grey.png': r'gr[ea]y', 'rgba.png': r'alpha|transparen|rgba', 'sixteen.png': r'16'}

def check_named(text, expected):
    for name, why in expected.items():
        lines = [l for l in text.splitlines() if name in l]
        assert any(re.search(why, l.replace(name, ''), re.I) for l in lines), f'{name}: {why!r} not in {lines}'

@pytest.fixture
def bad(tmp_path, photo):
    "A folder with one good photograph among the bad and the odd"
    d = tmp_path/'bad'
    d.mkdir()
    photo.save(d/'good.png')
    photo.save(d/'truncated.jpg', quality=95)
    (d/'truncated.jpg').write_bytes((d/'truncated.jpg').read_bytes()[:2000])
    (d/'text.png').write_text('I am no picture.')
    photo.crop((0, 0, 1, 1)).save(d/'one.png')
    photo.convert('L').save(d/'grey.png')
    photo.convert('RGBA').save(d/'rgba.png')
    Image.fromarray(np.asarray(photo.convert('L')).astype(np.uint16)*257).save(d/'sixteen.png')
    return d

@pytest.fixture
def empty(tmp_path):
    (tmp_path/'nothing').mkdir()
    return tmp_path/'nothing'

# --- folders ---
def test_restore_a_bad_folder(bad, tmp_path):
    before, out = digest(bad), tmp_path/'out'
    r = ok('restore', bad, out)
    check_named(r.text, BROKEN | ODD)
    assert 'Traceback' not in r.text and digest(bad) == before
    made = {f.stem: Image.open(f).size for f in out.iterdir()}
    size = Image.open(bad/'good.png').size
    for name in ('good', 'grey', 'rgba', 'sixteen'): assert made.pop(name) == size, name
    assert made in ({}, {'one': (1, 1)}), 'nothing is made of the broken ones'

def test_train_on_a_bad_folder(bad, tmp_path):
    before = digest(bad)
    r = ok('train', '--real', bad, '--base', 'lowlight', '--out', tmp_path/'run', '--preset', 'smoke')
    check_named(r.text, BROKEN | ODD)
    assert digest(bad) == before

def test_score_a_bad_folder(bad):
    r = cli('score', *sorted(bad.iterdir()))
    check_named(r.text, BROKEN | ODD)
    assert 'Traceback' not in r.text
    assert re.search(r'good\.png.*\d\.\d', r.stdout), 'the good one has its row'

@pytest.mark.parametrize('name', BROKEN)
def test_a_broken_file_asked_for_by_name_is_an_error(bad, tmp_path, name):
    for args in (('restore', bad/name, tmp_path/'out.png'), ('score', bad/name), ('sweep', bad/name, tmp_path/'out.png')):
        check_named(refused(*args).stderr, {name: BROKEN[name]})
    assert not (tmp_path/'out.png').exists()

def test_an_empty_folder_is_an_error(empty, tmp_path):
    for args in (('restore', empty, tmp_path/'out'),
                 ('train', '--real', empty, '--base', 'lowlight', '--out', tmp_path/'run', '--preset', 'smoke')):
        assert re.search(r'nothing.*(empty|no image|no usable|no picture|no photo)', refused(*args).stderr, re.I)

def test_a_folder_of_broken_files_is_an_error(bad, tmp_path):
    for f in bad.iterdir():
        if f.name not in BROKEN: f.unlink()
    check_named(refused('restore', bad, tmp_path/'out').text, BROKEN)
    check_named(refused('train', '--real', bad, '--base', 'lowlight', '--out', tmp_path/'run', '--preset', 'smoke').text, BROKEN)

def test_what_is_not_there_is_named(tmp_path):
    for args in (('restore', tmp_path/'absent', tmp_path/'out'), ('score', tmp_path/'absent'),
                 ('sweep', tmp_path/'absent', tmp_path/'out.png'),
                 ('train', '--real', tmp_path/'absent', '--base', 'lowlight', '--out', tmp_path/'run')):
        assert 'absent' in refused(*args).stderr
    assert not list(tmp_path.iterdir()), 'and nothing was made on the way'

# --- nothing is written over ---
def test_an_existing_result_is_kept(folder, tmp_path):
    keep = tmp_path/'keep.png'
    keep.write_bytes(b'dear to somebody')
    for args in (('restore', folder/'dark.png', keep), ('sweep', folder/'dark.png', keep)):
        assert 'keep.png' in refused(*args).stderr
        assert keep.read_bytes() == b'dear to somebody'

def test_a_photograph_is_not_restored_onto_itself(folder):
    before = digest(folder)
    refused('restore', folder/'dark.png', folder/'dark.png')
    refused('restore', folder, folder)
    assert digest(folder) == before

def test_equal_stems_do_not_write_over_each_other(folder, tmp_path, photo):
    photo.transpose(Image.Transpose.ROTATE_180).save(folder/'dark.jpg')
    ok('restore', folder, tmp_path/'out')
    assert len(list((tmp_path/'out').iterdir())) == 4

def test_an_existing_run_is_kept(folder, tmp_path):
    run_dir = tmp_path/'run'
    run_dir.mkdir()
    (run_dir/'report.json').write_text('dear to somebody')
    assert 'run' in refused('train', '--real', folder, '--base', 'lowlight', '--out', run_dir, '--preset', 'smoke').stderr
    assert [f.read_text() for f in run_dir.iterdir()] == ['dear to somebody']

# --- very large ---
@pytest.fixture(scope='session')
def large(tmp_path_factory, photo):
    "50 megapixels"
    f = tmp_path_factory.mktemp('large')/'large.jpg'
    photo.resize((8000, 6250), Image.Resampling.BILINEAR).save(f, quality=85)
    return f

def test_score_fifty_megapixels(large):
    r = ok('score', large)
    check_named(r.text, {'large.jpg': r'8000|6250|megapixel|MP'})

@pytest.mark.slow
def test_restore_fifty_megapixels(large, tmp_path, record_property):
    r = ok('restore', large, tmp_path/'out.jpg', timeout=1800)
    assert Image.open(tmp_path/'out.jpg').size == (8000, 6250)
    record_property('measured', f'restoring 50 megapixels: {r.seconds:.0f} s')

# --- missing weights ---
@pytest.mark.parametrize('command', ['score', 'train'])
def test_a_metric_without_its_weights_is_an_error(command, folder, tmp_path):
    "Never another metric in its place; the message says which file, where it was looked for, how to get it"
    train = ('train', '--real', folder, '--base', 'lowlight', '--out', tmp_path/'run', '--preset', 'smoke', '--iqa', 'paper')
    args = dict(score=('score', '--iqa', 'paper', folder/'dark.png'), train=train)
    home = tmp_path/'home'
    home.mkdir()
    r = refused(*args[command], env=clean_env(home=home))
    assert re.search(r'musiq|clipiqa|brisque', r.stderr, re.I) and re.search(r'\w+\.(pth|pt|safetensors|mat)\b', r.stderr)
    assert str(home) in r.stderr and re.search(r'https?://|download|doctor', r.stderr, re.I)
    assert not re.search(r'dark\.png.*\d\.\d', r.stdout), 'no score from a substitute'

def test_an_unknown_preset_is_named(folder):
    r = refused('score', '--iqa', 'magic', folder/'dark.png')
    assert 'magic' in r.stderr and 'offline' in r.stderr and 'paper' in r.stderr
