"""How judges rank the candidates of ONE picture, against truth: numbers only, into nbs/data/judge_within.csv.

    python tests/benchmarks/judge_within.py --work FOLDER [--part train] [--prepare SET ...]

Candidates and their truth measures are made once for each set and kept in FOLDER (300 MB a set; never committed); judging them
again takes minutes.  Real pairs come from the shared folder (see tests/tools/shared_pairs.py).  The test parts are only measured:
nothing here is fitted to them or chosen by them.  Only rows named 'real pairs' see truth of real pictures (20 train pairs).
"""
import argparse, csv, hashlib, math, sys, time, warnings
from pathlib import Path
import torch
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT/'tests'/'tools'))
from shared_pairs import one_a_scene, shared_pairs
from qualiteacher.pyramid import load_base
from qualiteacher.degradations import colour_cast, gaussian_blur, gaussian_noise, haze_b, jpeg, low_light, low_light_b, sharpen
from qualiteacher.degraded_reference import (Comparing, DegradedReference, EVIDENCE, GOOD_MEAN, GOOD_STD, Reference, exposures,
                                             gain_for, re_expose)
from qualiteacher.images import load_image, psnr, sample_paths, spearman, to_uint8
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.measures import MEASURES, measure_all, to_light
from qualiteacher.nss import attack
from qualiteacher.classical import clahe, clear_water, dark_channel, grey_world, guided_filter, red_back, stretch
from earlier_guesses import haze_truths, water_truths
from qualiteacher.teacher import brighten

OUT = ROOT/'nbs'/'data'/'judge_within.csv'
gen = lambda s: torch.Generator().manual_seed(s)
NINE = ['plain', 'gamma 1.3', 'gamma 1.6', 'gamma 2.0', 'gamma 2.5', 'gain 1.5', 'gain 2.0', 'gain 3.0', 'gain 4.0']
COLUMNS = ['data', 'candidates', 'judge', 'picture', 'scene', 'rho_psnr', 'rho_ssim', 'rho_aligned', 'pick_psnr', 'pick_ssim',
           'pick_aligned']

# ---- candidates
def soften(y, r=2, eps=3e-3): return torch.cat([guided_filter(c, c, r, eps) for c in y.split(1, 1)], 1)
def saturate(y, a):
    m = y.mean(1, keepdim=True)
    return (m+a*(y-m)).clamp(0, 1)
def weave(y, amount=.04, period=4):
    h, w = y.shape[-2:]
    i, j = torch.arange(h)[:, None], torch.arange(w)[None]
    return (y+amount*torch.sin(2*3.14159*(i+j)/period)).clamp(0, 1)

def variants(mid, g):
    "One candidate, spoiled in noise, colour and structure"
    return {'denoised':soften(mid), 'blurred':gaussian_blur(mid, 1.2), 'noisy':gaussian_noise(mid, .05, g),
            'cast':colour_cast(mid, .15, g), 'vivid':saturate(mid, 1.6), 'pale':saturate(mid, .5), 'sharp':sharpen(mid, 2.5),
            'jpeg':jpeg(mid, 20), 'weave':weave(mid)}

@torch.no_grad()
def of_night(x, net, g):
    ins = {'plain':x, **{f'gamma {k}':x**(1/k) for k in (1.3, 1.6, 2., 2.5)},
           **{f'gain {k}':(k*x).clamp(0, 1) for k in (1.5, 2., 3., 4.)}}
    c = dict(zip(ins, net(torch.cat([*ins.values()])).clamp(0, 1).split(1)))
    for b in (1.6, 2.5, 4.): c[f'brighter {b}'] = brighten(c['plain'], b)
    c['curve 2.2'], c['CLAHE'] = x**(1/2.2), clahe(x)
    mid = ['gamma 1.6', 'gamma 2.0', 'gain 3.0', 'brighter 2.5'][int(torch.randint(4, (1,), generator=g))]
    return c | variants(c[mid], g)

@torch.no_grad()
def of_haze(x, net, g):
    y = net(x).clamp(0, 1)
    c = {'input':x, 'plain':y, **{f'strength {f}':(x+f*(y-x)).clamp(0, 1) for f in (.5, 1.3, 1.6)}}
    for s in (.6, .8, .95):
        c[f'dark channel {s}'] = dark_channel(x, s)
        c[f'base on dark channel {s}'] = net(c[f'dark channel {s}']).clamp(0, 1)
    c['CLAHE'] = clahe(x)
    return c | variants(c['dark channel 0.8'], g)

@torch.no_grad()
def of_water(x, net, g):
    c = {'input':x, 'red':red_back(x), 'clear':clear_water(x), 'grey':grey_world(x), 'stretch':stretch(x),
         'red grey':grey_world(red_back(x)), 'CLAHE':clahe(x), 'clahe red':clahe(red_back(x))}
    for f in (.5, 1.5): c[f'strength {f}'] = (x+f*(c['clear']-x)).clamp(0, 1)
    c['dark'] = dark_channel(x, .8)
    return c | variants(c['red grey'], g)

TASK = {'low light':('lowlight', of_night, exposures), 'haze':('haze_small', of_haze, haze_truths),
        'underwater':(None, of_water, water_truths)}
# candidates that are themselves among the possible truths: left out of 'others', where the judge would meet itself
OWN = {'haze':('dark channel',), 'underwater':('red', 'clear', 'grey', 'stretch', 'red grey')}

# ---- sets of pictures: (id, scene, input, truth)
def crop256(v, g):
    i, j = (int(torch.randint(0, k-255, (1,), generator=g)) for k in v.shape[-2:])
    return v[..., i:i+256, j:j+256]
def made(splits, f, seed):
    out = []
    for i, p in enumerate([p for s in splits for p in sample_paths(s)]):
        g, y = gen(seed+i), load_image(p, 256)[None]
        if min(y.shape[-2:]) < 256: continue
        y = crop256(y, g)
        out.append((p.stem, p.stem, f(y, g), y))
    return out
def real(task, part, n, short=None):
    d = one_a_scene(shared_pairs(task, part, short), n)
    rows = [(p.name, p.scene, d[i]) for i, p in enumerate(d.pairs)]
    return [(n, s, x[None], y[None]) for n, s, (_, x, y) in rows]
def old_night(y, g): return low_light(y, (.06, .5), (1., 2.4), .12, .003, .005, g)
def camera_night(y, g):
    from qualiteacher.cameras import night
    return night(y, g)
SETS = {'night':('low light', lambda: made(('train', 'unlabelled'), old_night, 5)),
        'camera':('low light', lambda: made(('train', 'unlabelled'), camera_night, 5)),
        'nightdev':('low light', lambda: made(('test',), low_light_b, 99)),
        'lol':('low light', lambda: real('lowlight', 'train', 60)), 'loltest':('low light', lambda: real('lowlight', 'test', 58)),
        'sots':('haze', lambda: real('haze', 'train', 24, 256)), 'sotstest':('haze', lambda: real('haze', 'test', 30, 256)),
        'lsui':('underwater', lambda: real('underwater', 'train', 27, 256)),
        'lsuitest':('underwater', lambda: real('underwater', 'test', 27, 256))}

def make(name, work):
    "Candidates, their truth measures and the offline ensemble's scores, kept in `work`"
    file = work/f'{name}.pt'
    if file.exists(): return torch.load(file, weights_only=False)
    base, views, _ = TASK[SETS[name][0]]
    net, iqa, out = base and load_base(base), IQAEnsemble.preset('offline', precision='float32'), []
    keep = {k:MEASURES[k] for k in ('psnr', 'ssim', 'aligned psnr', 'channel psnr', 'cast')}
    for n, scene, x, y in SETS[name][1]():
        h, w = (v//16*16 for v in x.shape[-2:])
        x, y = x[..., :h, :w], y[..., :h, :w]
        c = views(x, net, gen(int(hashlib.sha1(f'{name}{n}'.encode()).hexdigest()[:8], 16)))
        u = to_uint8(torch.cat([*c.values()]))
        s = None if name in ('night', 'camera') else iqa.score(u.float()/255)
        out.append(dict(id=n, scene=scene, names=list(c), input=to_uint8(x), truth=to_uint8(y), cand=u, total=s and s.total,
                        per=s and s.per_metric, m=measure_all(u.float()/255, y.expand(len(u), -1, -1, -1), keep)))
    work.mkdir(parents=True, exist_ok=True)
    torch.save(out, file)
    return out

# ---- judges: {name: (K,) scores} of one picture's candidates
def of_truth(r):
    "Like `exposures`, but of the truth: what a judge could do that knows everything except how bright it should be"
    return Reference(r['truth'].float()/255, exposures).expected_psnr(r['cand'].float()/255)[:, 0, 0]

@torch.no_grad()
def prepared(name, work):
    "What every judge needs: (record, evidence, scores of the truth at unknown exposure or None), kept in `work`"
    recs, file, (task, _) = make(name, work), work/f'{name}.evidence.pt', SETS[name]
    if not file.exists():
        out = [(Reference(r['input'].float()/255, TASK[task][2]).evidence(r['cand'].float()/255),
                of_truth(r) if name in ('loltest', 'lol', 'nightdev') else None) for r in recs]
        torch.save(out, file)
    return [(r, *v) for r, v in zip(recs, torch.load(file))]

def scores_of(r, e, ceiling, data, learned):
    col = lambda n: e[:, EVIDENCE.index(n)]
    m = GOOD_MEAN+GOOD_STD*col('brightness')
    s = {'ensemble (today)':r['total'], '  its learned metric alone':r['per']['semantic'], 'mean nearest .45':-(m-.45).abs(),
         'exposure prior':-col('brightness squared'), 'colour of the input':col('colour'),
         'structure of the input':col('structure'), 'detail of the input':col('detail'),
         'expected PSNR':col('exposed'), 'expected aligned PSNR':col('aligned'), 'both (DegradedReference)':col('exposed')+col('aligned'), '  .7 and .3':.7*col('exposed')+.3*col('aligned'),
         '  .4, .4 and .2 learned metric':.8*((col('exposed')+col('aligned'))/2-5)/25+.2*r['per']['semantic']}
    if data=='low light' or data=='made nights':
        s |= {n:f(e) for n, f in learned.items()}
        s['truth, exposure unknown'] = ceiling
    return s | {'truth (PSNR)':r['m']['psnr'], 'truth (aligned PSNR)':r['m']['aligned psnr']}

def rows_of(data, candidates, ready, keep, learned, fixed):
    rows, scenes = [], sorted({r['scene'] for r, *_ in ready})
    for k, (r, e, ceiling) in enumerate(ready):
        at = [i for i, n in enumerate(r['names']) if keep(n)]
        m = {c:r['m'][c][at] for c in ('psnr', 'ssim', 'aligned psnr')}
        def row(judge, rho, i):
            rows.append([data, candidates, judge, k, scenes.index(r['scene'])]+[f'{v:.3f}' for v in rho]
                        +[f'{m["psnr"][i]:.2f}', f'{m["ssim"][i]:.3f}', f'{m["aligned psnr"][i]:.2f}'])
        for n, s in scores_of(r, e, ceiling, data, learned).items():
            s = s[at].float()
            row(n, [spearman(s, v.float()) for v in m.values()], int(s.argmax()))
        if fixed in r['names']: row(f'always {fixed}', [math.nan]*3, at.index(r['names'].index(fixed)))
    return rows

def best_fixed(recs, keep):
    "Of train pictures: the candidate with the best mean PSNR"
    names = [n for n in recs[0]['names'] if keep(n)]
    at = [recs[0]['names'].index(n) for n in names]
    return names[int(torch.stack([r['m']['psnr'][at] for r in recs]).mean(0).argmax())]

NIGHTS = {'night':'old nights', 'camera':'camera nights'}
def learn(ready, quality): return Comparing.fit([e for _, e, _ in ready], [quality(r['m']) for r, *_ in ready])
def standing_between(m): return (m['psnr']+m['aligned psnr'])/2

def learned_judges(work, train, nights):
    out = {}
    for n in nights:
        ready = prepared(n, work)
        out[f'comparing, {NIGHTS[n]}'] = learn(ready, standing_between)
    scenes = sorted({r['scene'] for r, *_ in train})[::3]
    twenty = [t for t in train if t[0]['scene'] in scenes][:20]
    return out | {'comparing, + 20 real pairs':learn(ready+3*twenty, standing_between)}

def fooled(data, ready, n=4):
    "Ten steps of 1/255 up a judge's gradient: what do the judges and the truth say?"
    iqa, rows = IQAEnsemble.preset('offline'), []
    judge = DegradedReference(TASK[data][2])
    for r, *_ in ready[::max(1, len(ready)//n)][:n]:
        seen, y, t = judge.seeing(r['input'].float()[0]/255), r['cand'][1:2].float()/255, r['truth'].float()/255
        ups = {'ensemble':iqa.reward, 'seeing':seen.reward,
               'exposed':lambda v: seen.metrics['exposed'](v, clamp=False),
               'aligned':lambda v: seen.metrics['aligned'](v, clamp=False)}
        for name, f in ups.items():
            z = attack(f, y)
            a, b = seen.score(z), seen.score(y)
            change = [(iqa.score(z).total-iqa.score(y).total).item(), (a.total-b.total).item(),
                      *((a.per_metric[k]-b.per_metric[k]).item() for k in ('exposed', 'aligned')), (psnr(z, t)-psnr(y, t)).item()]
            rows.append(dict(name=name, change=change))
    print(f'\nattacks on {data}: mean change of ensemble, seeing, exposed, aligned (0 to 1), PSNR (dB)')
    for name in ups:
        v = torch.tensor([q['change'] for q in rows if q['name']==name])
        print(f'{name:10}', *(f'{u:+.3f}' for u in v.mean(0)))

def speed(ready):
    r = ready[0][0]
    x, y = r['input'].float()/255, r['cand'].float()/255
    def ms(f):
        f()
        t = time.perf_counter(); f()
        return 1e3*(time.perf_counter()-t)
    judge, iqa = DegradedReference(), IQAEnsemble.preset('offline', precision='float32')
    seen = judge.seeing(x[0])
    print(f'\n{tuple(y.shape)}: a reference {ms(lambda: judge.seeing(x[0])):.0f} ms; a candidate: seeing '
          f'{ms(lambda: seen.score(y))/len(y):.1f} ms, ensemble {ms(lambda: iqa.score(y))/len(y):.1f} ms')

if __name__ == '__main__':
    p = argparse.ArgumentParser()
    p.add_argument('--work', type=Path, required=True)
    p.add_argument('--out', type=Path, default=OUT)
    p.add_argument('--part', choices=('train', 'test'), default='test', help='low light. train: for choosing; test: for the table')
    p.add_argument('--data', nargs='+', default=['low light', 'made nights', 'haze', 'underwater'])
    p.add_argument('--nights', nargs='+', choices=list(NIGHTS), default=list(NIGHTS), help='that the comparing judge learns from')
    p.add_argument('--prepare', nargs='+', choices=list(SETS), help='make these sets and stop')
    a = p.parse_args()
    warnings.simplefilter('ignore')
    for n in a.prepare or []: prepared(n, a.work); print(n, flush=True)
    if a.prepare: sys.exit()
    everything, rows = (lambda n: True), []
    train = prepared('lol', a.work)
    learned = learned_judges(a.work, train, a.nights)
    for n, f in learned.items(): print(n, dict(zip(EVIDENCE, (round(v, 2) for v in f.weight.tolist()))))
    used = {t[0]['scene'] for t in train if t[0]['scene'] in sorted({r['scene'] for r, *_ in train})[::3]}
    lol = prepared('loltest', a.work) if a.part=='test' else [t for t in train if t[0]['scene'] not in used]
    for data, ready, sets in (('low light', lol, {'nine':lambda n: n in NINE, 'all':everything}),
                              ('made nights', prepared('nightdev', a.work), {'all':everything})):
        for c, keep in sets.items() if data in a.data else ():
            rows += rows_of(data, c, ready, keep, learned, best_fixed([r for r, *_ in train], keep))
    for data, tr, te in (('haze', 'sots', 'sotstest'), ('underwater', 'lsui', 'lsuitest')):
        if data not in a.data: continue
        mine = OWN[data]
        other = lambda n: not (n in mine or (data=='haze' and n.startswith('dark channel')))
        # the test parts were measured once, with nothing left to choose
        for name, part in ((data, tr), (f'{data} test', te)):
            for c, keep in {'all':everything, 'others':other}.items():
                rows += rows_of(name, c, prepared(part, a.work), keep, {}, best_fixed(make(tr, a.work), keep))
    with a.out.open('w', newline='') as f: csv.writer(f, lineterminator='\n').writerows([COLUMNS, *rows])
    for data, c in dict.fromkeys((r[0], r[1]) for r in rows):
        print(f'\n{data}, {c}')
        for j in dict.fromkeys(r[2] for r in rows if r[:2]==[data, c]):
            v = torch.tensor([[float(q) for q in r[5:]] for r in rows if r[:3]==[data, c, j]])
            print(f'{j:30}', *(f'{q:7.3f}' for q in v.nanmean(0).tolist()))
    if 'low light' in a.data: speed(lol); fooled('low light', lol)
