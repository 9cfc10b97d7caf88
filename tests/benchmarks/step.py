"""Seconds of a training step, by part, and what they grow with:

    python tests/benchmarks/step.py [--against OLD_CLONE] [--rounds 3] [--out nbs/data/step.csv]

`--against` names another clone of this repository (`git worktree add ../old 64f25a1`), measured in turn with this one: the
ratio holds even if the machine's speed drifts. Demo settings; each measurement is a process of its own with two threads.
"""
import argparse, csv, json, os, resource, statistics, subprocess, sys, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]

# --- in a process of its own ---
def trainer(changes, old, out=None):
    import torch
    from qualiteacher.demo import demo_data, demo_student
    from qualiteacher.iqa import IQAEnsemble
    from qualiteacher.training import Config, QualiTeacher
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', 2)))
    cfg = Config(**{'calibrate': False, 'share_every': 10**6, **changes})
    data = demo_data(cfg)
    kw = dict(device=os.environ.get('QUALITEACHER_DEVICE', 'cpu'))
    return QualiTeacher(demo_student(0), IQAEnsemble.preset('offline'), data['real'], data['pairs'], cfg, out, **kw)

def sync(t):
    import torch
    if t.device.type == 'cuda': torch.cuda.synchronize()

def timed(t, f, parts=()):
    "Seconds of f(), and of the named methods inside it"
    spent, undo = {}, []
    for owner, name, part in parts:
        real = getattr(owner, name)
        def wrapped(*a, real=real, part=part, **k):
            sync(t); t0 = time.perf_counter()
            try: return real(*a, **k)
            finally: sync(t); spent[part] = spent.get(part, 0)+time.perf_counter()-t0
        setattr(owner, name, wrapped); undo.append((owner, name))
    sync(t); t0 = time.perf_counter(); f(); sync(t)
    total = time.perf_counter()-t0
    for owner, name in undo: delattr(owner, name)
    return total, spent

def one_step(t, old):
    import qualiteacher.training as tr
    done = tr.training_step(t)
    if not old: t.read(done)
    t.step += 1

def networks(t):
    "The student's own forward and backward passes of a plain step, and with the features of the losses"
    import torch
    c = t.cfg
    a, b = (torch.rand(n, 3, c.crop, c.crop, device=t.device) for n in (c.batch*c.passes, c.pairs_batch))
    q = torch.linspace(0, 7, len(a), device=t.device)
    def student(): (t.student(a, quality=q).mean()+t.student(b).mean()).backward()
    def both():
        out, pair = t.student(a, quality=q), t.student(b)
        fo, fp = t.distance.features(out.clamp(0, 1)), t.distance.features(pair.clamp(0, 1))
        with torch.no_grad(): t.distance.features(a); t.distance.features(a); t.distance.features(b)
        sum(f.mean() for f in (*fo, *fp)).backward()
    out = {}
    for name, f in (('student', student), ('student and features', both)):
        f(); s = []
        for _ in range(7): s.append(timed(t, f)[0])
        out[name] = statistics.median(s); t.student.zero_grad()
    return out

def work(kind, changes, old):
    import torch
    if kind == 'step':
        t = trainer({'refresh': 10**6, 'preference_start': 10**6-1, 'steps': 10**6, **changes}, old)
        if old: parts = [(t.labeler, 'propose', 'teacher'), (t.iqa, 'score', 'score'), (t.iqa, 'block_weights', 'blocks')]
        else: parts = [(t.labeler, 'propose', 'teacher'), (t.iqa, 'score_and_grid', 'score and blocks'), (t, 'remember', 'bank')]
        rounds, label, inner = -(-len(t.real)//t.cfg.batch), [], []
        for i in range(rounds):                                   # the first visit of every picture makes labels
            s, p = timed(t, lambda: one_step(t, old), parts); label.append(s); inner.append(p)
        plain = [timed(t, lambda: one_step(t, old))[0] for _ in range(16)]
        out = {'step with labels': statistics.median(label[2:]), 'plain step': statistics.median(plain[2:])}
        for n in inner[0]: out[f'of it {n}'] = statistics.median(p.get(n, 0) for p in inner[2:])
        object.__setattr__(t.cfg, 'preference_start', 0)
        out['step with preference'] = statistics.median([timed(t, lambda: one_step(t, old))[0] for _ in range(8)][2:])
        out.update({f'networks: {k}': v for k, v in networks(t).items()})
        if t.device.type == 'cuda': out['peak memory (GB)'] = torch.cuda.max_memory_allocated()/2**30
    elif kind == 'literal':
        sys.path.insert(0, str(HERE/'tests'))
        from test_step import make, literal_step
        t = make(recipe='demo', labels='all', levels='relative')
        out = {}
        for name in ('first', 'second'):
            slow = timed(t, lambda: literal_step(t))[0]
            fast = timed(t, lambda: one_step(t, old))[0]
            out.update({f'literal {name}': slow, f'batched {name}': fast})
    out['peak memory of the process (GB)'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/2**20
    print('RESULT', json.dumps(out))

# --- the table ---
def ask(kind, clone=HERE, **changes):
    env = {**os.environ, 'OMP_NUM_THREADS': os.environ.get('OMP_NUM_THREADS', '2'), 'PYTHONPATH': str(clone)}
    cmd = [sys.executable, str(HERE/'tests/benchmarks/step.py'), '--worker', kind, '--changes', json.dumps(changes)]
    if clone != HERE: cmd.append('--old')
    r = subprocess.run(cmd, env=env, capture_output=True, text=True, cwd=tempfile.gettempdir())
    line = [l for l in r.stdout.splitlines() if l.startswith('RESULT')]
    if not line: raise SystemExit(r.stderr[-3000:])
    return json.loads(line[0][7:])

def summary(rows):
    names = list(dict.fromkeys(n for r in rows for n in r))
    return {n: (statistics.median(v), min(v), max(v)) for n in names for v in [[r[n] for r in rows if n in r]]}

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--against'); p.add_argument('--rounds', type=int, default=3); p.add_argument('--out')
    p.add_argument('--growth', action='store_true', help='also batch, labels and picture size')
    p.add_argument('--worker'); p.add_argument('--changes', default='{}'); p.add_argument('--old', action='store_true')
    a = p.parse_args()
    if a.worker: return work(a.worker, json.loads(a.changes), a.old)
    runs = {'now': [], 'before': [], 'views as before': []}     # that version's demo had seven views
    for _ in range(a.rounds):
        runs['now'].append(ask('step'))
        if a.against:
            runs['before'].append(ask('step', Path(a.against).resolve()))
            runs['views as before'].append(ask('step', recipe='demo'))
    rows = [(k, n, *v) for k, rs in runs.items() if rs for n, v in summary(rs).items()]
    rows += [('literal', n, *v) for n, v in summary([ask('literal') for _ in range(a.rounds)]).items()]
    if a.growth:
        for changes in (dict(batch=4), dict(batch=8), dict(passes=6), dict(short=256, crop=96), dict(short=288, crop=144)):
            rows += [(f'now, {changes}', n, *v) for n, v in summary([ask('step', **changes)]).items()]
    for r in rows: print(f'{r[0]:36} {r[1]:34} {r[2]:8.3f}  ({r[3]:.3f} to {r[4]:.3f})')
    if a.out:
        with open(a.out, 'w', newline='') as f:
            w = csv.writer(f, lineterminator='\n'); w.writerow(['which', 'what', 'median', 'min', 'max'])
            w.writerows([[*r[:2], *(f'{v:.4f}' for v in r[2:])] for r in rows])

if __name__ == '__main__': main()
