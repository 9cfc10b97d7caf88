"The controlled experiment: its parts by hand, one arm run again and compared with the committed table."
import json, math
import pytest, torch
from conftest import NBS
from qualiteacher.images import spearman
from qualiteacher.experiment import (ARMS, GRIDS, Experiment, Pool, Setting, code_hash, grid, judged, mean_error,
                                     pack, relative_levels, run_name, summary, usable, with_truth)

TABLE = NBS/'data'/'experiment.json'
def committed(): return json.loads(TABLE.read_text())

def toy_pool(P=40, n=4):
    g = torch.Generator().manual_seed(0)
    psnr = 15 + 3*torch.randn(P, n, generator=g)
    return Pool(None, torch.rand(P, 3, 4, 4), None, psnr/40, torch.rand(P, n, generator=g), {}, psnr)

@pytest.mark.parametrize('fidelity, low, high', [(1., .999, 1.001), (.5, .3, .7), (0., -.25, .25)])
def test_the_oracle_is_as_good_as_its_fidelity(fidelity, low, high):
    p = toy_pool()
    q = judged(p, Setting(judge='oracle', fidelity=fidelity))
    assert low < spearman(q.score.flatten(), p.psnr.flatten()) < high

def test_scarcity_leaves_the_plain_candidate_alone():
    q = judged(toy_pool(), Setting(good=.25))
    full = q.has().all(1)
    assert full.sum() == 10 and q.has()[:, 0].all() and not q.has()[~full, 1:].any()
    assert torch.equal(judged(toy_pool(), Setting(good=.25)).has(), q.has()), 'the same pictures in every arm'

def test_every_judge_fills_the_levels_alike():
    a, b = (judged(toy_pool(), s).score.flatten().sort()[0] for s in (Setting(), Setting(judge='oracle', fidelity=0.)))
    torch.testing.assert_close(a, b)

def test_what_each_arm_may_learn_from():
    p = judged(toy_pool(), Setting())
    n = {k: len(usable(p, k)) for k in ('all', 'best', 'level 7', .5, .25, .1)}
    assert n == {'all': 160, 'best': 40, 'level 7': 48, .5: 80, .25: 40, .1: 16}
    t = with_truth(p)
    assert usable(t, 'truth').tolist() == [[i, 0] for i in range(40)]
    assert (t.labels[:, 0]/255 - p.truth).abs().max() < .003
    q = relative_levels(p.score)
    assert (q.amax(1) == 7).all() and (q.amin(1) == 0).all()

def test_no_arm_sees_the_truth_but_the_ceiling():
    assert [a for a, v in ARMS.items() if v.labels == 'truth'] == ['truth as label + token']

def test_names_separate_settings_and_arms():
    names = [run_name(s) for g in GRIDS for s in grid(g)]
    assert len(names) == len(set(names)) and all(len(n.split('-')[-1]) == 8 for n in names)
    assert code_hash('haze') != code_hash('lowlight')

def test_errors_are_over_photographs():
    m, se, spread = mean_error(torch.tensor([[20., 22, 24], [21, 23, 25]], dtype=torch.float64))
    assert m == 22.5 and math.isclose(se, 2/3**.5) and math.isclose(spread, .5**.5)

def test_the_committed_table_is_complete():
    have = {(json.dumps(r['setting'], sort_keys=True)) for r in committed() if 'facts' not in r}
    from dataclasses import asdict
    missing = [(g, s.arm, s.seed) for g in GRIDS for s in grid(g) if json.dumps(asdict(s), sort_keys=True) not in have]
    assert not missing

def test_one_arm_gives_the_committed_numbers(tmp_path):
    "A minute or two: pool, 200 steps, measures. Other processors round otherwise, so not to the bit"
    s = Setting('condition relative', 0)
    old = next(r for r in committed() if 'facts' not in r and r['setting'] == json.loads(json.dumps(s.__dict__)))
    torch.set_num_threads(2)
    new = Experiment(tmp_path).run(s)
    for c, tol in (('psnr', .5), ('ssim', .02), ('score', .05)):
        a, b = (summary([r], column=c).mean().item() for r in (old, new))
        assert abs(a - b) < tol, (c, a, b)
    assert pack(tmp_path, tmp_path/'t.json') == 1

@pytest.mark.experiment
@pytest.mark.parametrize('name', GRIDS)
def test_the_whole_grid(name, tmp_path_factory):
    "Hours. Resumable by hand: qualiteacher experiment"
    from qualiteacher.experiment import run_grid
    new = run_grid(name, tmp_path_factory.getbasetemp()/'experiment')
    assert len(new) == len(grid(name))
