"""Files that somebody damaged by accident or with intent: seeded mutations of everything that is read.  The command answers in
sentences, never with a traceback; nothing hangs, nothing of a file is executed, and the good files beside it are served."""
import collections, contextlib, io, json, pickle, random, shutil, signal, struct, warnings
from dataclasses import asdict
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image
from safetensors.torch import save_file
from qualiteacher import cli, runs
from qualiteacher.backbones import RestorationUNet
from qualiteacher.checkpoints import RunFolder, load_checkpoint
from qualiteacher.cli import main
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.images import Photo, save_photo
from qualiteacher.inference import save_student
from qualiteacher.label_bank import LabelBank
from qualiteacher.training import Config
from test_bank import label
from test_photos import WIDE

rng = np.random.default_rng(0)
SMALL = Image.fromarray(np.asarray(Image.linear_gradient('L').resize((24, 20)).convert('RGB'))^rng.integers(0, 40, (20, 24, 3), np.uint8))
EXIF = Image.Exif(); EXIF[0x110], EXIF[0x112] = 'Pocket 7', 6
DEEP = Photo(torch.rand(3, 20, 24, generator=torch.Generator().manual_seed(0)), bits=16, exif=EXIF)

@pytest.fixture(autouse=True)
def no_hang():
    "A test that takes a minute fails, wherever it is"
    def late(*_): raise TimeoutError('a minute has passed')
    old = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    n = torch.get_num_threads(); torch.set_num_threads(1)
    yield
    signal.alarm(0); signal.signal(signal.SIGALRM, old); torch.set_num_threads(n)

# --- how files are damaged ---
def flip(r, b, n=1):
    "Some bytes, most of them near the beginning, where the structure is"
    b = bytearray(b)
    for _ in range(r.randint(1, 8)): b[min(len(b)-1, int(r.expovariate(4/len(b))))] = r.randrange(256)
    return bytes(b)
def cut(r, b): return b[:r.randrange(len(b))]
def hole(r, b): i = r.randrange(len(b)); return b[:i]+bytes(r.randint(1, 60))+b[i+60:]
def longer(r, b): i = r.randrange(len(b)); return b[:i]+r.randbytes(r.randint(1, 60))+b[i:]
def twice(r, b): i = r.randrange(len(b)); return b[:i]+b[r.randrange(len(b)):]
def number(r, b):
    "Four bytes become a number that somebody might believe"
    i = r.randrange(max(1, len(b)-4))
    return b[:i]+r.choice([b'\xff'*4, b'\x7f\xff\xff\xff', b'\0'*4, struct.pack('<I', 2**31), struct.pack('>I', 10**5)])+b[i+4:]
def text(r, b): return b[:8]+b"__import__('os').system('touch MARK')"+b[8:]
WAYS = [flip, flip, flip, cut, hole, longer, twice, number, number, text]

def mutants(good, n, seed=0):
    "(name of the way, bytes) n times"
    r = random.Random(seed)
    for _ in range(n):
        way = r.choice(WAYS)
        yield way.__name__, way(r, good)

def quiet(argv):
    "Exit code and what was said; anything but a sentence is an exception, which fails the test"
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): code = main([str(a) for a in argv])
    assert code in (0, 1, 2), code
    assert code == 0 or 'error:' in err.getvalue(), f'{argv} ended with {code} and said {err.getvalue()[:300]!r}'
    assert 'Traceback' not in err.getvalue()
    return code, out.getvalue()+err.getvalue()

# --- pictures ---
def saved(kind, im=SMALL, **kw):
    im.save(f := io.BytesIO(), kind, **kw)
    return f.getvalue()

@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    "{suffix and variant: bytes} of good pictures, of all formats that are read"
    d = tmp_path_factory.mktemp('good')
    for k in ('png', 'tif'): save_photo(DEEP.x, d/f'deep.{k}', DEEP)
    alpha = SMALL.copy(); alpha.putalpha(100)
    found = {'jpg': saved('jpeg', exif=EXIF, icc_profile=WIDE), 'jpg progressive': saved('jpeg', progressive=True), 'jpg cmyk': saved('jpeg', SMALL.convert('CMYK')),
             'png': saved('png', exif=EXIF), 'png palette': saved('png', SMALL.quantize(8), transparency=1), 'png alpha': saved('png', alpha),
             'png 16': (d/'deep.png').read_bytes(), 'tif 16': (d/'deep.tif').read_bytes(), 'tif': saved('tiff', exif=EXIF), 'tif lzw': saved('tiff', compression='tiff_lzw'),
             'webp': saved('webp', exif=EXIF), 'webp lossless': saved('webp', lossless=True), 'gif moving': saved('gif', save_all=True, append_images=[SMALL.rotate(90)]),
             'bmp': saved('bmp'), 'ppm as jpg': saved('ppm')}
    if 'AVIF' in Image.SAVE: found['avif'] = saved('avif')
    return found

@pytest.fixture
def tiny(monkeypatch):
    "A network that costs nothing: reading and writing is what is tested"
    torch.manual_seed(0)
    net = torch.nn.Conv2d(3, 3, 1)
    monkeypatch.setattr(cli, '_student', lambda weights, allow=(), name='lowlight': (net, 'tiny', {}))
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 10**6)       # a size that a mutation invented costs little
    return net

def test_a_thousand_damaged_pictures(pictures, tiny, tmp_path, monkeypatch, record_property):
    "Restored as a folder: what can be read is, what cannot is named, and the good ones come out as without the others"
    monkeypatch.chdir(tmp_path)
    (d := tmp_path/'in').mkdir(); (g := tmp_path/'good').mkdir()
    for i, (kind, b) in enumerate(pictures.items()):
        suffix = kind.split(' as ')[-1].split()[0]
        for where in (d, g): (where/f'good{i}.{suffix}').write_bytes(b)
        for j, (way, m) in enumerate(mutants(b, 1000//len(pictures)+1, i)):
            (d/f'{kind.replace(" ", "_")}-{way}-{j}.{suffix}').write_bytes(m)
    assert quiet(['restore', 'good', 'alone'])[0] == 0
    code, said = quiet(['restore', 'in', 'out', '--json', 'r.json'])
    r = json.loads(Path('r.json').read_text())
    assert code == 0 and len(r['restored'])+len(r['skipped']) == sum(1 for _ in d.iterdir()) >= 1000+len(pictures)
    for name, why in r['skipped'].items(): assert Path(name).name in why and len(why) < 400, (name, why)
    good = sorted(f.name for f in (tmp_path/'alone').iterdir())
    assert len(good) == len(pictures) and all((tmp_path/'alone'/n).read_bytes() == (tmp_path/'out'/n).read_bytes() for n in good)
    assert not list(tmp_path.rglob('*.part*')) and not list(tmp_path.rglob('MARK')), 'no half file, nothing executed'
    kinds = lambda names: collections.Counter(Path(n).name.split('-')[0] for n in names if '-' in Path(n).name)
    a, b = kinds(x['picture'] for x in r['restored']), kinds(r['skipped'])
    record_property('measured', 'damaged pictures (read / refused): '+', '.join(f'{k} {a[k]}/{b[k]}' for k in sorted(a|b))
                    +f'; in all {a.total()}/{b.total()}')
    assert b.total() > 300 and a.total() > 100

def test_damaged_pictures_are_scored_or_named(pictures, tmp_path, monkeypatch, record_property):
    "The other road: scan, then score"
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 10**6)
    Image.fromarray(rng.integers(0, 256, (96, 112, 3), np.uint8)).save(tmp_path/'good.png')
    for i, (kind, b) in enumerate(pictures.items()):
        for j, (way, m) in enumerate(mutants(b, 4, 100+i)): (tmp_path/f'{i}-{way}-{j}.{kind.split(" as ")[-1].split()[0]}').write_bytes(m)
    code, said = quiet(['score', tmp_path, '--metrics', 'brisque'])
    assert code == 0 and 'good.png' in said
    n = sum(1 for _ in tmp_path.iterdir())
    record_property('measured', f'damaged pictures scored or named: {n-1}, of which {said.count("skipped:")} named')

def test_no_decoder_that_starts_another_program(tmp_path, tiny):
    "PostScript under the name of a picture: Pillow would call Ghostscript"
    eps = b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n(MARK) (w) file closefile\n'
    for name in ('a.png', 'b.jpg', 'c.eps'): (tmp_path/name).write_bytes(eps)
    for name in ('a.png', 'b.jpg', 'c.eps'):
        code, said = quiet(['restore', tmp_path/name])
        assert code == 1 and 'cannot be read as an image' in said

# --- students ---
@pytest.fixture(scope='module')
def student(tmp_path_factory):
    torch.manual_seed(0)
    save_student(QualityConditioned(RestorationUNet(4), ['middle'], 'film'), f := tmp_path_factory.mktemp('student')/'s.safetensors', task='x')
    return f

def test_a_hundred_damaged_students(student, tmp_path, record_property):
    SMALL.save(tmp_path/'a.png')
    counts, good = collections.Counter(), student.read_bytes()
    head = 8+struct.unpack('<Q', good[:8])[0]
    for i, (way, m) in enumerate(mutants(good, 100, 1)):
        if i%2: m = next(mutants(good[:head], 1, i))[1]+good[head:]           # half of them in the description
        (tmp_path/'s.safetensors').write_bytes(m)
        code, said = quiet(['restore', tmp_path/'a.png', tmp_path/'out.png', '--overwrite', '--weights', tmp_path/'s.safetensors'])
        counts[code] += 1
        if code: assert 's.safetensors' in said
    assert quiet(['restore', tmp_path/'a.png', tmp_path/'good.png', '--weights', student])[0] == 0
    assert not list(tmp_path.rglob('MARK')) and counts[1] > 30
    record_property('measured', f'damaged students: {counts[0]} loaded, {counts[1]} refused')

# --- checkpoints ---
class Evil:
    "Leaves a mark when it is unpickled"
    def __init__(self, path): self.path = path
    def __reduce__(self): return open, (str(self.path), 'w')

def test_a_hundred_damaged_checkpoints(tmp_path, record_property):
    "The newest one is damaged: it is named, and the one before is taken"
    run = RunFolder(tmp_path/'run')
    state = {'student': {'w': torch.arange(12.)}, 'rng': torch.get_rng_state()[:64], 'note': 'x'}
    run.save(state, 1); good = run.save(state, 2).read_bytes()
    counts = collections.Counter()
    for way, m in mutants(good, 100, 2):
        (tmp_path/'run'/'checkpoints'/'step-00000002.pt').write_bytes(m)
        with warnings.catch_warnings(record=True) as seen: warnings.simplefilter('always'); s = run.load()
        assert set(s) >= {'student', 'step'} and s['step'] in (1, 2)
        assert s['step'] == 2 or 'step-00000002' in str(seen[-1].message), 'named'
        counts[s['step']] += 1
    for evil in (pickle.dumps(Evil(tmp_path/'MARK'), 2), pickle.dumps({'format': 2, 'x': Evil(tmp_path/'MARK')}, 2)):
        (tmp_path/'evil.pt').write_bytes(evil)
        with pytest.raises(ValueError, match='cannot be read'): load_checkpoint(tmp_path/'evil.pt')
    torch.save({'format': 2, 'x': Evil(tmp_path/'MARK')}, tmp_path/'evil.pt')
    with pytest.raises(ValueError, match='cannot be read'): load_checkpoint(tmp_path/'evil.pt')
    assert not (tmp_path/'MARK').exists(), 'nothing was executed'
    assert counts[1] > 50
    record_property('measured', f'damaged checkpoints: {counts[2]} read, {counts[1]} named and the one before taken')

# --- banks ---
def test_fifty_damaged_banks(tmp_path, record_property):
    "An index that is no database, or one with strange numbers: a sentence"
    bank = LabelBank(tmp_path/'bank')
    for k in 'ab': bank.add(k, [label(i/4, seed=i) for i in range(2)], 1)
    bank.close()
    good, counts = (tmp_path/'bank'/'bank.sqlite').read_bytes(), collections.Counter()
    for way, m in mutants(good, 50, 3):
        shutil.rmtree(tmp_path/'bad', ignore_errors=True); shutil.copytree(tmp_path/'bank', tmp_path/'bad')
        for f in (tmp_path/'bad').glob('bank.sqlite-*'): f.unlink()
        (tmp_path/'bad'/'bank.sqlite').write_bytes(m)
        try:
            b = LabelBank(tmp_path/'bad')
            try: [f(k) for k in b.keys() for f in (b.best, b.last, b.best_scores)]
            finally: b.close()
            counts['read'] += 1
        except (ValueError, OSError) as e:
            counts['refused'] += 1
            assert 'bank' in str(e), e
    record_property('measured', f'damaged banks: {dict(counts)}')
    assert counts['refused'] > 10

# --- settings ---
TOML = b'''steps = 200\nshort = 160
w_preference = 0.05
recipe = "exposure"
'''
WORDS = ['steps = "many"', 'steps = -1', 'nonsense = 1', 'steps = 1e999', '[steps]', 'short = [1, 2]', 'recipe = 7', 'w_preference = nan', '\0', 'steps = 1\nsteps = 2']

def test_damaged_settings(tmp_path, monkeypatch, record_property):
    "Of `train --config`, and config.json of `train --resume`: refused with the file's name before any work, or understood"
    class Done:
        class processes: main, total = False, staticmethod(lambda *n: n)
        bank = ()
    monkeypatch.setattr(runs, 'start', lambda *a: Done); monkeypatch.setattr(runs, 'train', lambda t: None)
    monkeypatch.setattr(runs, 'build_student', lambda *a: None); monkeypatch.setattr(runs, 'build_pairs', lambda *a: None)
    monkeypatch.setattr(runs.QualiTeacher, 'resume', lambda *a, **k: Done)
    (tmp_path/'photos').mkdir(); SMALL.save(tmp_path/'photos'/'a.png')
    whole = json.dumps({'settings': asdict(Config.preset('smoke')), 'run': {'real': str(tmp_path/'photos'), 'task': 'lowlight'}})
    counts = collections.Counter()
    for name, good, extra in (('c.toml', TOML, [w.encode() for w in WORDS]),
                              ('config.json', whole.encode(), [b'[]', b'null', b'3', b'{"settings": 3}', b'{"settings": {}, "run": []}', b'['*100000,
                               b'{"run": {"real": 3}, "settings": {}}', b'{"run": {"x": 1}, "settings": {"y": 2}}', b'\xff\xfe', b''])):
        f = tmp_path/'run'/name if name == 'config.json' else tmp_path/name
        f.parent.mkdir(exist_ok=True)
        for m in [good, *extra, *(m for _, m in mutants(good, 40, 4))]:
            f.write_bytes(m)
            ask = ['--out', f.parent, '--resume'] if name == 'config.json' else ['--real', tmp_path/'photos', '--out', tmp_path/'new', '--config', f]
            code, said = quiet(['train', *ask])
            counts[name, code] += 1
            assert m is not good or code == 0, said
    record_property('measured', 'damaged settings (understood / refused): '+', '.join(f'{n} {counts[n, 0]}/{counts[n, 1]}' for n in ('c.toml', 'config.json')))
    assert counts['c.toml', 1] > 20 and counts['config.json', 1] > 20
