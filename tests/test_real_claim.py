"The claim on real pairs: its harness on a handful of made pairs, and that its committed numbers are whole."
import csv, subprocess, sys
import pytest, torch
from conftest import NBS, ROOT
from qualiteacher.images import load_image, sample_paths, save_image
from qualiteacher.cameras import night

sys.path.insert(0, str(ROOT/'tests'/'benchmarks'))
import real_claim                                                                    # noqa: E402

COLUMNS = 'task', 'part', 'arm', 'judge', 'seed', 'steps', 'lr', 'base'
TYPES = str, str, str, str, int, int, float, str

@pytest.fixture
def pairs(tmp_path, monkeypatch):
    "Four train scenes and two test scenes as files, nights of the camera model"
    root = tmp_path/'shared'/'pairs'; root.mkdir(parents=True)
    rows = []
    for i, p in enumerate(sample_paths('test')[:6]):
        y = load_image(p, 112)[None, :, :112, :112]
        for kind, v in (('input', night(y, torch.Generator().manual_seed(i))), ('truth', y)): save_image(v[0], root/f'{i}_{kind}.png')
        rows.append(f'lowlight,{"train" if i < 4 else "test"},scene{i},{i}_input.png,{i}_truth.png')
    (root/'pairs.csv').write_text('\n'.join(['task,part,scene,input,truth', *rows])+'\n')
    monkeypatch.setenv('QUALITEACHER_SHARED', str(tmp_path/'shared'))
    monkeypatch.setattr(real_claim, 'SHORT', 112)
    threads = torch.get_num_threads()
    yield tmp_path
    torch.set_num_threads(threads)

def run(folder, *args):
    (folder/'out').mkdir(exist_ok=True)
    real_claim.main(['lowlight', '--base', 'lowlight_small', '--steps', '2', '--work', str(folder/'work'), '--out',
                     str(folder/'out'), *args])

def lines(folder, name): return list(csv.DictReader((folder/'out'/f'{name}.csv').open(newline='')))

def test_runs_are_made_once_and_read(pairs, capsys):
    arms = ['--arms', 'condition relative', 'trust all + token']
    run(pairs, *arms, '--list'); assert '3 of 3 runs are missing' in capsys.readouterr().out
    run(pairs, *arms)
    before = lines(pairs, 'real_claim')
    assert {r['row'] for r in before} >= {'asked', 'picked', 'input', 'fixed plain', 'pixel mean', 'picked by seeing', 'best by truth'}
    assert {r['scene'] for r in before} == {'scene4', 'scene5'}, 'nothing of the train part is measured'
    runs = {r['arm']: r for r in lines(pairs, 'real_claim_runs')}
    assert runs['condition relative']['judge'] == 'seeing' and float(runs['condition relative']['psnr at 0']) > 0
    assert runs['trust all + token']['judge'] == runs['trust all + token']['rho'] == '', 'it asks no judge'
    capsys.readouterr(); run(pairs, *arms, '--list'); assert '0 of 3 runs are missing' in capsys.readouterr().out
    # a run that was cut off leaves lines without its own: they go, and the rest stays
    with (pairs/'out'/'real_claim.csv').open('a') as f: f.write('cut,asked,scene4,1,9,.5,9,9\n')
    run(pairs, *arms, '--table')
    assert lines(pairs, 'real_claim') == before
    assert 'condition relative (seeing, level picked), one seed' in capsys.readouterr().out

def test_a_perfect_judge_is_perfect_and_a_blind_one_is_not(pairs, monkeypatch):
    monkeypatch.setitem(real_claim.ROWS, 'fidelity', [('condition absolute', f'truth {f}') for f in (1, 0)])
    run(pairs, '--rows', 'fidelity', '--arms', 'condition absolute', '--seeds', '0', '1')
    rho = {}
    for r in lines(pairs, 'real_claim_runs'):
        if r['judge']: rho.setdefault(r['judge'], []).append(float(r['rho']))
    assert rho['truth 1'] == [1., 1.] and all(abs(v) < .6 for v in rho['truth 0']) and rho['truth 0'][0] != rho['truth 0'][1]

def test_judges_are_measured_before_any_training(pairs):
    for _ in range(2): run(pairs, '--judges')                        # the second time replaces the first
    rows = {r['judge']: r for r in lines(pairs, 'real_claim_judges')}
    assert len(lines(pairs, 'real_claim_judges')) == len(rows) == len(real_claim.JUDGES)
    assert float(rows['truth 1']['rho']) == 1 and all(float(rows['truth 1']['pick']) >= float(r['pick']) for r in rows.values())

def test_the_ceiling_is_measured_on_other_scenes_of_the_train_part(pairs, monkeypatch):
    monkeypatch.setattr(real_claim, 'CEILING', [(2, 1e-4), (3, 1e-4)])
    monkeypatch.setattr(real_claim, 'EVERY', 1)
    run(pairs, '--rows', 'ceiling')
    assert {r['scene'] for r in lines(pairs, 'real_claim')} <= {'scene1', 'scene3'}
    steps = [int(r['step']) for r in lines(pairs, 'real_claim_curve')]
    assert steps == [1, 2, 1, 2, 3]
    a, b = real_claim.sets('lowlight', 'half')
    assert not set(a.scenes) & set(b.scenes)

@pytest.mark.parametrize('task', ['haze', 'underwater'])
def test_the_other_tasks_have_candidates_and_a_judge(task):
    x = load_image(sample_paths('test')[0], 64)
    names, c = real_claim.candidates(task, real_claim.load_base('haze_small'), x)
    assert len(names) == len(c) >= 10 and (c[0].float()-c[-1]).abs().mean() > 1, 'they differ'
    s = real_claim.DegradedReference(real_claim.TRUTHS[task]).seeing(x).score(c.float()/255).total
    assert s.shape == (len(c),) and s.std() > 0

def test_grids_name_every_run_once():
    runs = real_claim.grid('lowlight', list(real_claim.ROWS), [0, 1, 2], 'base')
    assert len({r.id for r in runs}) == len(runs)
    assert not [r for r in runs if r.judge == '' and 'condition' in r.arm]
    assert len(real_claim.grid('lowlight', ['main'], [0, 1], 'base')) == 1+2*len(real_claim.MAIN)

def test_the_committed_lines_are_whole():
    table = real_claim.Table(NBS/'data')
    if not table.file('runs').is_file(): pytest.skip('no run has been committed yet')
    runs = table.read('runs')
    assert len({r['id'] for r in runs}) == len(runs)
    assert {r['run'] for r in table.read('')} == {r['id'] for r in runs}
    for r in runs: assert float(r['seconds']) >= 0 and r['task'] in real_claim.CANDIDATES
    assert all(real_claim.Run(*(kind(r[f]) for f, kind in zip(COLUMNS, TYPES))).id == r['id'] for r in runs)

@pytest.mark.parametrize('task', list(real_claim.CANDIDATES))
def test_the_committed_runs_are_of_one_base_that_can_be_had(task, tmp_path):
    base = real_claim.BASES[task]
    has = {(r['part'], r['arm']) for r in real_claim.Table(NBS/'data').read('runs') if (r['task'], r['base']) == (task, base)}
    assert has >= {('half', 'truth as label + token'), ('test', 'untrained'), ('test', 'trust all + token'), ('test', 'condition absolute')}
    if subprocess.run(['git', 'cat-file', '-e', real_claim.AT], cwd=real_claim.ROOT, capture_output=True).returncode:
        pytest.skip(f'this copy lacks commit {real_claim.AT}')
    assert real_claim.digest(real_claim.load_base(real_claim.claim_base(task, tmp_path))) == base
