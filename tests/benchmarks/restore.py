"""Seconds a megapixel and peak memory, file to file (JPEG in, level 7, PNG out), against commit 64f25a1; each run is a
process of its own with one thread, old and new in turns.  Also a sweep of eight levels against eight restores.  Processor
seconds, which other jobs on the machine disturb little, and the clock's.  Writes nbs/data/restore.csv (other sizes are kept).

    python tests/benchmarks/restore.py            all sizes, some minutes
    python tests/benchmarks/restore.py 2 12       these megapixels only
"""
import csv, os, platform, resource, statistics, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT, OLD = ROOT/'nbs'/'data'/'restore.csv', '64f25a1'
RUNS = {2: 3, 12: 2, 50: 1}
WEIGHTS = ROOT/'qualiteacher'/'weights'/'lowlight_student.safetensors'

def picture(megapixels, path):
    "3:2, a photograph made larger"
    from PIL import Image
    w = round((megapixels*1e6*1.5)**.5)
    with Image.open(ROOT/'data_samples'/'lowlight'/sorted(os.listdir(ROOT/'data_samples'/'lowlight'))[0]) as im:
        im.convert('RGB').resize((w, round(w/1.5)), Image.Resampling.BICUBIC).save(path, quality=92)

def child(what, src, dst):
    "One run: prints seconds and the peak of memory in MB"
    import torch
    from qualiteacher.images import load_image, save_image
    from qualiteacher import inference as m
    torch.set_num_threads(1)
    student, t, cpu = m.load_student(WEIGHTS)[0], time.perf_counter(), time.process_time()
    if what == 'now':
        done, skipped = m.restore_files(student, [(src, dst)], 7, overwrite=True, progress=False)
        assert not skipped, skipped
    elif what == OLD: save_image(m.restore(student, load_image(src), 7), dst)
    elif what == '8 restores': [m.restore(student, load_image(src), q) for q in range(8)]
    elif what == 'sweep of 8': m.sweep(student, load_image(src))
    t, cpu = time.perf_counter()-t, time.process_time()-cpu
    print(cpu, t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024, m.__file__)

def run(what, src, dst, old):
    package = old if what in (OLD, '8 restores') else ROOT
    env = {**os.environ, 'PYTHONPATH': str(package)}
    r = subprocess.run([sys.executable, __file__, '--child', what, str(src), str(dst)], cwd=package, env=env, text=True, capture_output=True)
    assert r.returncode == 0, r.stderr[-2000:]
    cpu, s, mb, where = r.stdout.split(maxsplit=3)
    assert where.startswith(str(package)), where
    return float(cpu), float(s), float(mb)

def main(sizes):
    rows = []
    with tempfile.TemporaryDirectory() as d:
        d = Path(d).resolve()
        tar = subprocess.run(['git', 'archive', OLD, 'qualiteacher'], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(['tar', '-x', '-C', d], input=tar, check=True)
        for mp in sizes:
            picture(mp, src := d/f'{mp}.jpg')
            whats = [OLD, 'now'] + (['8 restores', 'sweep of 8'] if mp == 2 else [])
            got = {w: [] for w in whats}
            for i in range(RUNS.get(mp, 1)):
                for w in whats: got[w].append(run(w, src, d/'out.png', d)); print(mp, w, *got[w][-1], flush=True)
            cpu = next((l.split(':')[1].strip() for l in open('/proc/cpuinfo') if l.startswith('model name')), platform.machine())
            for w, v in got.items():
                s = [c/mp for c, _, _ in v]
                rows.append(dict(megapixels=mp, version=w, cpu_s_a_mp=f'{statistics.median(s):.3f}', lowest=f'{min(s):.3f}',
                                 highest=f'{max(s):.3f}', clock_s_a_mp=f'{statistics.median(t for _, t, _ in v)/mp:.3f}',
                                 runs=len(v), peak_mb=f'{max(m for _, _, m in v):.0f}', machine=f'{cpu}, one thread'))
    old = list(csv.DictReader(OUT.open())) if OUT.exists() else []
    rows = sorted([r for r in old if int(r['megapixels']) not in sizes]+rows, key=lambda r: int(r['megapixels']))
    with OUT.open('w', newline='') as f:
        w = csv.DictWriter(f, rows[0], lineterminator='\n'); w.writeheader(); w.writerows(rows)
    for r in rows: print(*(f'{v:>12}' for v in r.values()))

if __name__ == '__main__':
    if sys.argv[1:2] == ['--child']: child(*sys.argv[2:])
    else: main([int(a) for a in sys.argv[1:]] or list(RUNS))
