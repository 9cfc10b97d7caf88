"""Does the demo's training pay?  Finished demos with several seeds, and with one seed and two ways of rounding:

    python tests/benchmarks/demo_runs.py      # about ten minutes on two cores; writes nbs/data/demo_gain.csv and demo_runs.csv
"""
import csv, json, os, subprocess, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT/'nbs'/'data'
COLS = 'psnr', 'ssim', 'reward'
RUN = 'from qualiteacher.demo import demo_settings, run_demo; import sys, torch; torch.set_num_threads(int(sys.argv[2]));' \
      'run_demo(sys.argv[1], demo_settings(seed=int(sys.argv[3])), "cpu", progress=False)'

def demo(seed, threads):
    "What report.json says of one run"
    with tempfile.TemporaryDirectory() as d:
        env = {**os.environ, 'OMP_NUM_THREADS': str(threads)}
        subprocess.run([sys.executable, '-c', RUN, f'{d}/run', str(threads), str(seed)], check=True, cwd=ROOT, env=env)
        return json.loads((Path(d)/'run'/'report.json').read_text())

def write(name, head, rows):
    with open(DATA/name, 'w', newline='') as f:
        w = csv.writer(f, lineterminator='\n'); w.writerow(head); w.writerows(rows)

if __name__ == '__main__':
    runs = {(s, t): demo(s, t) for s, t in ((0, 1), (1, 1), (2, 1), (0, 2))}
    write('demo_gain.csv', ['seed', 'step', *(n for c in COLS for n in (c, f'{c}_se'))],
          [[s, step, *(f'{v:.4f}' for c in COLS for v in row[c])] for (s, t), r in runs.items() if t == 1 for step, row in r['gain']])
    at = lambda r, n: f'{r["meter"][n]["psnr"][0]:.3f}'
    write('demo_runs.csv', ['seed', 'threads', 'base', 'average', 'student'],
          [[s, t, at(r, 'base'), at(r, 'average at 7'), at(r, 'student at 7')] for (s, t), r in runs.items()])
