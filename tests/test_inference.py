"""Restoring at any size by any network, the dial, students of strangers, folders, comparisons."""
import copy, errno, json, os, struct, subprocess, sys, warnings
from pathlib import Path
import pytest, torch, torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from qualiteacher.backbones import RestorationUNet
from qualiteacher.pyramid import load_base
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.images import load_image, psnr, save_image, ssim, to_uint8
from qualiteacher.inference import (Sweep, _spans, evaluate, load_student, make_net, my_share, restore, restore_files, save_student,
                                    shipped_student, spread, sweep, untrained_rows)
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.teacher import EMATeacher, PseudoLabeler
from conftest import ROOT, clean_env, run

def gen(s=0): return torch.Generator().manual_seed(s)
def picture(h, w, seed=0):
    "Edges and noise at every scale: what shows a seam"
    x = sum(F.interpolate(torch.rand(1, 3, max(2, h//k), max(2, w//k), generator=gen(seed+k)), (h, w))[0] for k in (64, 16, 4, 1))
    return (x/4).contiguous()

class Stride16(nn.Module):
    "Halves four times and looks 45 px to each side; takes multiples of 16 only"
    def __init__(self, c=6):
        super().__init__()
        self.stem, self.mid, self.out = nn.Conv2d(3, c, 3, padding=1), nn.Conv2d(c*4, c*4, 3, padding=1), nn.Conv2d(c, 3, 3, padding=1)
        self.down, self.up = nn.Conv2d(c, c*4, 16, 16), nn.ConvTranspose2d(c*4, c, 16, 16)
    def forward(self, x):
        a = self.stem(x).relu()
        return x+self.out(a+self.up(self.mid(self.down(a)).relu()))

class Flat(nn.Sequential):
    "No stride; batch norm and in-place activations"
    def __init__(self, c=8):
        block = lambda: [nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU(inplace=True)]
        super().__init__(nn.Conv2d(3, c, 3, padding=1), *block(), *block(), nn.Conv2d(c, 3, 3, padding=1))

def stride16(c=6): return Stride16(c)            # a factory for saved students: 'test_inference:stride16'

def ours(width=6, seed=0):
    torch.manual_seed(seed)
    net = RestorationUNet(width).eval()
    nn.init.normal_(net.head.weight, std=.05)
    return net

def student(net, at='auto', kind='film'):
    s = QualityConditioned(net.eval(), at, kind).eval()
    for p in s.condition_parameters(): nn.init.normal_(p, std=.3, generator=gen(1))
    return s

NETS = dict(ours=(ours, None, 64), stride16=(Stride16, 16, 64), flat=(Flat, None, 8))
@pytest.fixture(scope='module')
def nets():
    out = {}
    for n, (make, grid, margin) in NETS.items(): torch.manual_seed(1); out[n] = make().eval(), grid, margin
    return out

@pytest.fixture(autouse=True)
def one_thread():
    n = torch.get_num_threads(); torch.set_num_threads(1); yield; torch.set_num_threads(n)

# --- tiles ---
@settings(max_examples=60, deadline=None)
@given(n=st.integers(16, 9000), margin=st.integers(0, 200), grid=st.sampled_from([1, 8, 16, 32]), more=st.integers(0, 400))
def test_spans_cover(n, margin, grid, more):
    lap = -(-(2*margin+16)//grid)*grid
    tile = lap+grid+more
    s = _spans(n, tile, margin, grid)
    assert s[0][0] == 0 and s[-1][1] == n and all(0 < b-a <= tile and a % grid == 0 for a, b in s)
    assert all(f-b == lap and b < f for (_, f), (b, _) in zip(s, s[1:])) and all(b-a > lap for a, b in s[:1 if len(s) == 1 else None] if len(s) > 1)

@pytest.mark.parametrize('name', NETS)
@settings(max_examples=8, deadline=None)
@given(h=st.integers(20, 420), w=st.integers(20, 420), batch=st.integers(1, 3))
def test_tiles_equal_the_whole(nets, name, h, w, batch):
    net, grid, margin = nets[name]
    x, tile = picture(h, w), 2*margin+16+64
    with torch.no_grad():
        z = x[None] if not grid else F.pad(x[None], (0, -w % grid, 0, -h % grid), mode='replicate')
        whole = net(z)[0, :, :h, :w].clamp(0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter('error')                                            # the margin is enough, and nothing says otherwise
        y = restore(net, x, tile=tile, margin=margin, grid=grid, batch=batch)
    assert (y-whole).abs().max() < 2/255

def test_a_margin_that_is_too_small_is_said(nets):
    net, x = nets['ours'][0], picture(300, 300)
    with pytest.warns(UserWarning, match='margin: where tiles meet'): restore(nn.AvgPool2d(61, 1, 30), x, tile=128, margin=8)
    with warnings.catch_warnings(): warnings.simplefilter('error'); restore(nn.AvgPool2d(61, 1, 30), x, tile=128, margin=30)

def test_modes_and_types_are_left_alone(nets):
    net = copy.deepcopy(nets['flat'][0]).train(); net[2].eval()                   # one frozen batch norm
    modes, state, x = [m.training for m in net.modules()], copy.deepcopy(net.state_dict()), picture(64, 80)
    y = restore(net, x)
    assert modes == [m.training for m in net.modules()] and all(torch.equal(v, state[k]) for k, v in net.state_dict().items())
    assert torch.equal(restore(net, to_uint8(x)), restore(net, to_uint8(x)/255)) and y.dtype == torch.float32
    assert torch.equal(restore(net, x, dtype=torch.uint8), to_uint8(y)) and (restore(net, x, dtype=torch.float16)-y).abs().max() < 5e-4
    assert (restore(copy.deepcopy(net).double(), x)-y).abs().max() < 1e-5

def test_bf16_is_near():
    s, x = shipped_student()[0], load_image(next((ROOT/'data_samples'/'lowlight').glob('*.jpg')), 96)
    a, b = restore(s, x), restore(s, x, bf16=True)
    assert 0 < (a-b).abs().mean() < 2/255

class Two(nn.Module):
    def forward(self, x): return x, x

@pytest.mark.parametrize('kw,says', [(dict(tile=100), 'tile'), (dict(margin=-1), 'tile'), (dict(dtype=torch.int32), 'dtype')])
def test_restore_refuses(nets, kw, says):
    with pytest.raises(ValueError, match=says): restore(nets['ours'][0], picture(64, 64), **kw)

@pytest.mark.parametrize('net', [Two(), nn.Conv2d(3, 1, 1), nn.AvgPool2d(2), lambda x: x])
def test_restore_refuses_what_is_no_restorer(net):
    with pytest.raises(ValueError, match='student'): restore(net, picture(64, 64))

@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_on_a_gpu(nets):
    s, x = student(ours()), picture(700, 900)
    want = restore(s, x, 7, tile=320)
    g = copy.deepcopy(s).cuda()
    assert (restore(g, x, 7, tile=320)-want).abs().max() < 2/255
    assert (restore(g, x, 7, tile=320, bf16=True)-want).abs().mean() < 3/255
    assert (sweep(g, x, [0, 7], tile=320)[7]-want).abs().max() < 3/255

# --- the dial ---
@pytest.mark.parametrize('name', NETS)
def test_sweep_equals_restores(nets, name):
    make, grid, margin = NETS[name]; torch.manual_seed(2)
    s, x, kw = student(make()), picture(200, 333), dict(tile=2*margin+16+64, margin=margin, grid=grid)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)                              # of random weights: seams are no matter here
        got, want = sweep(s, x, [0, 2.5, 7], **kw), {q: restore(s, x, q, dtype=torch.uint8, **kw) for q in (0, 2.5, 7)}
    assert list(got) == [0, 2.5, 7] and all((got.bytes(q).int()-want[q].int()).abs().max() <= 1 for q in want)
    floats = {q: restore(s, x, q, **kw) for q in want}
    assert spread(got) > 1 and abs(spread(got)-spread(floats)) < .01
    assert torch.equal(sweep(EMATeacher(s), x, [7], **kw)[7], sweep(s, x, [7], **kw)[7])

class Writes(nn.Module):
    "Has no prefix that could be played back"
    def __init__(self): super().__init__(); self.a, self.b = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 3, 1)
    def forward(self, x): h = self.a(x); h += 1; return self.b(h)

def test_sweep_falls_back_aloud():
    s, x = student(Writes(), 'b'), picture(64, 64)
    with pytest.warns(UserWarning, match='computed from the start'): got = sweep(s, x, [0, 7])
    assert all(torch.equal(got.bytes(q), restore(s, x, q, dtype=torch.uint8)) for q in got)

def test_a_sweep_hands_out_floats_however_it_is_asked():
    s = Sweep({}); s[0], s[7] = torch.zeros(3, 2, 2, dtype=torch.uint8), torch.full((3, 2, 2), .5)
    for got in (dict(s), {**s}, {q: y for q, y in s.items()}, dict(zip(s, s.values())), {q: s.get(q) for q in s}):
        assert got[7].dtype == torch.float32 and got[7].max() == 128/255 and list(got) == [0, 7]
    for twin in (copy.deepcopy(s), copy.copy(s)): assert torch.equal(twin[7], s[7]) and twin.bytes(7).dtype == torch.uint8

# --- students ---
@pytest.mark.parametrize('kw', [{}, dict(gain=False), dict(context=32, first='dark channel 0.6')])
@pytest.mark.parametrize('kind', ['film', 'sinusoidal', 'embedding', 'bins'])
def test_our_network_needs_no_name(tmp_path, kind, kw):
    torch.manual_seed(0)
    s, x = student(RestorationUNet(8, **kw), ['middle', 'dec0'], kind), picture(40, 40)
    save_student(s, tmp_path/'s.safetensors', task='x')
    again, meta = load_student(tmp_path/'s.safetensors')
    assert torch.equal(restore(again, x, 3), restore(s, x, 3)) and not again.training
    assert meta['width'] == 8 and meta['about'] == {'task': 'x'} and again.net.gain == kw.get('gain', True)
    assert again.net.first == kw.get('first') and meta['context'] == kw.get('context', 0)

def test_the_shipped_student_loads():
    s, meta = shipped_student()
    assert s.sites == ['middle', 'dec1', 'dec0'] and meta['width'] == 32 and meta['net'] == 'PyramidNet'

NAME = 'test_inference:stride16'
@pytest.fixture
def foreign(tmp_path):
    s = student(stride16(4)); save_student(s, tmp_path/'s.safetensors', NAME, dict(c=4))
    return s, tmp_path/'s.safetensors'

def test_three_ways_to_a_foreign_student(foreign):
    s, file = foreign
    with pytest.raises(ValueError, match='allow=') as e: load_student(file)
    assert NAME in str(e.value)
    for kw in (dict(allow=[NAME]), dict(allow=NAME), dict(net=Stride16(4))):
        again, _ = load_student(file, **kw)
        assert torch.equal(again(picture(32, 32)[None], quality=2), s(picture(32, 32)[None], quality=2))
    for near in ('test_inference:stride1', NAME+'x', 'test_inference', 'x'+NAME, NAME[:-1]):
        with pytest.raises(ValueError, match='allow='): load_student(file, allow=[near])
        with pytest.raises(ValueError, match='allow='): load_student(file, allow=near+' '+NAME)     # a text is one name

def test_a_network_that_does_not_fit_is_left_as_it_was(foreign):
    net = Stride16(5)
    with pytest.raises(ValueError, match=r'do not fit.*stem\.weight \(4, 3, 3, 3\) instead of \(5, 3, 3, 3\)'): load_student(foreign[1], net=net)
    assert not any(m._forward_hooks for m in net.modules())

def test_without_a_probe(tmp_path):
    "A network that the probe picture of 64 px does not suit"
    class Large(Stride16):
        def forward(self, x): assert min(x.shape[-2:]) >= 96; return super().forward(x)
    s = QualityConditioned(Large(4), 'mid', 'film', example=torch.rand(1, 3, 96, 96)); save_student(s, tmp_path/'s.safetensors')
    assert load_student(tmp_path/'s.safetensors', net=Large(4))[0].sites == ['mid']

def test_saving_refuses(tmp_path):
    s = student(Stride16(4))
    with pytest.raises(ValueError, match='do not fit'): save_student(s, tmp_path/'s', NAME, dict(c=5))
    with pytest.raises(ValueError, match='failed'): save_student(s, tmp_path/'s', NAME, dict(width=5))
    with pytest.raises(ValueError, match='QualityConditioned'): save_student(s.net, tmp_path/'s')
    own = QualityConditioned(Stride16(4), kind=lambda c: student(Stride16(4)).condition[0].layer)
    with pytest.raises(ValueError, match='kind'): save_student(own, tmp_path/'s')
    assert not list(tmp_path.iterdir())

def forged(path, **changes):
    s = student(RestorationUNet(4)); meta = dict(net='RestorationUNet', width=4, at=s.sites, kind=s.kind, about={})
    meta.update(changes)
    save_file(s.state_dict(), path, {'qualiteacher': json.dumps({k: v for k, v in meta.items() if v is not ...})})
    return path

@pytest.mark.parametrize('name', ['os:system', 'os:_exit', 'evil_module:make', 'subprocess:run', 'builtins:exec', 'qualiteacher.backbones:load_base'])
def test_a_hostile_file_runs_nothing(tmp_path, name):
    "In a process of its own, with a module at hand that leaves a mark when it is imported"
    (tmp_path/'evil_module.py').write_text(f'open({str(tmp_path/"mark")!r}, "w").close()\ndef make(**kw): pass\n')
    file = forged(tmp_path/'s.safetensors', net=name, args={'command': f'touch {tmp_path/"mark"}'})
    code = f'''
import sys; sys.path.insert(0, {str(tmp_path)!r})
from qualiteacher.inference import load_student
before = set(sys.modules)
try: load_student({str(file)!r})
except ValueError as e: assert "allow=" in str(e) and {name!r} in str(e), e
else: raise SystemExit("loaded")
assert "evil_module" not in sys.modules
print("refused")'''
    r = run([sys.executable, '-c', code], cwd=ROOT)
    assert r.returncode == 0 and 'refused' in r.stdout, r.text
    assert not (tmp_path/'mark').exists()

BAD = [dict(net=...), dict(net=3), dict(net=''), dict(net='os.system'), dict(net='a:b:c'), dict(net='a b:c'), dict(net='x'*300),
       dict(net='../x:y'), dict(net=['RestorationUNet']), dict(width=...), dict(width=0), dict(width=-4), dict(width=True), dict(width='4'),
       dict(width=4.), dict(width=10**9), dict(width=None), dict(width=8), dict(at=...), dict(at=[]), dict(at='middle'), dict(at=[1]),
       dict(at=['nowhere']), dict(at=['middle']*2), dict(at=['middle']*100), dict(at=['dec0']), dict(kind='pickle'), dict(kind=None),
       dict(kind=['film']), dict(kind='embedding'), dict(about=3), dict(gain=1), dict(first='eval'), dict(first=3), dict(first=['CLAHE']), dict(channels=[0]), dict(channels=[10**9]),
       dict(channels=[16, 16]), dict(channels=[15]), dict(args=[1], net='a:b')]
@pytest.mark.parametrize('changes', BAD, ids=lambda c: str(c)[:40])
def test_a_description_that_makes_no_sense(tmp_path, changes):
    with pytest.raises(ValueError): load_student(forged(tmp_path/'s', **changes), allow=['a:b'])

def test_no_description_and_no_dictionary(tmp_path):
    save_file(student(RestorationUNet(4)).state_dict(), tmp_path/'a')
    for text in ('3', '[]', 'nonsense', '{}', '['*100000, 'null'):
        save_file({'x': torch.zeros(1)}, tmp_path/'b', {'qualiteacher': text})
        with pytest.raises(ValueError, match='path'): load_student(tmp_path/'b')
    with pytest.raises(ValueError, match='path'): load_student(tmp_path/'a')

def test_cut_off_garbage_and_huge_headers(tmp_path):
    good, f = forged(tmp_path/'good').read_bytes(), tmp_path/'bad'
    n, = struct.unpack('<Q', good[:8])
    for data in [good[:k] for k in (0, 1, 7, 8, 9, n, n+7, n+8, n+9, len(good)-1)]+[good+b'x', os.urandom(5000), b'\0'*5000,
                 struct.pack('<Q', 2**63)+good[8:], struct.pack('<Q', 2**24)+b' '*2**24, Path(ROOT/'README.md').read_bytes(), b'PK\3\4'+good]:
        f.write_bytes(data)
        with pytest.raises(ValueError, match='path'): load_student(f)
    with pytest.raises(FileNotFoundError): load_student(tmp_path/'none')
    with pytest.raises(FileNotFoundError): load_student(tmp_path)

@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_mutated_files(tmp_path_factory, data):
    "Any byte of the first part changed: loads or says why, nothing else"
    f = tmp_path_factory.getbasetemp()/'mutated'
    good = bytearray(forged(f).read_bytes()); n = 8+struct.unpack('<Q', good[:8])[0]
    for _ in range(data.draw(st.integers(1, 4))): good[data.draw(st.integers(0, n-1))] = data.draw(st.integers(0, 255))
    f.write_bytes(good)
    try: s, meta = load_student(f)
    except ValueError: return
    assert isinstance(s, QualityConditioned) and isinstance(s.net, RestorationUNet)

def test_make_net():
    assert isinstance(make_net(NAME), Stride16) and make_net(NAME, dict(c=3)).stem.out_channels == 3
    for bad, says in (('nowhere_at_all:f', 'failed'), ('torch.nn:nothing', 'failed'), ('os:getcwd', 'to return a network'), ('torch', 'package.module'),
                      (None, 'package.module'), ('a\n:b', 'package.module'), ('a:b\n', 'package.module'), ('', 'package.module')):
        with pytest.raises(ValueError, match=says): make_net(bad)

# --- folders ---
@pytest.fixture
def jobs(tmp_path):
    for i in range(5): save_image(picture(40, 50, i), tmp_path/'in'/f'{i}.png')
    (tmp_path/'in'/'3.png').write_bytes(b'no picture')
    return [(tmp_path/'in'/f'{i}.png', tmp_path/'out'/f'{i}.png') for i in range(5)]

def test_restore_files(jobs):
    s = student(ours())
    done, skipped = restore_files(s, jobs, 5, progress=False)
    assert [d.name for d in done] == ['0.png', '1.png', '2.png', '4.png'] and list(skipped) == [jobs[3][0]] and '3.png' in skipped[jobs[3][0]]
    assert torch.equal(to_uint8(load_image(done[0])), restore(s, load_image(jobs[0][0]), 5, dtype=torch.uint8))
    stamp = done[0].stat().st_mtime_ns
    done2, kept = restore_files(s, jobs, 5, progress=False)
    assert not done2 and len(kept) == 5 and done[0].stat().st_mtime_ns == stamp and 'exists already' in kept[jobs[0][0]]
    assert len(restore_files(s, jobs, 5, overwrite=True, progress=False)[0]) == 4
    assert sorted(f.name for f in jobs[0][1].parent.iterdir()) == ['0.png', '1.png', '2.png', '4.png']

def test_restore_files_never_over_a_picture(jobs):
    a, b = jobs[0][0], jobs[1][0]
    for bad in ([(a, a)], [(a, b), (b, jobs[1][1])], [(a, jobs[0][1]), (b, jobs[0][1])]):
        with pytest.raises(ValueError, match='jobs'): restore_files(student(ours()), bad, progress=False)

def test_a_seam_is_said_of_its_picture(tmp_path):
    "With the name of the picture to whoever listens; to nobody in particular it is a warning"
    save_image(picture(200, 300), a := tmp_path/'a.png')
    net, how, heard = nn.AvgPool2d(61, 1, 30), dict(tile=128, margin=8, progress=False), []
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert restore_files(net, [(a, tmp_path/'b.png')], None, say=lambda p, text: heard.append((p, text)), **how)[0]
    assert [p for p, _ in heard] == [a] and 'where tiles meet' in heard[0][1] and '--tile 300' in heard[0][1]
    with pytest.warns(UserWarning, match='where tiles meet'): restore_files(net, [(a, tmp_path/'c.png')], None, **how)

def test_restore_files_own_load_and_save_and_a_full_disk(jobs):
    seen = []
    load = lambda p: (seen.append(p.name), load_image(p))[1]
    def save(y, p):
        assert y.dtype == torch.float32 and p.name.startswith('.')
        if p.name.startswith('.1.'): p.write_bytes(b'half'); raise OSError('no such thing')
        if p.name.startswith('.2.'): p.write_bytes(b'half'); raise OSError(errno.ENOSPC, 'disk full')
        save_image(y, p)
    with pytest.raises(OSError, match='disk full'): restore_files(student(ours()), jobs, load=load, save=save, dtype=torch.float32, progress=False)
    assert seen == ['0.png', '1.png', '2.png'] and [f.name for f in jobs[0][1].parent.iterdir()] == ['0.png']      # no half file

def test_shares(monkeypatch):
    parts = []
    for r in range(3):
        monkeypatch.setenv('RANK', str(r)); monkeypatch.setenv('WORLD_SIZE', '3'); parts.append(my_share(list(range(8))))
    assert parts == [[0, 3, 6], [1, 4, 7], [2, 5]]
    monkeypatch.setenv('RANK', '3')
    with pytest.raises(ValueError, match='RANK'): my_share([1])

def test_two_processes_share_a_folder(jobs, tmp_path):
    "torchrun's variables, as accelerate launch sets them"
    save_student(student(ours(6)), tmp_path/'s.safetensors')
    code = f'''
from qualiteacher.inference import *
from pathlib import Path
d = Path({str(tmp_path)!r})
done, skipped = restore_files(load_student(d/"s.safetensors")[0], [(d/"in"/f"{{i}}.png", d/"out"/f"{{i}}.png") for i in range(5)], progress=False)
print(sorted(p.name for p in done), [p.name for p in skipped])'''
    ps = [subprocess.Popen([sys.executable, '-c', code], cwd=ROOT, env=clean_env(RANK=str(r), WORLD_SIZE='2', OMP_NUM_THREADS='1'),
                           stdout=subprocess.PIPE, text=True) for r in range(2)]
    assert [p.communicate(timeout=120)[0].strip() for p in ps] == ["['0.png', '2.png', '4.png'] []", "['1.png'] ['3.png']"]

# --- comparing ---
def test_evaluate_against_one_by_one():
    iqa, s = IQAEnsemble({'nss': 1.}), student(ours())
    xs, ts = [picture(*hw, i) for i, hw in enumerate([(100, 120), (110, 100), (100, 120), (100, 120)])], [picture(*hw, 9+i) for i, hw in enumerate([(100, 120), (110, 100), (100, 120), (100, 120)])]
    table = evaluate({'f': lambda x: x*.5, 'net': s.net, 'student': s}, xs, iqa, ts, judges={'j': iqa.metrics['nss']},
                     measures={'mean': lambda y, t: y.mean((1, 2, 3)), 'bias': lambda y, t: (y-t).mean((1, 2, 3))}, batch=2)
    with torch.no_grad():
        for name, f in {'f': lambda x: x*.5, 'net': lambda x: s.net(x[None])[0], 'student': lambda x: s(x[None], quality=7)[0]}.items():
            ys = [f(x).clamp(0, 1)[None] for x in xs]
            want = dict(j=[iqa.metrics['nss'](y) for y in ys], score=[iqa.score(y).total for y in ys], psnr=[psnr(y, t[None]) for y, t in zip(ys, ts)],
                        ssim=[ssim(y, t[None]) for y, t in zip(ys, ts)], mean=[y.mean() for y in ys], bias=[(y-t).mean() for y, t in zip(ys, ts)])
            assert list(table[name]) == list(want)
            for c, v in want.items():
                v = torch.tensor([float(i) for i in v], dtype=torch.float64)
                assert abs(table[name][c][0]-v.mean()) < 1e-4 and abs(table[name][c][1]-v.std()/2) < 1e-4, (name, c)
    assert list(evaluate({'f': lambda x: x}, xs, None, measures={'n': lambda y, t: torch.full((len(y),), float(t is None))})['f']) == ['n']

def test_untrained_rows_against_the_definition():
    iqa, net = IQAEnsemble({'nss': 1.}), ours()
    lab = PseudoLabeler(net, iqa, 'exposure', blocks=1)
    xs, ts = [picture(h, 104, h) for h in (100, 100, 112)], [picture(h, 104, 7*h) for h in (100, 100, 112)]
    rows, hand = untrained_rows(lab, xs, ts, batch=2), {}
    for x, t in zip(xs, ts):
        c = lab.propose(x)
        best = {'pixel mean of the candidates': c.mean(0, keepdim=True), 'test-time pick by the judge': c[iqa.score(c).total.argmax()][None],
                **{v.name: c[i:i+1] for i, v in enumerate(lab.views)}}
        for n, y in best.items(): hand.setdefault(n, []).append([psnr(y, t[None]).item(), ssim(y, t[None]).item(), iqa.score(y).total.item()])
    hand = {n: torch.tensor(v).double() for n, v in hand.items()}
    fixed = max((v.name for v in lab.views), key=lambda n: hand[n][:, 0].mean())
    hand = {f'best fixed candidate: {fixed}': hand[fixed], **{n: hand[n] for n in ('pixel mean of the candidates', 'test-time pick by the judge')}}
    assert list(rows) == list(hand)
    for n, v in hand.items():
        got = torch.tensor(list(rows[n].values()))
        torch.testing.assert_close(got[:, 0].double(), v.mean(0), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(got[:, 1].double(), v.std(0)/3**.5, atol=1e-4, rtol=1e-3)

# --- fifty megapixels ---
BIG = '''
import resource, sys, threading, time
from pathlib import Path
import torch
from qualiteacher.inference import load_student, restore_files, sweep
from qualiteacher.images import load_image
class Cheap(torch.nn.Module):                      # memory is what is measured: a network that is fast
    def __init__(self): super().__init__(); self.c = torch.nn.Conv2d(3, 3, 1)
    def forward(self, x): return self.c(x)
torch.manual_seed(0)
done, skipped = restore_files(Cheap(), [(sys.argv[1], sys.argv[2])], progress=False)
assert done and not skipped, skipped
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024)'''

def test_fifty_megapixels_under_4_gb(tmp_path, record_property):
    w, h = 8660, 5774
    Image.linear_gradient('L').resize((w, h)).convert('RGB').save(tmp_path/'big.jpg', quality=80)
    r = run([sys.executable, '-c', BIG, tmp_path/'big.jpg', tmp_path/'big.png'], cwd=ROOT, env=clean_env(OMP_NUM_THREADS='1'), timeout=300)
    assert r.returncode == 0, r.text
    mb = float(r.stdout)
    record_property('measured', f'50 megapixels, JPEG to PNG: peak {mb:.0f} MB')
    with Image.open(tmp_path/'big.png') as im: assert im.size == (w, h)
    assert mb < 4000

# --- a cold start ---
def test_importing_brings_nothing_heavy():
    code = "import sys, qualiteacher.inference; print([m for m in ('pyiqa','transformers','accelerate','timm','torchvision','pandas','scipy') if m in sys.modules])"
    r = run([sys.executable, '-c', code], cwd=ROOT)
    assert r.stdout.strip() == '[]', r.text
