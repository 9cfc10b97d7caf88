"""Real pairs for experiments: a folder `shared` beside the clone, or where QUALITEACHER_SHARED says.  They are read, never
committed.  `pairs/pairs.csv` there has task, part, scene, input, truth; `pairs/peers/METHOD` holds results of other people."""
import csv, os
from pathlib import Path
from qualiteacher.pairs import Pair, PairSet

ROOT = Path(__file__).resolve().parents[2]
WHERE = 'the shared pairs are not here: set QUALITEACHER_SHARED, or put a folder shared beside the clone'

def shared_pairs_root():
    "Folder of pairs.csv, or None"
    root = Path(os.environ.get('QUALITEACHER_SHARED') or ROOT.parent/'shared')/'pairs'
    return root if (root/'pairs.csv').is_file() else None

def shared_pairs(task, part, short=None):
    "PairSet of one task and part; names are file stems, scenes as the table says"
    root = shared_pairs_root()
    if root is None: raise FileNotFoundError(WHERE)
    with (root/'pairs.csv').open(newline='') as f: rows = list(csv.DictReader(f))
    some = [r for r in rows if (r['task'], r['part']) == (task, part)]
    if not some: raise ValueError(f'task, part: expected one of {sorted({(r["task"], r["part"]) for r in rows})}, got {task, part}')
    pairs = [Pair(Path(r['input']).stem, root/r['input'], root/r['truth'], r['scene']) for r in some]
    return PairSet(pairs, task.split('_')[0], short)

def one_a_scene(data, n):
    "At most `n` pairs: the first of every scene, then the second of every scene, and so on"
    seen, order = {}, []
    for i, p in enumerate(data.pairs):
        seen[p.scene] = seen.get(p.scene, -1)+1
        order.append((seen[p.scene], i))
    keep = sorted(i for _, i in sorted(order)[:n])
    return PairSet([data.pairs[i] for i in keep], data.task, data.short, data.border)
