"Measures against a truth: what the notebook does not say: hostile input, batches, devices, the wider agreement with scikit-image."
import sys
import numpy as np, pytest, torch
from skimage.color import deltaE_ciede2000, rgb2lab
from conftest import run
from qualiteacher.images import load_image, psnr, sample_paths
from qualiteacher.measures import (MEASURES, RATIOS, aligned, channel_aligned, chroma_ratio, ciede2000, clustered, colour_error,
                                   contrast_ratio, flat_pixels, halo, measure_all, noise_in_flats, to_lab)

def gen(n): return torch.Generator().manual_seed(n)
def last(v): return v.movedim(1, -1).numpy()

EVERY = {**MEASURES, **RATIOS}
by_measure = pytest.mark.parametrize('name', EVERY)

@pytest.fixture(scope='module')
def photos(): return torch.stack([load_image(p, 128)[:, :128, :128] for p in sample_paths('test')[:4]])

@pytest.fixture(scope='module')
def outputs(photos): return (photos*.7+.04*torch.randn(photos.shape, generator=gen(0))).clamp(0, 1)

# Sharma, Wu and Dalal (2005), Color Research and Application 30, table 1, all 34 pairs: L a b, L a b, difference
SHARMA = np.array([float(v) for v in '''
50 2.6772 -79.7751 50 0 -82.7485 2.0425  50 3.1571 -77.2803 50 0 -82.7485 2.8615  50 2.8361 -74.02 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1  50 -1.1848 -84.8006 50 0 -82.7485 1  50 -.9009 -85.5211 50 0 -82.7485 1
50 0 0 50 -1 2 2.3669  50 -1 2 50 0 0 2.3669  50 2.49 -.001 50 -2.49 .0009 7.1792  50 2.49 -.001 50 -2.49 .001 7.1792
50 2.49 -.001 50 -2.49 .0011 7.2195  50 2.49 -.001 50 -2.49 .0012 7.2195  50 -.001 2.49 50 .0009 -2.49 4.8045
50 -.001 2.49 50 .001 -2.49 4.8045  50 -.001 2.49 50 .0011 -2.49 4.7461  50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492  50 2.5 0 61 -5 29 22.8977  50 2.5 0 56 -27 -3 31.9030  50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 .5854 1  50 2.5 0 50 3.2972 0 1  50 2.5 0 50 1.8634 .5757 1  50 2.5 0 50 3.2592 .335 1
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644  63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.248 -4.962 1.8731  35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.694 23.0331 14.973 -42.5619 2.0373  36.4612 47.858 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.441 91.1528 -1.6435 .0447 1.4441  90.9257 -.5406 -.9208 88.6381 -.8985 -.7239 1.5381
6.7747 -.2908 -2.4247 5.8714 -.0985 -2.2286 .6377  2.0776 .0795 -1.135 .9033 -.0636 -.5514 .9082'''.split()]).reshape(-1, 7)

def test_ciede2000_published_pairs():
    assert len(SHARMA) == 34
    v = torch.from_numpy(SHARMA)
    ours = ciede2000(v[:, :3, None, None], v[:, 3:6, None, None])[:, 0, 0]
    assert (ours-v[:, 6]).abs().max() < 6e-5

def test_ciede2000_is_scikit_image():
    "On random colours, on greys (no hue), on black and white, in single precision"
    a, b = torch.rand(2, 3, 90, 70, generator=gen(1)), torch.rand(2, 3, 90, 70, generator=gen(2))
    a[0, :, :20] = a[0, :1, :20]; b[0, :, 10:30] = b[0, :1, 10:30]; a[1, :, 0] = 0; b[1, :, 0] = 1; b[1, :, 5] = a[1, :, 5]
    la, lb = to_lab(a), to_lab(b)
    np.testing.assert_allclose(last(la), rgb2lab(last(a)), atol=1e-3)
    theirs = deltaE_ciede2000(rgb2lab(last(a)), rgb2lab(last(b)))
    np.testing.assert_allclose(ciede2000(la, lb).numpy(), theirs, atol=5e-3)
    assert ciede2000(la, la).max() == 0

def test_photographs_against_scikit_image(photos, outputs):
    a = aligned(outputs, photos)
    theirs = deltaE_ciede2000(rgb2lab(last(a)), rgb2lab(last(photos))).mean((1, 2))
    np.testing.assert_allclose(colour_error(outputs, photos).numpy(), theirs, atol=2e-3)

def test_aligned_psnr_is_the_convention_of_the_field(photos, outputs):
    "GT mean: scale by the ratio of means, clip, then PSNR; here once more in numpy"
    for x, y, ours in zip(outputs.numpy(), photos.numpy(), measure_all(outputs, photos)['aligned psnr'].tolist()):
        z = np.clip(x*(y.mean()/x.mean()), 0, 1)
        assert abs(-10*np.log10(np.square(z-y).mean())-ours) < 1e-3

def test_channel_alignment_is_the_best_straight_line(photos, outputs):
    "No other gain and offset has a smaller error (before the clip)"
    x, y = .3+.4*outputs, .2+.5*photos          # far from the ends, so that nothing is clipped
    best = (channel_aligned(x, y)-y).square().mean((2, 3))
    m = x.mean((2, 3), keepdim=True)
    for gain, off in ((1., 0.), (1.1, 0.), (.9, 0.), (1., .02), (1., -.02)):
        other = gain*(channel_aligned(x, y)-m)+m+off
        assert (best <= (other-y).square().mean((2, 3))+1e-8).all()

@by_measure
def test_one_picture_at_a_time_or_a_batch(name, photos, outputs):
    f = EVERY[name].function
    whole = f(outputs, photos)
    assert whole.shape == (len(photos),) and whole.isfinite().all()
    torch.testing.assert_close(whole, torch.cat([f(x[None], y[None]) for x, y in zip(outputs, photos)]), atol=1e-3, rtol=1e-4)

@by_measure
def test_the_truth_is_the_best_output(name, photos, outputs):
    f, _, better = EVERY[name]
    at_truth, at_output = f(photos, photos), f(outputs, photos)
    if better == 'one': assert (at_truth-1).abs().max() < 1e-3
    else: assert ((at_truth > at_output) if better == 'high' else (at_truth < at_output)).all()

@by_measure
@pytest.mark.parametrize('kind', ['black', 'white', 'beyond', 'grey truth'])
def test_extremes_give_numbers(name, kind, photos):
    "Black output, white output, values outside [0,1], a truth without any structure; noise may be undefined (nan), not infinite"
    x = {'black': 0*photos, 'white': 0*photos+1, 'beyond': 3*photos-1, 'grey truth': photos}[kind]
    v = EVERY[name].function(x, photos if kind != 'grey truth' else 0*photos+.5)
    assert not v.isinf().any() and v.isfinite().all()

@pytest.mark.parametrize('f', [aligned, channel_aligned, colour_error, noise_in_flats, halo, contrast_ratio, chroma_ratio, measure_all])
def test_shapes_that_differ_are_named(f, photos):
    with pytest.raises(ValueError, match=r'x: expected \(B,3,H,W\) in the shape of truth'): f(photos[:, :, 1:], photos)
    with pytest.raises(ValueError, match='x: expected'): f(photos[0], photos[0])

def test_bad_settings_are_named(photos):
    with pytest.raises(ValueError, match='pool'): colour_error(photos, photos, 500)
    with pytest.raises(ValueError, match='share'): flat_pixels(photos, 0.)
    with pytest.raises(ValueError, match='size'): flat_pixels(photos, .1, 6)

def test_noise_of_known_strength(photos):
    "Within 8 % on four photographs of 128 px, from 2 to 16 grey levels; colour noise as the mean over channels"
    for s in (2, 4, 8, 16):
        x = (photos+s/255*torch.randn(photos.shape, generator=gen(s))).clamp(0, 1)
        np.testing.assert_allclose(noise_in_flats(x, photos).numpy(), s, rtol=.08)
    one = torch.zeros(1, 3, 1, 1); one[:, 2] = 1         # only blue is noisy: root of the mean over three channels
    x = photos+8/255*one*torch.randn(photos.shape, generator=gen(3))
    np.testing.assert_allclose(noise_in_flats(x, photos).numpy(), 8/3**.5, rtol=.1)

def test_noise_does_not_see_slow_changes(photos):
    "A soft stain, a tint and an offset are not noise"
    stain = .1*torch.linspace(0, 1, 128)[None, None, None]
    assert noise_in_flats(.85*photos+stain, photos).max() < 1.5
    assert colour_error(.85*photos+stain, photos).min() > 1

def test_flat_pixels_have_the_share_asked_for(photos):
    for share in (.05, .1, .3):
        usable = flat_pixels(photos, 1.).flatten(1).float().mean(1)
        got = flat_pixels(photos, share).flatten(1).float().mean(1)
        assert ((got-share*usable).abs() < .01).all()

def test_clusters_match_the_textbook():
    "Against the sandwich formula written out with matrices"
    g = torch.Generator().manual_seed(0)
    v, scenes = torch.rand(40, generator=g).double(), [i//4 for i in range(40)]
    mean, se = clustered(v, scenes)
    u = (v-v.mean()).reshape(10, 4).sum(1)
    assert abs(mean-v.mean().item()) < 1e-12 and abs(se-(10/9*(u@u).item())**.5/40) < 1e-12
    assert clustered([1., 2.], 'aa')[1] != clustered([1., 2.], 'aa')[1]     # one scene: no error can be had
    assert clustered([float('nan')])[0] != clustered([float('nan')])[0]

def test_import_is_light():
    "scikit-image is for tests"
    code = 'import sys, qualiteacher.measures; assert "skimage" not in sys.modules and "pyiqa" not in sys.modules'
    r = run([sys.executable, '-c', code])
    assert r.returncode == 0, r.text

@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU here')
@by_measure
def test_same_on_a_gpu(name, photos, outputs):
    f = EVERY[name].function
    torch.testing.assert_close(f(outputs.cuda(), photos.cuda()).cpu(), f(outputs, photos), atol=1e-2, rtol=1e-3)

def test_psnr_of_the_dictionary_is_the_library_one(photos, outputs):
    assert torch.equal(measure_all(outputs, photos)['psnr'], psnr(outputs, photos))
    assert measure_all(outputs, photos, RATIOS).keys() == RATIOS.keys()
