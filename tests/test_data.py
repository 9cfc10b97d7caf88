"Pictures and pairs: the same bits for any number of workers and processes; broken files and dead workers are told by name"
import io, itertools, os, pickle, shutil, signal, subprocess, sys, time, warnings
import numpy as np, pytest, torch
from PIL import Image
from conftest import clean_env, run
from qualiteacher.backbones import Pairs
from qualiteacher.data import (CroppedPairs, PairFolder, PairStream, Pictures, PictureStream, as_pictures, batch_at,
                               fingerprint, generator, match_names, owned, prepare)
from qualiteacher.degradations import gaussian_blur, low_light_a
from qualiteacher.images import load_image, save_image, to_uint8
from qualiteacher import tasks

def blurred(x, g): return low_light_a(gaussian_blur(x, 1.), g)      # a convolution: OpenMP in the parent
def picture(i, size=(48, 56)): return torch.rand(3, *size, generator=generator(0, 'picture', i))

@pytest.fixture
def photos(tmp_path):
    "Seven pictures, one below a folder under a name that exists, one the copy of another"
    d = tmp_path/'photos'
    for i in range(5): save_image(picture(i), d/f'{i}.png')
    save_image(picture(9), d/'sub'/'0.png')
    shutil.copy(d/'1.png', d/'twin.png')
    return d

@pytest.fixture
def broken(photos):
    (photos/'broken.png').write_bytes((photos/'2.png').read_bytes()[:200])
    return photos

def steps(n, source, batch=4, **kw):
    with PictureStream(as_pictures(source, 40), batch, 1, **kw) as s: return list(itertools.islice(s, n))
def same(a, b):
    assert [[k for k, _ in s] for s in a] == [[k for k, _ in s] for s in b]
    return all(x.equal(y) for s, t in zip(a, b, strict=True) for (_, x), (_, y) in zip(s, t, strict=True))

# --- draws ---
def test_a_draw_is_the_same_in_another_process():
    code = 'from qualiteacher.data import generator; print(generator(3, "crop", 7, "a.jpg").initial_seed())'
    seeds = {run([sys.executable, '-c', code], env=clean_env(PYTHONHASHSEED=h)).stdout for h in ('1', '2')}
    assert seeds == {f'{generator(3, "crop", 7, "a.jpg").initial_seed()}\n'}

def test_streams_leave_the_global_random_state_alone(photos):
    before = torch.get_rng_state()
    steps(3, photos); steps(1, photos, workers=1)
    assert before.equal(torch.get_rng_state())

# --- order and ownership ---
@pytest.mark.parametrize('n,batch', [(19, 4), (16, 4), (5, 4), (4, 4), (101, 8)])
def test_the_global_batch_does_not_depend_on_the_number_of_processes(n, batch):
    rounds = -(-n//batch)
    for world in (1, 2, 4):
        for step in range(3*rounds):
            parts = [batch_at(step, n, batch, 5, r, world) for r in range(world)]
            assert [i for row in zip(*parts) for i in row] == batch_at(step, n, batch, 5)
            assert all(i % world == r for r, p in enumerate(parts) for i in p)
    for e in range(3):     # a round shows each picture
        assert {i for s in range(rounds) for i in batch_at(e*rounds+s, n, batch, 5)} == set(range(n))

def test_few_pictures_are_repeated_by_their_owner():
    assert batch_at(0, 3, 4) == [0, 1, 2, 0]
    assert [batch_at(7, 3, 4, rank=r, world=2) for r in (0, 1)] == [[0, 2], [1, 1]]
    assert owned(5, 0, 2) == [0, 2, 4] and owned(5, 1, 2) == [1, 3, 1]
    for bad in (dict(n=1, world=2), dict(n=4, rank=2, world=2)):
        with pytest.raises(ValueError): owned(**bad)

def test_visits_are_counted_alike_on_all_ranks(photos):
    p = as_pictures(photos)
    for r in (0, 1):
        s = PictureStream(p, 4, rank=r, world=2)
        assert [s.visit(k) for k in range(5)] == [0, 0, 1, 1, 2]

# --- pictures: workers, resume, ranks ---
def test_any_number_of_workers_and_a_resume_give_the_same_bits(photos, tmp_path):
    base = steps(8, photos)
    assert {len(b) for b in base} == {4}
    for kw in (dict(workers=1), dict(workers=2), dict(workers=2, context='spawn')): assert same(base, steps(8, photos, **kw))
    assert same(base[3:], steps(5, photos, start=3))
    assert same(base[3:], steps(5, photos, start=3, workers=2))
    for memory in (0, 8000):       # nothing, or one picture is kept in memory
        with PictureStream(as_pictures(photos, 40, tmp_path/'cache', memory), 4, 1, workers=1) as s:
            assert same(base, list(itertools.islice(s, 8)))
    assert len(list((tmp_path/'cache').rglob('*.png'))) == 7

def test_two_processes_see_what_one_sees(photos):
    one, two = steps(6, photos), [steps(6, photos, rank=r, world=2) for r in (0, 1)]
    assert same(one, [[kx for row in zip(a, b) for kx in row] for a, b in zip(*two)])
    assert not {k for s in two[0] for k, _ in s} & {k for s in two[1] for k, _ in s}

@pytest.mark.parametrize('workers', [0, 1])
def test_a_broken_file_is_told_once_and_skipped(broken, workers):
    with warnings.catch_warnings(record=True) as said, PictureStream(p := as_pictures(broken, 40), 4, 1, workers=workers) as s:
        warnings.simplefilter('always', UserWarning)
        lengths = [len(next(s)) for _ in range(8)]
    said = [str(w.message) for w in said if w.category is UserWarning]
    assert len(said) == 1 and 'broken.png' in said[0] and list(p.problems) == ['broken.png']
    # eight files, four places: two steps a round
    assert sorted(lengths) == [3]*4+[4]*4

def test_a_batch_may_lose_all_its_pictures_but_not_a_run(broken):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        lengths = [len(b) for b in steps(16, broken, 1)]
        assert lengths.count(0) == 2 and lengths.count(1) == 14
        for f in broken.rglob('*.png'): f.write_bytes(b'no picture')
        for workers in (0, 1):
            with pytest.raises(ValueError, match='all 8 failed') as e: steps(9, broken, workers=workers)
            assert 'sub/0.png' in str(e.value)

def test_a_broken_file_asked_for_by_number_is_an_error(broken):
    p = as_pictures(broken)
    with pytest.raises(ValueError, match='broken.png'): p[[i for i in range(8) if 'broken' in p.source.get(i)[0]][0]]

class Deadly(Pictures):
    "Kills the worker that reads it, as the kernel does when memory runs out"
    parent = os.getpid()
    def read(self, i):
        if os.getpid() != self.parent: os.kill(os.getpid(), signal.SIGKILL)
        return super().read(i)

def test_a_worker_that_dies_is_an_error_and_no_hang(photos):
    p = as_pictures(photos, 40)
    start = time.time()
    with pytest.raises(RuntimeError, match='(?i)worker.*(died|killed)'): next(PictureStream(Deadly(p.source, 40), 4, workers=2))
    assert time.time()-start < 60

SCRIPT = '''
import multiprocessing, signal, sys, time, torch
from qualiteacher.data import *
conv = torch.nn.Conv2d(3, 32, 3); conv(torch.rand(4, 3, 128, 128))      # OpenMP was used before the fork
s = PictureStream(as_pictures(sys.argv[1], 40, memory=0), 4, workers=2)
asked = []
signal.signal(signal.SIGINT, lambda *_: asked.append(1))      # as the trainer does: a wish, not an exception
first = next(s)
print(*(p.pid for p in multiprocessing.active_children()), flush=True)
while not asked: next(s); time.sleep(.01)
print('closed', len(next(s)), len(next(s)), flush=True)
s.close()
'''

@pytest.mark.parametrize('sig', [signal.SIGINT, signal.SIGKILL])
def test_workers_outlive_ctrl_c_but_not_their_parent(photos, sig):
    "Ctrl-C reaches the whole group: the parent may still ask for a batch, and closes its workers itself"
    p = subprocess.Popen([sys.executable, '-c', SCRIPT, photos], env=clean_env(), text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, start_new_session=True)
    try:
        kids = [int(v) for v in p.stdout.readline().split()]
        assert len(kids) == 2
        if sig == signal.SIGINT: os.killpg(p.pid, sig)
        else: p.send_signal(sig)
        out, err = p.communicate(timeout=60)
    finally: p.kill()
    alive = lambda k: os.path.exists(f'/proc/{k}') and open(f'/proc/{k}/stat').read().split()[2] != 'Z'
    for _ in range(150):
        if not any(map(alive, kids)): break
        time.sleep(.1)
    assert not any(map(alive, kids))
    if sig == signal.SIGINT: assert out.strip() == 'closed 4 4' and p.returncode == 0, err


def test_closing_ends_the_workers_and_the_stream(photos):
    s = PictureStream(as_pictures(photos, 40), 4, workers=1)
    next(s); s.close(); s.close()
    with pytest.raises(StopIteration): next(s)
    t = PictureStream(as_pictures(photos, 40), 4)
    t.close()
    with pytest.raises(StopIteration): next(t)

# --- keys and the cache ---
def test_keys_are_unique_and_last(photos, tmp_path):
    keys = [as_pictures(photos).key(i) for i in range(7)]
    assert len(set(keys)) == 7 and keys == [as_pictures(photos, 40)[i][0] for i in range(7)]
    shutil.copytree(photos, tmp_path/'moved')
    assert keys == [as_pictures(tmp_path/'moved').key(i) for i in range(7)]
    i = [k.split('@')[0] for k in keys].index('3.png')
    save_image(picture(30), photos/'3.png')
    new = [as_pictures(photos).key(j) for j in range(7)]
    assert [a == b for a, b in zip(keys, new)] == [j != i for j in range(7)]

def test_two_pictures_of_one_key_are_refused():
    with pytest.raises(ValueError, match="'a'"): steps(2, [('a', picture(0)), ('a', picture(1))], 2)

def test_the_cache_is_lossless_and_never_stale(photos, tmp_path):
    p = lambda: as_pictures(photos, 40, tmp_path/'cache', memory=0)
    first, plain = [p()[i] for i in range(7)], as_pictures(photos, 40)
    assert same([first], [[plain[i] for i in range(7)]])
    files = list((tmp_path/'cache').rglob('*.png'))
    for n, f in enumerate(files):                                        # cut, spoiled, emptied, no picture
        data = f.read_bytes()
        f.write_bytes([data[:len(data)//2], data[:-20]+bytes(20), b'', b'x'*99][n % 4])
    assert same([first], [[p()[i] for i in range(7)]])
    assert not list((tmp_path/'cache').rglob('.*.part'))
    x = p()[3][1]
    save_image(1-picture(3), photos/'3.png')
    assert not x.equal(p()[3][1])
    assert as_pictures(photos, 24, tmp_path/'cache')[3][1].shape == (3, 24, 28)

@pytest.mark.parametrize('workers', [0, 1])
def test_a_full_disk_is_not_taken_for_a_broken_picture(photos, tmp_path, workers, monkeypatch):
    from qualiteacher import data
    def full(*_): raise OSError(28, 'No space left on device')
    monkeypatch.setattr(data, '_store', full)
    with pytest.raises(RuntimeError, match='cache.*No space left'):
        next(PictureStream(as_pictures(photos, 40, tmp_path/'cache'), 4, workers=workers))

def test_memory_stays_within_its_budget(photos):
    one = 40*47*3
    p = as_pictures(photos, 40, memory=3*one)
    for _ in range(2): list(p)
    assert len(p._kept) == 3 and p._bytes <= 3*one
    assert not pickle.loads(pickle.dumps(p))._kept                       # nothing of it goes to a spawned worker

def test_a_listing_opens_no_file(tmp_path):
    for i in range(300): (tmp_path/f'{i:04d}.jpg').write_bytes(b'')
    p = as_pictures(tmp_path)
    assert len(p) == 300 and not p.problems

# --- sources ---
def bytes_of(i):
    f = io.BytesIO()
    Image.fromarray(to_uint8(picture(i)).permute(1, 2, 0).numpy()).save(f, 'PNG')
    return f.getvalue()
EXPECT = [to_uint8(picture(i)).float()/255 for i in range(3)]
def check(p, keys=None):
    assert len(p) == 3
    for i in range(3): torch.testing.assert_close(p[i][1], EXPECT[i], atol=0, rtol=0)
    found = [p[i][0] for i in range(3)]
    assert len(set(found)) == 3 and all(isinstance(k, str) for k in found)
    if keys: assert [k.split('@')[0] for k in found] == keys

def test_folder_file_and_list(photos):
    files = [photos/f'{i}.png' for i in range(3)]
    check(as_pictures(files), ['0.png', '1.png', '2.png']); check(as_pictures([str(f) for f in files]))
    assert as_pictures(files[1])[0][0].startswith('1.png@') and len(as_pictures(photos)) == 7
    both = as_pictures([photos/'0.png', photos/'sub'/'0.png', photos/'0.png'])
    assert [both.key(i).split('@')[0] for i in range(len(both))] == ['0.png', 'sub/0.png']

def test_hugging_face_data_sets(photos, tmp_path):
    hf = pytest.importorskip('datasets')
    files = [str(photos/f'{i}.png') for i in range(3)]
    image = hf.Features({'photo': hf.Image(), 'id': hf.Value('string')})
    d = hf.Dataset.from_dict({'photo': files, 'id': list('abc')}, features=image)
    check(as_pictures(d), ['a', 'b', 'c'])
    check(as_pictures(d.remove_columns('id')), [f'{i:07d}' for i in range(3)])
    raw = hf.Dataset.from_dict({'blob': [bytes_of(i) for i in range(3)], 'name': list('xyz')})
    check(as_pictures(raw, column='blob', key='name'), ['x', 'y', 'z'])
    check(as_pictures(d.to_iterable_dataset(), length=3), ['a', 'b', 'c'])
    bad = hf.Dataset.from_dict({'photo': files[:2]+[str(photos/'none.png')]}, features=hf.Features({'photo': hf.Image()}))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        assert [len(b) for b in steps(2, bad, 3)] == [2, 2]
    with pytest.raises(ValueError, match='column'): as_pictures(d.remove_columns('photo'))
    with pytest.raises(ValueError, match='one data set'): as_pictures(hf.DatasetDict(train=d))
    with pytest.raises(ValueError, match="key.*'id'"): as_pictures(d.map(lambda r: {'id': 'same'}), key='id')
    assert same(steps(3, d, 2), steps(3, d, 2, workers=1))

class Shards(torch.utils.data.IterableDataset):
    "As WebDataset reads them: dicts with a key and bytes, in an order that changes"
    def __init__(self, order): self.order, self.read = order, 0
    def __len__(self): return len(self.order)
    def __iter__(self):
        for i in self.order:
            self.read += 1
            yield {'__key__': f's/{i}', '__url__': 'shard-0.tar', 'png': b'broken' if i == 7 else bytes_of(i)}

@pytest.mark.parametrize('cached', [False, True])
def test_webdataset_style_streams_are_spooled_and_sorted(tmp_path, cached):
    cache = tmp_path/'spool' if cached else None
    check(as_pictures(Shards([2, 0, 1]), cache=cache), ['s/0', 's/1', 's/2'])
    p = as_pictures(s := Shards([1, 7, 2, 0]), cache=cache)                # another order, a broken one
    check(p, ['s/0', 's/1', 's/2'])
    assert s.read == 4 and list(p.problems) == ['s/7']
    assert same(steps(4, p, 2), steps(4, p, 2, workers=1, context='spawn'))
    if cached: assert len(list(cache.rglob('*.png'))) == 3
    tuples = as_pictures(((f'{i}', Image.open(io.BytesIO(bytes_of(i)))) for i in (1, 2, 0)), cache=cache, length=3)
    check(tuples, ['0', '1', '2'])
    short = as_pictures(Shards([0, 1, 2]), length=5)
    assert 'it ended at 3' in short.problems['stream']
    assert len(as_pictures(((f'{i}', bytes_of(0)) for i in itertools.count()), length=3)) == 3       # endless
    with pytest.raises(ValueError, match='length'): as_pictures(x for x in [])
    with pytest.raises(ValueError, match='s/7'): as_pictures(Shards([7]))
    with pytest.raises(ValueError, match='cache'): as_pictures(Shards([0, 1]), memory=9000)

def test_anything_with_len_and_index(photos):
    pil = [Image.open(io.BytesIO(bytes_of(i))) for i in range(3)]
    arrays = [np.array(p) for p in pil]
    for source in (pil, arrays, [bytes_of(i) for i in range(3)], EXPECT, torch.stack(EXPECT),
                   [torch.from_numpy(a).permute(2, 0, 1) for a in arrays], [dict(image=p) for p in pil]):
        check(as_pictures(source))
    check(as_pictures([(f'k{i}', EXPECT[i]) for i in range(3)]), ['k0', 'k1', 'k2'])
    check(as_pictures([dict(key=f'k{i}', path=photos/f'{i}.png') for i in range(3)]), ['k0', 'k1', 'k2'])
    big = torch.rand(3, 90, 80)
    assert as_pictures([('big', big)], 40)[0][1] is big                     # who gives a tensor chose its size

@pytest.mark.parametrize('source', [[], 7, None, {'a': 1}, [1, 2], [{'text': 'x'}], [('a', 'b', 'c')], lambda: 1])
def test_what_is_no_picture_is_refused_at_once(source):
    with pytest.raises(ValueError, match='source|column'): as_pictures(source)

def test_a_missing_or_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing at'): as_pictures(tmp_path/'none')
    with pytest.raises(ValueError, match='found none'): as_pictures(tmp_path)

# --- pairs ---
@pytest.fixture(scope='module')
def made(tmp_path_factory):
    d = tmp_path_factory.mktemp('clean')
    for i in range(3): save_image(picture(i, (80, 90)), d/f'{i}.png')
    return Pairs(sorted(d.iterdir()), blurred, size=32, short=64)

def pairs_of(n, source, **kw):
    with PairStream(source, 4, 2, **kw) as s: return list(itertools.islice(s, n))
def equal(a, b): return all(u.equal(v) for p, q in zip(a, b, strict=True) for u, v in zip(p, q, strict=True))

def test_pairs_are_the_same_for_any_workers_and_processes(made):
    "The parent has used OpenMP (blur is a convolution) before its workers are forked: they must not hang"
    old = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.nn.Conv2d(3, 32, 3)(torch.rand(4, 3, 128, 128))
        base = pairs_of(5, made)
        for kw in (dict(workers=1), dict(workers=2)): assert equal(base, pairs_of(5, made, **kw))
    finally: torch.set_num_threads(old)
    assert equal(base[2:], pairs_of(3, made, start=2)) and equal(base[2:], pairs_of(3, made, start=2, workers=1))
    two = [pairs_of(5, made, rank=r, world=2) for r in (0, 1)]
    for one, a, b in zip(base, *two):
        for u, v, w in zip(one, a, b): assert u[0::2].equal(v) and u[1::2].equal(w)
    assert len({x.sum().item() for x, _ in base}) == 5

def test_what_makes_no_pairs_is_refused(made):
    with pytest.raises(ValueError, match='batch'): PairStream(made, 4, world=3)
    with pytest.raises(ValueError, match='batch.*object'): PairStream(object(), 4, crop=32)
    with pytest.raises(ValueError, match='crop'): PairStream([(picture(0), picture(0))], 2)
    with pytest.raises(ValueError, match='workers'): next(PairStream(made, 4, workers=-1))

def test_a_data_set_of_pairs_is_cropped_at_one_place():
    data = [(f'{i}', y, 1-y) for i, y in enumerate(EXPECT)]
    for x, y in pairs_of(3, data, crop=24): torch.testing.assert_close(x, 1-y); assert x.shape == (4, 3, 24, 24)
    with pytest.raises(ValueError, match='one size'): CroppedPairs([(picture(0), picture(0, (48, 50)))], 24).batch(1)

@pytest.fixture
def two(tmp_path):
    for i in range(12):
        save_image(picture(i), tmp_path/'high'/f'{i}_high.png'); save_image(picture(i)*.2, tmp_path/'low'/f'{i}_low.jpg')
    return tmp_path/'low', tmp_path/'high'

def test_pair_folders(two):
    p = PairFolder(*two, crop=32)
    assert (len(p), p.rule) == (12, 'without words')
    for name, x, y in p: assert (y-load_image(two[1]/f'{name.split("_")[0]}_high.png')).abs().max() < 1e-6 and x.shape == y.shape
    a, b = p.batch(4, generator(0, 'x')), p.batch(4, generator(0, 'x'))
    assert equal([a], [b]) and (a[0]-.2*a[1]).abs().mean() < .1
    assert equal(pairs_of(2, p), pairs_of(2, p, workers=1))

@pytest.mark.parametrize('workers', [0, 1])
def test_a_broken_pair_is_skipped_alike_everywhere(two, workers):
    f = two[0]/'3_low.jpg'
    f.write_bytes(f.read_bytes()[:-700])                                    # its head is whole
    with pytest.raises(ValueError, match='3_low.jpg'): list(PairFolder(*two))
    p = PairFolder(*two, crop=32)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always', UserWarning)
        base = pairs_of(12, p)
    assert [str(w.message) for w in said if 'skipped' in str(w.message)] == [f'skipped: {v}' for v in p.crops.problems.values()]
    assert list(p.crops.problems) == [p.names.index('3_low')]
    assert equal(base, pairs_of(12, PairFolder(*two, crop=32), workers=workers))
    for f in two[0].iterdir(): f.write_bytes(f.read_bytes()[:-700])
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        with pytest.raises(ValueError, match='pairs: expected at least one'): PairFolder(*two, crop=32).batch(1)

def test_pairs_that_do_not_match_are_refused_by_name(two):
    low, high = two
    (high/'3_high.png').unlink()
    with pytest.raises(ValueError, match=r'1 \(3_low\)'): PairFolder(low, high)
    save_image(picture(3, (48, 50)), high/'3_high.png')
    with pytest.raises(ValueError, match=r'size.*1 \(3_low 56x48 / 50x48\)'): PairFolder(low, high)
    save_image(picture(3), high/'3_high.png')
    with pytest.raises(ValueError, match=r'crop.*12 \(.*, \.\.\.\)'): PairFolder(low, high, crop=99)
    (high/'3_high.png').write_bytes(b'x')
    with pytest.raises(ValueError, match='3_high.png'): PairFolder(low, high)
    with pytest.raises(ValueError, match=r'12 \(a0, .*a9, \.\.\.\) of the inputs and 1 \(b\)'):
        match_names([f'a{i}' for i in range(12)], ['b'])

def test_rules_for_names():
    assert match_names(['2', '1'], ['1', '2']) == ('same name', [1, 0])
    assert match_names(['a/1', 'b/1'], ['b/1', 'a/1']) == ('same name', [1, 0])
    assert match_names(['low1', 'low2'], ['normal2', 'normal1']) == ('without words', [1, 0])
    assert match_names(['1_.8', '1_.9'], ['1']) == ('up to _', [0, 0])
    for inputs, truths in ((['1_low', '1_input'], ['1_gt']), (['1'], ['1', '2']), (['10', '1'], ['1', '100'])):
        with pytest.raises(ValueError, match='twin'): match_names(inputs, truths)

# --- tasks ---
def test_a_task_of_ones_own_in_ten_lines(monkeypatch):
    monkeypatch.setattr(tasks, 'TASKS', dict(tasks.TASKS))
    from qualiteacher.degradations import gaussian_noise, strong_augment
    from qualiteacher.teacher import as_views
    def a(x, generator=None): return gaussian_noise(x, .05, generator)
    def b(x, generator=None): return gaussian_noise(x, .15, generator)
    tasks.TASKS['noise'] = tasks.Task('noise', a, b, 'strength+scale', ('detail',), classical={'blur': lambda x: gaussian_blur(x, 1)})
    t = tasks.task('noise')
    y = torch.rand(2, 3, 8, 8, generator=generator(0, 'n')).repeat_interleave(8, 2).repeat_interleave(8, 3)
    x = Pairs([], t.degrade, 64, leaves=1.).batch(2, generator(0, 'p'))[0]
    assert x.shape == (2, 3, 64, 64) and len(as_views(t.recipe)) > 3
    hard = t.harder(y, generator(0, 'h'))
    assert (t.classical['blur'](hard)-y).square().mean() < (hard-y).square().mean()
    s = strong_augment(hard, generator(0, 's'), keeps=t.keeps)
    assert s.shape == hard.shape and not s.equal(hard)
    with pytest.raises(ValueError, match="did you mean 'noise'"): tasks.task('noisy')

@pytest.mark.parametrize('name', ['lowlight', 'haze', 'underwater'])
def test_classical_rows_help_on_the_harder_degradation(name):
    "Mean gain in decibels over photographs, at least three standard errors above zero"
    from qualiteacher.images import psnr, sample_paths
    t, ys = tasks.task(name), [load_image(p, 96)[None] for p in sample_paths('test')[:16]]
    xs = [t.harder(y, generator(1, name, i)) for i, y in enumerate(ys)]
    for n, f in t.classical.items():
        won = torch.cat([psnr(f(x), y)-psnr(x, y) for x, y in zip(xs, ys)])
        assert won.mean() > 3*won.std()/len(won)**.5, (n, won.mean(), won.std())

def test_strong_augmentation_of_the_night_is_what_it_was():
    "Numbers written down before `keeps` came: a run at night must not change"
    from qualiteacher.degradations import strong_augment
    x = torch.linspace(0, 1, 3*24*24).reshape(1, 3, 24, 24)
    sums = [strong_augment(x, torch.Generator().manual_seed(s), keeps=k).double().sum().item() for s in (0, 1) for k in ((), ('tone',))]
    assert sums == pytest.approx(SUMS, abs=1e-3)
    with pytest.raises(ValueError, match='keeps'): strong_augment(x, tonal=True, keeps=('tone',))
SUMS = [861.5953637734056]*2+[864.0238051302731]*2

@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_pictures_and_pairs_arrive_on_the_gpu(photos, made):
    base, there = steps(4, photos), steps(4, photos, workers=2, device='cuda')
    assert all(x.is_cuda for b in there for _, x in b)
    assert same(base, [[(k, x.cpu()) for k, x in b] for b in there])
    x, y = pairs_of(1, made, workers=1, device='cuda')[0]
    assert x.is_cuda and x.cpu().equal(pairs_of(1, made)[0][0])
