"""Seconds a megapixel and peak memory, file to file (JPEG in, level 7, PNG out), against an older commit; each run is a
process of its own with one thread, old and new in turns.  Also a sweep of eight levels against eight restores.  Processor
seconds, which other jobs on the machine disturb little, and the clock's; `load` is the number of processes that wanted a
core (of all jobs) when a run began.  `now` and what it is compared with are the demo's student, without a first step; `night`,
`fog` and `water` are the three for real pictures, with theirs.  Writes nbs/data/restore.csv (other sizes are kept).

    python tests/benchmarks/restore.py            all sizes, some minutes
    python tests/benchmarks/restore.py 2 12       these megapixels only
    python tests/benchmarks/restore.py --against COMMIT_OR_CLONE [--out FILE.csv]    something else than 64f25a1
"""
import argparse, csv, os, platform, resource, statistics, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT, OLD = ROOT/'nbs'/'data'/'restore.csv', '64f25a1'
RUNS = {2: 3, 12: 2, 50: 1}
WEIGHTS = ROOT/'qualiteacher'/'weights'
REAL = ['night', 'fog', 'water']

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
    student = m.load_student(WEIGHTS/f"{what if what in REAL else 'lowlight'}_student.safetensors")[0]
    t, cpu = time.perf_counter(), time.process_time()
    if what in ('now', *REAL):
        done, skipped = m.restore_files(student, [(src, dst)], 7, overwrite=True, progress=False)
        assert not skipped, skipped
    elif what not in ('8 restores', 'sweep of 8'): save_image(m.restore(student, load_image(src), 7), dst)
    elif what == '8 restores': [m.restore(student, load_image(src), q) for q in range(8)]
    elif what == 'sweep of 8': m.sweep(student, load_image(src))
    t, cpu = time.perf_counter()-t, time.process_time()-cpu
    print(cpu, t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024, m.__file__)

def run(what, src, dst, old):
    load, package = os.getloadavg()[0], ROOT if what in ('now', 'sweep of 8', *REAL) else old
    env = {**os.environ, 'PYTHONPATH': str(package)}
    r = subprocess.run([sys.executable, __file__, '--child', what, str(src), str(dst)], cwd=package, env=env, text=True, capture_output=True)
    assert r.returncode == 0, r.stderr[-2000:]
    cpu, s, mb, where = r.stdout.split(maxsplit=3)
    assert where.startswith(str(package)), where
    return float(cpu), float(s), float(mb), load

def package(against, d):
    "The folder that holds the old package: a clone as it is, a commit unpacked into `d`"
    if (Path(against)/'qualiteacher').is_dir(): return Path(against).resolve()
    tar = subprocess.run(['git', 'archive', against, 'qualiteacher'], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(['tar', '-x', '-C', d], input=tar, check=True)
    return d

def main(sizes, against, out):
    rows = []
    with tempfile.TemporaryDirectory() as d:
        d = Path(d).resolve()
        old_package = package(against, d)
        for mp in sizes:
            picture(mp, src := d/f'{mp}.jpg')
            whats = [against, 'now', *REAL] + (['8 restores', 'sweep of 8'] if mp == 2 else [])
            got = {w: [] for w in whats}
            for i in range(RUNS.get(mp, 1)):
                for w in whats: got[w].append(run(w, src, d/'out.png', old_package)); print(mp, w, *got[w][-1], flush=True)
            cpu = next((l.split(':')[1].strip() for l in open('/proc/cpuinfo') if l.startswith('model name')), platform.machine())
            for w, v in got.items():
                s = [c/mp for c, *_ in v]
                rows.append(dict(megapixels=mp, version=w, cpu_s_a_mp=f'{statistics.median(s):.3f}', lowest=f'{min(s):.3f}',
                                 highest=f'{max(s):.3f}', clock_s_a_mp=f'{statistics.median(t for _, t, *_ in v)/mp:.3f}',
                                 runs=len(v), peak_mb=f'{max(m for _, _, m, _ in v):.0f}', load=f'{max(l for *_, l in v):.1f}', machine=f'{cpu}, one thread'))
    old = list(csv.DictReader(out.open())) if out.exists() else []
    rows = sorted([r for r in old if int(r['megapixels']) not in sizes]+rows, key=lambda r: int(r['megapixels']))
    with out.open('w', newline='') as f:
        w = csv.DictWriter(f, list(dict.fromkeys(k for r in rows for k in r)), lineterminator='\n'); w.writeheader(); w.writerows(rows)
    for r in rows: print(*(f'{v:>12}' for v in r.values()))

if __name__ == '__main__':
    if sys.argv[1:2] == ['--child']: child(*sys.argv[2:])
    else:
        p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        p.add_argument('sizes', type=int, nargs='*', default=list(RUNS)); p.add_argument('--against', default=OLD)
        p.add_argument('--out', type=Path, default=OUT)
        a = p.parse_args()
        main(a.sizes, a.against, a.out)
