"""Seconds of a step of the demo that makes labels, by the way in which threads wait, on an idle and on a busy machine:

    python tests/benchmarks/threads.py [--rounds 3]         # ten minutes on two cores, nothing else may run; nbs/data/threads.csv

`busy`: one other program computes all the time.  Each measurement is a process of its own, and the ways take turns.
"""
import argparse, csv, json, os, statistics, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT/'nbs'/'data'/'threads.csv'
WAYS = {'one thread': dict(OMP_NUM_THREADS='1'), 'two, asleep': dict(OMP_WAIT_POLICY='PASSIVE'), 'two, spinning': dict(GOMP_SPINCOUNT='300000'),
        'two, spinning for a moment': dict(GOMP_SPINCOUNT='10000'), 'measured (Threads)': dict(MEASURED='1')}

def work(steps=24):
    "Seconds a step: every step makes labels; what `Threads` measures is part of it"
    import time
    from qualiteacher.degraded_reference import DegradedReference
    from qualiteacher.demo import demo_data, demo_settings, demo_student
    from qualiteacher.tasks import TASKS
    from qualiteacher.threads import Threads
    from qualiteacher.training import QualiTeacher, training_step
    cfg = demo_settings(refresh=1, calibrate=False, share_every=10**6)
    data = demo_data(cfg)
    t = QualiTeacher(demo_student(), DegradedReference(TASKS['lowlight'].truths), data['real'], data['pairs'], cfg)
    pay = Threads() if os.environ.get('MEASURED') else lambda: None
    for i in range(steps+4):
        if i == 4: start = time.perf_counter()                                  # the first ones warm up
        pay(); t.read(training_step(t)); t.step += 1
    print(json.dumps((time.perf_counter()-start)/steps))

def measured(way, busy):
    env = {k: v for k, v in os.environ.items() if not k.startswith(('OMP_', 'GOMP_'))} | WAYS[way]
    other = subprocess.Popen([sys.executable, '-c', 'while True: pass']) if busy else None
    try: return json.loads(subprocess.run([sys.executable, __file__, '--work'], env=env, check=True, capture_output=True, text=True, cwd=ROOT).stdout.splitlines()[-1])
    finally:
        if other: other.kill(); other.wait()

def main(rounds):
    found = {}
    for _ in range(rounds):
        for busy in (False, True):
            for way in WAYS: found.setdefault((way, busy), []).append(measured(way, busy)); print(way, 'busy' if busy else 'idle', found[way, busy], flush=True)
    with OUT.open('w', newline='') as f:
        w = csv.writer(f, lineterminator='\n'); w.writerow(['way', 'machine', 'seconds', 'lowest', 'highest'])
        for (way, busy), v in found.items(): w.writerow([way, 'busy' if busy else 'idle', *(f'{x:.3f}' for x in (statistics.median(v), min(v), max(v)))])

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--rounds', type=int, default=3); p.add_argument('--work', action='store_true')
    a = p.parse_args()
    work() if a.work else main(a.rounds)
