"""What the judge costs in one step that makes labels: seven candidates of each of two pictures, 192 x 256 px, and their
blocks; and the reward of one picture with its gradient.  Now against an earlier commit, in one process, turn by turn.
Writes nbs/data/iqa_step.csv.

    OMP_NUM_THREADS=2 OMP_WAIT_POLICY=PASSIVE python tests/benchmarks/iqa_step.py [--rounds 9] [--commit 64f25a1] [--device cuda]

Where other work shares the machine, read the processor's seconds (cpu) rather than those of the clock; PASSIVE lets a thread
that waits sleep, so that waiting is not counted.
"""
import argparse, csv, importlib, os, platform, subprocess, sys, tarfile, tempfile, time
from io import BytesIO
from pathlib import Path
import torch
from qualiteacher.images import load_image, sample_paths
from qualiteacher.iqa import IQAEnsemble

ROOT = Path(__file__).resolve().parents[2]

def earlier(commit, folder):
    "The package of an earlier commit, under another name"
    tar = subprocess.run(['git', 'archive', commit, 'qualiteacher'], cwd=ROOT, capture_output=True, check=True).stdout
    tarfile.open(fileobj=BytesIO(tar)).extractall(folder, filter='data')
    (Path(folder)/'qualiteacher').rename(Path(folder)/'before'); sys.path.insert(0, folder)
    return importlib.import_module('before.iqa').IQAEnsemble.preset('offline')

def pictures(n=14, size=(192, 256)):
    found = (load_image(p, size[0]) for s in ('test', 'train') for p in sample_paths(s))
    return torch.stack([x[:, :, :size[1]] for x in found if x.shape[-2] == size[0] and x.shape[-1] >= size[1]][:n])

def pull(judge, x, **kw):
    x = x[:1].clone().requires_grad_()
    return torch.autograd.grad(judge.reward(x, **kw).sum(), x)[0]

def cases(old, new, x):
    "what: {who: function}; every function gives what a step needs"
    def at(precision, f):
        def run(): new.precision = precision; return f()
        return run
    both = lambda: new.score_and_grid(x, 2, check=False)
    members = {f'of this, {n}': {'now, float32': at('float32', lambda m=m: [m._call(v, 2) for v in new._chunks(m, x)])}
               for n, m in new.metrics.items()}
    return {'candidates and blocks': {
                'before': lambda: [(old.score(v), old.block_weights(v)) for v in x.split(7)],
                'now, float64': at('float64', both), 'now, float32': at('float32', both)}, **members,
            'candidates only': {'before': lambda: [old.score(v) for v in x.split(7)],
                                'now, float64': at('float64', lambda: new.score(x, check=False)),
                                'now, float32': at('float32', lambda: new.score(x, check=False))},
            'reward and gradient': {'before': lambda: pull(old, x), 'now, float64': at('float64', lambda: pull(new, x)),
                                    'now, float32': at('float32', lambda: pull(new, x, check=False))}}

def measure(work, rounds, device):
    "Seconds of the clock and of the processor for every function, in turn, so that a busy moment meets all of them"
    wait = torch.cuda.synchronize if device == 'cuda' else lambda: None
    times = {}
    for i in range(rounds+1):                                   # the first round is for warming up
        for key, f in work.items():
            wait(); start, cpu = time.perf_counter(), time.process_time(); f(); wait()
            if i: times.setdefault(key, []).append((time.perf_counter()-start, time.process_time()-cpu))
        print(f'round {i} of {rounds}', flush=True)
    return times

if __name__ == '__main__':
    p = argparse.ArgumentParser()
    p.add_argument('--rounds', type=int, default=9); p.add_argument('--commit', default='64f25a1')
    p.add_argument('--device', default='cpu')
    a = p.parse_args()
    cpu = next((l.split(':')[1].strip() for l in open('/proc/cpuinfo') if l.startswith('model name')), platform.machine())
    machine = f'{cpu}, {torch.get_num_threads()} threads on {len(os.sched_getaffinity(0))} cores'
    if a.device == 'cuda': machine = torch.cuda.get_device_name()
    with tempfile.TemporaryDirectory() as folder:
        old, new, x = (v.to(a.device) for v in (earlier(a.commit, folder), IQAEnsemble.preset('offline'), pictures()))
        work = {(c, w): f for c, fs in cases(old, new, x).items() for w, f in fs.items()}
        times, rows = measure(work, a.rounds, a.device), []
    for (what, who), t in times.items():
        t, cpu = (sorted(v) for v in zip(*t))
        rows.append(dict(what=what, judge=who, median=f'{t[len(t)//2]:.4f}', least=f'{t[0]:.4f}', most=f'{t[-1]:.4f}',
                         cpu=f'{cpu[len(t)//2]:.4f}', least_cpu=f'{cpu[0]:.4f}', most_cpu=f'{cpu[-1]:.4f}', rounds=len(t),
                         load=f'{os.getloadavg()[0]:.1f}', commit=a.commit, machine=machine))
        print(f'{what:24}{who:16} clock {t[len(t)//2]:.3f} s ({t[0]:.3f} to {t[-1]:.3f})   cpu {cpu[len(t)//2]:.3f} '
              f'({cpu[0]:.3f} to {cpu[-1]:.3f})', flush=True)
    ratio = [[b[k]/n[k] for b, n in zip(times['candidates and blocks', 'before'], times['candidates and blocks', 'now, float32'])]
             for k in (0, 1)]
    print('before / now, float32, round by round:', *(f'{r:.1f}' for r in ratio[0]), ' cpu:', *(f'{r:.1f}' for r in ratio[1]))
    with open(ROOT/'nbs'/'data'/'iqa_step.csv', 'w', newline='') as out:
        w = csv.DictWriter(out, rows[0], lineterminator='\n'); w.writeheader(); w.writerows(rows)
