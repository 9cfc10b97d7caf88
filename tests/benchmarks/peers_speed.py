"""Seconds of the processor for a megapixel, `restore` beside three published networks for dark photographs, in one run:

    for r in Li-Chongyi/Zero-DCE vis-opt-group/SCI zhenqifu/PairLIE; do git clone https://github.com/$r PEERS/${r#*/}; done
    python tests/benchmarks/peers_speed.py PEERS         # one thread, some minutes; nbs/data/peers_speed.csv

Their code and weights are used as they were cloned and are no part of this project.  All networks get the same picture as a tensor,
in evaluation mode without gradients; the network is loaded before the clock runs.  Median of three, in turn.
"""
import argparse, csv, importlib.util, statistics, sys, time
from pathlib import Path
import torch
from qualiteacher.images import load_image, sample_paths
from qualiteacher.inference import asked_level, restore, shipped_student

OUT = Path(__file__).resolve().parents[2]/'nbs'/'data'/'peers_speed.csv'

def module(folder, file, name):
    "A file of a clone as a module"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location(name, folder/file)
        m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m)
        return m
    finally: sys.path.remove(str(folder))

def peers(root):
    "{name: function (1,3,H,W) -> picture}"
    read = lambda f: torch.load(root/f, map_location='cpu', weights_only=True)
    dce = module(root/'Zero-DCE'/'Zero-DCE_code', 'model.py', 'dce').enhance_net_nopool().eval()
    dce.load_state_dict(read('Zero-DCE/Zero-DCE_code/snapshots/Epoch99.pth'))
    pair = module(root/'PairLIE'/'net', 'net.py', 'pair').net().eval()
    pair.load_state_dict(read('PairLIE/weights/PairLIE.pth'))
    light = module(root/'SCI', 'model.py', 'sci').EnhanceNetwork(layers=1, channels=3).eval()
    light.load_state_dict({k.removeprefix('enhance.'): v for k, v in read('SCI/weights/medium.pt').items() if k.startswith('enhance.')})
    def sci(x): return (x/light(x)).clamp(0, 1)
    def pairlie(x): l, r, _ = pair(x); return l**.2*r
    return {'SCI': sci, 'Zero-DCE': lambda x: dce(x)[1], 'PairLIE': pairlie}

@torch.no_grad()
def main(root):
    torch.set_num_threads(1)
    student, meta = shipped_student()
    ask = asked_level(meta['about'])
    rows = {'qualiteacher restore': lambda x: restore(student, x[0], ask), **peers(root)}
    lines = []
    for width, height in ((720, 540), (1920, 1080)):
        photo = load_image(sample_paths('lowlight')[0])
        x = torch.nn.functional.interpolate(photo[None], (height, width), mode='bicubic', antialias=True).clamp(0, 1)
        spent = {n: [] for n in rows}
        for turn in range(4 if width < 1000 else 3):
            for n, f in rows.items():
                if width > 1000 and n == 'PairLIE' and turn > 1: continue           # minutes
                start = time.process_time(); f(x)
                if turn: spent[n].append(time.process_time()-start)                 # the first one warms up
        ours = statistics.median(spent['qualiteacher restore'])
        for n, v in spent.items():
            s = statistics.median(v)
            lines.append(dict(network=n, width=width, height=height, seconds_a_megapixel=f'{s/(width*height/1e6):.3f}', times_ours=f'{s/ours:.2f}'))
            print(lines[-1], flush=True)
    with OUT.open('w', newline='') as f: w = csv.DictWriter(f, list(lines[0]), lineterminator='\n'); w.writeheader(); w.writerows(lines)

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('peers', type=Path, help='folder with the three clones')
    main(p.parse_args().peers)
