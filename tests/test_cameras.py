"Cameras: what the notebook does not say: hostile input, sizes, devices; and the benchmark that compares them with real pictures."
import sys
from pathlib import Path
import pytest, torch
from qualiteacher import cameras
from qualiteacher.cameras import (JERLOV, STATISTICS, dim, fog, grainy, log_uniform, night, noise_levels, picture_statistics, process,
                                  random_camera, scene_depth, set_distance, soft_field, tiles, tone, unprocess, untone, water)
from qualiteacher.degradations import dead_leaves, jpeg
from qualiteacher.measures import to_light, to_srgb

sys.path.insert(0, str(Path(__file__).resolve().parent/'benchmarks'))
import degradations_real as bench

def gen(n=0): return torch.Generator().manual_seed(n)
EVERY = dict(night=night, fog=fog, water=water)
each = pytest.mark.parametrize('f', EVERY.values(), ids=EVERY)

@pytest.fixture(scope='module')
def leaves(): return dead_leaves(3, 96, generator=gen())

@each
@pytest.mark.parametrize('shape', [(1, 3, 37, 53), (2, 3, 16, 16), (1, 3, 16, 200)])
def test_any_size(f, shape):
    x = torch.rand(shape, generator=gen())
    y = f(x, gen(1))
    assert y.shape == x.shape and y.dtype == x.dtype and 0 <= y.min() and y.max() <= 1
    assert torch.equal((y*255).round()/255, y)

@each
def test_same_seed_same_picture_and_the_input_stays(f, leaves):
    before = leaves.clone()
    assert torch.equal(f(leaves, gen(2)), f(leaves, gen(2))) and torch.equal(leaves, before)
    assert not torch.equal(f(leaves, gen(2)), f(leaves, gen(3)))

@each
def test_every_picture_has_its_own_draw(f, leaves):
    y = f(leaves[:1].expand(6, -1, -1, -1), gen(1)).mean((2, 3))
    assert len({tuple(v.tolist()) for v in y}) == 6

@each
@pytest.mark.parametrize('value', [0., 1.])
def test_black_and_white(f, value):
    y = f(torch.full((2, 3, 32, 32), value), gen())
    assert y.isfinite().all() and 0 <= y.min() and y.max() <= 1

@each
def test_wrong_shape_is_named(f):
    for bad in (torch.rand(3, 32, 32), torch.rand(1, 1, 32, 32)):
        with pytest.raises(ValueError, match=r'expected \(B,3,H,W\)'): f(bad)

@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@each
def test_same_on_a_gpu(f, leaves):
    near = (f(leaves.cuda(), gen(2), share=0).cpu()-f(leaves, gen(2), share=0)).abs()
    assert near.max() <= 2/255+1e-6 and (near > 1e-6).float().mean() < .02

# --- night ---
def test_without_noise_the_camera_inverts(leaves):
    cam = random_camera(leaves, gen(4), error=1e-6, fade=(1., 1.))
    assert (process(unprocess(leaves, cam), cam)-leaves).abs().max() < 1e-3

@pytest.mark.parametrize('s', [0., .01, .3, 1.])
def test_tone_curve_inverts_and_rises(s):
    x, s = torch.linspace(0, 1, 257), torch.tensor(s)
    assert (untone(tone(x, s), s)-x).abs().max() < 2e-3 and (tone(x, s).diff() > 0).all() and (untone(x, s).diff() > 0).all()

def test_noise_follows_the_line():
    x = torch.zeros(4000, 3, 1, 1)
    a, b = noise_levels(x, torch.full((4000, 1, 1, 1), .5), (.002, .002), (1, 1.0001), gen())
    assert (a/.002-1).abs().max() < 1e-3
    d = b.log()-(2.18*a.log()+1.2)
    assert abs(d.mean()) < .02 and abs(d.std()-.26) < .02
    a4, _ = noise_levels(x, torch.zeros(4000, 1, 1, 1), (.002, .002), (4, 4.0001), gen())
    assert (a4*4/a-1).abs().max() < 1e-3                                       # four counts in a pixel: a quarter of the variance

def test_darker_means_higher_iso():
    x = torch.zeros(500, 3, 1, 1)
    low, high = (noise_levels(x, torch.full((500, 1, 1, 1), d), generator=gen())[0] for d in (0., 1.))
    assert (high > low).all()

def test_red_and_blue_are_noisier_than_green():
    wall = torch.full((16, 3, 64, 64), .5)
    sd = night(wall, gen(), (.03, .03), (0, 0), 0, share=0).std((2, 3)).mean(0)
    assert sd[0] > 1.2*sd[1] and sd[2] > 1.1*sd[1]

def test_jpeg_is_for_a_share(leaves, monkeypatch):
    seen = []
    monkeypatch.setattr(cameras, 'jpeg', lambda x, q: seen.append(q) or jpeg(x, q))
    x = leaves[:1].expand(200, -1, -1, -1)[..., :16, :16]
    cameras.jpeg_some(x, 0, generator=gen()); assert not seen
    cameras.jpeg_some(x, .3, (80, 90), gen()); assert 40 < len(seen) < 80 and min(seen) >= 80 and max(seen) <= 90

def test_backlit_keeps_a_bright_part(leaves):
    raw = torch.full((8, 3, 64, 64), .5)
    y, dark = dim(raw, backlit=1., flare=(0, 0), generator=gen())
    assert (y.amax((1, 2, 3)) > .1).all() and (y.amin((1, 2, 3))/y.amax((1, 2, 3)) < 1/7).all() and dark.max() <= .3

# --- fog and water ---
def test_more_fog_less_contrast(leaves):
    sd = [fog(leaves, gen(1), (b, b), depth=torch.ones(3, 1, 96, 96)).std((1, 2, 3)) for b in (.6, 1.2, 1.8)]
    assert (sd[0] > sd[1]).all() and (sd[1] > sd[2]).all()

def test_fog_at_depth_follows_the_law():
    x, d = torch.full((1, 3, 32, 32), .2), torch.ones(1, 1, 32, 32)
    for light in (0., 1.):
        y = fog(x, gen(), (1., 1.), (.8, .8), 0., light, (1e-9, 2e-9), share=0, depth=d)
        t = torch.tensor(-1.).exp()
        want = .2*t+.8*(1-t) if not light else to_srgb(to_light(x[0, 0, 0, 0])*t+to_light(torch.tensor(.8))*(1-t))
        assert (y-want).abs().max() < 1/255

def test_depth_follows_outlines():
    x = torch.full((1, 3, 128, 128), .2); x[..., 40:90, 40:90] = .8
    d = torch.cat([scene_depth(x, gen(k)) for k in range(8)])
    edge = d.diff(dim=-1).abs()[..., 50:80, 38:41].amax(-1).mean()
    flat = d.diff(dim=-1).abs()[..., 50:80, 10:30].mean()
    assert edge > 3*flat and .0499 < d.min() and d.max() < 1.0001

def test_red_dies_first_in_every_sea_and_clear_coast():
    assert all(r > g for k, (r, g, b) in JERLOV.items() if k not in ('7C', '9C'))
    rows = torch.tensor(list(JERLOV.values()))
    assert (rows.diff(dim=0) > 0).all()                                        # every type is more turbid than the one before

@pytest.mark.parametrize('types', [('10C',), (), ('I', 'x')])
def test_unknown_water_is_named(types, leaves):
    with pytest.raises(ValueError, match='types: expected some of'): water(leaves, gen(), types)

def test_deeper_is_less_red(leaves):
    red = [water(leaves, gen(1), ('III',), (D, D), balance=(0, 0), share=0).mean((2, 3)) for D in (2, 6, 18)]
    r = [v[:, 0]/v[:, 1] for v in red]
    assert (r[0] > r[1]).all() and (r[1] > r[2]).all()

# --- statistics ---
def test_statistics_of_a_batch_are_those_of_its_pictures(leaves):
    both = picture_statistics(leaves)
    assert tuple(both) == STATISTICS
    for i in range(3):
        one = picture_statistics(leaves[i:i+1])
        assert all(torch.allclose(one[k][0], both[k][i], equal_nan=True) for k in STATISTICS)

def test_statistics_of_black_are_finite_or_nan():
    s = picture_statistics(torch.zeros(1, 3, 64, 64))
    assert s['mean'] == 0 and s['neighbours'].isnan() and s['R/G'] == 0 and s['noise at .4'].isfinite() | s['noise at .4'].isnan()

@pytest.mark.parametrize('sigma', [.005, .02, .05])
def test_noise_is_found_beside_texture(sigma, leaves):
    x = .25+.5*leaves
    grain = picture_statistics(x)['noise']/255                                 # leaves have some of their own
    found = picture_statistics(x+sigma*torch.randn(leaves.shape, generator=gen()))['noise']/255
    assert ((found/(grain**2+sigma**2).sqrt()-1).abs() < .15).all()

def test_noise_correlation_is_found():
    x = .5+.02*grainy(torch.zeros(1, 3, 256, 256), .3, gen(), grey=.4)
    s = picture_statistics(x)
    assert .35 < s['neighbours'] < .6 and abs(s['channels']-.4) < .08

def test_small_pictures_and_tiles():
    with pytest.raises(ValueError, match='at least 8 px'): tiles(torch.zeros(3, 7, 30))
    x = torch.arange(3*16*24.).view(3, 16, 24)
    assert torch.equal(tiles(x)[1], x[:, :8, 8:16]) and len(tiles(x)) == 6

def test_distance_of_sets():
    a = torch.randn(4000, generator=gen())
    assert set_distance(a, a) == 0 and abs(set_distance(a, a+2)-2) < .1
    assert set_distance(torch.cat([a, a.new_tensor([torch.nan])]), a) < .01
    with pytest.raises(ValueError, match='two finite'): set_distance(a, torch.tensor([torch.nan]*4))

def test_helpers():
    v = log_uniform(torch.zeros(5000, 3, 1, 1), .01, 1., gen())
    assert v.min() >= .01-1e-6 and v.max() <= 1+1e-6 and abs(v.log10().mean()+1) < .03
    f = soft_field(torch.zeros(4, 3, 40, 60), generator=gen())
    assert f.shape == (4, 1, 40, 60) and (f.amin((1, 2, 3)) == 0).all() and ((f.amax((1, 2, 3))-1).abs() < 1e-5).all()

# --- the benchmark ---
@pytest.mark.parametrize('light', [False, True])
def test_benchmark_tells_where_haze_was_made(light):
    truth = .1+.6*dead_leaves(1, 160, generator=gen(3))
    d = torch.ones(1, 1, 160, 160); d[..., :80] = .5
    to, back = (to_light, to_srgb) if light else ((lambda v: v),)*2
    air = torch.tensor(.9)
    x = torch.cat([back(to(truth)*torch.exp(-b*d)+to(air)*(1-torch.exp(-b*d))) for b in (.3, .8, 1.3, 1.8)])
    srgb, lit, k = bench.disagreement(x)
    assert k > 10 and ((lit < .01 < srgb) if light else (srgb < .01 < lit))

def test_benchmark_finds_noise_by_level():
    wall = torch.linspace(0, .5, 320)[None, None, None].expand(1, 3, 320, 320)
    sigma = torch.tensor([.02, .01, .01])[:, None, None]
    rows = list(bench.noise_by_level([('wall', wall+sigma*torch.randn(wall.shape, generator=gen()))]))
    far = [r for r in rows if float(r['level']) > 20]
    assert {r['channel'] for r in far} == set('RGB')
    for r in far: assert abs(float(r['noise'])/255-(.02 if r['channel'] == 'R' else .01)) < .003

def test_benchmark_needs_the_shared_pictures(monkeypatch, tmp_path):
    monkeypatch.setenv('QUALITEACHER_SHARED', str(tmp_path))
    with pytest.raises(FileNotFoundError, match='QUALITEACHER_SHARED'): bench.inputs('haze', 2)

@pytest.mark.parametrize('k', [dict(exposure=(0, .1)), dict(shot=(.01, .001)), dict(pixels=(0, 5))])
def test_impossible_range_is_named(k, leaves):
    with pytest.raises(ValueError, match=f'{[*k][0]}: expected 0 < low <= high'): night(leaves, **k)
