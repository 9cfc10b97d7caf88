"""Do made-up nights, fog and water resemble real ones?  Statistics that need no truth, of inputs only.

    python tests/benchmarks/degradations_real.py            # three tables in nbs/data, about five minutes on one core
    python tests/benchmarks/degradations_real.py --n 4      # a look, nothing is written

Real pictures: *inputs* of the train part of the shared pairs (see tests/tools/shared_pairs.py) and the inputs in `real` beside it.
No pixel of a truth or of the test part is read.  Made-up ones: the training photographs of this project, short side 400 px.  The ranges
of `qualiteacher.cameras` were set by looking at these tables.

    degradations_real.csv    one row a picture: kind, source, name, the names of STATISTICS
    degradations_noise.csv   noise in flat tiles by brightness and channel: LOL, the old night b, the new one
    degradations_space.csv   one row a SOTS scene: do channels lose contrast alike, in sRGB or in light?
"""
import argparse, csv, sys
from pathlib import Path
import torch
sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'tools'))
from shared_pairs import one_a_scene, shared_pairs, shared_pairs_root
from qualiteacher import cameras, degradations
from qualiteacher.cameras import STATISTICS, off_plane, picture_statistics, set_distance, tiles
from qualiteacher.images import list_images, load_image, sample_paths
from qualiteacher.measures import to_light

OUT = Path(__file__).resolve().parents[2]/'nbs'/'data'
SOURCES = {  # kind: (task of the pairs, its name), (folder in real, its name), old a, old b, new
    'night': (('lowlight_full', 'LOL'), ('lowlight', 'DICM'), 'low_light_a', 'low_light_b', 'night'),
    'fog': (('haze', 'SOTS'), ('hazy', 'hazy'), 'haze_a', 'haze_b', 'fog'),
    'water': (('underwater', 'LSUI'), ('underwater', 'U45'), 'underwater_a', 'underwater_b', 'water')}
EDGES = [0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128]    # grey levels

def inputs(task, n):
    "Paths of inputs of the train part"
    return [p.input for p in one_a_scene(shared_pairs(task, 'train'), n).pairs]

def made(f, n, times=1):
    "(name, degraded photograph), the same generator all along"
    g = torch.Generator().manual_seed(0)
    for k in range(times):
        for p in sample_paths('train')[:n]: yield f'{p.stem}/{k}', f(load_image(p, short=400)[None], g)

def sets(kind, n):
    "{source: iterator over (name, picture)}"
    (task, name), (folder, other), a, b, new = SOURCES[kind]
    read = lambda paths: ((p.stem, load_image(p)[None]) for p in paths)
    out = {name: read(inputs(task, n)), other: read(list_images(shared_pairs_root().parent/'real'/folder/'input')[0][:n])}
    return out | {'old a': made(getattr(degradations, a), n), 'old b': made(getattr(degradations, b), n),
                  'new': made(getattr(cameras, new), n, 3)}

def statistics(n):
    return [dict(kind=kind, source=source, name=name) | {k: f'{v.item():.4g}' for k, v in picture_statistics(x).items()}
            for kind in SOURCES for source, pictures in sets(kind, n).items() for name, x in pictures]

def noise_by_level(pictures):
    "Lower quartile of the standard deviation in tiles, by their brightness: texture only ever adds to it"
    mean, sd = [], []
    for _, x in pictures:
        t = tiles(x[0])
        mean.append(t.mean((2, 3))*255); sd.append((off_plane(t).square().mean((2, 3))*64/61).sqrt()*255)
    mean, sd = torch.cat(mean), torch.cat(sd)
    for c, channel in enumerate('RGB'):
        for lo, hi in zip(EDGES, EDGES[1:]):
            inside = (mean[:, c] >= lo)&(mean[:, c] < hi)
            if inside.sum() >= 100: yield dict(channel=channel, level=f'{(lo+hi)/2:g}', tiles=int(inside.sum()),
                                               noise=f'{sd[inside, c].quantile(.25):.3f}')

def levels(n):
    found = sets('night', n)
    return [dict(source=s)|r for s in ('LOL', 'old b', 'new') for r in noise_by_level(found[s])]

def disagreement(x, least=.004, side=16):
    "(N,3,H,W), a scene in N strengths: spread over the channels of the log ratio of contrasts, over its mean size; sRGB, light"
    cut = lambda y: torch.stack([tiles(v, side) for v in y])
    sds = [cut(y).std((3, 4)) for y in (x, to_light(x))]
    good = (cut(x).amax((0, 2, 3, 4)) < .97)&(sds[0].amin((0, 2)) > least)&(sds[1].amin((0, 2)) > least)
    i, j = torch.triu_indices(len(x), len(x), 1)
    ratios = [(sd[i][:, good]/sd[j][:, good]).log() for sd in sds]
    return *((r.std(-1).mean()/r.abs().mean()).item() for r in ratios), int(good.sum())

def space(n):
    scenes = {}
    for p in shared_pairs('haze', 'train').pairs: scenes.setdefault(p.scene, []).append(p.input)
    rows = []
    for scene, paths in list(scenes.items())[:n]:
        x = torch.stack([load_image(p) for p in paths])
        srgb, light, k = disagreement(x)
        rows.append(dict(scene=scene.split('_')[-1], strengths=len(x), tiles=k, srgb=f'{srgb:.3f}', light=f'{light:.3f}'))
    return rows

def report(rows):
    "Distances of old and new to the first real source"
    for kind, ((_, name), (_, other), *_) in SOURCES.items():
        col = lambda s, k: torch.tensor([float(r[k]) for r in rows if (r['kind'], r['source']) == (kind, s)])
        for ref in (name, other):
            print(f'\n{kind}, distance to {ref}: old a, old b, new')
            for k in STATISTICS:
                d = [set_distance(col(ref, k), col(s, k)) if col(s, k).isfinite().sum() > 1 and col(ref, k).isfinite().sum() > 1
                     else float('nan') for s in ('old a', 'old b', 'new')]
                print(f'{k:>16}', *(f'{v:6.2f}' for v in d))

def write(name, rows):
    with (OUT/name).open('w', newline='') as f:
        w = csv.DictWriter(f, list(rows[0]), lineterminator='\n')
        w.writeheader(); w.writerows(rows)

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--n', type=int, default=0, help='pictures a source; 0: all, and the tables are written')
    args = p.parse_args()
    n = args.n or 60
    tables = {'degradations_real.csv': statistics(n), 'degradations_noise.csv': levels(n), 'degradations_space.csv': space(n)}
    report(tables['degradations_real.csv'])
    if args.n: print(*tables['degradations_noise.csv'][:12], *tables['degradations_space.csv'], sep='\n')
    else:
        for name, rows in tables.items(): write(name, rows)
