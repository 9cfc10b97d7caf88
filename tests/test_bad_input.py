"Hostile and unlucky input: named clearly, the usable part used, nothing written over, a failure that says it failed."
import re
import numpy as np, pytest
from PIL import Image
from conftest import LIB, clean_env, cli, digest, ok, refused

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
    assert r.returncode != 0 and 'not scored' in r.stderr, 'files asked for by name are missing from the table'

def test_score_skips_what_is_broken_in_a_folder(bad, tmp_path):
    before = digest(bad)
    r = ok('score', bad, '--csv', tmp_path/'s.csv')
    check_named(r.text, BROKEN | ODD)
    assert 'Traceback' not in r.text and digest(bad) == before
    shown = {l.split()[0] for l in r.stdout.splitlines()[1:]}
    assert {'good.png', 'grey.png', 'rgba.png', 'sixteen.png'} <= shown and not shown & set(BROKEN)
    assert all(n not in (tmp_path/'s.csv').read_text() for n in BROKEN)

def test_score_a_picture_with_nan(folder):
    "It decodes, but holds no numbers: named, and the others keep their scores"
    a = np.full((96, 96), .5, np.float32)
    a[3, 4] = np.nan
    Image.fromarray(a).save(folder/'hole.tiff')
    r = ok('score', folder)
    assert len(r.stdout.splitlines()) == 4 and 'nan' not in r.stdout.lower() and 'hole' not in r.stdout
    assert re.search(r'skipped: hole\.tiff.*NaN', r.stderr)
    assert 'hole.tiff' in refused('score', folder/'hole.tiff').stderr

def test_score_says_that_it_pads(tmp_path, photo):
    photo.crop((0, 0, 40, 30)).save(tmp_path/'small.png')
    check_named(ok('score', tmp_path/'small.png').stderr, {'small.png': r'padded from 30x40'})

@pytest.mark.parametrize('name', BROKEN)
def test_a_broken_file_asked_for_by_name_is_an_error(bad, tmp_path, name):
    for args in (('restore', bad/name, tmp_path/'out.png'), ('score', bad/name), ('sweep', bad/name, tmp_path/'out.png')):
        check_named(refused(*args).stderr, {name: BROKEN[name]})
    assert not (tmp_path/'out.png').exists()

def test_an_empty_folder_is_an_error(empty, tmp_path):
    for args in (('restore', empty, tmp_path/'out'), ('score', empty, '--csv', tmp_path/'s.csv'),
                 ('train', '--real', empty, '--base', 'lowlight', '--out', tmp_path/'run', '--preset', 'smoke')):
        assert re.search(r'nothing.*(empty|no image|no usable|no picture|no photo)', refused(*args).stderr, re.I)
    assert [f.name for f in tmp_path.iterdir()] == ['nothing'], 'no table of nothing'

def test_a_folder_of_broken_files_is_an_error(bad, tmp_path):
    for f in bad.iterdir():
        if f.name not in BROKEN: f.unlink()
    check_named(refused('restore', bad, tmp_path/'out').text, BROKEN)
    check_named(refused('score', bad).text, BROKEN)
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

@pytest.mark.parametrize('option', ['--csv', '--json', '--sheet'])
def test_score_keeps_an_existing_file(folder, tmp_path, option):
    "Unless told otherwise, as in restore; said before the work, not after"
    keep = tmp_path/'keep.png'
    keep.write_bytes(b'dear to somebody')
    r = refused('score', folder, option, keep)
    assert 'keep.png' in r.stderr and '--overwrite' in r.stderr and not r.stdout
    assert keep.read_bytes() == b'dear to somebody'
    ok('score', folder, option, keep, '--overwrite')
    assert keep.read_bytes() != b'dear to somebody'

def test_score_never_replaces_a_picture(folder, tmp_path):
    "Not even with --overwrite: by name, in its folder, broken, behind a link"
    (folder/'broken.png').write_bytes(b'dear to somebody')
    before = digest(folder)
    (tmp_path/'link.png').symlink_to(folder/'dark.png')
    (tmp_path/'linked').symlink_to(folder, target_is_directory=True)
    cases = [('--sheet', *c) for c in ((folder/'dark.png', folder/'dark.png'), (folder, folder/'dark.png'),
                                       (folder, folder/'broken.png'), (folder, tmp_path/'link.png'),
                                       (tmp_path/'link.png', folder/'dark.png'), (tmp_path/'linked', folder/'dark.png'))]
    cases += [('--csv', folder, folder/'dark.png'), ('--json', folder/'dark.png', folder/'dark.png')]
    for option, source, target in cases:
        r = refused('score', source, option, target, '--overwrite')
        assert target.name in r.stderr and 'one of the pictures' in r.stderr and not r.stdout
    assert digest(folder) == before

def test_score_refuses_impossible_results(folder, tmp_path):
    for args, word in ((('--sheet', tmp_path/'s.gif'), 's.gif'), (('--csv', folder), 'photos'),
                       (('--csv', tmp_path/'x', '--json', tmp_path/'x'), 'different'),
                       (('--csv', folder/'dark.png'/'s.csv'), 'dark.png')):
        assert word in refused('score', folder, *args).stderr
    assert sorted(f.name for f in tmp_path.iterdir()) == ['photos']

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

def test_weights_of_another_version_are_named(folder, tmp_path):
    "A student whose layers are called otherwise: one sentence, no list of keys"
    from safetensors import safe_open
    from safetensors.numpy import save_file
    with safe_open(LIB/'weights'/'night_student.safetensors', 'np') as f:
        save_file({f'old.{k}': f.get_tensor(k) for k in f.keys()}, tmp_path/'old.safetensors', f.metadata())
    r = refused('restore', folder/'dark.png', tmp_path/'out.png', '--weights', tmp_path/'old.safetensors')
    assert re.search(r'old\.safetensors.*do not fit', r.stderr) and len(r.stderr) < 600
    assert not (tmp_path/'out.png').exists()
