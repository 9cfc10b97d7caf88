"Every loss: values by hand, gradients against finite differences, and properties that hold for all inputs."
import math
import pytest, torch
from hypothesis import given, settings, strategies as st
from torch import nn
from torch.autograd import gradcheck
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.degradations import dead_leaves, gaussian_blur
from qualiteacher.iqa import IQAEnsemble, Metric, ScoreSpec
from qualiteacher.labels import Label, relative_level
from qualiteacher.label_bank import LabelBank
from qualiteacher.losses import (Perceptual, VGGFeatures, contrastive, crop, crop_consistency, other_view, preference, random_box,
                                 start_weights, stay_near, student_at, supervised, view_consistency, weighted_l1)
from qualiteacher.teacher import RECIPES, PseudoLabeler, View, as_views, between_share
from qualiteacher.meter import hacked, watch_meter
from qualiteacher.training import Config, open_reward, without_gradient

for_all = settings(max_examples=40, deadline=None, derandomize=True)
unit = st.floats(0, 1, width=32)
seeds = st.integers(0, 10**6)

def gen(n): return torch.Generator().manual_seed(n)
def pic(seed, n=1, size=8, dtype=torch.float32): return torch.rand(n, 3, size, size, generator=gen(seed), dtype=dtype)
def weight_map(seed, n=1, size=8):
    w = .5+torch.rand(n, 1, size, size, generator=gen(seed), dtype=torch.float64)
    return w/w.mean((2, 3), keepdim=True)
def t(*v): return torch.tensor(v, dtype=torch.float64, requires_grad=True)

class Pixels(nn.Module):
    "Features that can be computed in the head: the picture, and the picture at half the size"
    def forward(self, x): return [x, nn.functional.avg_pool2d(x, 2)]

def l1(a, b): return (a-b).abs().flatten(1).mean(1)

# --- distance to a label ---
def test_weighted_l1_by_hand():
    out, label = torch.zeros(2, 3, 1, 2), torch.zeros(2, 3, 1, 2)
    label[0, :, 0, 0], label[1, 0, 0, 1] = 1, .6
    assert weighted_l1(out, label).tolist() == pytest.approx([.5, .1])
    w = torch.tensor([1.5, .5]).expand(2, 1, 1, 2)
    assert weighted_l1(out, label, w).tolist() == pytest.approx([.75, .05])
    with pytest.raises(ValueError, match='shape'): weighted_l1(out, label[:1])

@for_all
@given(seeds, st.floats(.01, 1))
def test_weighted_l1_properties(seed, shift):
    label, w = pic(seed, 2, dtype=torch.float64), weight_map(seed, 2)
    assert (weighted_l1(label, label, w) == 0).all()
    torch.testing.assert_close(weighted_l1(label+shift, label, w), torch.full((2,), shift, dtype=torch.float64))   # mean one: no scale
    out = (label+shift).requires_grad_()
    weighted_l1(out, label, w).sum().backward()
    torch.testing.assert_close(out.grad, (w/(3*64)).expand_as(out))                   # the map is the gradient

def test_gradients_against_finite_differences():
    a, b, x, w = pic(0, 2, 4, torch.float64), pic(1, 2, 4, torch.float64), pic(2, 2, 4, torch.float64), weight_map(3, 2, 4)
    a.requires_grad_()
    far = Perceptual(Pixels())
    level = torch.tensor([7., 4.], dtype=torch.float64)
    assert gradcheck(lambda a: weighted_l1(a, b, w), a)
    assert gradcheck(lambda a: supervised(far, a, b), a)
    assert gradcheck(lambda a: contrastive(far, a, b, x, level), a)
    assert gradcheck(lambda h, l: preference(h, l, t(.3).detach(), 3., .1), (t(.5), t(.2)))
    lin = nn.Linear(3, 2).double(); start = start_weights([lin])
    with torch.no_grad(): lin.weight += .1
    assert gradcheck(lambda *_: stay_near([lin], start), tuple(lin.parameters()))
    reward = lambda z: z.mean((1, 2, 3))**2
    assert gradcheck(lambda a: view_consistency(lambda z: z*z.mean(), reward, a, a*a.mean(), lambda z: crop(z, (0, 1, 2))), a)

# --- perceptual ---
def test_perceptual_by_hand():
    far, x, y = Perceptual(Pixels()), torch.full((1, 3, 4, 4), .3), torch.full((1, 3, 4, 4), .5)
    assert far(x, y).item() == pytest.approx(.2/(.5+1e-4), rel=1e-5)         # each stage in units of the second picture
    assert far(y, x).item() == pytest.approx(.2/(.3+1e-4), rel=1e-5)
    assert not any(p.requires_grad for p in Perceptual().parameters()) and not Perceptual().train().features.training

def test_vgg_is_read_where_it_is_and_never_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path/'none')); monkeypatch.delenv('QUALITEACHER_WEIGHTS', raising=False)
    with pytest.raises(FileNotFoundError, match='vgg19-dcbb9e9d.pth') as e: VGGFeatures(tmp_path)
    assert str(tmp_path) in str(e.value) and 'https://' in str(e.value)
    from torchvision.models import vgg19
    torch.manual_seed(0)
    with torch.device('meta'): shapes = vgg19().features[:30].state_dict()
    state = {f'features.{k}': torch.randn(v.shape)*(2/max(1, v[0].numel()))**.5 if v.ndim > 1 else torch.zeros(v.shape) for k, v in shapes.items()}
    torch.save({**state, 'classifier.0.bias': torch.zeros(1)}, tmp_path/VGGFeatures.FILE)
    vgg = VGGFeatures(tmp_path)
    maps = vgg(pic(0, 2, 32))
    assert [tuple(m.shape) for m in maps] == [(2, c, 32//s, 32//s) for c, s in ((64, 1), (128, 2), (256, 4), (512, 8), (512, 16))]
    first = nn.functional.conv2d((pic(0, 2, 32)-vgg.mean)/vgg.std, state['features.0.weight'], padding=1).relu()
    torch.testing.assert_close(maps[0], first)
    far = Perceptual(vgg)
    x = pic(0, 1, 32).requires_grad_()
    assert far(x, pic(1, 1, 32)).item() > 0 == far(x, x).item()
    assert torch.autograd.grad(far(x, pic(1, 1, 32)).sum(), x)[0].abs().max() > 0

# --- contrastive ---
@for_all
@given(seeds, st.floats(.02, .98), st.floats(3, 7))
def test_contrastive_on_the_way_from_input_to_label(seed, s, level):
    "With the pixel distance the ratio is known at every point of the way, and falls"
    x, y = pic(seed, dtype=torch.float64), pic(seed+1, dtype=torch.float64)
    d = l1(x, y)
    out = torch.lerp(x, y, s).requires_grad_()
    loss = contrastive(l1, out, y, x, torch.tensor([level]))
    torch.testing.assert_close(loss, level/7*(1-s)*d/(s*d+.05), check_dtype=False)
    loss.sum().backward()
    assert (out.grad*(y-x)).sum() < 0

@pytest.mark.parametrize('seed', range(3))
def test_contrastive_falls_on_a_step_from_input_to_label(seed):
    y = dead_leaves(1, 64, generator=gen(seed)); x = .4*y
    far = Perceptual()
    values = [contrastive(far, torch.lerp(x, y, s), y, x, torch.tensor([7.])).item() for s in (0., .05, .2, .6, 1.)]
    assert values == sorted(values, reverse=True) and values[-1] == 0

@for_all
@given(seeds, st.floats(0, 7))
def test_contrastive_is_off_below_the_threshold(seed, level):
    out = pic(seed).requires_grad_()
    loss = contrastive(l1, out, pic(seed+1), pic(seed+2), torch.tensor([level]), threshold=3.)
    loss.sum().backward()
    assert (loss.item() > 0) == (level >= 3) == bool(out.grad.abs().max() > 0)

def test_supervised_by_hand():
    x, y = torch.full((1, 3, 4, 4), .3), torch.full((1, 3, 4, 4), .5)
    assert supervised(Perceptual(Pixels()), x, y, weight=.1).item() == pytest.approx(.2+.1*.2/(.5+1e-4), rel=1e-5)

# --- preference ---
@for_all
@given(unit, unit, unit, st.floats(.5, 20), st.floats(0, .3))
def test_preference_value_and_signs(high, low, label, beta, delta):
    h, l, r = t(high), t(low), t(label)
    loss = preference(h, l, r.detach(), beta, delta)
    hand = math.log1p(math.exp(-beta*(high-low-delta))) + .5*math.log1p(math.exp(-beta*(high-label)))
    assert loss.item() == pytest.approx(hand, rel=1e-5, abs=1e-9)
    loss.sum().backward()
    assert h.grad < 0 < l.grad and r.grad is None                     # winner up, loser down, the label stays
    steep = lambda d: beta/(1+math.exp(beta*d))
    assert -h.grad.item() == pytest.approx(steep(high-low-delta)+.5*steep(high-label), rel=1e-5)
    assert l.grad.item() == pytest.approx(steep(high-low-delta), rel=1e-5)
    l.grad = h.grad = None
    preference(h, l.detach(), r.detach(), beta, delta).sum().backward()
    assert h.grad < 0 and l.grad is None                              # detached: the loser stays, too

def test_beta_decides_whether_the_margin_matters():
    def slope(beta, d):
        h = t(d); preference(h, t(0.).detach(), t(0.).detach(), beta, .1, anchor=0.).sum().backward(); return h.grad.item()/beta
    assert slope(1., 1.) < -.25                                       # the largest difference there is has not satisfied it
    assert -.001 < slope(10., 1.) < 0 and slope(10., 0.) < -.7
    for beta in (0, -1.):
        with pytest.raises(ValueError, match='beta'): preference(t(.5), t(.4), t(.3), beta)

# --- whose weights ---
def student():
    torch.manual_seed(0)
    s = QualityConditioned(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.GELU(), nn.Conv2d(8, 3, 3, padding=1)), '1', 'film')
    for p in s.condition_parameters(): nn.init.normal_(p, std=.2, generator=gen(1))
    return s

@pytest.mark.parametrize('level', [0., 3.3, 7.])
def test_scope_changes_the_gradient_and_not_the_value(level):
    s, x, grads = student(), pic(0, 2), {}
    for scope in ('all', 'injection'):
        s.zero_grad(); y = student_at(s, x, level, scope)
        assert torch.equal(y, s(x, quality=level))
        y.square().mean().backward()
        grads[scope] = {n: p.grad for n, p in s.named_parameters()}
    for n, g in grads['injection'].items():
        if n.startswith('condition.'): torch.testing.assert_close(g, grads['all'][n])
        else: assert g is None and grads['all'][n].abs().max() > 0
    with pytest.raises(ValueError, match='scope'): student_at(s, x, level, 'net')

@for_all
@given(st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4), st.floats(-1, 1, width=32))
def test_stay_near(weights, shift):
    lin = nn.Linear(4, 1)
    with torch.no_grad(): lin.weight.copy_(torch.tensor([weights])); lin.bias.fill_(1.)
    start = start_weights([lin])
    assert stay_near([lin], start).item() == 0
    with torch.no_grad(): lin.bias += shift
    assert stay_near([lin], start).item() == pytest.approx(((1+shift)-1)**2/(sum(w*w for w in weights)+1), rel=1e-3, abs=1e-9)
    lin.zero_grad(); stay_near([lin], start).backward()
    assert lin.bias.grad.item()*shift >= 0 and (lin.weight.grad == 0).all()          # back to the start, nowhere else

# --- consistency ---
def soft(z): return (z*torch.linspace(.5, 1.5, 3).view(3, 1, 1)).mean((1, 2, 3))

@for_all
@given(seeds, st.floats(.4, 2.5), st.integers(4, 12))
def test_crop_consistency_is_zero_for_a_pointwise_net(seed, gamma, size):
    x, f = pic(seed, 2, 12), lambda z: z**gamma
    box = random_box(x, size, gen(seed))
    assert crop_consistency(f, soft, x, f(x), box).max() < 1e-6
    assert view_consistency(f, soft, x, f(x), other_view('crop', x, size, gen(seed))).max() < 1e-6
    whole = lambda z: z/z.mean((1, 2, 3), keepdim=True)*.4                            # looks at the whole picture
    if size < 8: assert crop_consistency(whole, lambda z: z.amax((1, 2, 3)), x, whole(x), box).max() > 1e-3

def test_a_weave_passes_the_crop_and_not_the_other_views():
    "What the crop cannot see: an artefact that is the same everywhere. Resized or blurred, it does not commute"
    x = dead_leaves(1, 128, generator=gen(0))
    weave = .06*((torch.arange(128)[:, None]+torch.arange(128)) % 2*2-1)
    def f(z): return (z+weave[:z.shape[-2], :z.shape[-1]]).clamp(0, 1)
    def rough(z): return z.diff(dim=-1).abs().mean((1, 2, 3))
    gap = {k: view_consistency(f, rough, x, f(x), other_view(k, x, 96, gen(3))).item() for k in ('crop', 'resize', 'blur')}
    none = {k: view_consistency(lambda z: z, rough, x, x, other_view(k, x, 96, gen(3))).item() for k in gap}
    assert gap['crop'] < .01 and gap['resize'] > .05 and gap['blur'] > .05, gap
    assert max(none.values()) == 0                                                    # doing nothing costs nothing
    with pytest.raises(ValueError, match='kind'): other_view('mirror', x, 96)

def test_independent_crops_charge_a_harmless_net():
    x, f = torch.linspace(0, 1, 16).expand(1, 3, 16, 16), lambda z: z**.7
    assert crop_consistency(f, soft, x, f(x), (0, 0, 8)).item() == 0 < crop_consistency(f, soft, x, f(x), (0, 0, 8), (0, 8, 8)).item()

# --- the weight map ---
FAKE = IQAEnsemble({Metric(lambda x: x.mean((1, 2, 3)), ScoreSpec('bright', 0, 1, 8)): 1.})

@for_all
@given(seeds, st.sampled_from([1, 2, 3]))
def test_the_weight_map_has_mean_one(seed, blocks):
    x = pic(seed, 2, 26)*torch.rand(2, 1, 26, 26, generator=gen(seed+1)).round()
    w = FAKE.block_weights(x, blocks)
    assert w.shape == (2, 1, 26, 26) and not w.requires_grad
    torch.testing.assert_close(w.mean((1, 2, 3)), torch.ones(2))
    assert w.min() > .2 and w.max() < 4.1                             # [.5, 2] before it is brought to mean one

# --- candidates, levels, bank ---
@for_all
@given(seeds, st.sampled_from(sorted(RECIPES)), st.sampled_from([(16, 24), (24, 16), (19, 21)]))
def test_every_recipe_brings_the_picture_home(seed, recipe, size):
    "A teacher that does nothing: geometric views are exact, the others keep size and range"
    x = torch.rand(3, *size, generator=gen(seed))
    views = as_views(recipe)
    y = PseudoLabeler(nn.Identity(), None, recipe).propose(x)
    assert y.shape == (len(views), 3, *size) and 0 <= y.min() and y.max() <= 1
    for v, c in zip(views, y):
        if isinstance(v, View) and (v.geometric or v.name.startswith('strength')): torch.testing.assert_close(c, x)

def test_strength_mixes_and_scale_restores_smaller():
    x = pic(0, 1, 32)[0]
    y = PseudoLabeler(nn.Sequential(), None, [View('a'), *as_views('strength')[1:]]).propose(x)
    half = lambda z: z/2
    class Half(nn.Module):
        def forward(self, z): sizes.append(tuple(z.shape[-2:])); return z/2
    sizes = []
    y = PseudoLabeler(Half(), None, 'strength').propose(x)
    for f, c in zip((1, .33, .66, 1.3), y): torch.testing.assert_close(c, x+f*(x/2-x))
    sizes = []; PseudoLabeler(Half(), None, 'scale').propose(x)
    assert sizes == [(32, 32), (24, 24), (16, 16)]
    names = [v.name for v in as_views('demo+paper+scale')]
    assert len(names) == len(set(names)) == 9
    with pytest.raises(ValueError, match='nonsense'): as_views('demo+nonsense')

def test_an_earlier_teacher_and_any_callable_join():
    x = pic(0, 1, 16)[0]
    class Times(nn.Module):
        def __init__(self, f): super().__init__(); self.f = f
        def forward(self, z, quality=None): return z*self.f + (0 if quality is None else quality/100)
    def sharper(z): return z+.1*(z-gaussian_blur(z, 1.))
    lab = PseudoLabeler(Times(1.), FAKE, [View('identity'), sharper, Times(.5)], blocks=1, earlier=Times(.25))
    p = lab(x)
    assert p.names == ['identity', 'sharper', 'Times', 'earlier']
    torch.testing.assert_close(p.candidates[3], x*.25); torch.testing.assert_close(p.candidates[2], x*.5)
    lab.quality = 7; torch.testing.assert_close(lab.propose(x)[3], x*.25+.07)

@for_all
@given(st.lists(unit, min_size=1, max_size=9))
def test_levels_within_a_picture(scores):
    S = torch.tensor(scores)
    for by in ('rank', 'value'):
        q = relative_level(S, S, by)
        assert ((q >= 0) & (q <= 7)).all()
        order = S.argsort()
        assert (q[order].diff() >= -1e-6).all()                       # a better score never gets a lower level
        if by == 'value' and S.max() > S.min() or by == 'rank' and len(set(scores)) == len(scores) > 1:
            assert q.min() == 0 and q.max() == 7
    if S.max() > S.min(): torch.testing.assert_close(relative_level(S, S, 'value'), 7*(S-S.min())/(S.max()-S.min()), atol=1e-4, rtol=1e-4)

def label(score, step=0, **metrics):
    return Label(torch.zeros(3, 4, 4, dtype=torch.uint8), torch.ones(2, 2), score, metrics or {'m': score}, 'v', step)

@for_all
@given(st.lists(st.lists(unit, max_size=4), min_size=1, max_size=5))
def test_bank_keeps_the_best_ever(rounds):
    bank, ever = LabelBank(top_k=3), []
    for step, scores in enumerate(rounds):
        bank.add('a', [label(s, step) for s in scores], step); ever += scores
    best = sorted(ever, reverse=True)[:3]
    assert [l.score for l in bank.best('a')] == best
    torch.testing.assert_close(bank.best_scores('a'), torch.tensor(best))
    assert sorted(bank.seen('a', remembered=True).tolist()) == pytest.approx(sorted(rounds[-1] + [s for s in _old(best, rounds)]))

def _old(best, rounds):
    "Of the best, those that are not from the last round (equal scores: the older one is kept first)"
    best, last = list(best), list(rounds[-1])
    before = sorted((s for r in rounds[:-1] for s in r), reverse=True)[:3]
    keep = []
    for s in best:
        if s in before: before.remove(s); keep.append(s)
    return keep

def test_bank_ranks_by_either_sum():
    a, b = label(.6, m=.9, n=.1), label(.5, m=.4, n=.8)               # weighted .625 m + .375 n says a, the plain sum b
    for rank, first in (('weighted', .6), ('unweighted', .5)):
        bank = LabelBank(top_k=1, rank=rank); bank.add('x', [a, b])
        assert bank.best('x')[0].score == first
    with pytest.raises(ValueError, match='rank'): LabelBank(rank='plain')

@for_all
@given(st.lists(st.lists(unit, min_size=2, max_size=4), min_size=2, max_size=5))
def test_share_between_pictures(groups):
    g = [torch.tensor(v, dtype=torch.float64) for v in groups]
    every = torch.cat(g)
    if every.var() < 1e-6: return
    within = sum(len(v)*v.var(unbiased=False) for v in g)/len(every)
    assert between_share(g) == pytest.approx((1-within/every.var(unbiased=False)).item(), abs=1e-6)
    assert -1e-9 <= between_share(g) <= 1+1e-9

# --- the judge's reward, and the stop ---
def test_reward_settings():
    a, b = (Metric(lambda x, f=f: f*x.mean((1, 2, 3)), ScoreSpec(n, 0, 1, 1)) for n, f in (('a', 1.), ('b', 4.)))
    iqa = IQAEnsemble({a: .5, b: .5})
    def pull(iqa, f):
        x = torch.full((1, 3, 4, 4), .5, requires_grad=True)
        v = f(iqa, x); return round(v.item(), 4), round(torch.autograd.grad(v.sum(), x)[0].sum().item(), 4)
    closed = lambda iqa, x: iqa.reward(x)
    assert pull(iqa, closed) == (.75, .5)                             # b is clamped at 1 and does not pull
    assert pull(iqa, open_reward) == (1.25, 2.5)                      # open: it does
    still = without_gradient(iqa, ('a',))
    assert pull(still, open_reward) == (1.25, 2.) and pull(iqa, closed) == (.75, .5)
    assert still.reward_coverage == .5 and without_gradient(iqa, ()) is iqa
    with pytest.raises(ValueError, match='names'): without_gradient(iqa, ('musiq',))
    with pytest.raises(ValueError, match='clamp_reward'): Config(clamp_reward=False, calibrate=True)

def test_the_meter_turns():
    rows = [dict(reward=r, piqe=p, psnr=20.) for r, p in ((.5, .5), (.6, .6), (.7, .45), (.8, .4), (.9, .3))]
    assert hacked(rows, ('piqe',), 3) and not hacked(rows[:-1], ('piqe',), 3)
    assert not hacked(rows, {'piqe': .1}, 3) and hacked(rows, {'piqe': .1}, 1)        # a fall of .1 counts
    assert hacked(rows, ('psnr', 'piqe'), 3) and not hacked(rows, ('psnr',), 3)       # any of them is an alarm
    assert not hacked(rows[::-1], ('psnr', 'piqe'), 3)                                # reward falls
    assert not hacked(rows[:3], ('piqe',), 3) and not hacked([], ('piqe',))
    with pytest.raises(ValueError, match='watch'): hacked(rows, ('ssim',), 3)
    class Run:
        class processes: main, tell = True, staticmethod(lambda v: v)
        def __init__(self): self.student, self.meter, self.stopped, self.step = student(), [], '', 0
        def log(self, row): self.meter.append((row['step'], row['meter']))
    t = Run()
    look = watch_meter(lambda model: {k: (v, 0.) for k, v in rows[len(t.meter)].items()}, every=2, watch=('piqe',), times=3)
    while not t.stopped and t.step < 20: t.step += 1; look(t, {})
    assert t.step == 10 and 'step 10' in t.stopped and [s for s, _ in t.meter] == [2, 4, 6, 8, 10] and t.student.training
