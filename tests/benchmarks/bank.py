"""What a label costs.  Codecs on real pseudo-labels (bytes a pixel, encode and decode ms), then banks of 100, 1,000 and 10,000
pictures with three labels each: add and read ms, seconds and bytes of a checkpoint (state_dict, torch.save, prune), beside the old
format (one safetensors file a label, the index inside the checkpoint), taken from the history.  Milliseconds, checkpoint_cpu_s and
resume_s are processor time; checkpoint_s is by the clock on the wall.  Writes nbs/data/bank.csv.

    OMP_NUM_THREADS=1 taskset -c 0 python tests/benchmarks/bank.py [KEYS ...]
"""
import csv, importlib.util, io, itertools, random, statistics, subprocess, sys, tempfile, time
from pathlib import Path
import torch
from PIL import Image
from qualiteacher.pyramid import load_base
from qualiteacher.images import load_image, sample_paths, to_uint8
from qualiteacher.labels import Label, decode_label, encode_label
from qualiteacher.label_bank import LabelBank
from qualiteacher.teacher import PseudoLabeler

ROOT = Path(__file__).resolve().parents[2]
OLD = '64f25a1'                                  # the last commit of the old format
COLUMNS = ('what', 'name', 'keys', 'bytes_pixel', 'worst', 'encode_ms', 'decode_ms', 'add_ms', 'last_ms', 'last_worst_ms', 'checkpoint_s',
           'checkpoint_worst_s', 'checkpoint_cpu_s', 'checkpoint_kb', 'resume_s')

def ms(f, *args, clock=time.process_time):
    "Milliseconds of processor time of this process: what it costs beside other work, without waiting for the disk"
    t = clock(); r = f(*args)
    return 1e3*(clock()-t), r

def real_labels(short=192):
    "Seven candidates of each of five dark sample photographs, (3,192,192) uint8"
    lab = PseudoLabeler(load_base('lowlight'), None, 'demo')
    return [to_uint8(y) for p in sample_paths('lowlight')[:5] for y in lab.propose(load_image(p, short)[:, :short, :short])]

def pillow(kind, **how):
    def encode(y):
        out = io.BytesIO(); Image.fromarray(y.permute(1, 2, 0).contiguous().numpy()).save(out, kind, **how); return out.getvalue()
    return encode

def codecs(labels):
    ways = {'ours': encode_label, **{f'PNG {n}': pillow('PNG', compress_level=n) for n in (1, 3, 6, 9)},
            **{f'WebP {n}': pillow('WEBP', lossless=True, method=n, quality=20) for n in (0, 1, 2, 3, 4)}}
    for name, encode in ways.items():
        enc = [ms(encode, y) for y in labels]
        dec = [ms(decode_label, d) for _, d in enc]
        assert all(torch.equal(y, x) for y, (_, x) in zip(labels, dec))
        size = [len(d)/y[0].numel() for y, (_, d) in zip(labels, enc)]
        yield dict(what='codec', name=name, bytes_pixel=f'{statistics.mean(size):.2f}', worst=f'{max(size):.2f}',
                   encode_ms=f'{statistics.median(t for t, _ in enc):.1f}', decode_ms=f'{statistics.median(t for t, _ in dec):.1f}')

def old_module(folder):
    "The module as it was, with its imports made absolute"
    source = subprocess.check_output(['git', '-C', str(ROOT), 'show', f'{OLD}:qualiteacher/label_bank.py'], text=True)
    f = Path(folder)/'old_bank.py'; f.write_text(source.replace('from .', 'from qualiteacher.'))
    spec = importlib.util.spec_from_file_location('old_bank', f); m = importlib.util.module_from_spec(spec)
    sys.modules['old_bank'] = m; spec.loader.exec_module(m)
    return m

def bank(name, make, label, keys, folder, state_of):
    "One bank through a short life: filled, read, refreshed between checkpoints, resumed"
    b, r, step = make(folder/'bank'), random.Random(0), 0
    names = [f'photographs/{i:06d}.jpg#0123456789abcdef' for i in range(keys)]
    for k in names: b.add(k, [label(i, step) for i in range(3)], step); step += 1
    def checkpoint():
        s = b.state_dict(); torch.save(s, folder/'c.pt'); b.prune(*([step-20] if name == 'new' else [])); return s
    checkpoint()
    add, read, save = [], [], []
    for _ in range(5):                                         # twenty refreshes, then a checkpoint
        for k in r.sample(names, 20):
            new = [label(i, step) for i in range(3)]
            add.append(ms(b.add, k, new, step)[0]); step += 1
            read.append(ms(b.last_scores if name == 'new' else lambda k: [e['score'] for e in b._last[k]], r.choice(names))[0])
        wall, cpu = time.perf_counter(), ms(checkpoint)[0]; save.append((1e3*(time.perf_counter()-wall), cpu))
    if name == 'new': b.close()
    resume = ms(lambda: state_of(make(folder/'bank'), torch.load(folder/'c.pt', weights_only=True), step))[0]
    return dict(what='bank', name=name, keys=keys, add_ms=f'{statistics.median(add):.2f}', last_ms=f'{statistics.median(read):.3f}',
                last_worst_ms=f'{max(read):.3f}', checkpoint_s=f'{statistics.median(w for w, _ in save)/1e3:.3f}', checkpoint_worst_s=f'{max(w for w, _ in save)/1e3:.3f}',
                checkpoint_cpu_s=f'{statistics.median(c for _, c in save)/1e3:.3f}',
                checkpoint_kb=f'{(folder/"c.pt").stat().st_size/1024:.1f}', resume_s=f'{resume/1e3:.2f}')

def banks(sizes, small):
    with tempfile.TemporaryDirectory() as d:
        old = old_module(d)
        def new_label(i, step): return Label(small[i], torch.ones(2, 2), .1+.01*i+1e-6*step, {'brisque': .4, 'niqe': .5, 'semantic': .3}, f'view {i}', step)
        def old_label(i, step): return old.Label(small[i], torch.ones(1, 32, 32).half(), .1+.01*i+1e-6*step,
                                                 {'brisque': .4, 'niqe': .5, 'semantic': .3}, f'view {i}', step)
        for n in sizes:
            for name, make, label, load in (('old', old.LabelBank, old_label, lambda b, s, t: b.load_state_dict(s)),
                                            ('new', LabelBank, new_label, lambda b, s, t: b.load_state_dict(s, t))):
                with tempfile.TemporaryDirectory() as f: yield bank(name, make, label, n, Path(f), load)

if __name__ == '__main__':
    torch.set_num_threads(1)
    sizes, rows = [int(a) for a in sys.argv[1:]] or [100, 1000, 10_000], []
    labels = real_labels()
    # 32 px: the table is about the index, and ten thousand pictures should fit into a minute
    small = [y[:, :32, :32].contiguous() for y in labels[:3]]
    for row in itertools.chain(codecs(labels), banks(sizes, small)):
        rows.append(row); print(*(f'{k} {v}' for k, v in row.items()), sep=' | ', flush=True)
    with open(ROOT/'nbs'/'data'/'bank.csv', 'w', newline='') as out:
        w = csv.DictWriter(out, COLUMNS, lineterminator='\n'); w.writeheader(); w.writerows(rows)
