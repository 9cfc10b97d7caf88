"A run that is killed, interrupted or resumed: nothing is lost, and the result is the same to the bit."
import random, shutil, signal, subprocess, sys, time
from pathlib import Path
import torch
import pytest
from conftest import clean_env, run
from qualiteacher.checkpoints import RunFolder

SCRIPT = '''
import sys, torch
from qualiteacher.backbones import Pairs
from qualiteacher.pyramid import load_base
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.degradations import low_light_a, low_light_b
from qualiteacher.images import sample_paths
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.meter import Degraded
from qualiteacher.training import Config, QualiTeacher
torch.set_num_threads(1); torch.manual_seed(0)
out, resume = sys.argv[1], sys.argv[2]=='resume'
student = QualityConditioned(load_base(), kind='film')
parts = (student, IQAEnsemble.preset('offline'), Degraded(sample_paths('unlabelled')[:2], low_light_b, 192),
         Pairs(sample_paths('train')[:2], low_light_a, 96))
cfg = Config.preset('smoke', save_every=2, calibrate=False)
t = QualiTeacher.resume(out, *parts, device='cpu') if resume else QualiTeacher(*parts, cfg, out, 'cpu')
t.fit(progress=False)
'''

def script(out, mode='start'): return [sys.executable, '-c', SCRIPT, str(out), mode]

def weights(out): return RunFolder(out).load()

def start(cmd): return subprocess.Popen([str(c) for c in cmd], env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

def wait_for(out, p, step, seconds=240):
    "Until the run has a checkpoint of this step or a later one"
    end = time.time()+seconds
    while max(RunFolder(out).steps(), default=-1) < step:
        assert p.poll() is None, p.stderr.read().decode()[-2000:]
        assert time.time() < end, f'no checkpoint of step {step} appeared'
        time.sleep(.01)

def test_a_killed_run_resumes_to_the_bit(tmp_path):
    whole, part = tmp_path/'whole', tmp_path/'part'
    r = run(script(whole))
    assert r.returncode == 0, r.text[-3000:]
    p = start(script(part))
    wait_for(part, p, 2)
    p.kill(); p.wait()
    assert 0 < weights(part)['step'] < 6, 'killed in the middle'
    r = run(script(part, 'resume'))
    assert r.returncode == 0, r.text[-3000:]
    a, b = weights(whole), weights(part)
    assert a['step'] == b['step'] == 6
    for name in ('student', 'teacher'):
        for k, v in a[name].items(): assert torch.equal(v, b[name][k]) if torch.is_tensor(v) else v == b[name][k], (name, k)
    assert (whole/'log.jsonl').read_text() == (part/'log.jsonl').read_text()

@pytest.mark.slow
def test_thirty_kills_in_a_row(tmp_path):
    "At random moments: before the first checkpoint, during checkpoints and label writes; every resume works, nothing is lost"
    whole, part, rng, kills = tmp_path/'whole', tmp_path/'part', random.Random(0), 0
    assert run(script(whole)).returncode == 0
    took = time.time(); assert run(script(tmp_path/'again')).returncode == 0; took = time.time()-took
    while kills < 30 or max(RunFolder(part).steps(), default=-1) < 6:
        p = start(script(part, 'resume' if RunFolder(part).steps() else 'start'))
        try: p.wait(rng.uniform(.3, 1)*took if kills < 30 else 300)
        except subprocess.TimeoutExpired: p.kill()
        else: assert p.returncode == 0, p.stderr.read().decode()[-2000:]
        p.wait(); kills += 1
        if kills < 30 and max(RunFolder(part).steps(), default=-1) == 6: shutil.rmtree(part)   # done too early: begin again
    a, b = weights(whole), weights(part)
    for k in a['student']: assert torch.equal(a['student'][k], b['student'][k]), k
    assert (whole/'log.jsonl').read_text() == (part/'log.jsonl').read_text()

def test_ctrl_c_leaves_a_usable_student(tmp_path, folder):
    out, exe = tmp_path/'run', Path(sys.executable).with_name('qualiteacher')
    p = start([exe, 'train', '--real', folder, '--out', out, '--preset', 'smoke', '--steps', '200'])
    wait_for(out, p, 3)
    p.send_signal(signal.SIGINT)
    assert p.wait(60) == 130, p.stderr.read().decode()[-2000:]
    from qualiteacher.inference import load_student
    student, meta = load_student(out/'student.safetensors')
    assert 0 < meta['about']['steps'] < 200 and meta['about']['steps'] == weights(out)['step']
    assert student(torch.rand(1, 3, 32, 32), quality=7).isfinite().all()

# --- a disk that is full in the middle ---
def mount(folder, kb, *options):
    "A small file system in memory; False where one may not have it"
    options = ','.join([f'size={kb}k', *options])
    return not subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', str(folder)], capture_output=True).returncode

def test_a_full_disk_loses_nothing(tmp_path):
    "The run says so, the last checkpoint is good, and with room again it goes on to the same bits"
    from qualiteacher.training import QualiTeacher
    whole = small(tmp_path/'whole').fit(progress=False)
    kb = sum(f.stat().st_size for f in (tmp_path/'whole').rglob('*') if f.is_file())//1024
    disk = tmp_path/'disk'; disk.mkdir()
    if not mount(disk, int(.9*kb)): pytest.skip('may not mount a small file system here')
    try:
        full = small(disk/'run')
        with pytest.raises(OSError, match='No space left|full') as e: full.fit(progress=False)
        assert str(disk) in str(e.value)
        saved = RunFolder(disk/'run').load()
        assert 0 <= saved['step'] < 6 and saved['step'] in RunFolder(disk/'run').steps()
        assert mount(disk, 4*kb, 'remount')
        again = small()
        again = QualiTeacher.resume(disk/'run', again.student, again.iqa, again.real, again.pairs, device='cpu')
        assert again.step == saved['step']
        again.fit(progress=False)
        for a, b in zip(again.student.state_dict().values(), whole.student.state_dict().values()): assert torch.equal(a, b)
        assert (disk/'run'/'log.jsonl').read_text() == (tmp_path/'whole'/'log.jsonl').read_text()
    finally: subprocess.run(['umount', '-l', str(disk)], check=True)

def test_a_folder_that_may_only_be_read(tmp_path):
    disk = tmp_path/'disk'; disk.mkdir()
    if not mount(disk, 100, 'ro'): pytest.skip('may not mount a small file system here')
    try:
        with pytest.raises(OSError, match='Read-only') as e: small(disk/'run').fit(progress=False)
        assert str(disk) in str(e.value)
    finally: subprocess.run(['umount', '-l', str(disk)], check=True)

def test_tensorboard_gets_the_log(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    t = small(tmp_path, trackers='tensorboard').fit(progress=False)
    seen = EventAccumulator(str(next(tmp_path.rglob('events.out.tfevents*')).parent)).Reload()
    assert [e.step for e in seen.Scalars('total')] == [r['step'] for r in t.history]
    assert seen.Scalars('total')[-1].value == pytest.approx(t.history[-1]['total'])

@pytest.mark.slow
def test_a_compiled_student_learns_the_same(tmp_path):
    "With the compiler of the machine; the losses agree up to rounding"
    a, b = (small(compile=c).fit(progress=False) for c in (False, True))
    for x, y in zip(a.history, b.history): assert x['total'] == pytest.approx(y['total'], rel=1e-3)

# --- the settings that keep something between steps ---
def small(out=None, on_step=(), **changes):
    from test_step import make
    return make(out, on_step, steps=6, batch=1, blocks=1, save_every=2, **changes)

def test_earlier_teacher_and_meter_survive_a_resume(tmp_path):
    from qualiteacher.meter import watch_meter
    from qualiteacher.training import QualiTeacher
    changes = dict(earlier=2, levels='bank', labels='bank', recipe='paper')
    measured = iter([dict(reward=(.5, 0), piqe=(.5, 0)), dict(reward=(.6, 0), piqe=(.4, 0)), dict(reward=(.7, 0), piqe=(.3, 0))]*2)
    look = watch_meter(lambda model: next(measured), every=2, watch=('piqe',))       # three measurements are one too few
    whole = small(tmp_path/'whole', [look], **changes).fit(progress=False)
    assert not whole.stopped and [s for s, _ in whole.meter] == [2, 4, 6] and 'earlier' in whole.bank.last('picture 0')[-1].name
    class Killed(Exception): pass
    def kill(t, logs):
        if t.step == 5: raise Killed
    part = small(tmp_path/'part', [look, kill], **changes)
    try: part.fit(progress=False)
    except Killed: pass
    fresh = small(**changes)
    again = QualiTeacher.resume(tmp_path/'part', fresh.student, fresh.iqa, fresh.real, fresh.pairs, device='cpu', on_step=[look])
    assert again.step == 4 and len(again.meter) == 2
    again.fit(progress=False)
    assert again.meter == whole.meter and again.stopped == ''
    for a, b in zip(again.student.state_dict().values(), whole.student.state_dict().values()): assert torch.equal(a, b)
    for a, b in zip(again.earlier.state_dict().values(), whole.earlier.state_dict().values()): assert torch.equal(a, b)
    assert not all(torch.equal(a, b) for a, b in zip(whole.earlier.state_dict().values(), fresh.earlier.state_dict().values()))

def test_a_stopped_run_stays_stopped(tmp_path):
    def stop(t, logs):
        if t.step == 3: t.stopped = 'stopped by hand'
    t = small(tmp_path, [stop]).fit(progress=False)
    assert t.step == 3 and 'stopped by hand' in t.describe()
    from qualiteacher.training import QualiTeacher
    fresh = small()
    again = QualiTeacher.resume(tmp_path, fresh.student, fresh.iqa, fresh.real, fresh.pairs, device='cpu')
    assert again.stopped and again.fit(progress=False).step == 3
    again.stopped = ''                                                            # unless somebody says otherwise
    assert again.fit(progress=False).step == 6

def test_too_few_photographs_to_calibrate_on():
    with pytest.raises(ValueError, match='real: .*8 candidates.*got 2 with 3 views.*calibrate=False'):
        small(calibrate=True, recipe='paper').fit(progress=False)

def test_controls_and_filter():
    from qualiteacher.training import training_step
    def step(t): return t.read(training_step(t))
    t = small(levels='none'); logs = step(t)
    assert not len(t.trained) and all(p.grad is None or not p.grad.any() for p in t.student.condition_parameters()), 'nothing is told'
    t = small(levels='constant'); logs = step(t)
    assert set(logs['levels']) == {7.} and t.level_counts()[7] == len(logs['levels'])
    t = small(min_score=1.1); logs = step(t)
    assert logs['levels'] == [] and 'label' not in logs and len(t.bank) == 1, 'kept, but not taught'

def test_the_threads_of_a_run_are_measured_and_put_back(monkeypatch):
    "Two threads that are slow are one thread; with one nothing is measured; afterwards the number is as before"
    import qualiteacher.training as training
    from qualiteacher.threads import Threads
    asked, during, before = [], [], torch.get_num_threads()
    def cost(counts): asked.append(counts); return {n: float(n) for n in counts}
    monkeypatch.setattr(training, 'Threads', lambda: Threads(measure=cost))
    try:
        torch.set_num_threads(2)
        small(on_step=[lambda t, logs: during.append(torch.get_num_threads())]).fit(progress=False)
        assert asked == [[1, 2]] and set(during) == {1} and torch.get_num_threads() == 2
        torch.set_num_threads(1)
        small().fit(progress=False)
        assert len(asked) == 1
    finally: torch.set_num_threads(before)
