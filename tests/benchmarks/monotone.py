"""Raw scores of the offline members on spoiled photographs, and the share of series that fall.

    python tests/benchmarks/monotone.py unlabelled   # nbs/data/judges_unlabelled.csv: to choose weights
    python tests/benchmarks/monotone.py test         # nbs/data/monotone.csv: once, when the judge is final

Kinds and strengths are `qualiteacher.iqa.SERIES`, fixed before any score was looked at. Beside them, on `unlabelled`, two
sets of exposures of a dark version (`low_light_b`): `by hand`, and `base`, the base network's answers to brightened input.
"""
import csv, sys, time
from pathlib import Path
import torch
from qualiteacher.pyramid import load_base
from qualiteacher.degradations import low_light_b
from qualiteacher.images import load_image, psnr, sample_paths, spearman
from qualiteacher.iqa import SERIES, IQAEnsemble, series

DATA = Path(__file__).resolve().parents[2]/'nbs'/'data'
SHORT = 256    # px of the short side
HAND = {'x': lambda x: x, 'x^(1/1.5)': lambda x: x**(1/1.5), '1.8x': lambda x: 1.8*x, '3x': lambda x: 3*x,
        '6x': lambda x: 6*x, '12x': lambda x: 12*x}

@torch.no_grad()
def versions(y, seed, base):
    "(kind, (n,3,H,W)): the clean picture, the series, the exposures"
    yield 'clean', y
    for kind in SERIES: yield kind, series(y, kind, seed)
    if base is None: return
    x = low_light_b(y, torch.Generator().manual_seed(seed))
    shots = [f(x).clamp(0, 1) for f in HAND.values()]
    yield 'by hand', torch.cat(shots)
    yield 'base', torch.cat([base(v).clamp(0, 1) for v in shots[:4]])

def measure(split):
    iqa, rows = IQAEnsemble.preset('offline'), []
    base = load_base('lowlight') if split == 'unlabelled' else None
    for i, path in enumerate(sample_paths(split)):
        y = load_image(path, SHORT)[None]
        for kind, x in versions(y, i, base):
            s, p = iqa.score(x), psnr(x, y.expand_as(x)).clamp(max=99)
            rows += [dict(photo=path.stem, kind=kind, step=k, psnr=f'{p[k]:.2f}', total=f'{s.total[k]:.4f}',
                          **{n: f'{v[k]:.4f}' for n, v in s.raw.items()}) for k in range(len(x))]
        print(i+1, path.stem, flush=True)
    return rows

def write(rows, name):
    with open(DATA/name, 'w', newline='') as f:
        w = csv.DictWriter(f, rows[0], lineterminator='\n'); w.writeheader(); w.writerows(rows)

def falls(rows, col):
    "{kind: share of photographs whose series falls}; a member counts as in the ensemble, clamped to its range"
    spec = {n: m.spec for n, m in IQAEnsemble.preset('offline').metrics.items()}
    f = (lambda v: v) if col == 'total' else (lambda v: spec[col].normalise(v))
    by = {}
    for r in rows: by.setdefault((r['photo'], r['kind']), []).append(float(r[col]))
    out = {}
    for (photo, kind), v in by.items():
        if kind in SERIES: out.setdefault(kind, []).append(spearman(range(5), f(torch.tensor(v))) <= -.9+1e-9)
    return {k: sum(v)/len(v) for k, v in out.items()}

if __name__ == '__main__':
    split, start = sys.argv[1], time.time()
    rows = measure(split)
    if split == 'unlabelled': write(rows, 'judges_unlabelled.csv')
    names = ['total', *IQAEnsemble.preset('offline').metrics]
    share = {n: falls(rows, n) for n in names}
    table = [dict(kind=k, photographs=len(sample_paths(split)), **{n: f'{share[n][k]:.3f}' for n in names}) for k in SERIES]
    table += [dict(kind='all', photographs=len(sample_paths(split)),
                   **{n: f'{sum(share[n].values())/len(SERIES):.3f}' for n in names})]
    if split == 'test': write(table, 'monotone.csv')
    for r in table: print(r)
    print(f'{time.time()-start:.0f} s')
