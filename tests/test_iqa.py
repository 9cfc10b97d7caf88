"""The contract of a scorer, for every scorer that needs no download; the adapters of pyiqa through their real loading path,
with random weights in the right files, also where setuptools has no pkg_resources any more."""
import math, sys, warnings
import pytest, torch
from torch import nn
from conftest import clean_env, run
from qualiteacher import iqa as I
from qualiteacher.degradations import gaussian_noise, low_light_b
from qualiteacher.images import load_image, sample_paths, spearman
from qualiteacher.iqa import IQAEnsemble, Metric, Quantiles, ScoreSpec, check_scorer, pyiqa_metric, score_to_level

def gen(n=0): return torch.Generator().manual_seed(n)

@pytest.fixture(scope='module')
def pictures():
    "Three photographs, one of them dark and one noisy, and a grey surface"
    x = torch.stack([load_image(p, 128)[:, :112, :128] for p in sample_paths('train')[:3]])
    return torch.cat([x[:1], low_light_b(x[1:2], gen()), gaussian_noise(x[2:], .1, gen()), x[:1]*0+.5])

@pytest.fixture(scope='module')
def offline(): return IQAEnsemble.preset('offline')

# --- the contract ---
@pytest.mark.parametrize('name', IQAEnsemble.PRESETS['offline'])
def test_members_keep_the_contract(name, offline, pictures): check_scorer(offline.metrics[name], pictures)

def test_the_ensemble_keeps_the_contract(offline, pictures):
    told = check_scorer(offline, pictures)
    assert set(told) == set(I.odd_pictures(pictures))
    for n, v in told.items(): assert isinstance(v, str) if n in I.REFUSED else 0 <= v <= 1, (n, v)

def test_the_ensemble_keeps_the_contract_when_calibrated(pictures):
    iqa = IQAEnsemble.preset('offline')
    iqa.calibrate([pictures, pictures.flip(-1)*.7], show=False)
    check_scorer(iqa, pictures)

@pytest.mark.parametrize('name', ['piqe', 'entropy'])
def test_metrics_of_pyiqa_keep_the_contract(name, pictures):
    pytest.importorskip('pyiqa')
    check_scorer(pyiqa_metric(name), pictures, tol=1e-4)        # PIQE counts in hundreds

class Drifting(nn.Module):
    "Another score at every call"
    n = 0
    def forward(self, x): self.n += 1; return x.mean((1, 2, 3))+.001*self.n

class Awake(nn.Module):
    "Batch statistics as soon as somebody says train()"
    def __init__(self): super().__init__(); self.norm = nn.BatchNorm2d(3); self.eval()
    def forward(self, x): return self.norm(x).square().mean((1, 2, 3))

@pytest.mark.parametrize('clause, bad', [
    ('repeat', Drifting()), ('train mode', Awake()), ('shape', lambda x: x.mean()), ('shape', lambda x: x.mean((2, 3))),
    ('finite', lambda x: x.mean((1, 2, 3))/x.std((1, 2, 3)).mul(0)), ('batch size', lambda x: x.mean((1, 2, 3))-x.mean()),
    ('batch size', lambda x: x.mean((1, 2, 3))+.001*torch.arange(len(x))), ('input', lambda x: x.mul_(.9999999).mean((1, 2, 3))),
    ('NaN', lambda x: I.prepare(x.nan_to_num(0)).mean((1, 2, 3))), ('uint8', lambda x: I.prepare(x.float()).mean((1, 2, 3)))])
def test_scorers_that_must_fail(clause, bad, pictures):
    with pytest.raises(AssertionError, match=clause): check_scorer(bad, pictures.clone())

def test_a_score_that_is_no_number_counts_as_the_worst(pictures):
    m = Metric(lambda x: x.mean((1, 2, 3))/x.std((1, 2, 3)).gt(.01), ScoreSpec('contrast', 0, 1))
    with pytest.warns(UserWarning, match='contrast'): s = m(pictures)
    assert s.isfinite().all() and s[3] == 0 and (s[:3] > 0).all()
    x = pictures.clone().requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore'); m(x).sum().backward()
    assert x.grad.isfinite().all() and x.grad[0].abs().max() > 0 and x.grad[3].abs().max() == 0

# --- the ensemble ---
def test_offline_ensemble(offline, pictures):
    assert set(offline.weights) == {'semantic', 'brisque', 'nss'} and min(offline.weights.values()) > 0
    assert abs(sum(offline.weights.values())-1) < 1e-9 and abs(offline.reward_coverage-1) < 1e-9
    assert max(m.spec.min_size for m in offline.metrics.values()) == 96
    x = pictures.clone().requires_grad_()
    offline.reward(x).sum().backward()
    assert x.grad.isfinite().all() and (x.grad[:3].flatten(1).abs().amax(1) > 0).all()
    torch.testing.assert_close(offline.reward(pictures), offline.score(pictures).total, atol=1e-5, rtol=0)

def test_a_dead_gradient_is_not_counted():
    pytest.importorskip('pyiqa')
    piqe = pyiqa_metric('piqe')
    iqa = IQAEnsemble({'semantic': .75, piqe: .25})
    assert piqe.raw(torch.rand(1, 3, 96, 96, generator=gen()).requires_grad_()).requires_grad and not piqe.has_gradient
    assert abs(iqa.reward_coverage-.75) < 1e-9

# --- scores and blocks in one pass ---
def calls(metric, f):
    "How many pictures the raw scorer of `metric` was given in each call while f ran"
    seen, scorer = [], metric.scorer
    metric.scorer = lambda v: seen.append(len(v)) or scorer(v)
    try: f()
    finally: metric.scorer = scorer
    return seen

@pytest.fixture(scope='module')
def wide():
    "Five photographs, 192 x 256: clean, a noisy corner, dark, nearly white, half flat"
    x = torch.stack([v[:, :192, :256] for v in (load_image(p, 192) for p in sample_paths('test')) if v.shape[-1] >= 256][:5])
    x[1, :, 96:, 128:] = gaussian_noise(x[1:2, :, 96:, 128:], .1, gen())[0]
    x[2:3], x[3], x[4, :, :, 128:] = low_light_b(x[2:3], gen()), (3*x[3]).clamp(0, 1), .37
    return x

@pytest.fixture(scope='module', params=['fixed', 'calibrated'])
def judge(request, wide):
    iqa = IQAEnsemble.preset('offline')
    if request.param == 'calibrated': iqa.calibrate([wide, wide.flip(-1)*.7], show=False)
    return iqa

def test_the_pass_says_what_score_says(judge, wide):
    s, grid = judge.score_and_grid(wide)
    again = judge.score(wide)
    assert torch.allclose(s.total, again.total, atol=1e-6) and not s.total.requires_grad and not grid.requires_grad
    for n in s.raw: assert torch.allclose(s.per_metric[n], again.per_metric[n], atol=1e-6), n
    assert grid.shape == (5, 1, 2, 2) and grid.min() >= .5 and grid.max() <= 2
    assert grid[1].argmin() == 3                                        # the noisy corner counts least
    assert torch.equal(judge.block_weights(wide), I.grid_to_map(grid, wide.shape[-2:]))

def test_the_grid_knows_no_neighbours(judge, wide):
    grid = judge.score_and_grid(wide)[1]
    tell = lambda g, h: (g-h).abs().max() < 1e-4
    assert tell(torch.cat([judge.score_and_grid(v[None])[1] for v in wide]), grid)
    assert tell(judge.score_and_grid(wide.flip(0))[1].flip(0), grid)
    with torch.autocast('cpu', dtype=torch.bfloat16): assert tell(judge.score_and_grid(wide)[1], grid)

def test_the_budget_changes_no_score(wide):
    few, many = (IQAEnsemble.preset('offline', chunk_bytes=b) for b in (1, 2**32))
    (a, g), (b, h) = few.score_and_grid(wide), many.score_and_grid(wide)
    assert torch.allclose(a.total, b.total, atol=1e-5) and torch.allclose(g, h, atol=1e-4)
    bright = Metric(lambda v: v.mean((1, 2, 3)), ScoreSpec('brightness', 0, 1))
    pixels = 192*256*1000                                               # what a scorer needs that does not say
    iqa = IQAEnsemble({bright: 1}, chunk_bytes=2*pixels)
    assert calls(bright, lambda: iqa.score(wide)) == [2, 2, 1]

def test_a_metric_without_a_method_has_its_blocks_cut_out(wide):
    bright = Metric(lambda v: v.mean((1, 2, 3)), ScoreSpec('brightness', 0, 1))
    iqa = IQAEnsemble({bright: 1}, chunk_bytes=2**40)
    x = wide[..., :191, :255]                                           # an odd row and column belong to no block
    s = torch.stack([x[..., i:i+95, j:j+127].mean((1, 2, 3)) for i in (0, 95) for j in (0, 127)], 1).view(-1, 1, 2, 2)
    torch.testing.assert_close(iqa.score_and_grid(x)[1], (s/s.mean((2, 3), keepdim=True)).clamp(.5, 2), atol=1e-5, rtol=0)
    assert calls(bright, lambda: iqa.score_and_grid(x)) == [5, 20]      # one pass: pictures, then all their blocks
    assert calls(bright, lambda: iqa.score_and_grid(x, 1)) == [5]
    assert iqa.score_and_grid(x, 1)[1].tolist() == [[[[1.]]]]*5

@pytest.mark.parametrize('name', IQAEnsemble.PRESETS['offline'])
def test_blocks_of_the_whole_agree_with_blocks_cut_out(name, offline, wide, record_property):
    "Within a picture: the definitions differ, the order should not"
    from qualiteacher.degradations import jpeg
    m, xs = offline.metrics[name], [wide, gaussian_noise(wide, .06, gen(1)), jpeg(wide, 15)]
    with torch.no_grad():
        own = torch.cat([m.spec.normalise(m._call(x, 2)[1], False).flatten(1) for x in xs])
        cut = torch.cat([m.spec.normalise(m.raw(I.tiles(x, 2)), False).view(-1, 4) for x in xs])
    keep = cut.std(1) > .02                                             # where there is an order at all
    rho = sum(spearman(a, b) for a, b in zip(own[keep], cut[keep]))/keep.sum().item()
    record_property('measured', f'{name}: blocks from the whole against cut out, rank correlation {rho:.2f} in {keep.sum()} pictures')
    assert keep.sum() >= 6 and rho > .7

def test_blocks_refuse_what_is_too_small(offline, wide):
    for blocks in (0, 3):
        with pytest.raises(ValueError, match='blocks'): offline.score_and_grid(wide, blocks)
    with pytest.raises(ValueError, match='B,3,H,W'): offline.score_and_grid(wide[0])
    with pytest.raises(ValueError, match='NaN'): offline.score_and_grid(wide*float('nan'))

def test_a_map_of_a_grid():
    m = I.grid_to_map(torch.tensor([[[[.5, 1.], [1., 2.]]]]), (64, 96))
    assert m.shape == (1, 1, 64, 96) and abs(m.mean()-1) < 1e-5 and m[0, 0, 0, 0] < m[0, 0, 0, -1] < m[0, 0, -1, -1]
    assert torch.equal(I.grid_to_map(torch.full((2, 1, 1, 1), .7), (4, 5)), torch.ones(2, 1, 4, 5))

# --- precision ---
def test_float32_scores_as_float64(wide, record_property):
    exact, single = IQAEnsemble.preset('offline'), IQAEnsemble.preset('offline', precision='float32')
    xs = [wide, low_light_b(wide, gen(1)), gaussian_noise(wide, .1, gen()), wide*0+.3]
    off, apart = {}, {}
    for x in xs:
        a, b, c = exact.score(x), single.score(x), [single.score(v[None]) for v in x]
        for n in a.raw:
            off[n] = max(off.get(n, 0), (a.per_metric[n]-b.per_metric[n]).abs().max().item())
            alone = torch.cat([s.per_metric[n] for s in c])
            apart[n] = max(apart.get(n, 0), (alone-b.per_metric[n]).abs().max().item())
    record_property('measured', f'float32 against float64: {off}; alone against in a batch: {apart}')
    assert max(off.values()) < 1e-3 and max(apart.values()) < 1e-4
    for x in xs:
        v = x.clone().requires_grad_()
        g, = torch.autograd.grad(single.reward(v).sum(), v)
        assert g.isfinite().all()

def test_precision_can_be_switched(wide):
    iqa = IQAEnsemble.preset('offline')
    before = iqa.score(wide).raw
    iqa.precision = 'float32'
    assert iqa.precision == 'float32' and iqa.metrics['nss'].scorer.precision == 'float32'
    assert not torch.equal(iqa.score(wide).raw['brisque'], before['brisque'])
    iqa.precision = 'float64'
    assert all(torch.equal(v, before[n]) for n, v in iqa.score(wide).raw.items())
    with pytest.raises(ValueError, match='precision'): iqa.precision = 'float16'

def test_float32_keeps_the_contract(pictures): check_scorer(IQAEnsemble.preset('offline', precision='float32'), pictures)

# --- one look at the values, or none ---
def test_the_values_are_looked_at_once(offline, wide, monkeypatch):
    seen, look = [], I._looked_at
    monkeypatch.setattr(I, '_looked_at', lambda x: seen.append(1) or look(x))
    for f in (offline.score, offline.score_and_grid, offline.reward):
        del seen[:]
        checked = f(wide)
        assert len(seen) == 1
        trusted = f(wide, check=False)
        assert len(seen) == 1
        a, b = (r if torch.is_tensor(r) else getattr(r, 'total', None) if not isinstance(r, tuple) else r[1] for r in (checked, trusted))
        assert torch.equal(a, b)

def test_a_score_that_is_no_number_in_the_ensemble(wide):
    m = Metric(lambda x: x.mean((1, 2, 3))/x.std((1, 2, 3)).gt(.01), ScoreSpec('contrast', 0, 1))
    iqa, x = IQAEnsemble({m: .5, 'semantic': .5}), torch.cat([wide[:2], wide[:1]*0+.5])
    with pytest.warns(UserWarning, match='contrast'): assert iqa.score(x).per_metric['contrast'][2] == 0
    with pytest.warns(UserWarning, match='contrast'): s, grid = iqa.score_and_grid(x)
    assert s.per_metric['contrast'][2] == 0 and grid.isfinite().all()
    v = x.clone().requires_grad_()
    with pytest.warns(UserWarning, match='contrast'): iqa.reward(v).sum().backward()
    assert v.grad.isfinite().all()

def test_a_member_without_a_gradient_scores_the_same(offline, wide):
    twin = IQAEnsemble({Metric(m.scorer, m.spec, gradient=n != 'brisque'): offline.weights[n] for n, m in offline.metrics.items()})
    assert torch.equal(twin.score(wide).total, offline.score(wide).total) and abs(twin.reward_coverage-.9) < 1e-9
    def pull(iqa):
        v = wide[:1].clone().requires_grad_()
        return torch.autograd.grad(iqa.reward(v).sum(), v)[0]
    assert not torch.equal(pull(twin), pull(offline)) and pull(twin).abs().max() > 0

@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU here: waiting for CUDA was not checked')
def test_nobody_waits_for_the_gpu(wide):
    iqa, x = IQAEnsemble.preset('offline', precision='float32').cuda(), wide.cuda()
    iqa.calibrate([x, x.flip(-1)*.7], show=False)
    iqa.score_and_grid(x); v = x.clone().requires_grad_(); iqa.reward(v).sum().backward()      # warm: constants are there
    torch.cuda.set_sync_debug_mode('error')
    try:
        s, grid = iqa.score_and_grid(x, check=False)
        iqa.reward(v, check=False).sum().backward()
    finally: torch.cuda.set_sync_debug_mode('default')
    here, g = IQAEnsemble.preset('offline', precision='float32'), grid.cpu()
    here.load_calibration(iqa.calibration_state())
    assert torch.allclose(here.score_and_grid(wide)[0].total, s.total.cpu(), atol=1e-3)
    assert torch.allclose(here.score_and_grid(wide)[1], g, atol=1e-2)

def test_calibration_fills_the_levels_and_survives_a_file(tmp_path, offline):
    iqa = IQAEnsemble.preset('offline')
    ref = torch.stack([load_image(p, 96)[:, :96, :96] for p in sample_paths('train')[:8]])
    ref = torch.cat([ref, *[gaussian_noise(ref*g, s, gen()) for g, s in ((.7, .02), (.4, .05), (.2, .1))]])
    share = iqa.calibrate(list(ref), show=False)
    assert abs(sum(share.values())-1) < .01 and min(share.values()) > .03 and .2 < share[7] < .4, share
    torch.save(iqa.calibration_state(), tmp_path/'c.pt')
    again = IQAEnsemble.preset('offline')
    again.load_calibration(torch.load(tmp_path/'c.pt', weights_only=True))
    assert torch.equal(again.score(ref).total, iqa.score(ref).total)
    order = lambda e: e.score(ref).per_metric['semantic'].argsort()
    assert torch.equal(order(iqa), order(offline))                 # a member keeps its order

def test_monotone_tools():
    from scipy.stats import spearmanr
    a, b = torch.rand(30, generator=gen()), torch.rand(30, generator=gen(1)).mul(5).round()
    assert abs(spearman(a, b)-spearmanr(a, b)[0]) < 1e-9 and math.isnan(spearman(a, a*0))
    y = torch.rand(1, 3, 32, 32, generator=gen())
    for kind in I.SERIES:
        x = I.series(y, kind, 3)
        assert x.shape == (5, 3, 32, 32) and torch.equal(x, I.series(y, kind, 3))
        far = (x-y).flatten(1).norm(dim=1)
        assert (far.diff() > 0).all(), kind                        # every step is further from the picture

# --- pyiqa ---
def test_documented_directions():
    "Our table says what pyiqa's own configuration says"
    cfg = pytest.importorskip('pyiqa.default_model_configs').DEFAULT_CONFIGS
    for n, (worst, best, *_) in I._PYIQA.items():
        assert cfg[n]['metric_mode'] == 'NR' and cfg[n].get('lower_better', False) == (best < worst), n
        lo, hi = (float(v.strip(' ~')) for v in cfg[n]['score_range'].split(','))
        assert (min(worst, best), max(worst, best)) == (lo, hi), (n, cfg[n]['score_range'])

@pytest.mark.parametrize('name', ['hyperiqa', 'cnniqa', 'topiq_nr', 'maniqa'])
def test_nothing_is_fetched_silently(name, monkeypatch, tmp_path):
    pytest.importorskip('pyiqa')
    import socket
    before = socket.getaddrinfo, socket.create_connection
    monkeypatch.setenv('TORCH_HOME', str(tmp_path)); monkeypatch.delenv('QUALITEACHER_WEIGHTS', raising=False)
    with pytest.raises(FileNotFoundError, match='download=True'): pyiqa_metric(name)
    assert (socket.getaddrinfo, socket.create_connection) == before

RANDOM_WEIGHTS = '''
import sys, warnings; from pathlib import Path
import torch
from qualiteacher import iqa
warnings.simplefilter('ignore'); torch.manual_seed(0)
iqa._pkg_resources_shim()
from pyiqa.archs.musiq_arch import MUSIQ
from pyiqa.archs.clip_model import CLIP
d = Path(sys.argv[1])
net = MUSIQ(pretrained=False); torch.nn.init.constant_(net.head.bias, 50)      # 27 million numbers, the mean score 50
torch.save(net.state_dict(), d/'musiq_koniq_ckpt-e95806b9.pth')
clip = CLIP(64, 224, (1,1,1,1), 8, None, 77, 49408, 64, 1, 1).eval()           # a thin one; the file's format is the real one
torch.jit.save(torch.jit.trace(clip, (torch.rand(1,3,224,224), torch.randint(9, (1,77))), check_trace=False), d/'RN50.pt')
'''

NO_PKG_RESOURCES = '''
import importlib.util, os, sys, warnings
import torch
from qualiteacher import iqa
warnings.simplefilter('ignore')
class Gone:                                     # as if pkg_resources were not installed
    def find_spec(self, name, path=None, target=None):
        if name == 'pkg_resources': raise ModuleNotFoundError(name)
real = iqa.find_spec
iqa.find_spec = lambda n: None if n == 'pkg_resources' and n not in sys.modules else real(n)
sys.modules.pop('pkg_resources', None)
sys.meta_path.insert(0, Gone())
'''

PAPER = NO_PKG_RESOURCES+'''
how = dict(weights_dir=sys.argv[1]) if len(sys.argv) > 1 else {}
e = iqa.IQAEnsemble.preset('paper', **how)
assert e.weights == {'musiq': .4, 'brisque': .4, 'clipiqa': .2} and abs(e.reward_coverage-1) < 1e-9
g = torch.Generator().manual_seed(0)
x = torch.rand(3, 3, 14, 16, generator=g).repeat_interleave(8, 2).repeat_interleave(8, 3)*.8
x = (x+.1*torch.rand(x.shape, generator=g)).requires_grad_()
e.reward(x).sum().backward()
assert x.grad.isfinite().all() and (x.grad.flatten(1).abs().amax(1) > 0).all()
for n in ('musiq', 'clipiqa'):
    v = x.detach().requires_grad_(); e.metrics[n](v).sum().backward()
    assert v.grad.isfinite().all() and v.grad.abs().max() > 0, n
    told = iqa.check_scorer(e.metrics[n], x.detach(), tol=1e-4)
told = iqa.check_scorer(e, x.detach())
s = e.score(x.detach())
assert s.total.isfinite().all() and all(0 < v < 1 for v in s.per_metric['musiq'].tolist()), s
print('MEASURED', s.per_metric, sys.modules['pkg_resources'].__spec__)
'''

TWICE = NO_PKG_RESOURCES+'''
for name in ('piqe', 'entropy'): iqa.pyiqa_metric(name)          # twice: the stand-in must not trip the second
assert importlib.util.find_spec('pkg_resources') is not None
from pkg_resources import packaging                               # what CLIP does
assert packaging.version.parse('1.10') > packaging.version.parse('1.9')
'''

@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    "Random weights of MUSIQ and of a CLIP, in the files that pyiqa looks for"
    pytest.importorskip('pyiqa')
    d = tmp_path_factory.mktemp('weights')
    r = run([sys.executable, '-c', RANDOM_WEIGHTS, d])
    assert r.returncode == 0, r.text[-3000:]
    return d

@pytest.mark.parametrize('way', ['weights_dir', 'environment'])
def test_paper_preset_scores_and_pushes_without_pkg_resources(way, weights, record_property):
    "A finite score and a gradient of every member, through pyiqa's own loading"
    args, env = ([weights], {}) if way == 'weights_dir' else ([], {'QUALITEACHER_WEIGHTS': str(weights)})
    r = run([sys.executable, '-c', PAPER, *args], env=clean_env(**env))
    assert r.returncode == 0, r.text[-3000:]
    record_property('measured', f'paper preset, random weights, by {way}: '+r.stdout.split('MEASURED')[1].strip())

def test_paper_preset_without_weights_names_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path)); monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.delenv('QUALITEACHER_WEIGHTS', raising=False)
    with pytest.raises(FileNotFoundError, match='musiq_koniq_ckpt'): IQAEnsemble.preset('paper', weights_dir=tmp_path)

def test_metrics_are_built_without_pkg_resources():
    r = run([sys.executable, '-c', TWICE])
    assert r.returncode == 0, r.text[-3000:]
