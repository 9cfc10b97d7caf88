"Every published layout on small fake trees, what is refused and how, and the shared real pairs where they are at hand."
import sys
from pathlib import Path
import pytest, torch
from conftest import ROOT
from qualiteacher.pyramid import load_base
from qualiteacher.images import save_image
from qualiteacher.inference import restore, shipped_student
from qualiteacher.measures import MEASURES
from qualiteacher.pairs import (LAYOUTS, Layout, Pair, PairSet, dataset, match, measure_pairs, pair_measures, pair_table,
                                paired_difference)
sys.path.insert(0, str(ROOT/'tests'/'tools'))
from shared_pairs import WHERE, one_a_scene, shared_pairs, shared_pairs_root

def picture(path, size=(24, 32)):
    "A grey whose value follows from the file's number: a wrong twin is a wrong grey"
    n = sum(int(c) for c in Path(path).stem if c.isdigit())
    save_image(torch.full((3, *size), (10+n)/100), path)

def plant(root, files, size=(24, 32)):
    for f in files: picture(root/f, size)
    return root

# {spec: (files, part, task, {name: (scene, part of the truth's path)})}
TREES = {
    'lol': (['our485/low/2.png', 'our485/high/2.png', 'eval15/low/1.png', 'eval15/low/22.png', 'eval15/high/1.png',
             'eval15/high/22.png'], 'test', 'lowlight', {'1': ('1', 'eval15/high/1.png'), '22': ('22', 'eval15/high/22.png')}),
    'lolv2-real': (['Real_captured/Test/Low/low00690.png', 'Real_captured/Test/Normal/normal00690.png'], 'test', 'lowlight',
                   {'low00690': ('normal00690', 'Normal/normal00690.png')}),
    'lolv2-synthetic': (['Synthetic/Train/Low/r00816405t.png', 'Synthetic/Train/Normal/r00816405t.png'], 'train', 'lowlight',
                        {'r00816405t': ('r00816405t', 'Normal/r00816405t.png')}),
    'sots-outdoor': (['outdoor/hazy/0001_0.8_0.2.jpg', 'outdoor/hazy/0001_0.9_0.1.jpg', 'outdoor/hazy/0010_0.8_0.2.jpg',
                      'outdoor/gt/0001.png', 'outdoor/gt/0010.png'], 'test', 'haze',
                     {'0001_0.8_0.2': ('0001', 'gt/0001.png'), '0001_0.9_0.1': ('0001', 'gt/0001.png'),
                      '0010_0.8_0.2': ('0010', 'gt/0010.png')}),
    'uieb': (['raw-890/12_img_.png', 'reference-890/12_img_.png'], 'test', 'underwater',
             {'12_img_': ('12_img_', 'reference-890/12_img_.png')}),
    'lsui': (['input/5.jpg', 'GT/5.jpg'], 'all', 'underwater', {'5': ('5', 'GT/5.jpg')}),
    'euvp': ([f'Paired/{s}/train{c}/n07_{i}.jpg' for s, i in (('underwater_dark', 1), ('underwater_scenes', 1)) for c in 'AB']
             +['test_samples/Inp/test_p3.jpg', 'test_samples/GTr/test_p3.jpg'], 'train', 'underwater',
             {'underwater_dark/n07_1': ('underwater_dark/n07_1', 'underwater_dark/trainB/n07_1.jpg'),
              'underwater_scenes/n07_1': ('underwater_scenes/n07_1', 'underwater_scenes/trainB/n07_1.jpg')}),
    'u45': (['1.png', '2.png'], 'test', 'underwater', {'1': ('1', None), '2': ('2', None)}),
    'dicm': (['01.jpg'], 'test', 'lowlight', {'01': ('01', None)}),
    'lime': (['3.bmp'], 'all', 'lowlight', {'3': ('3', None)}),
}

@pytest.mark.parametrize('name', TREES)
def test_layout(name, tmp_path):
    files, part, task, expected = TREES[name]
    d = dataset(f'{name}:{plant(tmp_path, files)}', part)
    assert d.names == sorted(expected) and d.task == task and len(d) == len(expected)
    for p in d.pairs:
        scene, truth = expected[p.name]
        assert p.scene == scene and (p.truth is None if truth is None else p.truth.as_posix().endswith(truth))
    name, x, y = d[0]
    assert d.truth == (y is not None) and x.shape == (3, 24, 32) and (y is None or y.shape == x.shape)

def test_every_layout_has_a_tree(): assert set(TREES) | {'sots-indoor'} == set(LAYOUTS)

def test_other_parts(tmp_path):
    "LOL's train part; EUVP's test part; all of LOL is both"
    lol, euvp = plant(tmp_path/'a', TREES['lol'][0]), plant(tmp_path/'b', TREES['euvp'][0])
    assert dataset(f'lol:{lol}', 'train').names == ['2'] and dataset(f'lol:{lol}', 'all').names == ['2', '1', '22']
    assert dataset(f'euvp:{euvp}').names == ['test_p3']

def test_sots_indoor_truth_loses_its_border(tmp_path):
    "The hazy picture lies in the middle of its truth: a marked pixel must meet its twin"
    wide = torch.zeros(3, 480, 640); wide[:, 10, 10] = 1; wide[:, 469, 629] = 1
    save_image(wide, tmp_path/'indoor'/'gt'/'1400.png'); save_image(wide[:, 10:-10, 10:-10], tmp_path/'indoor'/'hazy'/'1400_1.png')
    name, x, y = dataset(f'sots-indoor:{tmp_path}')[0]
    assert name == '1400_1' and x.shape == y.shape == (3, 460, 620) and torch.equal(x, y)

def test_other_sizes_are_refused_in_sots_too(tmp_path):
    plant(tmp_path, ['indoor/gt/1400.png'], (470, 630)); plant(tmp_path, ['indoor/hazy/1400_1.png'], (460, 620))
    with pytest.raises(ValueError, match=r'expected 460x620 px.*1400_1\.png, got 470x630 in .*gt.1400\.png'):
        dataset(f'sots-indoor:{tmp_path}')

def test_generic_pairs_and_folder(tmp_path):
    plant(tmp_path, ['a/1.png', 'a/2.jpg', 'b/1.jpg', 'b/2.png', 'b/3.png'])
    d = dataset(f'pairs:{tmp_path/"a"},{tmp_path/"b"}', short=16)
    assert d.names == ['1', '2'] and d.task is None and d[0][1].shape == d[0][2].shape == (3, 16, 21)
    assert d[1][2].mean() == pytest.approx(.12, abs=.01)
    f = dataset(f'folder:{tmp_path/"a"}')
    assert not f.truth and f[0][2] is None and len(f) == 2

# --- refused ---
def test_a_folder_that_differs_is_described(tmp_path):
    plant(tmp_path, ['our485/dark/1.png', 'eval15/high/1.png'])
    with pytest.raises(FileNotFoundError) as e: dataset(f'lol:{tmp_path}')
    for part in ('lol:', 'eval15/low', 'found eval15/, our485/', "(inputs, part 'train')", 'our485/high'): assert part in str(e.value)

def test_a_tree_one_folder_deeper_is_pointed_out(tmp_path):
    plant(tmp_path/'LOLdataset', TREES['lol'][0])
    with pytest.raises(FileNotFoundError, match='did you mean lol:.*LOLdataset'): dataset(f'lol:{tmp_path}')

@pytest.mark.parametrize('name', [*LAYOUTS, 'folder'])
def test_a_folder_that_is_not_there(name, tmp_path):
    with pytest.raises(FileNotFoundError, match='no folder'): dataset(f'{name}:{tmp_path/"nowhere"}')
    (tmp_path/'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='found nothing'): dataset(f'{name}:{tmp_path/"empty"}')

def test_missing_twins_are_named(tmp_path):
    plant(tmp_path, [f'eval15/low/{i}.png' for i in range(9)]+['eval15/high/1.png', 'eval15/high/3.png'])
    with pytest.raises(ValueError, match=r'truth: .*7 of 9 have none: 0\.png \(no 0\.\*\), 2\.png.*\.\.\.'): dataset(f'lol:{tmp_path}')

def test_a_subset_without_its_twin_folder(tmp_path):
    plant(tmp_path, TREES['euvp'][0]+['Paired/underwater_imagenet/trainA/n1.jpg'])
    with pytest.raises(FileNotFoundError, match='no folder Paired/underwater_imagenet/trainB'): dataset(f'euvp:{tmp_path}', 'train')

def test_two_truths_of_one_name(tmp_path):
    plant(tmp_path, ['a/1.png', 'b/1.png', 'b/1.jpg'])
    with pytest.raises(ValueError, match='expected one picture named 1, found'): dataset(f'pairs:{tmp_path/"a"},{tmp_path/"b"}')

def test_sizes_are_compared_before_anything_is_measured(tmp_path):
    plant(tmp_path, ['a/1.png', 'a/2.png', 'b/1.png']); plant(tmp_path, ['b/2.png'], (32, 24))
    with pytest.raises(ValueError, match=r'truth: expected 24x32 px.*2\.png, got 32x24 in .*2\.png'):
        dataset(f'pairs:{tmp_path/"a"},{tmp_path/"b"}')

def test_exif_rotation_counts_before_sizes_are_compared(tmp_path):
    "Saved lying down with a note to turn it: the same size as the truth once it is read"
    from PIL import Image
    plant(tmp_path, ['b/1.png'], (32, 24)); (tmp_path/'a').mkdir()
    lying, exif = Image.new('RGB', (32, 24), (90, 60, 30)), Image.Exif()
    exif[0x0112] = 6
    lying.save(tmp_path/'a'/'1.jpg', exif=exif)
    _, x, y = dataset(f'pairs:{tmp_path/"a"},{tmp_path/"b"}')[0]
    assert x.shape == y.shape == (3, 32, 24)

def test_a_broken_file_is_named(tmp_path):
    plant(tmp_path, ['a/1.png', 'b/1.png']); (tmp_path/'a'/'2.png').write_bytes(b'not a picture'); picture(tmp_path/'b'/'2.png')
    with pytest.raises(ValueError, match=r'2\.png: cannot be read as an image'): dataset(f'pairs:{tmp_path/"a"},{tmp_path/"b"}')

@pytest.mark.parametrize('spec,part,says', [
    ('lol', 'test', 'spec: expected KIND:DIR'), ('kodak:DIR', 'test', "got 'kodak:"), ('pairs:DIR', 'test', 'pairs:INPUT_DIR,TRUTH_DIR'),
    ('folder:DIR,DIR', 'test', 'expected folder:DIR'), ('u45:DIR', 'train', "part: u45 was published with"),
    ('sots-outdoor:DIR', 'train', "got 'train'"), ('lol:DIR', 'val', "got 'val'")])
def test_specs_that_mean_nothing(spec, part, says, tmp_path):
    plant(tmp_path, ['1.png'])
    with pytest.raises(ValueError) as e: dataset(spec.replace('DIR', str(tmp_path)), part)
    assert says in str(e.value)

def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match='pairs: expected at least one'): PairSet([])

def test_a_layout_of_your_own(tmp_path):
    "What a user with another tree writes"
    LAYOUTS['mine'] = Layout('haze', {'test': ('foggy', 'sunny')}, lambda s: s.removesuffix('-fog'))
    try: d = dataset(f'mine:{plant(tmp_path, ["foggy/7-fog.png", "sunny/7.png"])}')
    finally: del LAYOUTS['mine']
    assert d.scenes == ['7'] and d.truth

# --- measuring ---
@pytest.fixture
def six(tmp_path):
    g = torch.Generator().manual_seed(0)
    for i in range(6):
        y = torch.rand(3, 4, 4, generator=g).repeat_interleave(12, 1).repeat_interleave(12, 2)
        save_image(y, tmp_path/'truth'/f'{i//2}.png') if i % 2 == 0 else None
        save_image(.5*y, tmp_path/'in'/f'{i//2}_{i}.png') if i % 2 == 0 else save_image(.4*last, tmp_path/'in'/f'{i//2}_{i}.png')
        last = y
    return PairSet(match(tmp_path/'in', tmp_path/'truth', lambda s: s.split('_')[0]))

def test_rows_tables_and_clusters(six):
    rows = measure_pairs({'input': lambda x: x, 'twice': lambda x: 2*x}, six)
    assert len(rows) == 12 and set(rows[0]) == {'row', 'name', 'scene', *MEASURES}
    t = pair_table(rows)
    assert t['twice']['psnr'][0] > t['input']['psnr'][0]+3 and len({r['scene'] for r in rows}) == 3
    d, se = paired_difference(rows, 'twice', 'input', 'psnr')
    assert d == pytest.approx(t['twice']['psnr'][0]-t['input']['psnr'][0]) and se > 0
    with pytest.raises(ValueError, match='rows'): paired_difference(rows, 'twice', 'nobody', 'psnr')

def test_results_in_a_folder(six, tmp_path):
    for n, x, _ in six: save_image((2*x).clamp(0, 1), tmp_path/'results'/f'{n}.png')
    rows = measure_pairs({'file': tmp_path/'results', 'call': lambda x: 2*x}, six)
    assert abs(paired_difference(rows, 'file', 'call', 'psnr')[0]) < .3
    (tmp_path/'results'/f'{six.names[3]}.png').unlink()
    with pytest.raises(FileNotFoundError, match=f'models: expected one result named {six.names[3]}'):
        measure_pairs({'file': tmp_path/'results'}, six)
    with pytest.raises(ValueError, match='models: smaller gives'): measure_pairs({'smaller': lambda x: x[:, 1:]}, six)

def test_feature_distance_takes_any_features(six):
    m = pair_measures(lambda x: [x, x[..., ::2, ::2]])
    rows = measure_pairs({'truth-like': lambda x: x}, six, m)
    assert 'features' in rows[0] and rows[0]['features'] < .01         # brightness is taken out, the rest is equal

def test_without_truth_nothing_is_measured(tmp_path):
    plant(tmp_path, ['1.png'])
    with pytest.raises(ValueError, match='data: expected a truth'): measure_pairs({}, dataset(f'folder:{tmp_path}'))

# --- the shared real pairs ---
shared = pytest.mark.skipif(shared_pairs_root() is None, reason=WHERE)

@shared
@pytest.mark.parametrize('task,train,test', [('lowlight', 182, 58), ('lowlight_full', 182, 58), ('haze', 70, 30), ('underwater', 27, 27)])
def test_shared_pairs(task, train, test):
    a, b = shared_pairs(task, 'train'), shared_pairs(task, 'test')
    assert (len(a), len(b)) == (train, test) and a.truth and b.truth
    assert not set(a.scenes) & set(b.scenes), 'a scene in both parts'
    _, x, y = b[0]
    assert x.shape == y.shape

@shared
def test_one_a_scene():
    some = one_a_scene(shared_pairs('lowlight', 'train'), 20)
    assert len(some) == len(set(some.scenes)) == 20

@shared
def test_the_published_numbers_of_this_suite():
    "Twelve real test pairs: the committed table and today's code agree to .05 dB, for the base and for the student at 7"
    import csv
    with (ROOT/'nbs'/'data'/'real_pairs.csv').open(newline='') as f:
        known = {(r['row'], r['name']): float(r['aligned psnr']) for r in csv.DictReader(f) if r['task'] == 'lowlight'}
    data = shared_pairs('lowlight', 'test')
    data = PairSet(data.pairs[::5])
    base, student = load_base('lowlight'), shipped_student()[0]
    rows = measure_pairs({'base': lambda x: restore(base, x), 'night: student at 7': lambda x: restore(student, x, 7)}, data)
    assert len(rows) == 24
    for r in rows: assert abs(r['aligned psnr']-known[r['row'], r['name']]) < .05, r
