"""Which labels keep tone and colour?  Short adaptations on real pictures, measured on other scenes: nbs/data/tone_runs.csv.

    python tests/benchmarks/tone_runs.py demo gamma_absolute ...    # a run each, five minutes on an idle core
    python tests/benchmarks/tone_runs.py --keep DIR NAME ...        # and save the averages there, to look at pictures

Unlabelled: the inputs of every other scene of the train part of the shared low-light pairs; their truth is not read.  Measured:
one picture of each of the remaining train scenes, with its truth.  The test part is not touched.  Settings are the demo's (220
steps, 192 px, width 24, one seed) except for what RUNS says.  A row that exists is replaced.
"""
import csv, math, sys, time
from pathlib import Path
import torch
sys.path[:0] = [str(Path(__file__).resolve().parents[1]/'tools'), str(Path(__file__).resolve().parent)]
from label_tone import GAMMAS, ROWS
from shared_pairs import one_a_scene, shared_pairs
from qualiteacher.backbones import SITES, Pairs
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.degradations import low_light_a
from qualiteacher.images import load_image, luma, sample_paths
from qualiteacher.inference import save_student
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.measures import RATIOS, clustered, measure_all
from qualiteacher.pairs import PairSet, pair_measures
from qualiteacher.pyramid import load_base
from qualiteacher.teacher import IDENTITY, RECIPES, View, brighten
from qualiteacher.training import Config, QualiTeacher

OUT = Path(__file__).resolve().parents[2]/'nbs'/'data'/'tone_runs.csv'
LIGHT = [view for view in GAMMAS if view.name != 'gamma 1']
RECIPES['gamma'] = [IDENTITY, *LIGHT]
# the network restores the picture as it is; its answer is exposed afterwards
RECIPES['expose after'] = [IDENTITY, *(View(f'keep colour {g}', finish=lambda y, x, g=g: brighten(y, g)) for g in (2, 4, 8))]

def expose(x, mean):
    "The gain of `brighten` that brings the mean luminance to `mean`, by bisection; (1,3,H,W)"
    low, high = -4., 4.
    for _ in range(16):
        mid = (low+high)/2
        low, high = (mid, high) if luma(brighten(x, math.exp(mid))).mean() < mean else (low, mid)
    return brighten(x, math.exp(mid))
# .5: the median of the clean photographs in data_samples
RECIPES['to a mean'] = [IDENTITY, *(View(f'mean {m}', finish=lambda y, x, m=m: expose(y, m)) for m in (.3, .4, .5))]
RECIPES['gamma 1.6'] = [IDENTITY, *(View(f'gamma {g}', lambda x, g=g: x.clamp(0, 1)**(1/g)) for g in (1.2, 1.4, 1.6))]
# rates of the network's own weights; the condition learns with 1.5e-3 in all of them
FAST, SLOW, PAPER = (dict(lr=lr, injection_lr=round(1.5e-3/lr, 3)) for lr in (3e-4, 1e-5, 5e-5))
RUNS = {
    # what `qualiteacher demo` did until then
    'demo':            dict(recipe='demo', **FAST),
    # better labels by label_tone.csv
    'gamma':           dict(recipe='gamma', **FAST),
    'gamma_absolute':  dict(recipe='gamma', levels='absolute', **FAST),
    'after':           dict(recipe='expose after', **FAST),
    'after_absolute':  dict(recipe='expose after', levels='absolute', **FAST),
    'mean':            dict(recipe='to a mean', **FAST),
    # the network's own weights hardly move, so that the teacher, asked without a level, stays near the base
    'after_slow':      dict(recipe='expose after', **SLOW),
    'demo_paper_rate': dict(recipe='demo', **PAPER),
    'gamma16_paper_rate': dict(recipe='gamma 1.6', **PAPER),
    # what it does today
    'lowlight':        dict(recipe='lowlight', **PAPER),
    'lowlight_fast':   dict(recipe='lowlight', **FAST),
    'lowlight, seed 1': dict(recipe='lowlight', **PAPER, seed=1),
    'demo, seed 1':    dict(recipe='demo', **FAST, seed=1),
    # the strong augmentation leaves the colours of the student's input alone
    'lowlight_keeps_colour': dict(recipe='lowlight', **PAPER, keeps=('tone', 'colour')),
}

class Inputs:
    "Dark pictures without truth"
    def __init__(self, data, short): self.items = [(p.name, load_image(p.input, short)) for p in data.pairs]
    def __len__(self): return len(self.items)
    def __getitem__(self, i): return self.items[i]

def halves():
    data = shared_pairs('lowlight', 'train')
    scenes = sorted(set(data.scenes))
    a, b = (PairSet([p for p in data.pairs if scenes.index(p.scene) % 2 == k], data.task) for k in (0, 1))
    return a, one_a_scene(b, len(set(b.scenes)))

@torch.no_grad()
def measured(net, data, levels):
    "{level: {measure: [values]}}"
    measures, out = {**pair_measures(), **RATIOS}, {}
    for i in range(len(data)):
        _, x, y = data[i]
        batch = torch.cat([net(x[None], **({} if q is None else {'quality': float(q)})) for q in levels]).clamp(0, 1)
        for m, v in measure_all(batch, y[None].expand_as(batch), measures).items():
            for q, one in zip(levels, v.tolist()): out.setdefault(q, {}).setdefault(m, []).append(one)
    return out

def lines(run, values, base, scenes, seconds, levels_seen):
    for q, cols in values.items():
        row = dict(run=run, asked='no level' if q is None else q, n=len(scenes), seconds=f'{seconds:.0f}')
        for m, digits in ROWS.items():
            mean, se = clustered(cols[m], scenes)
            row.update({m: f'{mean:.{digits}f}', f'{m} se': f'{se:.{digits}f}'})
        for m in ('aligned psnr', 'channel psnr', 'cast'):
            d, e = clustered([a-b for a, b in zip(cols[m], base[m])], scenes)
            row.update({f'{m} - base': f'{d:.2f}', f'{m} - base se': f'{e:.2f}'})
        yield {**row, 'levels trained': levels_seen}

def keep(new):
    "Replace rows of the same run"
    old = list(csv.DictReader(OUT.open(newline=''))) if OUT.is_file() else []
    rows = [r for r in old if r['run'] not in {n['run'] for n in new}]+new
    with OUT.open('w', newline='') as f:
        w = csv.DictWriter(f, list(new[0]), lineterminator='\n'); w.writeheader(); w.writerows(rows)

def fresh(seed=0):
    "The small base with a fresh condition"
    torch.manual_seed(seed)
    return QualityConditioned(load_base('lowlight'), at=list(SITES), kind='film')

if __name__ == '__main__':
    names, folder = sys.argv[1:], None
    if '--keep' in names: i = names.index('--keep'); folder = names[i+1]; del names[i:i+2]
    adapt, held = halves()
    print(len(adapt), 'pictures to adapt on,', len(held), 'to measure on; scenes shared:', len(set(adapt.scenes) & set(held.scenes)))
    base = measured(fresh().unwrap().eval(), held, [None])
    keep(list(lines('base', base, base[None], held.scenes, 0, '')))
    for name in names:
        cfg = Config.preset('demo', **RUNS[name])
        pairs = Pairs(sample_paths('train'), low_light_a, cfg.crop)
        t, start = QualiTeacher(fresh(cfg.seed), IQAEnsemble.preset('offline'), Inputs(adapt, cfg.short), pairs, cfg), time.time()
        t.fit(progress=False)
        if folder: save_student(t.teacher.net, Path(folder)/f'{name}.safetensors', task='low light', run=name)
        counts = ' '.join(str(v) for v in t.level_counts().values())
        rows = list(lines(name, measured(t.teacher.net.eval(), held, [None, 0, 4, 7]), base[None], held.scenes, time.time()-start, counts))
        keep(rows)
        for r in rows: print(name, r['asked'], {m: r[m] for m in ROWS}, {k: r[k] for k in r if 'base' in k}, counts, flush=True)
