"Other methods' results as labels: what fits joins, what does not is named, and the run does not stop."
import warnings
import pytest, torch
from qualiteacher.data import as_pictures
from qualiteacher.images import save_image
from qualiteacher.others import Restorations

def put(file, h=40, w=60, value=.5): file.parent.mkdir(parents=True, exist_ok=True); save_image(torch.full((3, h, w), value), file)

@pytest.fixture
def photos(tmp_path):
    for n in ('a', 'sub/b'): put(tmp_path/'photos'/f'{n}.png')
    return as_pictures(tmp_path/'photos')

def loaded(folder, photos):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        r = Restorations(folder, photos)
        found = {k.split('@')[0]: [(m, y) for m, y in r.for_picture(k, x)] for k, x in (photos[i] for i in range(len(photos)))}
    return r, found, [str(w.message) for w in said]

def test_names_match_in_subfolders_and_other_formats(tmp_path, photos):
    put(tmp_path/'labels'/'One'/'a.jpg', value=.8); put(tmp_path/'labels'/'One'/'sub'/'b.webp', value=.2)
    put(tmp_path/'labels'/'Two'/'sub'/'b.png')
    _, found, said = loaded(tmp_path/'labels', photos)
    assert {k: [m for m, _ in v] for k, v in found.items()} == {'a.png': ['One'], 'sub/b.png': ['One', 'Two']} and not said
    torch.testing.assert_close(found['a.png'][0][1], torch.full((3, 40, 60), .8), atol=.02, rtol=0)

def test_what_does_not_fit_is_named_once(tmp_path, photos):
    put(tmp_path/'labels'/'Odd'/'a.png', 40, 50); put(tmp_path/'labels'/'Odd'/'c.png')
    (tmp_path/'labels'/'Odd'/'sub').mkdir(); (tmp_path/'labels'/'Odd'/'sub'/'b.png').write_bytes(b'no picture')
    r, found, said = loaded(tmp_path/'labels', photos)
    assert not any(found.values()) and len(said) == len(r.problems) == 3
    for name, words in (('Odd/c', 'belongs to no picture'), ('Odd/a.png', '(3, 40, 50)'), ('Odd/sub/b.png', 'cannot be read')):
        assert any(name in s and words in s for s in said), (name, said)
    with warnings.catch_warnings(): warnings.simplefilter('error'); [r.for_picture(*photos[i]) for i in (0, 1)]      # said already

def test_a_run_teaches_them_and_resumes_with_them(tmp_path, monkeypatch):
    "From the command line: their names are in the bank, `config.json` knows the folder, `--resume` needs nothing else"
    from conftest import ok, refused
    from qualiteacher.images import load_image, sample_paths
    from qualiteacher.label_bank import LabelBank
    from qualiteacher.checkpoints import RunFolder
    for i, p in enumerate(sample_paths('lowlight')[:2]):
        x = load_image(p, 192)
        (tmp_path/'photos').mkdir(exist_ok=True); (tmp_path/'labels'/'gamma').mkdir(parents=True, exist_ok=True)
        save_image(x, tmp_path/'photos'/f'{i}.png'); save_image(x**.5, tmp_path/'labels'/'gamma'/f'{i}.png')
    run = tmp_path/'run'
    ok('train', '--real', tmp_path/'photos', '--labels', tmp_path/'labels', '--out', run, '--preset', 'smoke', '--set', 'recipe=exposure')
    assert RunFolder(run).read_config()['run']['labels'] == str(tmp_path/'labels')
    bank = LabelBank(run/'bank', name='process0', readonly=True)
    assert 'gamma' in {r['name'] for k in bank.keys() for r in bank.history(k)}
    ok('train', '--out', run, '--resume', '--set', 'steps=8')
    r = refused('train', '--real', tmp_path/'photos', '--labels', tmp_path/'none', '--out', tmp_path/'other', '--preset', 'smoke')
    assert 'labels' in r.stderr and 'none' in r.stderr
