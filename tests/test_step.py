"""The batched step against a slow one: one picture, one view, one label at a time, written for reading.

The slow step shares with the package what is not arithmetic of the step: the networks, the judge (asked for one candidate
at a time), the features, the order of the pictures, and the draws of the random generators. Everything else (candidates, gates, bank, levels, losses, weights, EMA) is written out again.
"""
import copy, dataclasses, math, time
import pytest, torch, torch.nn.functional as F
from torch import nn
from qualiteacher.backbones import Pairs
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.data import batch_at, generator
from qualiteacher.degradations import dead_leaves, low_light_a, strong_augment, weak_augment
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.teacher import brighten
from qualiteacher.training import Config, QualiTeacher, training_step

class Net(nn.Module):
    "Just large enough to have a bottleneck"
    def __init__(self, c=6):
        super().__init__()
        self.down, self.mid, self.out = nn.Conv2d(3, c, 3, 2, 1), nn.Conv2d(c, c, 3, 1, 1), nn.Conv2d(c, 12, 3, 1, 1)
    def forward(self, x): return 1.5*x + .1*F.pixel_shuffle(self.out(F.gelu(self.mid(F.gelu(self.down(x))))), 2)

class Two:
    "Two dark pictures, one upright and one lying"
    def __init__(self, n=2):
        leaves = dead_leaves(n, 256, generator=torch.Generator().manual_seed(3))
        self.x = [(.3*l[:, :, :200]).clamp(0, 1) if i % 2 == 0 else (.5*l[:, :196]**1.5).clamp(0, 1) for i, l in enumerate(leaves)]
    def __len__(self): return len(self.x)
    def __getitem__(self, i): return f'picture {i}', self.x[i]

class Four(Two):
    def __init__(self): super().__init__(4)

def make(out=None, on_step=(), real=None, **changes):
    torch.manual_seed(0)
    student = QualityConditioned(Net(), at='mid', kind='film')
    for p in student.condition_parameters(): nn.init.normal_(p, std=.1)
    cfg = Config.preset('smoke', **{**dict(batch=2, pairs_batch=3, preference_start=1, calibrate=False, passes=2, ema_warmup=False,
                                           w_preference=1., w_crop=1., w_contrast=1., w_stay=1., share_every=1000,
                                           channels_last=False), **changes})
    return QualiTeacher(student, IQAEnsemble.preset('offline'), real or Two(), Pairs([], low_light_a, 96, leaves=1), cfg, out, 'cpu', on_step=on_step)

# --- the slow step ---
def flip(d): return lambda x: x.flip(d)
def expose(gain, power): return lambda x: (gain*x**power).clamp(0, 1)
def turn(k): return lambda x: x.rot90(k, (2, 3))
def same(x): return x
SHAPES = [('hflip', flip(3), flip(3)), ('vflip', flip(2), flip(2)), ('rot90', turn(1), turn(-1))]
TONES = [('gamma 1.5', expose(1, 1/1.5), same), ('gain 1.8', expose(1.8, 1), same), ('gain 3', expose(3, 1), same)]
LATER = [(f'brighter {g}', same, lambda y, g=g: brighten(y, g)) for g in (1.6, 2.5, 4.)]          # the answer, exposed
RECIPES = {'paper': SHAPES, 'demo': [('identity', same, same), *TONES, *SHAPES], 'lowlight': [('identity', same, same), *LATER]}

def std(values):
    m = sum(values)/len(values)
    return (sum((v-m)**2 for v in values)/len(values))**.5

def passes(value, seen):
    "At most the 90 % quantile of what was seen before this step?"
    seen = sorted(seen)
    if len(seen) < 16: return True
    place = .9*(len(seen)-1)
    low = int(place)
    return value <= seen[low] + (place-low)*(seen[min(low+1, len(seen)-1)] - seen[low])

def block_map(iqa, y):
    "The weights of 2 x 2 blocks, made smooth, mean 1"
    m = F.interpolate(iqa.score_and_grid(y, 2)[1], y.shape[2:], mode='bilinear')
    return m/m.mean()

def level(score, seen, how):
    if how == 'absolute': return min(10*score, 7)
    return min(7*sum(s < score for s in seen)/(len(seen)-1), 7)

def distance(features, a, b):
    d = []
    for fa, fb in zip(features(a.clamp(0, 1)), features(b.clamp(0, 1))):
        d.append((fa-fb).abs().mean()/(fb.detach().abs().mean()+1e-4))
    return sum(d)/len(d)

def minus_log_sigmoid(v): return (1+(-v).exp()).log()

def literal_step(t):
    "Losses, gradients and the teacher's weights of one step; changes nothing of `t`"
    c, iqa, features, student = t.cfg, t.iqa, t.distance.features, t.student
    def draw(*what): return generator(c.seed, t.step, *what)
    losses, grads = {}, {n: torch.zeros_like(p) for n, p in student.named_parameters()}
    names, params = zip(*student.named_parameters())
    def add(name, loss, share=1., only=''):
        "Add a share of a loss, and its gradient on the parameters whose name begins with `only`"
        losses[name] = losses.get(name, 0) + share*loss.item()
        if not loss.requires_grad: return
        for n, g in zip(names, torch.autograd.grad(share*getattr(c, f'w_{name}')*loss, params, allow_unused=True)):
            if g is not None and n.startswith(only): grads[n] += g

    # 1 to 4: candidates, scores, gates, bank
    pictures = [t.real[i] for i in batch_at(t.step, len(t.real), c.batch, c.seed)]
    bank, last, seen = {}, {}, {}
    for key, x in pictures:
        rows = []
        for name, there, back in RECIPES[c.recipe]:
            with torch.no_grad(): y = back(t.teacher.net(there(x[None]))).clamp(0, 1)
            s = iqa.score(y)
            rows.append((name, y, s.total.item(), [v.item() for v in s.per_metric.values()]))
        keep = [passes(std(r[3]), t.gates.metric.seen.tolist()) for r in rows]
        turned = [r[2] for r in rows if r[0] in ('identity', 'hflip', 'vflip', 'rot90')]
        agree = passes(std(turned), t.gates.views.seen.tolist())
        seen[key] = [r[2] for r in rows]
        last[key] = [((y*255).round().to(torch.uint8).float()/255, block_map(iqa, y), S)
                     for (_, y, S, _), k in zip(rows, keep) if k and agree]
        old = [(l.tensors()[0][None], l.tensors()[1][None], l.score) for l in t.bank.best(key)]
        bank[key] = sorted(old+last[key], key=lambda r: -r[2])[:c.top_k]

    # 5: the student on each label
    passed, trained = [], t.trained.tolist()
    for key, x in pictures:
        labels, rng = bank[key] if c.labels == 'bank' else last[key] or bank[key], draw('labels', key)
        if not labels: continue
        order = torch.randperm(len(labels), generator=rng)[:c.passes].tolist()
        top, left = (int(torch.randint(n-c.crop+1, (1,), generator=rng)) for n in x.shape[1:])
        def cut(z): return z[0, :, top:top+c.crop, left:left+c.crop]
        for i in order:
            y, w, S = labels[i]
            x0, y0, w0 = weak_augment(cut(x[None]), cut(y), cut(w), generator=rng)
            passed.append((strong_augment(x0[None], rng, 'tone' not in c.keeps, c.keeps), x0[None], y0[None], w0[None], level(S, seen[key], c.levels)))
            trained.append(passed[-1][-1])
    for aug, x, y, w, q in passed:
        out = student(aug, quality=q)
        add('label', (w*(out-y).abs()).mean(), 1/len(passed))
        out = student(aug, quality=q)
        ratio = distance(features, out, y)/(distance(features, out, x)+.05)
        add('contrast', q/7*ratio if q >= c.contrast_level else 0*ratio, 1/len(passed))

    # 6: the supervised pairs
    for j in range(c.pairs_batch):
        x, y = t.pairs.batch(1, generator(c.seed, 'pair', t.step, j))
        out = student(x)
        add('pairs', (out-y).abs().mean() + .1*distance(features, out, y), 1/c.pairs_batch)

    # 7 and 8: preference, cropped consistency, regulariser
    if t.step >= c.preference_start:
        lows, only = sorted(q for q in trained[-1024:] if q <= 5), 'condition.' if c.scope == 'injection' else ''
        chosen = [(k, x[None]) for k, x in pictures if bank[k]][:c.reward_pictures]
        for key, x in chosen:
            low, share = lows[int(torch.randint(len(lows), (1,), generator=draw('low', key)))], 1/len(chosen)
            r7, rl = (iqa.reward(student(x, quality=q).clamp(0, 1)) for q in (7., low))
            if c.detach_loser: rl = rl.detach()
            scores = [s for _, _, s in bank[key]]
            r0 = max(scores) if c.anchor == 'best' else min(scores)
            add('preference', (minus_log_sigmoid(c.beta*(r7-rl-c.delta)) + .5*minus_log_sigmoid(c.beta*(r7-r0))).sum(), share, only)
            n, boxes = min(c.consistency_crop, *x.shape[2:]), []
            for i in range(2 if c.independent_crops else 1):
                rng = draw('look', i, key)
                boxes.append([int(torch.randint(m-n+1, (1,), generator=rng)) for m in x.shape[2:]])
            (a, b), (i, j) = boxes[0], boxes[-1]
            outside = iqa.reward(student(x, quality=7.).clamp(0, 1)[:, :, a:a+n, b:b+n])
            inside = iqa.reward(student(x[:, :, i:i+n, j:j+n], quality=7.).clamp(0, 1))
            add('crop', (outside-inside).abs().sum(), share, only)
        far = sum(((p-s)**2).sum() for p, s in zip(student.net.mid.parameters(), t.start))
        add('stay', far/sum((s**2).sum() for s in t.start))
    return losses, grads

# --- the comparison ---
SETTINGS = {
    'ours': dict(recipe='lowlight', labels='all', levels='relative', anchor='best'),
    'paper': dict(recipe='paper', labels='bank', levels='absolute', anchor='worst', scope='all', detach_loser=False),
    'independent crops, beta 10': dict(recipe='demo', labels='all', levels='relative', independent_crops=True, beta=10., scope='all'),
    'another memory layout': dict(recipe='demo', labels='all', levels='relative', channels_last=True),
    'two rewards, the whole bank': dict(labels='all', levels='relative', reward_pictures=2, consistency_crop=100, scope='all'),
}

@pytest.mark.parametrize('name', SETTINGS)
def test_batched_step_equals_the_literal_one(name, record_property):
    t = make(**SETTINGS[name])
    for step in (0, 1):                                           # the second with preference, bank and gates in use
        t0 = time.time(); losses, grads = literal_step(t); slow = time.time()-t0
        before = copy.deepcopy(t.teacher.net.state_dict())
        t0 = time.time(); done = training_step(t); fast = time.time()-t0
        logs = t.read(done)
        terms = {'label', 'contrast', 'pairs'} | ({'preference', 'crop', 'stay'} if step else set())
        assert set(losses) == terms and terms <= set(logs), 'the same terms'
        for n in terms: assert logs[n] == pytest.approx(losses[n], abs=1e-4), (step, n)
        assert logs['total'] == pytest.approx(sum(getattr(t.cfg, f'w_{n}')*v for n, v in losses.items()), abs=1e-4)
        norm = sum(g.square().sum() for g in grads.values())**.5
        for n, p in t.student.named_parameters():
            # another layout rounds differently, and the sign of a difference near zero is the gradient of an L1 term
            tol = 20 if t.cfg.channels_last else 1
            torch.testing.assert_close(p.grad, grads[n]/max(1., norm), atol=tol*1e-4*float(p.grad.abs().max()+1e-3),
                                       rtol=tol*1e-3, msg=f'{step} {n}')
            assert p.grad.abs().max() > 0, n
        for k, v in t.teacher.net.state_dict().items():           # EMA, after the optimiser's step
            torch.testing.assert_close(v, t.cfg.decay*before[k] + (1-t.cfg.decay)*t.student.state_dict()[k], atol=1e-6, rtol=1e-5)
        t.step += 1
    record_property('measured', f'step, {name}: batched {fast:.2f} s, one at a time {slow:.2f} s')

def test_the_comparison_can_fail():
    "Another setting on one side only is noticed"
    t = make(); training_step(t); t.step += 1
    losses, grads = literal_step(t)
    def size(g): return sum(v.square().sum() for v in g.values())**.5
    for change in (dict(detach_loser=False), dict(anchor='worst'), dict(levels='absolute'), dict(scope='all')):
        was, t.cfg = t.cfg, dataclasses.replace(t.cfg, **change)
        other, g = literal_step(t)
        t.cfg = was
        apart = size({n: g[n]-grads[n] for n in g})/size(grads)
        assert apart > 1e-3 or any(abs(other[n]-losses[n]) > 1e-3 for n in losses), change
