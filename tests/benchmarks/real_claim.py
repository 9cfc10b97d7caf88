"""Does it pay to tell the student how good its label is?  On real pairs, with the arms of 11b_experiment: nbs/data/real_claim*.csv.

    python tests/benchmarks/real_claim.py lowlight --rows ceiling                   # first: is there anything to win?
    python tests/benchmarks/real_claim.py lowlight --rows main --seeds 0 1 2
    python tests/benchmarks/real_claim.py lowlight --rows fidelity aligned --seeds 0 1 2
    ... --list says what is missing and runs nothing, --table prints what is there

Resumable: a run that stands in real_claim_runs.csv (same task, part, arm, judge, seed, steps, rate and base) is not made again.
Labels are made and judged once and kept in --work (300 MB a pool, never committed); then a run takes two to four minutes on one core.

PROTOCOL (committed before any run but for what 11e_real_pairs.ipynb says was changed: regimes, and the arms of the dial)
* Pictures: 256 px on the short side.  `train` part: the unlabelled pictures, their inputs only, ADAPT of them at most, the first of
  every scene, then the second of every scene, and so on; centre squares.  `test` part: measured, all pictures, nothing chosen by it.
* Part `half`: labels from every other scene of the train part, measured on pictures of the others.  Steps and rate
  are chosen there, by `truth as label + token` alone, and then hold for all arms.
* Base: knows camera models and clean photographs (train_restorers.py).  Supervised pairs of every run: the same.  (The bases of the
  committed runs were shipped until commit 0da2971 and have no first step; they are read from there.)
* Candidates: CANDIDATES below, made once by the base.  Judges: `seeing` (DegradedReference of 06a), `offline` (the ensemble of 06),
  `truth F` (correlation F with the true PSNR over the pool; F=1 is a perfect judge of PSNR), `aligned F` (the same with aligned
  PSNR).  Scores become ranks over the pool, so that every judge fills the levels alike.  Preference climbs the offline ensemble, which needs no input.
* Rows: ARMS of 11b.  Conditioned and token students are asked for level 7; `picked`: of their answers at LEVELS, the one that the
  run's judge likes best, picture by picture.
* Untrained rows: input, every fixed candidate (the best is named by mean PSNR on the unlabelled pictures, with their truth), pixel
  mean, each judge's pick, best by truth.
* Measures: PSNR, SSIM, aligned PSNR, colour error.  Errors: over scenes, and over seeds, squares added.
* Order: ceiling (a regime counts only if truth as label beats every untrained row that knows no truth in aligned PSNR or SSIM, and
  in PSNR, on held-out scenes of the train part), main, fidelity.
"""
import argparse, csv, hashlib, subprocess, sys, time
from dataclasses import asdict, astuple, dataclass, fields, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
import torch
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT/'tests'/'tools'))
from shared_pairs import one_a_scene, shared_pairs
from qualiteacher import cameras
from qualiteacher.backbones import Pairs
from qualiteacher.pyramid import load_base
from qualiteacher.degradations import strong_augment
from qualiteacher.degraded_reference import DegradedReference, exposures
from qualiteacher.experiment import (ARMS, INJECTION_LR, LR, Pool, Setting, judged, ranks, train_arm)
from qualiteacher.images import sample_paths, spearman, to_uint8
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.measures import MEASURES, clustered, measure_all
from qualiteacher.pairs import PairSet
from qualiteacher.classical import clahe, clear_water, dark_channel, grey_world, red_back, stretch
from earlier_guesses import TONE_VIEWS, haze_truths, water_truths
from qualiteacher.tasks import task as task_of
from qualiteacher.teacher import brighten

# of the committed runs: first digits of the hash of the weights, and the commit that shipped them
BASES, AT = dict(lowlight='7677b9d7', haze='65c40da6', underwater='a07ce5fd'), '0da2971'
SHORT, ADAPT, EVERY = 256, 120, 100         # px; unlabelled pictures at most; steps between two points of a curve
LEVELS = 0, 2, 4, 6, 7                      # the answers among which a judge picks at test time
FIDELITY = 1., .5, 0.
COLUMNS = 'psnr', 'ssim', 'aligned psnr', 'colour'
DIGITS = dict(zip(COLUMNS, (2, 4, 2, 2)))

# ---- candidates: {name: (1,3,H,W)}
def of_night(net, x):
    c = {'plain': net(x), **{f'gamma {g}': net(x**(1/g)) for g in (1.3, 1.6, 2.)}}
    c |= {f'gain {k}': net((k*x).clamp(0, 1)) for k in (2, 4)}
    # exposed after the network
    c |= {f'after {k}': brighten(c['plain'].clamp(0, 1), k) for k in (.6, 1.6, 2.5, 4)}
    c |= {v.name: v.finish(c['plain'].clamp(0, 1), x) for v in TONE_VIEWS}          # the input's tone, the base's detail
    return c | {'curve 2.2': x**(1/2.2), 'CLAHE': clahe(x)}

def of_haze(net, x):
    c = {'plain': net(x), 'input': x}
    c |= {f'strength {f}': x+f*(c['plain']-x) for f in (.5, 1.3, 1.6)}
    for s in (.6, .8, .95):
        c[f'dark channel {s}'] = dark_channel(x, s)
        if s < .9: c[f'base on dark channel {s}'] = net(c[f'dark channel {s}'])
    c['half dark channel'] = (c['plain']+c['dark channel 0.8'])/2
    return c | {'CLAHE': clahe(x), 'darker': brighten(c['plain'].clamp(0, 1), .6)}

def of_water(net, x):
    c = {'plain': net(x), 'input': x}
    c |= {f'strength {f}': x+f*(c['plain']-x) for f in (.5, 1.5)}
    c |= {'base on red': net(red_back(x)), 'base on clear': net(clear_water(x)), 'clear': clear_water(x), 'grey': grey_world(x)}
    return c | {'stretch': stretch(x), 'red grey': grey_world(red_back(x)), 'CLAHE': clahe(x), 'clahe red': clahe(red_back(x))}

CANDIDATES = {'lowlight': of_night, 'haze': of_haze, 'underwater': of_water}
TRUTHS = {'lowlight': exposures, 'haze': haze_truths, 'underwater': water_truths}
DEGRADE = {'lowlight': cameras.short_exposure, 'haze': cameras.fog, 'underwater': cameras.water}

@torch.no_grad()
def candidates(task, net, x):
    c = CANDIDATES[task](net, x[None])
    return list(c), to_uint8(torch.cat([*c.values()]).clamp(0, 1))

# ---- runs
@dataclass(frozen=True)
class Run:
    task: str
    part: str       # 'half': chosen on; 'test'
    arm: str        # of ARMS, or 'untrained'
    judge: str      # 'seeing', 'offline', 'truth F', 'aligned F'; '' where the arm asks none
    seed: int
    steps: int
    lr: float       # of the network; the condition's is that of 11b
    base: str       # of the base's weights: 8 hex digits

    @property
    def id(self): return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:8]

# chosen by `ceiling` on held-out scenes of the train part: (steps, rate)
REGIME = {'lowlight': (200, LR), 'haze': (100, LR), 'underwater': (300, LR)}
CEILING = [(n, LR) for n in (100, 200, 300, 600)]
DIAL = ['filter quarter + token', 'best of bank + token', 'condition absolute', 'condition relative']
MAIN = ['truth as label + token', 'supervised only', 'trust all + token', *DIAL, 'relative + contained preference']
PLAIN = ['trust all', 'filter quarter', 'best of bank']
NO_JUDGE = 'truth as label + token', 'supervised only', 'trust all + token', 'trust all'
ROWS = {'ceiling': [], 'main': [(a, 'seeing') for a in MAIN], 'offline': [(a, 'offline') for a in DIAL],
        'plain': [(a, 'seeing') for a in PLAIN], 'fidelity': [(a, f'truth {f:g}') for f in FIDELITY for a in DIAL],
        'aligned': [(a, f'aligned {f:g}') for f in FIDELITY for a in DIAL]}

def grid(task, rows, seeds, base, regime=None):
    steps, lr = regime or REGIME[task]
    run = lambda part, arm, judge, seed, n=steps, r=lr: Run(task, part, arm, '' if arm in NO_JUDGE else judge, seed, n, r, base)
    out = []
    for name in rows:
        part = 'half' if name == 'ceiling' else 'test'
        out.append(Run(task, part, 'untrained', '', 0, 0, 0., base))
        if name == 'ceiling': out += [run(part, MAIN[0], '', 0, *c) for c in CEILING]
        out += [run(part, a, j, k) for k in seeds for a, j in ROWS[name]]
    return list(dict.fromkeys(out))

# ---- pictures
def sets(task, part):
    "(pictures to adapt on, pictures to measure on), no scene in both"
    train = shared_pairs(task, 'train', SHORT)
    if part == 'test': return one_a_scene(train, ADAPT), shared_pairs(task, 'test', SHORT)
    scenes = sorted(set(train.scenes))
    a, b = (PairSet([p for p in train.pairs if scenes.index(p.scene) % 2 == k], task, SHORT) for k in (0, 1))
    return one_a_scene(a, ADAPT), one_a_scene(b, max(30, len(set(b.scenes))))

def square(v):
    n, (h, w) = min(v.shape[-2:])//16*16, v.shape[-2:]
    return v[..., (h-n)//2:(h-n)//2+n, (w-n)//2:(w-n)//2+n]
def sixteenths(v): return v[..., :v.shape[-2]//16*16, :v.shape[-1]//16*16]

class Bench:
    "Base, judges, pools and held-out pictures of one task; what takes long is kept in `work`"
    def __init__(self, task, base, work):
        self.task, self.net, self.work, self.kept = task, load_base(base), Path(work), {}
        self.base = digest(self.net)
        self.offline, self.seeing = IQAEnsemble.preset('offline', precision='float32'), DegradedReference(TRUTHS[task])
        self.pairs = Pairs(sample_paths('train'), DEGRADE[task], short=320)
        self.strong = partial(strong_augment, keeps=('tone', 'colour'))   # tone and colour are what is to be learned

    def cached(self, name, make):
        file = self.work/f'{self.task}-{name}-{self.base}.pt'
        if name not in self.kept:
            if not file.is_file():
                self.work.mkdir(parents=True, exist_ok=True)
                tmp = file.with_suffix('.part'); torch.save(make(), tmp); tmp.replace(file)
            self.kept[name] = torch.load(file, weights_only=False)
        return self.kept[name]

    def records(self, part, which):
        "Of every picture: name, scene, input, truth, candidates, their scores by both judges and their measures"
        def make():
            data, out = sets(self.task, part)[which], []
            for i, p in enumerate(data.pairs):
                x, y = (sixteenths(v) if which else square(v) for v in data[i][1:])
                names, c = candidates(self.task, self.net, x)
                f = c.float()/255
                out.append(dict(name=p.name, scene=p.scene, x=x, y=y, names=names, c=c, offline=self.offline.score(f).total,
                                seeing=self.seeing.seeing(x).score(f).total,
                                m=measures(f, y, COLUMNS if which else ('psnr', 'aligned psnr'))))
            return out
        return self.cached(f'{part}-{"measure" if which else "adapt"}', make)

    def pool(self, run):
        "Pool of 11b with the judge's ranks"
        rs = self.records(run.part, 0)
        stack = lambda k: torch.stack([r[k] for r in rs])
        total, m = stack('offline'), torch.stack([r['m']['psnr'] for r in rs])
        pool = Pool(stack('x'), stack('y'), stack('c'), total, ranks(total), {'seeing': stack('seeing')}, m)
        if run.judge == 'seeing': return replace(pool, score=ranks(pool.members['seeing']))
        kind, _, f = run.judge.partition(' ')
        if not f: return pool
        known = m if kind == 'truth' else torch.stack([r['m']['aligned psnr'] for r in rs])
        dialled = judged(replace(pool, psnr=known), Setting(run.arm, run.seed, judge='oracle', fidelity=float(f)))
        return replace(pool, score=dialled.score)

def claim_base(task, work):
    "The base of the committed runs: the shipped one, or its file as it was at commit AT"
    name = task_of(task).base
    if digest(load_base(name)) == BASES[task]: return name
    for end in ('json', 'safetensors'):
        file = Path(work)/f'{name}_base-{AT}.{end}'
        if file.is_file(): continue
        found = subprocess.run(['git', 'show', f'{AT}:qualiteacher/weights/{name}_base.{end}'], cwd=ROOT, capture_output=True)
        if found.returncode: raise SystemExit(f'the base of the committed runs ({BASES[task]}) is in commit {AT}, which this copy '
                                              f'lacks; fetch it, or pass another --base.  git said: {found.stderr.decode().strip()}')
        file.parent.mkdir(parents=True, exist_ok=True); file.write_bytes(found.stdout)
    return file

def digest(net):
    h = hashlib.sha256()
    for v in net.state_dict().values(): h.update(v.numpy().tobytes())
    return h.hexdigest()[:8]

# ---- measuring
def measures(x, y, columns=COLUMNS): return measure_all(x, y[None].expand_as(x), {k: MEASURES[k] for k in columns})

@torch.no_grad()
def answers(student, records, levels):
    "[{measure: (levels,)}], and the answers (levels,3,H,W), picture by picture"
    for r in records:
        z = torch.cat([student(r['x'][None], **({} if q is None else {'quality': float(q)})) for q in levels]).clamp(0, 1)
        yield measures(z, r['y']), z

def measure_student(bench, run, student):
    "{row: [{measure: number}]}, one a picture"
    records, ask = bench.records(run.part, 1), ARMS[run.arm].ask
    dial = ask in ('absolute', 'relative') and run.judge in ('seeing', 'offline')        # an oracle is asked for 7 alone: quicker
    levels = [7, None, *LEVELS[:-1]] if dial else [None if ask is None else 7, None]
    rows = {'asked': [], 'none': [], **({q: [] for q in LEVELS[:-1]} | {'picked': [], 'best level': []} if dial else {})}
    names = ['asked', 'none', *LEVELS[:-1]] if dial else ['asked', 'none']
    for r, (m, z) in zip(records, answers(student, records, levels)):
        one = lambda i: {k: v[i].item() for k, v in m.items()}
        for i, n in enumerate(names): rows[n].append(one(i))
        if not dial: continue
        at = [0, *range(2, len(levels))]                                  # all but `none`
        rows['best level'].append(one(at[int(m['psnr'][at].argmax())]))
        judge = bench.seeing.seeing(r['x']) if run.judge == 'seeing' else bench.offline
        rows['picked'].append(one(at[int(judge.score(z[at]).total.argmax())]))
    return {n: v for n, v in rows.items() if v}

def untrained(bench, run):
    "The same without any training"
    adapt, held = (bench.records(run.part, i) for i in (0, 1))
    names = held[0]['names']
    rows = {'input': [], 'pixel mean': [], 'picked by offline': [], 'picked by seeing': [], 'best by truth': []}
    for r in held:
        one = lambda m, i=0: {k: v[i].item() for k, v in m.items()}
        rows['input'].append(one(measures(r['x'][None], r['y'])))
        rows['pixel mean'].append(one(measures((r['c'].float()/255).mean(0, keepdim=True), r['y'])))
        for n in ('offline', 'seeing'): rows[f'picked by {n}'].append(one(r['m'], int(r[n].argmax())))
        rows['best by truth'].append(one(r['m'], int(r['m']['psnr'].argmax())))
        for i, n in enumerate(names): rows.setdefault(f'fixed {n}', []).append(one(r['m'], i))
    best = names[int(torch.stack([r['m']['psnr'] for r in adapt]).mean(0).argmax())]
    return {**rows, f'best fixed ({best})': rows[f'fixed {best}']}

# ---- results
class Table:
    "Three csv files in a folder: a line a run; a line a run, row and scene; a line a point of a curve"
    FILES = {'runs': ['id', *(f.name for f in fields(Run)), 'seconds', 'pictures', 'rho', 'rho aligned', 'none', 'none aligned',
                      *(f'{c} at {q}' for q in LEVELS for c in ('psnr', 'aligned')), 'best level', 'best level aligned'],
             '': ['run', 'row', 'scene', 'n', *COLUMNS], 'curve': ['run', 'step', *COLUMNS]}
    def __init__(self, out): self.out = Path(out)
    def file(self, kind): return self.out/('real_claim'+(f'_{kind}' if kind else '')+'.csv')
    def read(self, kind):
        f = self.file(kind)
        return list(csv.DictReader(f.open(newline=''))) if f.is_file() else []
    def has(self): return {r['id'] for r in self.read('runs')}
    def add(self, kind, rows):
        new = not self.file(kind).is_file()
        with self.file(kind).open('a', newline='') as f:
            w = csv.DictWriter(f, self.FILES[kind], restval='', lineterminator='\n')
            if new: w.writeheader()
            w.writerows(rows)
    def tidy(self):
        "Drop lines of a run that was cut off: its own line comes last"
        for kind in ('', 'curve'):
            rows, has = self.read(kind), self.has()
            if all(r['run'] in has for r in rows): continue
            self.file(kind).unlink()
            self.add(kind, [r for r in rows if r['run'] in has])

def mean(rows, c): return sum(r[c] for r in rows)/len(rows)
def short(c, v): return f'{v:.{DIGITS[c]}f}'

def scene_lines(run, rows, records):
    scenes = [r['scene'] for r in records]
    for name, values in rows.items():
        for s in dict.fromkeys(scenes):
            some = [v for v, t in zip(values, scenes) if t == s]
            yield dict(run=run.id, row=name, scene=s, n=len(some), **{c: short(c, mean(some, c)) for c in COLUMNS})

def run_line(run, rows, pool, seconds):
    line = dict(id=run.id, **asdict(run), seconds=f'{seconds:.0f}')
    pair = lambda key, a, b, v: {f'{key}{a}': short('psnr', mean(v, 'psnr')), f'{key}{b}': short('psnr', mean(v, 'aligned psnr'))}
    if pool is None: return line
    line |= dict(pictures=len(pool.x)) | pair('none', '', ' aligned', rows['none'])
    for q in LEVELS:
        v = rows.get('asked' if q == 7 else q)
        if v and 'best level' in rows: line |= {f'psnr at {q}': short('psnr', mean(v, 'psnr')),
                                                f'aligned at {q}': short('psnr', mean(v, 'aligned psnr'))}
    return line | (pair('best level', '', ' aligned', rows['best level']) if 'best level' in rows else {})

def judge_facts(bench, run, pool):
    "How well the judge orders the candidates of one picture, on the pictures that it labels"
    if not run.judge: return {}
    al = torch.stack([r['m']['aligned psnr'] for r in bench.records(run.part, 0)])
    rho = lambda truth: sum(spearman(a, b) for a, b in zip(pool.score, truth))/len(truth)
    return {'rho': f'{rho(pool.psnr):.3f}', 'rho aligned': f'{rho(al):.3f}'}

JUDGES = 'seeing', 'offline', *(f'{k} {f:g}' for k in ('truth', 'aligned') for f in FIDELITY)
def judge_lines(bench, part):
    "Before any training: how each judge orders the candidates of one picture, and what its pick is worth; errors over scenes"
    rs, two = bench.records(part, 0), lambda m, e, d=3: (f'{m:.{d}f}', f'{e:.{d}f}')
    scenes = [r['scene'] for r in rs]
    for judge in JUDGES:
        pool, line = bench.pool(Run(bench.task, part, DIAL[-1], judge, 0, 0, 0., bench.base)), {}
        for k, m in (('rho', 'psnr'), ('rho aligned', 'aligned psnr')):
            line[k], line[f'{k} se'] = two(*clustered([spearman(s, r['m'][m]) for s, r in zip(pool.score, rs)], scenes))
        for k, m in (('pick', 'psnr'), ('pick aligned', 'aligned psnr')):
            line[k], line[f'{k} se'] = two(*clustered([r['m'][m][int(s.argmax())].item() for s, r in zip(pool.score, rs)], scenes), 2)
        yield dict(task=bench.task, part=part, base=bench.base, judge=judge, pictures=len(rs), scenes=len(set(scenes)), **line)

def write_judges(bench, part, out):
    "real_claim_judges.csv: these lines in the place of older ones"
    file, new = Path(out)/'real_claim_judges.csv', list(judge_lines(bench, part))
    old = list(csv.DictReader(file.open(newline=''))) if file.is_file() else []
    same = lambda r: all(r[k] == new[0][k] for k in ('task', 'part', 'base'))
    with file.open('w', newline='') as f:
        w = csv.DictWriter(f, list(new[0]), lineterminator='\n'); w.writeheader(); w.writerows([r for r in old if not same(r)]+new)
    return new

def execute(bench, run, table, curve):
    start = time.time()
    if run.arm == 'untrained': rows, pool, facts = untrained(bench, run), None, {}
    else:
        pool, held, points = bench.pool(run), bench.records(run.part, 1), []
        def watch(step, student):
            if not curve or step % EVERY and step != run.steps: return
            ask = None if ARMS[run.arm].ask is None else 7
            m = [m for m, _ in answers(student, held, [ask])]
            points.append(dict(run=run.id, step=step, **{c: short(c, sum(v[c].item() for v in m)/len(m)) for c in COLUMNS}))
        student, _ = train_arm(Setting(run.arm, run.seed, steps=run.steps), bench.net, pool, bench.offline, pairs=bench.pairs,
                               strong=bench.strong, rates=(run.lr, LR*INJECTION_LR), watch=watch)
        rows, facts = measure_student(bench, run, student), judge_facts(bench, run, pool)
        if points: table.add('curve', points)
    kept = rows if pool is None else {n: v for n, v in rows.items() if n in ('asked', 'picked')}
    table.add('', scene_lines(run, kept, bench.records(run.part, 1)))
    table.add('runs', [run_line(run, rows, pool, time.time()-start) | facts])
    return rows

def show(bench, runs, table):
    "What is there, by qualiteacher.real_pairs"
    from qualiteacher.real_pairs import Claims, claim_table
    claims = Claims.read(table.out)
    for part in dict.fromkeys(r.part for r in runs):
        print(f'\n{bench.task}, part {part}')
        for name, cols in claim_table(claims, bench.task, part, bench.base).items():
            print(f'{name:58}', '  '.join(f'{c} {m:.{DIGITS[c]}f} ±{e:.{DIGITS[c]}f}' for c, (m, e) in cols.items()))

def main(args=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('task', choices=[*CANDIDATES, 'all'], help='all: one after the other')
    p.add_argument('--base', help='name for load_base, or a .safetensors file with its card (.json) beside it; by default the one of the committed runs')
    p.add_argument('--rows', nargs='+', choices=list(ROWS), default=['main'])
    p.add_argument('--seeds', nargs='+', type=int, default=[0])
    p.add_argument('--arms', nargs='+', help='of these rows only')
    p.add_argument('--steps', type=int); p.add_argument('--lr', type=float)
    p.add_argument('--half', action='store_true', help='measure on held-out scenes of the train part (for choosing)')
    p.add_argument('--curve', action='store_true', help='also measure every 100 steps; ceiling does so anyway')
    p.add_argument('--work', default=str(ROOT/'runs'/'real_claim'), help='folder for labels; never committed')
    p.add_argument('--out', default=str(ROOT/'nbs'/'data'))
    p.add_argument('--judges', action='store_true', help='only measure the judges on the labels: seconds once these are made')
    p.add_argument('--list', action='store_true'); p.add_argument('--table', action='store_true')
    a = p.parse_args(args)
    torch.set_num_threads(1)
    for task in CANDIDATES if a.task == 'all' else [a.task]: run_task(task, a)

def run_task(task, a):
    table, (steps, lr) = Table(a.out), REGIME[task]
    if a.table and not a.base: bench = SimpleNamespace(task=task, base=BASES[task])      # needs no weights
    else: bench = Bench(task, a.base or claim_base(task, a.work), a.work)
    runs = grid(task, a.rows, a.seeds, bench.base, (a.steps or steps, a.lr or lr))
    if a.half: runs = list(dict.fromkeys(replace(r, part='half') for r in runs))
    if a.arms: runs = [r for r in runs if r.arm in (*a.arms, 'untrained')]
    if a.judges:
        for line in write_judges(bench, 'half' if a.half else 'test', a.out): print(line)
        return
    table.tidy()
    missing = [r for r in runs if r.id not in table.has()]
    if a.list:
        for r in missing: print(r)
        print(f'{len(missing)} of {len(runs)} runs are missing')
    elif not a.table:
        for r in missing:
            rows = execute(bench, r, table, a.curve or 'ceiling' in a.rows)
            some = {n: ' '.join(short(c, mean(v, c)) for c in COLUMNS) for n, v in rows.items()}
            print(time.strftime('%H:%M:%S'), r.part, r.arm, r.judge, r.seed, r.steps, r.lr, some, flush=True)
    if a.table: show(bench, runs, table)

if __name__ == '__main__': main()
