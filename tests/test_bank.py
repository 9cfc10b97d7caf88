"The label bank against a plain model of it; killed, filled up, damaged, shared; and the gates of several processes."
import errno, json, os, random, shutil, subprocess, sys, threading, warnings
from pathlib import Path
from types import SimpleNamespace
import pytest, torch
from hypothesis import given, settings, strategies as st
from conftest import run
from qualiteacher.labels import Gate, Gates, Label, decode_label, encode_label, make_labels
from qualiteacher.label_bank import LabelBank

def gen(n): return torch.Generator().manual_seed(n)
def label(score, step=0, size=4, seed=None, **metrics):
    image = torch.randint(0, 256, (3, size, size), generator=gen(int(score*1e6)+step if seed is None else seed), dtype=torch.uint8)
    return Label(image, torch.ones(2, 2), score, metrics or {'m': score}, f'view {step}', step)
def scores(labels): return [l.score for l in labels]
def files(root, name='bank'): return sorted(Path(root).glob(f'{name}/*/*'))

class Model:
    "The bank in ten lines of lists, with a copy of every state"
    def __init__(self, top_k, max_age): self.top_k, self.max_age, self.best, self.last, self.seen, self.states = top_k, max_age, {}, {}, {}, {0: {}}
    def add(self, key, labels, step, seen):
        old = [l for l in self.best.get(key, []) if self.max_age is None or step-l.step <= self.max_age]
        self.best[key] = sorted(old+labels, key=lambda l: -l.score)[:self.top_k]
        self.last[key], self.seen[key] = labels, seen
    def show(self): return {k: (scores(self.best[k]), scores(self.last[k]), [round(v, 5) for v in self.seen[k]]) for k in self.best}

def show(bank, keys): return {k: (scores(bank.best(k)), scores(bank.last(k)), [round(v, 5) for v in bank.seen(k).tolist()]) for k in keys}
def same(bank, state, keys):
    empty = ([], [], [])
    for k, found in show(bank, keys).items(): assert state.get(k, empty) == found, (k, found, state.get(k))
    assert sorted(bank.keys()) == sorted(k for k, v in state.items() if v[0]) and len(bank) == len(bank.keys())

KEYS = ['a', 'b', 'c/d.png#123', "it's"]
rounds = st.lists(st.lists(st.tuples(st.sampled_from(KEYS), st.lists(st.floats(0, 1, width=32), max_size=4)), max_size=3, unique_by=lambda r: r[0]),
                  min_size=1, max_size=9)

@settings(max_examples=60, deadline=None, derandomize=True)
@given(rounds, st.sampled_from([1, 3]), st.sampled_from([None, 2]), st.booleans(), st.data())
def test_every_state_can_be_shown_again(tmp_path_factory, rounds, top_k, max_age, on_disk, data):
    root = tmp_path_factory.mktemp('bank') if on_disk else None
    bank, model = LabelBank(root, top_k, max_age), Model(top_k, max_age)
    for step, refreshes in enumerate(rounds):
        for key, s in refreshes:
            labels, seen = [label(v, step) for v in s], [*s, .25]
            bank.add(key, labels, step, seen); model.add(key, labels, step, seen)
        model.states[step+1] = model.show()
    same(bank, model.show(), KEYS)
    keep = data.draw(st.integers(0, len(rounds)))
    bank.prune(keep)
    same(bank, model.show(), KEYS)                                    # pruning changes nothing that is visible
    for s in data.draw(st.lists(st.integers(keep, len(rounds)), max_size=3).map(lambda v: sorted(v, reverse=True))):
        bank.rewind(s); same(bank, model.states[s], KEYS)
        if on_disk: assert len(files(root)) == bank.index.value('SELECT count(*) FROM label')
    if keep > 1:
        with pytest.raises(ValueError, match='pruned'): bank.rewind(keep-1)
    bank.rewind(0); same(bank, {}, KEYS)
    if on_disk: assert not files(root)
    bank.add('a', [label(.5)], 0); assert scores(bank.best('a')) == [.5]
    bank.close(); shutil.rmtree(root or tmp_path_factory.mktemp('none'))

@pytest.mark.parametrize('on_disk', [False, True])
def test_a_checkpoint_brings_the_bank_of_its_step(tmp_path, on_disk):
    root = tmp_path/'bank' if on_disk else None
    bank = LabelBank(root)
    for step in range(6): bank.add('a', [label(.1*step, step, grid=1), label(.05*step, step)], step, seen=[.1, .2, .3])
    torch.save(bank.state_dict(), tmp_path/'state.pt')
    want = [(l.image, l.grid, l.score, l.per_metric, l.name, l.step) for l in bank.best('a')+bank.last('a')]
    for step in range(6, 9): bank.add('a', [label(.9, step)], step); bank.add('b', [label(.9, step)], step)
    bank.close()
    again = LabelBank(root)
    again.load_state_dict(torch.load(tmp_path/'state.pt', weights_only=True), 6)
    for l, w in zip(again.best('a')+again.last('a'), want, strict=True):
        assert torch.equal(l.image, w[0]) and torch.equal(l.grid, w[1]) and (l.score, l.per_metric, l.name, l.step) == w[2:]
    assert again.seen('a').tolist() == pytest.approx([.1, .2, .3]) and again.keys() == ['a'] and not again.last('b')
    assert [r['step'] for r in again.history('a')] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    again.add('a', [label(.9, 6)], 6); assert scores(again.best('a')) == [.9, .5, pytest.approx(.4)]
    with pytest.raises(ValueError, match='state: expected one of a bank'):
        LabelBank(None if on_disk else tmp_path/'other').load_state_dict(torch.load(tmp_path/'state.pt', weights_only=True), 6)
    with pytest.raises(ValueError, match='train again'): again.load_state_dict(dict(best={}, last={}, seen={}, memory={}), 6)

def test_a_checkpoint_costs_the_same_for_any_number_of_keys(tmp_path):
    def size(n):
        bank = LabelBank(tmp_path/str(n))
        for i in range(n): bank.add(f'picture {i}', [label(.5, seed=0)], 0)
        torch.save(bank.state_dict(), tmp_path/'s.pt'); return (tmp_path/'s.pt').stat().st_size
    assert abs(size(200)-size(2)) < 64

def test_a_step_searches_and_never_scans():
    "What a step asks is answered by an index of the database: not timed, but read from SQLite's plan"
    bank, asked = LabelBank(), []
    bank.add('a', [label(.5)], 0); bank.add('a', [label(.6, 1)], 1)
    bank.index.con.set_trace_callback(asked.append)
    bank.add('a', [label(.7, 2)], 2); bank.best('a'); bank.last('a'); bank.seen('a', remembered=True); bank.best_scores('a')
    bank.prune(2); bank.state_dict(); bank.index.con.set_trace_callback(None)
    step = [q for q in asked if q.startswith(('SELECT', 'UPDATE', 'DELETE')) and 'CREATE' not in q]
    plans = {q: [r[3] for r in bank.index.rows('EXPLAIN QUERY PLAN '+q)] for q in step[:step.index(next(q for q in step if 'picture' == q[-7:]))]}
    assert len(plans) > 8
    for q, plan in plans.items():
        scans = [p for p in plan if p.startswith('SCAN') and 'sqlite_sequence' not in p and not p.endswith(('pruned', 'mark', 'trash'))]
        assert not scans or 'refresh_came' in scans[0], (q, plan)

# --- the cap ---
@settings(max_examples=16, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1500, 9000), st.booleans())
def test_the_cap_holds_and_checkpoints_lose_nothing(tmp_path_factory, seed, cap, on_disk):
    root = tmp_path_factory.mktemp('cap') if on_disk else None
    r = random.Random(seed)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        bank, kept = LabelBank(root, max_bytes=cap), []
        stored = lambda: sum(f.stat().st_size for f in files(root)) if on_disk else bank.index.value('SELECT total(length(data)) FROM label')
        for step in range(40):
            for key in r.sample('abcdef', 2):
                bank.add(key, [label(r.random(), step, size=r.randint(4, 9)) for _ in range(r.randint(0, 4))], step)
                assert stored() <= cap and bank._used == stored()
            if on_disk and r.random() < .3:                            # a checkpoint; the last two are kept
                kept = (kept+[(step+1, bank.state_dict(), show(bank, 'abcdef'))])[-2:]
                bank.prune(kept[0][0])
                assert stored() <= cap and bank._used == stored()
        assert bank.refused or cap > 3000                              # a small one has refused something
        for s, state, seen in reversed(kept):
            bank.load_state_dict(state, s)
            assert {k: v[:2] for k, v in show(bank, 'abcdef').items()} == {k: v[:2] for k, v in seen.items()}
    bank.close()

def test_full_says_so_once(tmp_path):
    bank = LabelBank(tmp_path, max_bytes=700)
    bank.add('a', [label(.1*i, seed=i) for i in range(3)], 0); bank.state_dict()
    with pytest.warns(UserWarning, match='max_bytes=700') as said:
        for step in (1, 2): bank.add('b', [label(.5, step, size=16)], step)
    assert len(said) == 1 and bank.refused == 2 and bank.last('b') == []
    assert bank.seen('b').tolist() == [.5]                             # its scores are known all the same

def test_each_picture_keeps_its_best(tmp_path):
    bank = LabelBank(tmp_path, max_bytes=10**9)
    for i, k in enumerate('abcd'): bank.add(k, [label(.2, i, seed=i), label(.9-.1*i, i, seed=9+i)], i)
    bank.max_bytes = bank._used
    for step in range(4, 12): bank.add('e', [label(.5, step, size=5, seed=step)], step)
    assert sum(len(bank.best(k)) for k in 'abcd') < 8                  # second places went
    assert [bank.best_score(k) for k in 'abcd'] == pytest.approx([.9, .8, .7, .6])

# --- codec ---
@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 4, 256]))
def test_the_codec_loses_nothing(seed, h, w, values):
    x = torch.randint(0, values, (3, h, w), generator=gen(seed), dtype=torch.uint8)
    assert torch.equal(decode_label(encode_label(x)), x)
    assert torch.equal(decode_label(encode_label(x.permute(0, 2, 1))), x.permute(0, 2, 1))   # not contiguous

def test_a_label_is_checked_when_it_comes():
    bank = LabelBank()
    for bad, word in ((label(float('nan'), seed=0), 'score'), (Label(torch.zeros(3, 2, 2).byte(), torch.ones(2, 3), .5, {}, 'v', 0), 'grid'),
                      (Label(torch.zeros(3, 2, 2), torch.ones(2, 2), .5, {}, 'v', 0), 'image')):
        with pytest.raises(ValueError, match=word): bank.add('a', [label(.1), bad], 0)
    assert bank.last('a') == [] and bank.keys() == [] and bank.history('a') == []

# --- threads and processes ---
def test_read_ahead_changes_nothing_and_any_thread_may_look(tmp_path):
    bank = LabelBank(tmp_path, cache_bytes=3000)
    for i in range(20): bank.add(f'p{i}', [label(.01*i+.1*j, i, size=8, seed=10*i+j) for j in range(3)], i)
    want = {f'p{i}': [l.image for l in bank.last(f'p{i}')] for i in range(20)}
    bank.close(); bank = LabelBank(tmp_path, cache_bytes=3000)
    errors, stop = [], threading.Event()
    def look():
        while not stop.is_set():
            for k in want:
                got = [l.image for l in bank.last(k)]
                if len(got) != 3 or any(not torch.equal(a, b) for a, b in zip(got, want[k])): errors.append(k)
    t = threading.Thread(target=look); t.start()
    try:
        for n in range(60):
            keys = [f'p{(n+i) % 20}' for i in range(4)]
            bank.prefetch(keys); bank.add('other', [label(.5, n+20, size=8)], n+20)
            for k in keys: assert all(torch.equal(l.image, w) for l, w in zip(bank.last(k), want[k], strict=True))
    finally: stop.set(); t.join()
    assert not errors and bank.cache.used <= 3000
    image = bank.last('p3')[0].image; image.zero_()                    # a caller's carelessness
    assert torch.equal(bank.last('p3')[0].image, want['p3'][0])

def test_a_failed_read_ahead_is_reported_by_the_read(tmp_path):
    bank = LabelBank(tmp_path, cache_bytes=0)
    bank.add('a', [label(.5)], 0); bank.add('b', [label(.6)], 0)
    bank._file(1).unlink(); bank._file(2).write_bytes(b'RIFF....WEBP')
    bank.prefetch(['a', 'b'])
    with pytest.raises(FileNotFoundError, match='0000001.webp'): bank.best('a')
    with pytest.raises(ValueError, match='0000002.webp is damaged'): bank.best('b')

WRITER = '''
import sys, torch
from qualiteacher.labels import Label
from qualiteacher.label_bank import LabelBank
bank = LabelBank(sys.argv[1], name=sys.argv[2])
for i in range(60): bank.add(f'{sys.argv[2]} {i}', [Label(torch.full((3,4,4), i).byte(), torch.ones(2,2), i/60, {}, 'v', i)], i)
'''
def test_each_process_has_its_own_index(tmp_path):
    ps = [subprocess.Popen([sys.executable, '-c', WRITER, str(tmp_path), f'rank{i}']) for i in range(2)]
    assert [p.wait(timeout=120) for p in ps] == [0, 0]
    for i in range(2):
        bank = LabelBank(tmp_path, name=f'rank{i}')
        assert bank.keys() == [f'rank{i} {j}' for j in range(60)] and (bank.best(f'rank{i} 7')[0].image == 7).all()
        bank.load_state_dict(bank.state_dict(), 60); assert len(files(tmp_path, f'rank{1-i}')) == 60   # the other's files are left alone

def test_looking_while_another_writes(tmp_path):
    bank = LabelBank(tmp_path); bank.add('a', [label(.5)], 0)
    look = LabelBank(tmp_path, readonly=True)
    assert scores(look.best('a')) == [.5]
    bank.add('a', [label(.9, 1)], 1); assert scores(look.best('a')) == [.9, .5]
    for f in (lambda: look.add('a', [], 2), lambda: look.prune(1), lambda: look.rewind(1), lambda: look.load_state_dict({}, 1)):
        with pytest.raises(ValueError, match='readonly'): f()
    r = run([sys.executable, '-c', WRITER, tmp_path, 'bank'])
    assert r.returncode and 'another process writes' in r.stderr and 'readonly=True' in r.stderr
    with pytest.raises(FileNotFoundError, match='none.sqlite'): LabelBank(tmp_path, name='none', readonly=True)

# --- killed ---
KILLS = r'''
"Starts a writer, kills it at a random moment, checks; 26 times in one folder. A fork: torch is imported only once"
import json, os, random, signal, sys, time
from pathlib import Path
import torch
from qualiteacher.labels import Label
from qualiteacher.label_bank import LabelBank
torch.set_num_threads(1)
root, note, r = Path(sys.argv[1])/'bank', Path(sys.argv[1])/'note.json', random.Random(0)

def made(step):
    g = torch.Generator().manual_seed(step)
    for key in ('a', f'p{step % 7}'):
        if key == f'p{step % 7}' or step % 2:
            yield key, [Label(torch.randint(0, 256, (3,32,32), generator=g, dtype=torch.uint8), torch.ones(2,2),
                              torch.rand((), generator=g).item(), {}, 'v', step) for _ in range(1+step % 4)]

def state(steps):
    best, last = {}, {}
    for s in range(steps):
        for k, labels in made(s):
            last[k] = [l.score for l in labels]; best[k] = sorted(best.get(k, [])+last[k], reverse=True)[:3]
    return best, last

def resume():
    bank = LabelBank(root)
    saved = json.loads(note.read_text()) if note.exists() else None
    if saved: bank.load_state_dict(saved['bank'], saved['step'])
    else: bank.rewind(0)
    return bank, saved['step'] if saved else 0

def write(told):
    bank, step = resume()
    kept = [step]
    while True:
        os.write(told, b'.')
        for k, labels in made(step): bank.add(k, labels, step)
        step += 1
        if step % 3 == 0:                            # a checkpoint, then what only the last but one needs goes
            part = note.with_suffix('.part')
            part.write_text(json.dumps(dict(step=step, bank=bank.state_dict()))); part.replace(note)
            kept = [*kept, step][-2:]; bank.prune(kept[0])

reached = 0
for n in range(26):
    heard, told = os.pipe()
    pid = os.fork()
    if pid == 0: write(told); os._exit(1)
    for _ in range(r.choice((0, 1, 4, 5, 7, 10))): os.read(heard, 1)      # so many steps, then a random moment of the next
    time.sleep(r.uniform(0, .03)); os.kill(pid, signal.SIGKILL)
    os.close(heard); os.close(told)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL, 'the writer failed by itself'
    bank, step = resume()
    assert step >= reached, (step, reached); reached = step
    best, last = state(step)
    for k in best: assert [l.score for l in bank.best(k)] == best[k] and [l.score for l in bank.last(k)] == last[k], (n, k)
    assert sorted(bank.keys()) == sorted(best)
    rows = {i for i, in bank.index.rows('SELECT id FROM label')}
    for i in rows: bank._decode(i)
    assert {int(f.stem) for f in root.glob('bank/*/*.webp')} == rows and not list(root.rglob('*.part'))
    bank.close()
print(reached)
'''
def test_killed_at_random_moments(tmp_path, record_property):
    r = run([sys.executable, '-c', KILLS, tmp_path], timeout=240)
    assert r.returncode == 0, r.text[-4000:]
    record_property('measured', f'label bank: killed 26 times in {r.seconds:.0f} s, at step {r.stdout.strip()} at the end')
    assert int(r.stdout) > 30                                          # it got somewhere between the kills

@pytest.mark.parametrize('after', ['files', 'rows', 'trash'])
def test_stopped_between_two_writes(tmp_path, monkeypatch, after):
    "The three moments at which files and rows disagree"
    bank = LabelBank(tmp_path)
    bank.add('a', [label(.5), label(.4)], 0)
    stop = RuntimeError('stopped')
    if after == 'files':                                               # a file is there, its row is not
        monkeypatch.setattr(LabelBank, '_trim', lambda *_: (_ for _ in ()).throw(stop))
        monkeypatch.setattr(LabelBank, '_cut_tail', lambda *_: None)   # a kill has no clean-up
        with pytest.raises(RuntimeError): bank.add('a', [label(.9, 1), label(.8, 1)], 1)
        assert len(files(tmp_path)) == 4
    else:
        bank.add('a', [label(.9, 1), label(.8, 1), label(.7, 1)], 1)
        with monkeypatch.context() as m:
            if after == 'rows': m.setattr(LabelBank, '_empty_trash', lambda *_: None)
            else: m.setattr('qualiteacher.label_bank._unlink', lambda f: (_ for _ in ()).throw(stop))
            try: bank.prune(2)
            except RuntimeError: pass
        assert len(files(tmp_path)) == 5 and bank.index.value('SELECT count(*) FROM label') == 3
    want = show(bank, 'a'); monkeypatch.undo(); bank.close()
    again = LabelBank(tmp_path)
    assert show(again, 'a') == want and len(files(tmp_path)) == again.index.value('SELECT count(*) FROM label')
    assert again._used == sum(f.stat().st_size for f in files(tmp_path))

# --- disks ---
@pytest.fixture
def tiny(tmp_path):
    "A file system of 300 KB; skipped where one may not mount"
    d = tmp_path/'tiny'; d.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', str(d)], capture_output=True).returncode:
        pytest.skip('may not mount a small file system here')
    yield d
    subprocess.run(['umount', '-l', str(d)], check=True)

def test_a_full_disk(tiny):
    bank, step, full = LabelBank(tiny), 0, None
    while full is None and step < 500:
        before = show(bank, 'ab')
        try: bank.add('ab'[step % 2], [label(.1*j, step, size=32, seed=step+j) for j in range(3)], step)
        except OSError as e: full = e
        step += 1
    assert full.errno == errno.ENOSPC and str(tiny) in str(full) and 'before' in str(full)
    assert {k: v[:2] for k, v in show(bank, 'ab').items()} == {k: v[:2] for k, v in before.items()}
    rows = {i for i, in bank.index.rows('SELECT id FROM label')}
    assert {int(f.stem) for f in files(tiny)} == rows                  # no half files, none without a row
    bank.close()
    subprocess.run(['mount', '-o', 'remount,size=4m', str(tiny)], check=True)
    again = LabelBank(tiny)                                            # room again: it goes on
    assert {k: v[:2] for k, v in show(again, 'ab').items()} == {k: v[:2] for k, v in before.items()}
    again.add('a', [label(.95, step)], step); assert again.best_score('a') == .95
    again.close()

def test_a_full_disk_for_the_index_or_a_file(tmp_path, monkeypatch):
    "The same without a mount: the disk is full for one file"
    bank = LabelBank(tmp_path); bank.add('a', [label(.5)], 0)
    def no_room(self, data): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
    with monkeypatch.context() as m:
        m.setattr(Path, 'write_bytes', no_room)
        with pytest.raises(OSError, match='could not write the label .*0000002.webp: No space left') as e: bank.add('a', [label(.6, 1)], 1)
        assert e.value.errno == errno.ENOSPC
    assert scores(bank.last('a')) == [.5] and len(files(tmp_path)) == 1
    bank.index.con.execute(f'PRAGMA max_page_count={bank.index.value("PRAGMA page_count")}')
    with pytest.raises(OSError, match='bank.sqlite') as e:
        for step in range(2, 500): bank.add('a', [label(.6, step)], step)
    assert e.value.errno == errno.ENOSPC and len(files(tmp_path)) == bank.index.value('SELECT count(*) FROM label')

def test_a_folder_that_cannot_be_written(tmp_path, tiny):
    (tmp_path/'file').write_text('not a folder')
    with pytest.raises(OSError, match='could not make the folder'): LabelBank(tmp_path/'file'/'bank')
    bank = LabelBank(tiny); bank.add('a', [label(.5)], 0); bank.close()
    subprocess.run(['mount', '-o', 'remount,ro', str(tiny)], check=True)
    with pytest.raises(OSError, match='bank'): LabelBank(tiny)
    with pytest.raises(OSError, match='could not make the folder'): LabelBank(tiny/'new')
    assert scores(LabelBank(tiny, readonly=True).best('a')) == [.5]    # to look at it is enough

# --- damaged ---
def test_a_damaged_index_is_named_and_left_alone(tmp_path):
    bank = LabelBank(tmp_path)
    for i in range(300): bank.add(f'a long name of a picture, number {i}', [label(.5, seed=0)], 0)
    bank.close(); index = tmp_path/'bank.sqlite'; good = index.read_bytes()
    bad = {'garbage': b'garbage'*9999, 'half': good[:len(good)//2], 'a page': good[:-8192]+b'\7'*4096+good[-4096:], 'short': good[:99]}
    for what, data in bad.items():
        index.write_bytes(data)
        with pytest.raises(ValueError, match='bank.sqlite.*damaged.*new run folder'): LabelBank(tmp_path)
        assert index.read_bytes() == data and len(files(tmp_path)) == 300, what
    index.write_bytes(b'')
    with pytest.raises(ValueError, match='index .*bank.sqlite is missing'): LabelBank(tmp_path)
    import sqlite3
    index.unlink(); con = sqlite3.connect(index); con.execute('CREATE TABLE mine(x)'); con.close()
    with pytest.raises(ValueError, match='bank.sqlite.*damaged or something else'): LabelBank(tmp_path)
    index.write_bytes(good); assert len(LabelBank(tmp_path)) == 300

def test_missing_labels_are_counted_and_named(tmp_path):
    bank = LabelBank(tmp_path)
    for i in range(5): bank.add(f'p{i}', [label(.5, i)], i)
    state = bank.state_dict()
    for f in files(tmp_path)[:3]: f.unlink()
    with pytest.raises(FileNotFoundError, match='3 label files are missing or short.*0000001.webp'): bank.load_state_dict(state, 5)
    bank.rewind(0); bank.close(); shutil.rmtree(tmp_path/'bank', ignore_errors=True)
    for f in tmp_path.iterdir(): f.unlink()
    with pytest.raises(FileNotFoundError, match='moved without its bank'): LabelBank(tmp_path).load_state_dict(state, 5)

def test_a_folder_of_the_old_format(tmp_path):
    (tmp_path/'0a1b-0000003-1.safetensors').write_bytes(b'x')
    with pytest.raises(ValueError, match='Start a new run folder, or train again from the saved student'): LabelBank(tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ['0a1b-0000003-1.safetensors']

def test_a_folder_never_has_a_million_files(tmp_path):
    bank = LabelBank(tmp_path)
    with bank.index.change() as run: run("INSERT INTO sqlite_sequence VALUES('label', 1999998)")
    bank.add('a', [label(.5), label(.6)], 0)
    assert [f.relative_to(tmp_path).as_posix() for f in files(tmp_path)] == ['bank/1999/1999999.webp', 'bank/2000/2000000.webp']
    bank.rewind(0); assert not list((tmp_path/'bank').iterdir())       # empty folders go, too

def test_history_outlives_the_files(tmp_path):
    bank = LabelBank(tmp_path, top_k=1)
    for step, s in enumerate((.5, .3, .7)): bank.add('a', [label(s, step)], step)
    bank.prune(3)
    rows = bank.history('a')
    assert [(r['step'], r['score'], r['last'], r['best'], r['stored']) for r in rows] == \
        [(0, .5, 1, 2, False), (1, .3, 2, 1, False), (2, .7, None, None, True)]
    assert len(files(tmp_path)) == 1 and bank.history('nobody') == []

# --- gates ---
def proposal(seed, n=4, geometric=2):
    v = torch.rand(2, n, generator=gen(seed))
    return SimpleNamespace(scores=SimpleNamespace(disagreement=v[0], total=v[1]), geometric=torch.arange(n) < geometric)

@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.lists(st.integers(0, 3), min_size=6, max_size=6), st.sampled_from([1, 2, 3]))
def test_gates_do_not_care_who_has_which_picture(seed, owner, ranks):
    "Six pictures a step, divided among processes in any way: masks and memory as in one process"
    steps = [[proposal(seed+6*s+i, geometric=i % 4) for i in range(6)] for s in range(5)]
    alone = Gates(Gate(.7, warmup=8), Gate(.7, warmup=8))
    want = [alone(s) for s in steps]
    for rank in range(ranks):
        queue, calls = [], []
        def gather(mine): calls.append(len(mine)); return queue.pop(0)
        g = Gates(Gate(.7, warmup=8), Gate(.7, warmup=8), gather)
        for s, w in zip(steps, want):
            order = sorted(range(6), key=lambda i: owner[i] % ranks)   # as all_gather brings them: rank by rank
            same = [s[i].scores.total[s[i].geometric] for i in order]
            queue += [torch.cat([s[i].scores.disagreement for i in order]), torch.tensor([v.std(unbiased=False) for v in same if len(v) > 1])]
            mine = [i for i in order if owner[i] % ranks == rank]
            assert [k.tolist() for k in g([s[i] for i in mine])] == [w[i].tolist() for i in mine]
        assert len(calls) == 10 and not queue
        assert torch.equal(g.metric.seen, alone.metric.seen) and torch.equal(g.views.seen, alone.views.seen) and g.counts() == alone.counts()

def test_gates_of_one_proposal_and_of_none():
    g = Gates(Gate(threshold=.2), Gate(threshold=.05))
    assert g([]) == [] and g.metric.passed == 0
    p = proposal(0); assert g(p).tolist() == g([p])[0].tolist() and g(p).dtype == torch.bool
    state = g.state_dict(); h = Gates(Gate(threshold=.2), Gate(threshold=.05)); h.load_state_dict(state)
    assert h.counts() == g.counts() and torch.equal(h.metric.seen, g.metric.seen)

def test_a_step_is_judged_by_the_limit_before_it():
    g = Gate(.5, warmup=4)
    assert g(torch.tensor([.1, .2, .3, .4])).all()                     # warm-up: everything passes
    assert g(torch.tensor([.9, .25, .24, .1])).tolist() == [False, True, True, True]    # median of the first four: .25
    assert g.limit() == pytest.approx(.245)
    g(torch.tensor([float('nan'), float('inf')])); assert g.limit() == pytest.approx(.245) and g.dropped == 3
