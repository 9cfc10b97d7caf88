"""Seconds of a training step in one process and in two, of the same global batch:

    python tests/benchmarks/processes.py [--repeats 3] [--append] [--device cuda --gpus 4]

writes nbs/data/processes.csv.  On this machine's processors by default: one process with one thread, one with two threads,
two with one thread each.  With `--device cuda` one process a GPU: 1, 2, 4 ... up to --gpus.  Every measurement is a run of
its own; the first two steps (compilation, caches) are left out.  `seconds` are the clock's (median of the steps, and the
least), `cpu` the first process's own: what other jobs on the machine do changes the first and hardly the second.
"""
import argparse, csv, json, os, platform, statistics, subprocess, sys, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
OUT = HERE/'nbs'/'data'/'processes.csv'
COLUMNS = ['run', 'processes', 'threads', 'what', 'seconds', 'least', 'cpu', 'exchange', 'weights', 'batch', 'load', 'torch', 'machine']
STEPS, REFRESH, PICTURES, BATCH = 20, 3, 8, 4

# --- in processes of their own ---
def work(device, batch, out):
    import torch
    from qualiteacher.demo import demo_student
    from qualiteacher.backbones import Pairs
    from qualiteacher.degradations import low_light_a
    from qualiteacher.images import load_image, sample_paths
    from qualiteacher.iqa import IQAEnsemble
    from qualiteacher.processes import Processes
    from qualiteacher.training import Config, QualiTeacher
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    n = PICTURES*batch//BATCH
    files = (sample_paths('lowlight')+sample_paths('unlabelled'))*(n//32+1)
    cfg = Config(steps=STEPS, batch=batch, pairs_batch=batch, reward_pictures=batch//2, preference_start=STEPS-1,
                 calibrate=False, refresh=REFRESH, save_every=10**6, share_every=10**6)
    def picture(i):                    # squares of one size: a step is one batch
        x = load_image(files[i], 192)
        return f'{i:04d}', x[:, :192, :192]
    real, stamps, used, exchange = [picture(i) for i in range(n)], [0.], [0.], [0.]
    average = Processes.mean_gradients
    def timed(self, params):
        t0 = time.perf_counter(); average(self, params); exchange[-1] += time.perf_counter()-t0
    Processes.mean_gradients = timed
    def note(t, logs):
        if t.device.type == 'cuda': torch.cuda.synchronize()
        stamps.append(time.perf_counter()); used.append(time.process_time()); exchange.append(0.)
    t = QualiTeacher(demo_student(0), IQAEnsemble.preset('offline'), real, Pairs(sample_paths('train'), low_light_a, 96), cfg,
                     out, device=None if device == 'cuda' else device, on_step=[note])
    stamps[0], used[0] = time.perf_counter(), time.process_time()
    t.fit(progress=False)
    if t.processes.main:
        took, cpu = ([b-a for a, b in zip(v, v[1:])] for v in (stamps, used))
        rounds = n//batch
        fresh = [s for s in range(2, STEPS-2) if s//rounds % REFRESH == 0]
        plain = [s for s in range(2, STEPS-2) if s not in fresh]
        median = lambda v, k: statistics.median(v[s] for s in k)
        row = {w: (median(took, k), min(took[s] for s in k), median(cpu, k), median(exchange, k))
               for w, k in (('step with labels', fresh), ('plain step', plain))}
        print('RESULT', json.dumps([row, sum(p.numel() for p in t.student.parameters())]), flush=True)

# --- the table ---
def measure(processes, threads, device, batch):
    env = {**os.environ, 'OMP_NUM_THREADS': str(threads), 'OMP_WAIT_POLICY': 'PASSIVE', 'PYTHONPATH': str(HERE)}
    if device == 'cpu': env['ACCELERATE_USE_CPU'] = 'true'
    with tempfile.TemporaryDirectory() as tmp:
        launch = [] if processes == 1 else ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', str(processes)]
        cmd = [sys.executable, *launch, __file__, '--worker', '--device', device, '--batch', str(batch), '--folder', f'{tmp}/run']
        r = subprocess.run(cmd, env=env, capture_output=True, text=True, cwd=HERE)
    line = [l for l in r.stdout.splitlines() if l.startswith('RESULT')]
    if not line: raise SystemExit(r.stderr[-3000:])
    return json.loads(line[0][7:])

def machine(device):
    import torch
    if device == 'cuda': return f'{torch.cuda.get_device_name()}, {torch.cuda.device_count()} of them'
    name = next((l.split(':')[1].strip() for l in open('/proc/cpuinfo') if l.startswith('model name')), platform.processor()) \
        if Path('/proc/cpuinfo').exists() else platform.processor()
    return f'{name}, {os.cpu_count()} cores, no GPU'

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--repeats', type=int, default=3); p.add_argument('--append', action='store_true')
    p.add_argument('--device', default='cpu', choices=('cpu', 'cuda')); p.add_argument('--gpus', type=int, default=1)
    p.add_argument('--batch', type=int, default=BATCH); p.add_argument('--worker', action='store_true'); p.add_argument('--folder')
    p.add_argument('--out', type=Path, default=OUT)
    a = p.parse_args()
    if a.worker: return work(a.device, a.batch, a.folder)
    import torch
    kinds = [(1, 1), (1, 2), (2, 1)] if a.device == 'cpu' else [(2**k, 2) for k in range(a.gpus.bit_length())]
    old = list(csv.DictReader(a.out.open())) if a.append and a.out.exists() else []
    run = 1+max((int(r['run']) for r in old), default=0)
    rows = [[r[c] for c in COLUMNS] for r in old]
    for k in range(a.repeats):
        for n, threads in kinds:
            load = os.getloadavg()[0]             # before: what else ran on this machine
            found, weights = measure(n, threads, a.device, a.batch)
            for what, v in found.items():
                rows.append([run+k, n, threads, what, *(f'{x:.4f}' for x in v), weights, a.batch, f'{load:.1f}',
                             torch.__version__.split('+')[0], machine(a.device)])
                print(*rows[-1], flush=True)
        with a.out.open('w', newline='') as f: csv.writer(f, lineterminator='\n').writerows([COLUMNS, *rows])

if __name__ == '__main__': main()
