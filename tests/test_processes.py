"Two processes (gloo, CPU) train as one would: the same loss and gradient, equal teachers, a resume, a death."
import json, os, sys, time
from pathlib import Path
import pytest, torch
from conftest import ROOT, clean_env, run

SCRIPT = '''
import hashlib, json, os, sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
from test_step import make, Four
from qualiteacher.training import QualiTeacher
torch.set_num_threads(1)
out, steps, mode = Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
changes = dict(steps=steps, batch=4, pairs_batch=4, reward_pictures=2, preference_start=1, save_every=2, refresh=2,
               consistency_crop=96, calibrate=mode!='first',
               # exposed afterwards, flat black areas of label and answer are equal: L1's slope there is a matter of rounding
               recipe='demo')
rank = int(os.environ.get('RANK', 0))
def note(t, logs):
    if t.step==1: torch.save([p.grad for p in t.student.parameters()], out.with_name(f'{out.name}-grad{rank}.pt'))
    if mode=='die' and t.step==3 and t.processes.rank==1: os._exit(3)
    if mode=='slow': __import__('time').sleep(.2)
if mode=='resume':
    f = make(None, real=Four(), **changes)
    t = QualiTeacher.resume(out, f.student, f.iqa, f.real, f.pairs, cfg=f.cfg, device='cpu', on_step=[note])
else: t = make(out, [note], real=Four(), **changes)
t.fit(progress=False)
digest = hashlib.sha1(b''.join(v.numpy().tobytes() for v in t.teacher.net.state_dict().values())).hexdigest()
out.with_name(f'{out.name}-teacher{rank}.txt').write_text(digest)
'''

@pytest.fixture(scope='module')
def script(tmp_path_factory):
    f = tmp_path_factory.mktemp('two')/'train.py'
    f.write_text(SCRIPT)
    return f

def start(script, out, steps, mode='plain', n=1, timeout=200):
    launch = [sys.executable] if n == 1 else [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', n]
    env = clean_env(OMP_NUM_THREADS='1', ACCELERATE_USE_CPU='true')
    return run([*launch, script, ROOT/'tests', out, steps, mode], env=env, timeout=timeout)

def log(out): return [json.loads(l) for l in (out/'log.jsonl').read_text().splitlines()]
def teachers(out, n=2): return [out.with_name(f'{out.name}-teacher{r}.txt').read_text() for r in range(n)]

def test_two_processes_take_the_step_of_one(script, tmp_path):
    one, two = tmp_path/'one', tmp_path/'two'
    for out, n in ((one, 1), (two, 2)):
        r = start(script, out, 2, 'first', n)
        assert r.returncode == 0, r.text[-3000:]
    a, b = log(one), log(two)
    for x, y in zip(a, b):                                        # the second step has preference and consistency in it
        names = [n for n in x if isinstance(x[n], float)]
        assert set(names) == {n for n in y if isinstance(y[n], float)}, (x, y)
        for n in names: assert x[n] == pytest.approx(y[n], abs=1e-5), (n, x[n], y[n])
    assert {'preference', 'crop', 'stay'} <= set(a[1])
    grads = [torch.load(f) for f in (tmp_path/'one-grad0.pt', tmp_path/'two-grad0.pt', tmp_path/'two-grad1.pt')]
    for g, h, k in zip(*grads):
        assert torch.equal(h, k), 'both processes hold the same gradient'
        torch.testing.assert_close(g, h, atol=1e-5*float(g.abs().max()+1e-3), rtol=1e-4)
    assert any(g.abs().max() > 0 for g in grads[0])

def test_teachers_stay_equal_and_the_run_resumes(script, tmp_path):
    whole, part = tmp_path/'whole', tmp_path/'part'
    r = start(script, whole, 20, n=2)
    assert r.returncode == 0, r.text[-3000:]
    a, b = teachers(whole)
    assert a == b, 'equal to the bit after 20 steps'
    assert start(script, part, 8, n=2).returncode == 0
    r = start(script, part, 20, 'resume', n=2)
    assert r.returncode == 0, r.text[-3000:]
    assert teachers(part) == [a, a], 'eight steps, a new start, twelve more: the same'
    assert len(list((whole/'bank').glob('*.sqlite'))) == 2, 'each process keeps the labels of its pictures'
    r = start(script, part, 22, 'resume', n=1)
    assert r.returncode != 0 and 'processes: expected 2' in r.text

def test_a_dead_process_ends_the_run(script, tmp_path):
    t0 = time.time()
    r = start(script, tmp_path/'run', 20, 'die', n=2, timeout=100)
    assert r.returncode != 0 and time.time()-t0 < 90
    assert 'lost contact with another process' in r.text or 'exitcode' in r.text, r.text[-2000:]
    r = start(script, tmp_path/'run', 6, 'resume', n=2)
    assert r.returncode == 0, r.text[-3000:]
