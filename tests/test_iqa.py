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

def test_blocks_go_in_one_call(offline):
    x, sizes = torch.rand(3, 3, 192, 192, generator=gen()), []
    hook = offline.metrics['semantic'].register_forward_pre_hook(lambda *a: None)      # a Metric is called through raw
    raw = offline.metrics['semantic'].raw
    offline.metrics['semantic'].raw = lambda v: sizes.append(len(v)) or raw(v)
    try: offline.block_weights(x)
    finally: del offline.metrics['semantic'].raw; hook.remove()
    assert sizes == [12]

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
