"""Chroma and contrast of dark inputs, exposed to one mean, beside those of the answers that are wanted: nbs/data/exposed_chroma.csv.

    python tests/benchmarks/exposed_chroma.py      # half a minute on one core

LOL: 38 pictures of the train part, one a scene; here the truth is read, for two means over all pictures.  Made-up: the training photographs.
"""
import csv, sys
from pathlib import Path
import torch
sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'tools'))
from shared_pairs import one_a_scene, shared_pairs
from qualiteacher import cameras
from qualiteacher.degraded_reference import exposures
from qualiteacher.images import load_image, luma, sample_paths
from qualiteacher.measures import to_lab

OUT = Path(__file__).resolve().parents[2]/'nbs'/'data'/'exposed_chroma.csv'

def look(x):
    "Chroma and contrast at a mean of .48"
    y = exposures(x)[0][4:5]
    return to_lab(y)[:, 1:].norm(dim=1).mean().item(), luma(y).std().item()

def pairs():
    "{source: [(input, wanted answer)]}"
    data = one_a_scene(shared_pairs('lowlight', 'train'), 38)
    clean = [load_image(p, 192)[None] for p in sample_paths('train')]
    made = lambda f: [(f(y, torch.Generator().manual_seed(i)), y) for i, y in enumerate(clean)]
    return {'LOL': [(x[None], y[None]) for _, x, y in (data[i] for i in range(len(data)))],
            'night': made(cameras.night), 'short exposure': made(cameras.short_exposure)}

if __name__ == '__main__':
    rows = []
    for source, both in pairs().items():
        (ci, si), (co, so) = (torch.tensor([look(v) for v in side]).mean(0).tolist() for side in zip(*both))
        rows.append(dict(source=source, n=len(both), chroma_in=f'{ci:.2f}', chroma_out=f'{co:.2f}', contrast_in=f'{si:.4f}', contrast_out=f'{so:.4f}'))
        print(rows[-1])
    with OUT.open('w', newline='') as f:
        w = csv.DictWriter(f, list(rows[0]), lineterminator='\n'); w.writeheader(); w.writerows(rows)
