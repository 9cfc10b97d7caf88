"""Seconds a megapixel and peak memory, file to file (JPEG in, PNG out) and from tensor to tensor, against an older commit; each run is
a process of its own with one thread, old and new in turns.  Also a sweep of eight levels against eight restores.  Processor seconds,
which other jobs on the machine disturb little, and the clock's; `load` is the number of processes that wanted a core (of all jobs)
when a run began.  `import` is the peak of a process that has loaded the student and nothing else.  Writes nbs/data/restore.csv (other
sizes are kept).

    python tests/benchmarks/restore.py            all sizes, some minutes
    python tests/benchmarks/restore.py 2 12       these megapixels only
    python tests/benchmarks/restore.py --against COMMIT_OR_CLONE [--out FILE.csv]    something else than 04ba1ed
"""
import argparse, csv, os, platform, resource, statistics, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT, OLD = ROOT/'nbs'/'data'/'restore.csv', '04ba1ed'
RUNS = {2: 3, 12: 2, 50: 1}
REAL = ['night', 'fog', 'water']

def picture(megapixels, path):
    "3:2, a photograph made larger"
    from PIL import Image
    w = round((megapixels*1e6*1.5)**.5)
    with Image.open(ROOT/'data_samples'/'lowlight'/sorted(os.listdir(ROOT/'data_samples'/'lowlight'))[0]) as im:
        im.convert('RGB').resize((w, round(w/1.5)), Image.Resampling.BICUBIC).save(path, quality=92)

def child(what, src, dst):
    "One run: prints seconds (file to file, tensor to tensor), and the peak of memory in MB"
    import torch
    from qualiteacher.images import load_image, to_uint8
    from qualiteacher import inference as m
    torch.set_num_threads(1)
    name = what.split()[0] if what.split()[0] in REAL else 'night'
    student = m.load_student(Path(m.__file__).parent/'weights'/f'{name}_student.safetensors')[0]
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024
    idle, t, cpu = peak(), time.perf_counter(), time.process_time()
    if what == '8 restores': x = load_image(src); [m.restore(student, x, q) for q in range(8)]
    elif what == 'sweep of 8': m.sweep(student, load_image(src))
    else:
        done, skipped = m.restore_files(student, [(src, dst)], 7, overwrite=True, progress=False)
        assert not skipped, skipped
    t, cpu, mb = time.perf_counter()-t, time.process_time()-cpu, peak()
    alone = time.process_time()
    if what.split()[0] in REAL: m.restore(student, to_uint8(load_image(src)), 7, dtype=torch.uint8)
    print(cpu, t, mb, idle, time.process_time()-alone, m.__file__)

def run(what, src, dst, old):
    load, package = os.getloadavg()[0], old if what.endswith('before') else ROOT
    env = {**os.environ, 'PYTHONPATH': str(package)}
    r = subprocess.run([sys.executable, __file__, '--child', what, str(src), str(dst)], cwd=package, env=env, text=True, capture_output=True)
    assert r.returncode == 0, r.stderr[-2000:]
    cpu, s, mb, idle, alone, where = r.stdout.split(maxsplit=5)
    assert where.startswith(str(package)), where
    return float(cpu), float(s), float(mb), load, float(idle), float(alone)

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
            whats = ['night before', *REAL] + (['8 restores', 'sweep of 8'] if mp == 2 else [])
            got = {w: [] for w in whats}
            for i in range(RUNS.get(mp, 1)):
                for w in whats: got[w].append(run(w, src, d/'out.png', old_package)); print(mp, w, *got[w][-1], flush=True)
            cpu = next((l.split(':')[1].strip() for l in open('/proc/cpuinfo') if l.startswith('model name')), platform.machine())
            for w, v in got.items():
                s = [c/mp for c, *_ in v]
                rows.append(dict(megapixels=mp, version=w.replace('before', against), cpu_s_a_mp=f'{statistics.median(s):.3f}', lowest=f'{min(s):.3f}',
                                 highest=f'{max(s):.3f}', clock_s_a_mp=f'{statistics.median(t for _, t, *_ in v)/mp:.3f}', tensors_s_a_mp=f'{statistics.median(r[5] for r in v)/mp:.3f}',
                                 runs=len(v), peak_mb=f'{max(r[2] for r in v):.0f}', import_mb=f'{max(r[4] for r in v):.0f}', load=f'{max(r[3] for r in v):.1f}', machine=f'{cpu}, one thread'))
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
