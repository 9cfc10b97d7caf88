"""Seconds from a moved control to the new picture's bytes, explorer by explorer, at 256 px:

    python tests/benchmarks/explorer.py [NAME ...] [--moves 12]

Every control of a panel but the photograph (a new one is restored and scored first) goes round its values, one a move; what is
made once a choice is made before, so that only moves are counted.  Prints a table of moves, median and worst by
the clock, and the median of processor seconds, which other jobs on the machine disturb little."""
import argparse, itertools, json, statistics, tempfile, time
from pathlib import Path
import torch
import qualiteacher.explorer as ex

HERE = Path(__file__).resolve().parents[2]
MADE = {'photo', 'kind', 'target', 'where', 'folder'}        # a new value here is prepared first, which is no move

def toy_run(folder, steps=200):
    rows = [dict(step=s, total=1/(s+1), label=.5, pairs=.3, levels=[s%8, 7], shares={'label': .6, 'pairs': .4}) for s in range(steps)]
    rows += [dict(step=s, meter=dict(reward=[.4+s/500, .02], psnr=[15+s/100, .3])) for s in range(0, steps, 20)]
    (folder/'log.jsonl').write_text(''.join(json.dumps(r) + '\n' for r in rows))
    (folder/'pictures').mkdir()
    from qualiteacher.images import save_image
    for s in (100, 200): save_image(torch.rand(3, 96, 288), folder/'pictures'/f'step-{s:06d}.jpg')
    return folder

def make(name, tmp):
    if name == 'run': return ex.explore_run(toy_run(tmp))
    if name == 'preference': return ex.explore_preference(HERE/'nbs'/'data')
    return getattr(ex, f'explore_{name}')()

def values(control):
    if hasattr(control, 'options'): return [o[1] if isinstance(o, tuple) else o for o in control.options]
    return [not control.value, control.value] if isinstance(control.value, bool) else []

def moves(box, n):
    "Seconds of up to n moves of every control, round and round"
    took = []
    for name, c in box.controls.items():
        if name in MADE: continue
        begin = c.value
        for v in [*itertools.islice(itertools.cycle(values(c)), n if values(c) else 0), begin]:     # and back again
            if v == c.value: continue
            start, cpu = time.perf_counter(), time.process_time()
            c.value = v
            took.append((time.perf_counter() - start, name, time.process_time() - cpu))
            assert not box.note.value, box.note.value
    return took

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('names', nargs='*', default=['dial', 'candidates', 'damage', 'bank', 'preference', 'attack', 'encoding', 'run'])
    p.add_argument('--moves', type=int, default=12, help='of each control')
    a = p.parse_args()
    torch.set_num_threads(2)
    print('| explorer | moves | median s | worst s | at the control | processor, median s |\n|---|---|---|---|---|---|')
    for name in a.names:
        with tempfile.TemporaryDirectory() as tmp:
            box = make(name, Path(tmp)); moves(box, 2)       # what a first draw loads
            took = moves(box, a.moves)
            print(f'| {name} | {len(took)} | {statistics.median(t[0] for t in took):.3f} | {max(took)[0]:.3f} | {max(took)[1]} | '
                  f'{statistics.median(t[2] for t in took):.3f} |', flush=True)

if __name__ == '__main__': main()
