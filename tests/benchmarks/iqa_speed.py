"""Images per second of the offline judges, beside pyiqa's BRISQUE and its MUSIQ (random weights: speed does not ask for good
ones), all in one run.  Writes nbs/data/iqa_speed.csv.

    OMP_NUM_THREADS=1 taskset -c 0 python tests/benchmarks/iqa_speed.py ["the machine in words"] [cuda]
"""
import csv, os, platform, sys, tempfile, time, warnings
from pathlib import Path
import torch
from qualiteacher.iqa import IQAEnsemble, _pkg_resources_shim, pyiqa_metric
from qualiteacher.nss import BRISQUE

DATA = Path(__file__).resolve().parents[2]/'nbs'/'data'

def judges():
    "name: (B,3,H,W)->(B,), scores only"
    iqa = IQAEnsemble.preset('offline')
    _pkg_resources_shim()
    from pyiqa.archs.musiq_arch import MUSIQ
    with tempfile.TemporaryDirectory() as d:
        torch.manual_seed(0)
        torch.save(MUSIQ(pretrained=False).state_dict(), f'{d}/musiq.pth')
        m = BRISQUE(); torch.save((m.sv_coef, m.sv), f'{d}/brisque.pth')
        others = {f'pyiqa {n}': pyiqa_metric(n, pretrained_model_path=f'{d}/{n}.pth') for n in ('brisque', 'musiq')}
    return {**iqa.metrics, 'offline ensemble': iqa, **others}

@torch.no_grad()
def speed(f, x, least=2.):
    "Median seconds of a call: five calls or more, for `least` seconds or more, at most eight seconds"
    sync = torch.cuda.synchronize if x.is_cuda else lambda: None
    f(x); sync(); times = []
    while (len(times) < 5 or sum(times) < least) and sum(times) < 8:
        t = time.perf_counter(); f(x); sync(); times.append(time.perf_counter()-t)
    return sorted(times)[len(times)//2], min(times), max(times), len(times)

if __name__ == '__main__':
    cpu = next((l.split(':')[1].strip() for l in open('/proc/cpuinfo') if l.startswith('model name')), platform.machine())
    words = next((a for a in sys.argv[1:] if a != 'cuda'), '')
    machine = f'{words or cpu}, {torch.get_num_threads()} threads on {len(os.sched_getaffinity(0))} core(s)'
    device = 'cuda' if 'cuda' in sys.argv else 'cpu'
    if device == 'cuda': machine += ', '+torch.cuda.get_device_name()
    warnings.simplefilter('ignore')
    rows, g = [], torch.Generator().manual_seed(0)
    js = {n: m.to(device) for n, m in judges().items()}
    for size, n in ((256, 1), (256, 16), (512, 1), (512, 16)):
        x = torch.rand(n, 3, size, size, generator=g).to(device)
        for name, m in js.items():
            f = (lambda v, m=m: m.score(v).total) if isinstance(m, IQAEnsemble) else m.raw
            mid, lo, hi, k = speed(f, x)
            rows.append(dict(judge=name, size=size, batch=n, images_per_second=f'{n/mid:.2f}', slowest=f'{n/hi:.2f}',
                             fastest=f'{n/lo:.2f}', calls=k, machine=machine))
            print(*rows[-1].values(), flush=True)
    with open(DATA/'iqa_speed.csv', 'w', newline='') as out:
        w = csv.DictWriter(out, rows[0], lineterminator='\n'); w.writeheader(); w.writerows(rows)
