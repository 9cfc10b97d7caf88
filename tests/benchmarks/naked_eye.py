"""What a person sees at once (00b_naked_eye) in results for photographs without truth: nbs/data/naked_eye.csv, one line a restorer and
photograph.  Sets: the shared dark, hazy and underwater photographs (the folder beside the clone, or QUALITEACHER_SHARED), and the clean
photographs of data_samples, which need nothing.

    python tests/benchmarks/naked_eye.py --results 04ba1ed=DIR     # DIR/SET/NAME: results that another version made
    python tests/benchmarks/naked_eye.py --sheet DIR               # also sheets of input | classical | base | answer, worst first
"""
import argparse, csv, sys
from pathlib import Path
import torch
sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'tools'))
from shared_pairs import shared_pairs_root
from qualiteacher.backbones import weights_path
from qualiteacher.pyramid import load_base
from qualiteacher.images import data_root, load_image, resize, save_image
from qualiteacher.inference import load_student, restore
from qualiteacher.naked_eye import SIGHTS, naked_eye
from qualiteacher.tasks import TASKS

OUT = Path(__file__).resolve().parents[2]/'nbs'/'data'/'naked_eye.csv'
FOLDER = {'lowlight': 'lowlight', 'haze': 'hazy', 'underwater': 'underwater'}

def sets():
    "{set: (task, files)}"
    real = shared_pairs_root().parent/'real'
    clean = sorted((data_root()/'clean').glob('*.jpg'))
    return {**{t: (t, sorted((real/f/'input').glob('*.jpg'))) for t, f in FOLDER.items()}, **{f'{t} clean': (t, clean) for t in FOLDER}}

def rows_of(t):
    base, (student, meta) = load_base(t.base), load_student(weights_path(f'{t.student}.safetensors'))
    ask = meta['about'].get('ask', '7')
    return {**{n: lambda x, f=f: f(x[None])[0].clamp(0, 1) for n, f in t.classical.items()}, 'base': lambda x: restore(base, x),
            **{f'student at {q}': lambda x, q=q: restore(student, x, q) for q in (0, 4, 7)},
            'restore': lambda x: restore(student, x, None if ask == 'none' else float(ask))}

def kept(lines):
    "Rows of results that are not given this time"
    if not OUT.is_file(): return []
    new = {(l['set'], l['row']) for l in lines}
    with OUT.open(newline='') as f: return [l for l in csv.DictReader(f) if (l['set'], l['row']) not in new]

def main(results, sheet):
    lines = []
    for s, (task, files) in sets().items():
        rows = rows_of(TASKS[task])
        if 'clean' in s: rows = {n: rows[n] for n in ('base', 'restore')}
        rows |= {n: lambda x, d=d, s=s: None for n, d in results.items()}
        seen = []
        for p in files:
            x, ys = load_image(p), {}
            for n, f in rows.items():
                y = load_image(Path(results[n])/s/p.name) if n in results else f(x)
                ys[n] = y
                v = {k: v.item() for k, v in naked_eye(y[None], x[None]).items()}
                lines.append(dict(set=s, row=n, name=p.stem, mean_in=f'{x.mean():.3f}', mean_out=f'{y.mean():.3f}', **{k: f'{w:.4f}' for k, w in v.items()}))
            worst = max(float(lines[-1-len(results)][k])/m.limit for k, m in SIGHTS.items() if lines[-1-len(results)][k] != 'nan')
            if sheet: seen.append((worst, p.stem, torch.cat([resize(z, 200) for z in (x, *ys.values())], 2)))
        if sheet: [save_image(im, Path(sheet)/s/f'{k:02}_{n}.jpg') for k, (_, n, im) in enumerate(sorted(seen, key=lambda r: -r[0]))]
        for n in rows:
            some = [l for l in lines if l['set'] == s and l['row'] == n]
            at = lambda k: torch.tensor([float(l[k]) for l in some]).nan_to_num(nan=-9)
            u, b = at('unchanged').clamp(max=60), at('black'); b = b[b > -5]
            print(f'{s:17} {n:20} unchanged {u.median():5.1f} worst tenth {u.quantile(.1):5.1f}  black {b.mean() if len(b) else -1:.3f} worst {b.max() if len(b) else -1:.2f}  lines {at("lines").max():.2f} '
                  f'blocks {at("blocks").max():+.2f} blotches {at("blotches").max():.1f} contours {at("contours").max():.3f} burnt {at("burnt").max():.3f}  mean {at("mean_in").mean():.2f} > {at("mean_out").mean():.2f}', flush=True)
    order = list(sets())                                 # of a set all pictures, of a picture all rows
    lines = sorted([*lines, *kept(lines)], key=lambda l: (order.index(l['set']), l['name']))
    with OUT.open('w', newline='') as f: w = csv.DictWriter(f, list(lines[0]), lineterminator='\n'); w.writeheader(); w.writerows(lines)

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--results', nargs='*', default=[], metavar='NAME=DIR'); p.add_argument('--sheet', metavar='DIR')
    a = p.parse_args(); torch.set_num_threads(1)
    main(dict(r.split('=', 1) for r in a.results), a.sheet)
