"""Does the judge that labels see ruin?  Two tables, printed (09b_tasks, lesson 07): rank correlation of the judge with PSNR among the
candidates of one picture (train parts of the shared pairs), and how often a ruined night is preferred to its input.

    python tests/benchmarks/judge_ruin.py                       # three minutes on one core
    python tests/benchmarks/judge_ruin.py --ruined DIR          # results of a restorer for shared/real/lowlight/input, same names

The list of ruined nights was written down after looking at the results of the night restorer of 04ba1ed, before any judge was asked.
"""
import argparse, sys
from functools import partial
from pathlib import Path
import numpy as np, torch
from scipy.stats import spearmanr
sys.path[:0] = [str(Path(__file__).resolve().parents[1]/'tools'), str(Path(__file__).resolve().parent)]
from earlier_guesses import haze_truths, water_truths
from shared_pairs import one_a_scene, shared_pairs, shared_pairs_root
from qualiteacher.classical import clahe, clear_water, dark_channel, exposed, gamma_curve, grey_world, red_back, stretch, three_corrections
from qualiteacher.degraded_reference import DegradedReference, exposures
from qualiteacher.images import load_image, psnr
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.needs import NEEDS, possible_truths

RUINED = '01 08 12 13 14 18 20 25 26 27'.split()
CLASSIC = {'lowlight': lambda x: [gamma_curve(x, 1.5), gamma_curve(x, 2.2), gamma_curve(x, 3.5), exposed(x), clahe(x)],
           'haze': lambda x: [x, *(dark_channel(x, s) for s in (.6, .8, .95)), clahe(x)],
           'underwater': lambda x: [red_back(x), stretch(x), grey_world(x), clear_water(x), three_corrections(x)]}
BEFORE = {'lowlight': exposures, 'haze': partial(haze_truths, strengths=(.65, .8, .95)), 'underwater': water_truths}

def judges(task): return {'now': DegradedReference(partial(possible_truths, task=task)), 'before': DegradedReference(BEFORE[task])}

@torch.no_grad()
def within(task, every=1):
    data = shared_pairs(task, 'train', 192)
    data = one_a_scene(data, 40) if task == 'lowlight' else data
    rank, pick, best = {}, {}, []
    for i in range(0, len(data), every):
        _, x, y = data[i]; x = x[None]; c = NEEDS[task](x)
        cand = torch.cat(CLASSIC[task](x)+[c(x, strength=s) for s in (.3, .7, 1., 1.3)]+[exposed(c(x))]).clamp(0, 1)
        p = psnr(cand, y[None].expand_as(cand)); best.append(p.max().item())
        for k, j in judges(task).items():
            s = j.seeing(x[0]).score(cand).total
            rank.setdefault(k, []).append(spearmanr(s, p)[0]); pick.setdefault(k, []).append(p[s.argmax()].item())
    for k in rank: print(f'{task:11} {len(best)} pictures, {k:7} rank correlation {np.mean(rank[k]):.3f} +- {np.std(rank[k])/len(best)**.5:.3f}, pick {np.mean(pick[k]):.2f} dB, best by truth {np.mean(best):.2f}', flush=True)

@torch.no_grad()
def ruin(folder):
    inputs = shared_pairs_root().parent/'real'/'lowlight'/'input'
    all_ = {'offline': IQAEnsemble.preset('offline'), **judges('lowlight')}
    wins = {k: [] for k in all_}
    for n in RUINED:
        x, y = load_image(inputs/f'{n}.jpg'), load_image(Path(folder)/f'{n}.jpg')
        c = torch.stack([x, gamma_curve(x[None])[0], y])
        for k, j in all_.items():
            s = (j.seeing(x) if hasattr(j, 'seeing') else j).score(c).total
            wins[k].append(bool(s[2] > s[:2].max()))
    for k, v in wins.items(): print(f'{k:8} prefers the ruin to input and gamma in {sum(v)} of {len(v)}')

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--ruined', metavar='DIR'); a = p.parse_args(); torch.set_num_threads(1)
    if a.ruined: ruin(a.ruined)
    else:
        for t in BEFORE: within(t, 3 if t == 'haze' else 1)
