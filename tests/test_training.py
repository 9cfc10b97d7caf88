"A run that is killed, interrupted or resumed: nothing is lost, and the result is the same to the bit."
import signal, subprocess, sys, time
from pathlib import Path
import torch
from conftest import clean_env, run

SCRIPT = '''
import sys, torch
from qualiteacher.backbones import Pairs, load_base
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.degradations import low_light_a, low_light_b
from qualiteacher.images import sample_paths
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.training import Config, Degraded, QualiTeacher
torch.set_num_threads(1); torch.manual_seed(0)
out, resume = sys.argv[1], sys.argv[2]=='resume'
student = QualityConditioned(load_base(), kind='film')
parts = (student, IQAEnsemble.preset('offline'), Degraded(sample_paths('unlabelled')[:2], low_light_b, 192),
         Pairs(sample_paths('train')[:2], low_light_a, 96))
cfg = Config.preset('smoke', save_every=2, calibrate=False)
t = QualiTeacher.resume(out+'/checkpoint.pt', *parts, out=out, device='cpu') if resume else QualiTeacher(*parts, cfg, out, 'cpu')
t.fit(progress=False)
'''

def script(out, mode='start'): return [sys.executable, '-c', SCRIPT, str(out), mode]

def weights(out): return torch.load(out/'checkpoint.pt', weights_only=True)

def start(cmd): return subprocess.Popen([str(c) for c in cmd], env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

def wait_for(path, p, seconds=120):
    end = time.time()+seconds
    while not path.exists():
        assert p.poll() is None, p.stderr.read().decode()[-2000:]
        assert time.time() < end, f'{path} did not appear'
        time.sleep(.01)

def test_a_killed_run_resumes_to_the_bit(tmp_path):
    whole, part = tmp_path/'whole', tmp_path/'part'
    r = run(script(whole))
    assert r.returncode == 0, r.text[-3000:]
    p = start(script(part))
    wait_for(part/'checkpoint.pt', p)
    p.kill(); p.wait()
    assert 0 < weights(part)['step'] < 6, 'killed in the middle'
    r = run(script(part, 'resume'))
    assert r.returncode == 0, r.text[-3000:]
    a, b = weights(whole), weights(part)
    assert a['step'] == b['step'] == 6
    for name in ('student', 'teacher'):
        for k in a[name]: assert torch.equal(a[name][k], b[name][k]), (name, k)
    assert (whole/'log.jsonl').read_text() == (part/'log.jsonl').read_text()

def test_ctrl_c_leaves_a_usable_student(tmp_path, folder):
    out, exe = tmp_path/'run', Path(sys.executable).with_name('qualiteacher')
    p = start([exe, 'train', '--real', folder, '--out', out, '--preset', 'smoke', '--steps', '200'])
    wait_for(out/'checkpoint.pt', p)
    p.send_signal(signal.SIGINT)
    assert p.wait(60) == 130, p.stderr.read().decode()[-2000:]
    from qualiteacher.inference import load_student
    student, meta = load_student(out/'student.safetensors')
    assert 0 < meta['about']['steps'] < 200 and meta['about']['steps'] == weights(out)['step']
    assert student(torch.rand(1, 3, 32, 32), quality=7).isfinite().all()
