"""Restorers on the test part of the shared real pairs, in every measure: nbs/data/real_pairs.csv, numbers only, one line a
restorer and picture; real_pairs_train.csv, restorers on the train
part; real_pairs_seconds.csv, speed.

    python tests/benchmarks/real_pairs.py lowlight                      # about eight minutes on one core
    python tests/benchmarks/real_pairs.py haze underwater --short 256   # as the committed lines were made
    python tests/benchmarks/real_pairs.py lowlight_full             # the same pairs at 600 x 400
    python tests/benchmarks/real_pairs.py lowlight --only night    # rows whose names begin so: replaced, or added
    python tests/benchmarks/real_pairs.py haze underwater --short 192 --train      # and lowlight_full --train
    python tests/benchmarks/real_pairs.py --seconds  # seconds of the processor for a megapixel, one thread

The train part is where first steps, starts and settings of the shipped restorers were chosen; their students have seen its inputs.
Nothing is chosen on the test part: gammas and the target of the mean come from the train part of each task, by mean PSNR.
(`base on gamma 1.5` is a view of the recipe `exposure`; that it is the best of them is known from truth.)
"""
import argparse, csv, sys, time
from functools import partial
from pathlib import Path
import numpy as np, torch, torch.nn.functional as F
from skimage.exposure import equalize_adapthist
sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'tools'))
from shared_pairs import one_a_scene, shared_pairs, shared_pairs_root
from qualiteacher import classical
from qualiteacher.pyramid import load_base
from qualiteacher.degraded_reference import exposures
from qualiteacher.images import load_image, luma, psnr
from qualiteacher.inference import restore, shipped_student
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.measures import RATIOS
from qualiteacher.needs import NEEDS
from qualiteacher.pairs import measure_pairs, pair_measures, pair_table
from qualiteacher.tasks import task as task_of
from qualiteacher.teacher import RECIPES, PseudoLabeler, as_views

DATA = Path(__file__).resolve().parents[2]/'nbs'/'data'
# classical rows beside those of the task
MORE = {'underwater': {'grey world': classical.grey_world}}
DIGITS = {'psnr': 2, 'ssim': 4, 'aligned psnr': 2, 'aligned ssim': 4, 'channel psnr': 2, 'colour': 2, 'cast': 2, 'noise': 2,
          'halo': 3, 'features': 4, 'contrast': 3, 'chroma': 3}
GAMMAS = [round(.2+.1*i, 1) for i in range(79)]          # x^(1/g)
TARGETS = [round(.2+.02*i, 2) for i in range(26)]

# --- classical restorers ---
def gamma(x, g): return x**(1/g)

def to_mean(x, target):
    "The gamma that brings the mean luminance to `target`, by bisection"
    y, low, high = luma(x[None]), .2, 8.
    for _ in range(16):
        g = (low*high)**.5
        low, high = (g, high) if (y**(1/g)).mean() < target else (low, g)
    return x**(1/g)

def clahe(x): return torch.from_numpy(np.stack([equalize_adapthist(c) for c in x.double().numpy()])).float()
def clahe_value(x):
    "CLAHE on the largest channel, the colours scaled with it"
    v = x.amax(0)
    return (x*(torch.from_numpy(equalize_adapthist(v.double().numpy())).float()/v.clamp_min(1e-3))).clamp(0, 1)
def grey_world(x): return (x*(x.mean()/x.mean((1, 2), keepdim=True).clamp_min(1e-3))).clamp(0, 1)

def dark_channel(x, size=15, strength=.95, floor=.1):
    "Dark channel prior (He, Sun and Tang 2009), the transmission smoothed by a guided filter (He et al. 2010)"
    pad = lambda v, r: F.pad(v, (r,)*4, mode='replicate')
    dark = lambda v: -F.max_pool2d(pad(-v.amin(0)[None, None], size//2), size, 1)
    top = dark(x).flatten().topk(x[0].numel()//1000+1).indices
    air = x.flatten(1)[:, top].mean(1)[:, None, None]
    t = 1-strength*dark(x/air.clamp_min(.05))
    box = lambda v, n=61: F.avg_pool2d(F.avg_pool2d(pad(v, n//2), (1, n), 1), (n, 1), 1)
    y = luma(x[None]); m = box(y)
    a = (box(y*t)-m*box(t))/(box(y*y)-m*m+1e-3)
    t = (box(a)*y+box(box(t)-a*m))[0].clamp(floor, 1)
    return ((x-air)/t+air).clamp(0, 1)

# --- what the train part chooses ---
def choose(data, family, values):
    "(value with the best mean PSNR, that PSNR)"
    xy = [data[i][1:] for i in range(len(data))]
    mean = {v: sum(psnr(family(x, v).clamp(0, 1)[None], y[None]).item() for x, y in xy)/len(xy) for v in values}
    return max(mean.items(), key=lambda kv: kv[1])

def lowlight_rows(g, target, root):
    base = load_base('lowlight')
    views = {v.name: v for v in RECIPES['exposure']}
    seen = lambda n: lambda x: restore(base, views[n].forward(x[None])[0])
    lab = PseudoLabeler(base, IQAEnsemble.preset('offline'), 'exposure', blocks=1)
    def pick(x): c = lab.propose(x); return c[lab.iqa.score(c).total.argmax()]
    on = lambda g: lambda x: restore(base, gamma(x, g))
    return {'gamma 2.2': partial(gamma, g=2.2), f'gamma {g} (train)': partial(gamma, g=g),
            f'gamma to mean {target} (train)': partial(to_mean, target=target), 'CLAHE': clahe, 'CLAHE of the value': clahe_value,
            'Zero-DCE': root/'peers'/'Zero-DCE', 'SCI': root/'peers'/'SCI-medium',
            'base': lambda x: restore(base, x),
            **{f'base on {n}': seen(n) for n in views if n != 'identity'},
            'base on gamma 2.2': on(2.2), f'base on mean {target} (train)': lambda x: restore(base, to_mean(x, target)),
            'pixel mean of the candidates': lambda x: lab.propose(x).mean(0), "judge's pick of the candidates": pick}

def exposed(x): return exposures(x[None])[0][4]          # the middle of nine: the mean of the package's photographs

def restorers(task):
    "The shipped restorer of a task, its first step alone, and the classical rows that the library has"
    t = task_of(task)
    base, (student, _) = load_base(t.base), shipped_student(task)
    at = lambda q: lambda x: restore(student, x, q)
    rows = {f'{t.base}: first step':lambda x: NEEDS[task](x[None])(x[None])[0], f'{t.base}: base':lambda x: restore(base, x),
            **{f'{t.base}: student at {q}':at(q) for q in (0, 4, 7)}, f'{t.base}: student, no level':at(None)}
    if task == 'lowlight': return rows | {'exposed to a mean of .48':exposed}
    return rows | {f'library: {n}':lambda x, f=f: f(x[None])[0].clamp(0, 1) for n, f in {**t.classical, **MORE.get(task, {})}.items()
                   if n not in ('dehazed', 'uncast')}

def full_rows():
    "Without peers, whose results are 256 px wide"
    return {'gamma 2.2': partial(gamma, g=2.2)} | restorers('lowlight')

def rows_of(task, root, g, target):
    if task == 'lowlight_full': return full_rows()
    return classical_rows(task, root, g, target) | restorers(task)

def classical_rows(task, root, g, target):
    if task == 'lowlight': return lowlight_rows(g, target, root)
    net = {'haze': 'haze_small'}.get(task)
    own = {'base (haze_small)': partial(restore, load_base(net))} if net else {}
    prior = {'dark channel': dark_channel} if task == 'haze' else {'grey world': grey_world}
    return {f'gamma {g} (train)': partial(gamma, g=g), f'gamma to mean {target} (train)': partial(to_mean, target=target),
            'CLAHE': clahe, 'CLAHE of the value': clahe_value, **prior, **own}

def seconds():
    "Of the processor, a megapixel: median of three, on 0.24 megapixels, one thread"
    torch.set_num_threads(1)
    p = shared_pairs('lowlight_full', 'test').pairs[0]
    x, out = load_image(p.input), {}
    rows = lowlight_rows(2.2, .45, shared_pairs_root())
    rows['dark channel'], rows['grey world'] = dark_channel, grey_world
    for t in ('lowlight', 'haze', 'underwater'):
        rows |= {n: f for n, f in restorers(t).items() if n.endswith((': first step', ': base', 'student at 7')) or 'library' in n or 'exposed' in n}
    for n, f in rows.items():
        if isinstance(f, Path): continue
        f(x); times = []
        for _ in range(3): t = time.process_time(); f(x); times.append(time.process_time()-t)
        out[n] = sorted(times)[1]/(x.shape[1]*x.shape[2]/1e6)
    return out

def write(name, rows, keep=None):
    "All rows, or those of one task in place of the old ones"
    if keep and (DATA/name).is_file():
        with (DATA/name).open(newline='') as f: rows = [r for r in csv.DictReader(f) if r['task'] != keep]+rows
    with (DATA/name).open('w', newline='') as f:
        w = csv.DictWriter(f, list(rows[0]), lineterminator='\n'); w.writeheader(); w.writerows(rows)
    print('wrote', name, len(rows), 'lines')

def replace(rows):
    "New numbers in the places of the old ones; new rows behind those of their task"
    key = lambda r: (r['task'], r['row'], r['name'])
    new = {key(r): r for r in rows}
    with (DATA/'real_pairs.csv').open(newline='') as f: old = list(csv.DictReader(f))
    kept = [new.pop(key(r), r) for r in old]
    order = list(dict.fromkeys(r['task'] for r in [*kept, *rows]))
    write('real_pairs.csv', sorted([*kept, *new.values()], key=lambda r: order.index(r['task'])))

INPUT = {'input': lambda x: x}

def measured(task, rows, data, measures):
    "Lines for a table, which is printed, too"
    made = measure_pairs(rows, data, measures, progress=True)
    for n, v in pair_table(made).items():
        print(f'{n:32}', '  '.join(f'{c} {a:.{DIGITS[c]}f} ({e:.{DIGITS[c]}f})' for c, (a, e) in v.items()), flush=True)
    return [dict(task=task, **{k: f'{r[k]:.{DIGITS[k]}f}' if k in DIGITS else r[k] for k in r}) for r in made]

def on_test_part(task, short, only):
    root, fixed = shared_pairs_root(), only or task == 'lowlight_full'
    g, m = 1., .5
    if not fixed:                                       # the other rows keep the numbers that were chosen
        train = shared_pairs(task, 'train', 128)
        (g, pg), (m, pm) = choose(train, gamma, GAMMAS), choose(train, to_mean, TARGETS)
        print(task, 'train part: gamma', g, f'{pg:.2f} dB; mean', m, f'{pm:.2f} dB', flush=True)
    rows = {n: f for n, f in (INPUT | rows_of(task, root, g, m)).items() if n.startswith(only or '')}
    lines = measured(task, rows, shared_pairs(task, 'test', short), {**pair_measures(), **RATIOS})
    if fixed: return replace(lines)
    write('real_pairs.csv', lines, task)

def labels(name):
    "What each view of a task's recipe makes of the base's answer: the labels of the first round"
    t = task_of(name)
    base = load_base(t.base)
    asks = [PseudoLabeler(base, None, [v], blocks=1) for v in as_views(t.recipe)]
    return {f'label: {a.names[0]}': lambda x, a=a: a.propose(x)[0] for a in asks}

def on_train_part(task, short):
    "The inputs that the students have seen, at most 76 pictures"
    name, few = task.split('_')[0], ('psnr', 'ssim', 'aligned psnr', 'colour', 'noise')
    lines = measured(task, INPUT | restorers(name) | labels(name), one_a_scene(shared_pairs(task, 'train', short), 76),
                     {n: f for n, f in pair_measures().items() if n in few})
    write('real_pairs_train.csv', lines, task)

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('tasks', nargs='*', default=['lowlight', 'haze', 'underwater'], help='all three by default')
    p.add_argument('--short', type=int, help='px of the short side; haze and underwater are larger than 256')
    p.add_argument('--only', help='measure the rows whose name begins so, and leave the others as they are')
    p.add_argument('--train', action='store_true', help='the train part instead')
    p.add_argument('--seconds', action='store_true', help='speed only')
    args = p.parse_args()
    if args.train and args.only: p.error('--only: expected without --train, which measures all its rows')
    if args.seconds:
        write('real_pairs_seconds.csv', [dict(row=n, seconds_a_megapixel=f'{s:.3f}') for n, s in seconds().items()])
        sys.exit()
    for task in args.tasks:
        if args.train: on_train_part(task, args.short)
        else: on_test_part(task, args.short, args.only)
