"""What the preference term does to the pictures, over its weight and the steps of a run: the runs behind `explore_preference` of
12_explorer.  One short run a weight, all from the same seed, looked at while it trains.  Five minutes of one CPU core.
Writes nbs/data/preference.json and one sheet of pictures for each of two test photographs (rows: weights, columns: steps).

    OMP_NUM_THREADS=1 python tests/benchmarks/preference_runs.py
"""
import json
from pathlib import Path
import torch
from PIL import Image
from qualiteacher import experiment as ex
from qualiteacher.pyramid import load_base
from qualiteacher.images import psnr, sample_paths, ssim, to_uint8
from qualiteacher.iqa import IQAEnsemble, pyiqa_metric

DATA = Path(__file__).resolve().parents[2]/'nbs'/'data'
WEIGHTS, STEPS, AT, SHOWN, SEED = (0., .02, .1, .3, 1.), 200, (100, 120, 140, 170, 200), (1, 20), 0

def name(i): return sample_paths('test')[i].stem.replace('_', ' ')

def sheet(rows):
    "(rows, columns) of (3,S,S) in one picture"
    return torch.cat([torch.cat(list(r), 2) for r in rows], 1)

def save(x, path): Image.fromarray(to_uint8(x).permute(1, 2, 0).numpy()).save(path, quality=72, method=6)

@torch.no_grad()
def look(student, x, y, iqa, others):
    "Pictures at level 7, and their means: the reward, the truth, two judges that were not optimised"
    mode = student.training
    out = torch.cat([student.eval()(b, quality=7.).clamp(0, 1) for b in x.split(8)])
    student.train(mode)
    row = dict(score=iqa.score(out).total, psnr=psnr(out, y), ssim=ssim(out, y), **{n: m(out) for n, m in others.items()})
    means = {n: round(v.mean().item(), 4) for n, v in row.items()}
    return out[list(SHOWN)], {**means, 'shown': {name(i): round(row['psnr'][i].item(), 2) for i in SHOWN}}

if __name__ == '__main__':
    torch.set_num_threads(1)
    iqa, base = IQAEnsemble.preset('offline'), load_base('lowlight_small')
    others = {n: pyiqa_metric(n) for n in ('piqe', 'entropy')}
    x, y = ex.held_out('lowlight', 'test')
    s = ex.Setting('condition relative', seed=SEED, steps=STEPS)
    pool = ex.judged(ex.make_pool(s, base, iqa), s)
    seen = []
    class Watched(ex.EMATeacher):
        "The run's own teacher, which looks at the student on its way"
        def update(self, student):
            super().update(student)
            if self.updates.item() in AT: seen.append(look(student, x, y, iqa, others))
    plain, ex.EMATeacher = ex.EMATeacher, Watched
    runs = {}
    for w in WEIGHTS:
        seen.clear()
        ex.ARMS['watched'] = ex.Arm('all', 'relative', w)
        ex.train_arm(ex.Setting('watched', seed=SEED, steps=STEPS), base, pool, iqa, progress=True)
        runs[w] = list(seen)
        print(w, [r['psnr'] for _, r in seen], [r['score'] for _, r in seen], flush=True)
    ex.EMATeacher = plain
    for k, i in enumerate(SHOWN):
        save(sheet([[p[k] for p, _ in runs[w]] for w in WEIGHTS]), DATA/f'preference_{i}.webp')
        save(sheet([[x[i], y[i]]]), DATA/f'preference_{i}_ends.webp')
    json.dump(dict(weights=WEIGHTS, steps=AT, start=STEPS//2, seed=SEED, photographs=len(x), shown=SHOWN, side=ex.SIDE,
                   pictures={name(i): [f'preference_{i}.webp', f'preference_{i}_ends.webp'] for i in SHOWN},
                   rows={str(w): [r for _, r in v] for w, v in runs.items()}),
              (DATA/'preference.json').open('w'), indent=0)
