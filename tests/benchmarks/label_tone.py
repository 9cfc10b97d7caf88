"""Where tone and colour get lost: the labels of the low-light demo, measured against the truth of real pairs.

    python tests/benchmarks/label_tone.py           # nbs/data/label_tone.csv, about ten minutes on one core
    python tests/benchmarks/label_tone.py --n 4     # a look, nothing is written
    python tests/benchmarks/label_tone.py --only shipped    # after new weights: rows with this word, in their old places

60 pictures of the train part of the shared low-light pairs (see tests/tools/shared_pairs.py), one a scene where possible; their
truth is used for this diagnosis only.  No training happens here.  Groups of rows:

    reference   no label: input, gamma 2.2, base, shipped student
    view        what the base makes of each view of the recipe `demo`, and what the shipped average makes of it (no level)
    relative    labels of the base by their level within the picture, in steps of one
    top view    which view the label at the relative level 7 came from (n says how often)
    absolute    labels of the base by the absolute level of the calibrated judge
    remedy      other labels that need no training
    remedy top  the label at the relative level 7 of other recipes
"""
import argparse, csv, sys
from pathlib import Path
import torch, torch.nn.functional as F
sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'tools'))
from shared_pairs import one_a_scene, shared_pairs
from qualiteacher.pyramid import load_base
from qualiteacher.degradations import gaussian_blur
from qualiteacher.images import luma
from qualiteacher.inference import shipped_student
from qualiteacher.iqa import IQAEnsemble, score_to_level
from qualiteacher.labels import relative_level
from qualiteacher.measures import RATIOS, clustered, measure_all
from qualiteacher.pairs import pair_measures
from qualiteacher.teacher import RECIPES, PseudoLabeler, View, brighten

OUT = Path(__file__).resolve().parents[2]/'nbs'/'data'/'label_tone.csv'
ROWS = {'psnr': 2, 'ssim': 4, 'aligned psnr': 2, 'aligned ssim': 4, 'channel psnr': 2, 'colour': 2, 'cast': 2, 'noise': 2,
        'halo': 3, 'features': 4, 'contrast': 3, 'chroma': 3}
DIFFERENCES = ['aligned psnr', 'channel psnr']           # to the base, picture by picture

# --- views that are not in the recipe ---
def view(name, f): return View(name, lambda x: f(x).clamp(0, 1))
GAMMAS = [view(f'gamma {g}', lambda x, g=g: x.clamp(0, 1)**(1/g)) for g in (1, 1.3, 1.6, 2)]
# gains of linear light: 4 and 8 are about 1.8 and 2.5 in sRGB numbers
COLOUR = [View('identity'), *(view(f'keep colour {g}', lambda x, g=g: brighten(x, g)) for g in (2, 4, 8))]

def bilateral(x, sigma=1.5, tone=.06, radius=3):
    "Mean of neighbours, weighted by nearness in place and in colour (Tomasi and Manduchi 1998)"
    p, h, w = F.pad(x, (radius,)*4, mode='replicate'), *x.shape[-2:]
    total, norm = torch.zeros_like(x), torch.zeros_like(x[:, :1])
    for i in range(2*radius+1):
        for j in range(2*radius+1):
            v = p[..., i:i+h, j:j+w]
            k = torch.exp(-((i-radius)**2+(j-radius)**2)/(2*sigma**2)-(v-x).square().sum(1, keepdim=True)/(2*3*tone**2))
            total += k*v; norm += k
    return total/norm

def scaled(y, like):
    "`y` at the mean brightness of `like`"
    return (y*(like.mean()/y.mean((1, 2, 3), keepdim=True).clamp_min(1e-6))).clamp(0, 1)

# --- the labels of one picture ---
class Bench:
    def __init__(self, data):
        self.data, self.base = data, load_base('lowlight')
        self.student = shipped_student()[0]            # in the committed table: the student of commit 04ba1ed
        self.judge = IQAEnsemble.preset('offline')
        labeler = lambda net, recipe: PseudoLabeler(net, self.judge, recipe, blocks=1)
        self.demo, self.average = labeler(self.base, 'demo'), labeler(self.student, RECIPES['exposure'])
        self.gamma, self.colour = labeler(self.base, GAMMAS), labeler(self.base, COLOUR)
        self.today = labeler(self.base, 'lowlight')
        some = [self.demo.propose(data[i][1]) for i in range(0, len(data), max(1, len(data)//16))]
        self.judge.calibrate(some, show=False)               # as a run does before its first step

    def ranked(self, candidates):
        "(levels within the picture, absolute levels)"
        S = self.judge.score(candidates).total
        return relative_level(S, S), score_to_level(S)

    @torch.no_grad()
    def rows(self, x, words=('',)):
        "(group, row, picture) of every label of the picture x (3,H,W) that has one of the words in its name, and of the base"
        for group in (self.references(x), self.labels(x) if '' in words else (), self.recipes(x, words)):
            for g, r, p in group:
                if r == 'base' or any(w in r for w in words): yield g, r, p

    def references(self, x):
        z = x[None]
        yield 'reference', 'input', z
        yield 'reference', 'gamma 2.2', z**(1/2.2)
        yield 'reference', 'base', self.base(z)
        yield 'reference', 'shipped, no level', self.student(z)
        for q in (0, 4, 7): yield 'reference', f'shipped at {q}', self.student(z, quality=float(q))
        for v, y in zip(self.average.views, self.average.propose(x)): yield 'view', f'shipped, no level: {v.name}', y[None]

    def labels(self, x):
        z, c = x[None], self.demo.propose(x)
        names = [v.name for v in self.demo.views]
        for n, y in zip(names, c): yield 'view', f'base: {n}', y[None]
        rel, ab = self.ranked(c)
        for q, a, y in zip(rel, ab, c):
            yield 'relative', f'level {round(q.item())}', y[None]
            yield 'absolute', f'level {int(a)}', y[None]
        yield 'top view', names[rel.argmax()], c[rel.argmax()][None]
        yield from self.remedies(x, z, c, rel)

    def remedies(self, x, z, c, rel):
        top = c[rel.argmax()][None]
        yield 'remedy', 'top label (as taught at 7)', top
        yield 'remedy', 'top, Gaussian 0.7', gaussian_blur(top, .7)
        yield 'remedy', 'top, bilateral', bilateral(top)
        yield 'remedy', 'base: identity, bilateral', bilateral(c[:1])
        yield 'remedy', 'pixel mean of all', c.mean(0, keepdim=True)
        best3 = c[rel.argsort(descending=True)[:3]]
        yield 'remedy', 'pixel mean of the best three', best3.mean(0, keepdim=True)
        yield 'remedy', 'all at the brightness of the top, mean', scaled(c, top).mean(0, keepdim=True)
        yield 'remedy', 'identity at the brightness of the top', scaled(c[:1], top)
        # colours of the base, brightness by place of the top label
        yield 'remedy', 'luma of the top, colours of identity', (c[:1]*(luma(top)/luma(c[:1]).clamp_min(.01))).clamp(0, 1)
        for g in (1.5, 2): yield 'remedy', f'base, then gamma {g}', c[:1]**(1/g)
        for g in (1.8, 3): yield 'remedy', f'base, then gain {g}', (g*c[:1]).clamp(0, 1)
        for g in (2, 4, 8): yield 'remedy', f'base, then keep colour {g}', brighten(c[:1], g)

    def recipes(self, x, words):
        c = self.base(x[None]).clamp(0, 1)
        for kind, lab in (('gamma views', self.gamma), ('keep-colour views', self.colour),
                          ('recipe lowlight', self.today)):
            if not any(w in f'{kind}, top' for w in words): continue
            d = lab.propose(x)
            r, _ = self.ranked(d)
            for v, y in zip(lab.views, d):
                if v.name != 'identity': yield 'remedy', f'view {v.name}', y[None]
            yield 'remedy top', f'{kind}, top', d[r.argmax()][None]
            yield 'remedy top', f'{kind}, pixel mean', d.mean(0, keepdim=True)
        if '' not in words: return
        for kind, d in (('base, then gamma 1, 1.3, 1.6, 2', torch.cat([c[:1]**(1/g) for g in (1, 1.3, 1.6, 2)])),
                        ('base, then keep colour 1, 2, 4, 8', torch.cat([brighten(c[:1], g) for g in (1, 2, 4, 8)]))):
            yield 'remedy top', f'{kind}, top', d[self.ranked(d)[0].argmax()][None]
            yield 'remedy top', f'{kind}, pixel mean', d.mean(0, keepdim=True)

def measured(data, words=('',)):
    bench, measures, out = Bench(data), {**pair_measures(), **RATIOS}, []
    for i, scene in enumerate(data.scenes):
        _, x, y = data[i]
        labels = [(g, r, p.clamp(0, 1)) for g, r, p in bench.rows(x, words)]
        batch = torch.cat([p for *_, p in labels])
        values = [measure_all(b, y[None].expand_as(b), measures) for b in batch.split(16)]
        values = {k: torch.cat([v[k] for v in values]) for k in measures}
        base = next(k for k, (g, r, _) in enumerate(labels) if r == 'base')
        for k, (g, r, _) in enumerate(labels):
            v = {m: values[m][k].item() for m in ROWS}
            out.append(dict(group=g, row=r, scene=scene, **v, **{f'{m} - base': v[m]-values[m][base].item() for m in DIFFERENCES}))
        print(f'{i+1}/{len(data)}', end='\r', flush=True)
    return out

def table(rows):
    out = []
    for key in dict.fromkeys((r['group'], r['row']) for r in rows):
        some = [r for r in rows if (r['group'], r['row']) == key]
        line = dict(group=key[0], row=key[1], n=len(some))
        for m, digits in {**ROWS, **{f'{m} - base': 2 for m in DIFFERENCES}}.items():
            mean, se = clustered([r[m] for r in some], [r['scene'] for r in some])
            line.update({m: f'{mean:.{digits}f}', f'{m} se': f'{se:.{digits}f}'})
        out.append(line)
    order = list(dict.fromkeys(r['group'] for r in out))
    number = lambda r: int(r['row'].split()[-1]) if r['row'].startswith('level') else 0
    return sorted(out, key=lambda r: (order.index(r['group']), number(r)))

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--n', type=int, default=60, help='pictures')
    p.add_argument('--only', nargs='+', default=[''], help='words of the rows to measure; the others stay as they are')
    args = p.parse_args(); n = args.n
    lines = table(measured(one_a_scene(shared_pairs('lowlight', 'train'), n), args.only))
    for r in lines: print(f'{r["group"]:10} {r["row"]:42} {r["n"]:>4}', *(f'{r[m]:>7}' for m in (*ROWS, *(k for k in r if 'base' in k))))
    if n == 60:
        if args.only != ['']:
            new, key = {(r['group'], r['row']): r for r in lines}, lambda r: (r['group'], r['row'])
            with OUT.open(newline='') as f: old = list(csv.DictReader(f))
            lines = [new.pop(key(r), r) for r in old]+list(new.values())
        with OUT.open('w', newline='') as f:
            w = csv.DictWriter(f, list(lines[0]), lineterminator='\n'); w.writeheader(); w.writerows(lines)
        print('wrote', OUT.name)
