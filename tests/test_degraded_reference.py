"The judge that looks at the input: as a labeler's judge, and its properties on measured inputs."
import copy
import pytest, torch
from conftest import ok, refused
from qualiteacher.degraded_reference import Comparing, DegradedReference, EVIDENCE, Reference, exposures
from qualiteacher.degradations import gaussian_noise, low_light_b
from qualiteacher.images import load_image, sample_paths
from qualiteacher.teacher import EXPOSURE, IDENTITY, PseudoLabeler

def photo(i=0, n=128): return load_image(sample_paths('test')[i], n)[:, :n, :n]
def night(i=0, n=128): return low_light_b(photo(i, n)[None], torch.Generator().manual_seed(i))[0]

def test_a_labeler_shows_each_input_to_its_judge():
    judge = DegradedReference()
    lab = PseudoLabeler(torch.nn.Identity(), judge, [IDENTITY, *EXPOSURE], blocks=2)
    xs = [night(0), night(3), night(5)]
    for x, p in zip(xs, lab(xs)):
        want, grid = judge.seeing(x).score_and_grid(p.candidates, 2)
        assert set(p.scores.per_metric) == {'exposed', 'aligned'}
        torch.testing.assert_close(p.scores.total, want.total, atol=1e-5, rtol=0)
        torch.testing.assert_close(p.grids, grid, atol=1e-5, rtol=0)
    one = lab(xs[1])
    torch.testing.assert_close(one.scores.total, lab(xs)[1].scores.total, atol=1e-5, rtol=0)

def test_without_an_input_it_is_the_plain_ensemble():
    from qualiteacher.iqa import IQAEnsemble
    x = torch.stack([photo(0), night(0)])
    torch.testing.assert_close(DegradedReference().reward(x), IQAEnsemble.preset('offline').reward(x))

def test_a_copy_judges_alike_and_other_metrics_may_join():
    judge = DegradedReference(others={'semantic':.5}, exposed=0, aligned=.5)
    x, y = night(1), torch.stack([photo(1), night(1)])
    s = judge.seeing(x).score(y)
    assert set(s.per_metric) == {'aligned', 'semantic'}
    torch.testing.assert_close(s.total, (s.per_metric['aligned']+s.per_metric['semantic'])/2)
    torch.testing.assert_close(copy.deepcopy(judge).seeing(x).score(y).total, s.total)

@pytest.mark.parametrize('x', [0., 1.])
def test_an_input_of_one_value_has_finite_scores(x):
    s = DegradedReference().seeing(torch.full((3, 64, 64), x)).reward(torch.rand(2, 3, 64, 64).requires_grad_())
    s.sum().backward()
    assert s.isfinite().all()

def test_odd_sizes_and_bad_arguments():
    seen = DegradedReference().seeing(night(2)[:, :75, :101])
    assert seen.score(torch.rand(2, 3, 75, 101)).total.shape == (2,)
    with pytest.raises(ValueError, match='size'): seen.score(torch.rand(1, 3, 96, 96))
    with pytest.raises(ValueError, match='exposed, aligned'): DegradedReference(exposed=0, aligned=0)
    with pytest.raises(ValueError, match='hypotheses'): Reference(night(), lambda x: (x[..., :64, :64], torch.ones(1)))
    with pytest.raises(ValueError, match='x: expected'): Reference(torch.rand(3, 16, 16))

def test_noise_costs_evidence_and_the_comparing_judge_learns_it():
    ref, y = Reference(night(4)), photo(4)[None]
    made = torch.cat([gaussian_noise(y, s, torch.Generator().manual_seed(7)) for s in (0., .03, .08)])
    e = ref.evidence(made)
    assert e.shape == (3, len(EVIDENCE)) and e.isfinite().all()
    assert e[0, EVIDENCE.index('detail')] > e[1, EVIDENCE.index('detail')] > e[2, EVIDENCE.index('detail')]
    fit = Comparing.fit([e], [torch.tensor([3., 2., 1.])])
    assert fit(e).argsort().tolist() == [2, 1, 0]

@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_on_a_gpu_as_on_the_processor():
    x, y = night(0), torch.stack([photo(0), night(0)])
    a = DegradedReference().seeing(x).score(y).total
    b = DegradedReference().cuda().seeing(x.cuda()).score(y.cuda()).total.cpu()
    torch.testing.assert_close(a, b, atol=1e-4, rtol=0)

def test_a_run_judges_its_labels_with_the_input():
    from qualiteacher.backbones import Pairs
    from qualiteacher.pyramid import load_base
    from qualiteacher.conditioning import QualityConditioned
    from qualiteacher.degradations import low_light_a
    from qualiteacher.meter import Degraded
    from qualiteacher.training import Config, QualiTeacher
    torch.manual_seed(0)
    parts = (QualityConditioned(load_base(), kind='film'), DegradedReference(), Degraded(sample_paths('unlabelled')[:2], low_light_b, 192),
             Pairs(sample_paths('train')[:2], low_light_a, 96))
    t = QualiTeacher(*parts, Config.preset('smoke', steps=2, preference_start=1, calibrate=False), None, 'cpu')
    t.fit(progress=False)
    assert t.step == 2
    labels = [l for k in t.bank.keys() for l in t.bank.best(k)]
    assert labels and all(set(l.per_metric) == {'exposed', 'aligned'} for l in labels)

def test_a_batch_of_which_nothing_could_be_read_has_no_labels():
    from qualiteacher.pyramid import load_base
    from qualiteacher.teacher import PseudoLabeler
    assert PseudoLabeler(load_base(), DegradedReference(), 'exposure')([]) == []

@pytest.fixture(scope='module')
def run(tmp_path_factory):
    "Five steps of the command line on three small nights, with the judge that sees the input: its folder"
    from qualiteacher.images import save_image
    d = tmp_path_factory.mktemp('sees')
    for i in (0, 3, 5): save_image(night(i), d/'dark'/f'{i}.png')
    ok('train', '--real', d/'dark', '--out', d/'run', '--iqa', 'reference', '--preset', 'smoke', '--steps', 5, '--device', 'cpu',
       '--set', 'short=96', 'crop=64', 'consistency_crop=64', 'recipe=exposure', 'preference_start=2', 'save_every=5')
    return d/'run'

def test_a_run_of_the_command_line_teaches_the_order_of_the_judge_that_sees(run):
    from qualiteacher.runs import go_on
    t = go_on(run, 'cpu')
    assert t.sees and t.step == 5 and set(t.iqa.seen_calibration) == {'exposed', 'aligned', 'total'} and not t.iqa.calibration
    assert t.history[-1]['preference'] > 0 and 'crop' in t.history[-1], 'the reward has begun'
    taught = {k: t.bank.last(k) for k in t.bank.keys()}
    assert len(taught) == 3 and all(len(l) > 1 for l in taught.values())
    plain = 0
    for key, x in (t.real[i] for i in range(3)):
        y = torch.stack([l.tensors()[0] for l in taught[key]])
        seen, score = t.iqa.seeing(x).score(y).total, torch.tensor([l.score for l in taught[key]])
        torch.testing.assert_close(score, seen, atol=.03, rtol=0)            # a label is kept in 8 bits
        level = torch.stack([t.level_of(key, l) for l in taught[key]])
        assert level.argsort().tolist() == score.argsort().tolist() == seen.argsort().tolist()
        plain += t.iqa.score(y).total.argsort().tolist() == level.argsort().tolist()
    assert plain < 3, 'the plain ensemble has another order, or this test would prove nothing'

def test_such_a_run_goes_on_from_its_folder_with_the_same_calibration(run):
    from qualiteacher.checkpoints import RunFolder
    before = RunFolder(run).load()['calibration']
    assert '6 steps' in ok('train', '--out', run, '--resume', '--steps', 6, '--device', 'cpu').stdout
    after = RunFolder(run).load()
    assert after['step'] == 6 and sorted(before) == ['seeing aligned', 'seeing exposed', 'seeing total']
    for n, k in after['calibration'].items(): assert torch.equal(k, before[n])

def test_the_reward_of_an_answer_is_that_of_the_judge_of_its_input():
    from qualiteacher.backbones import Pairs
    from qualiteacher.pyramid import load_base
    from qualiteacher.conditioning import QualityConditioned
    from qualiteacher.degradations import low_light_a
    from qualiteacher.losses import preference
    from qualiteacher.meter import Degraded
    from qualiteacher.training import Config, QualiTeacher, _rewards
    torch.manual_seed(0)
    real = Degraded(sample_paths('unlabelled')[:3], low_light_b, 128, square=True)
    t = QualiTeacher(QualityConditioned(load_base(), kind='film'), DegradedReference(), real, Pairs(sample_paths('train')[:2], low_light_a, 64),
                     Config.preset('smoke', steps=3, short=128, crop=64, consistency_crop=96, recipe='exposure', independent_crops=True), None, 'cpu')
    t.fit(progress=False)
    keys, x = (list(v) for v in zip(*(t.real[i] for i in (0, 2))))
    x = torch.stack(x)
    pref, gap = _rewards(t, keys, x, torch.tensor([1., 3.]))
    with torch.no_grad():
        judge = lambda y, x: torch.stack([t.iqa.seeing(b).reward(a[None])[0] for a, b in zip(y, x)])
        top, low = t.ask_reward(x, 7.), t.ask_reward(x, torch.tensor([1., 3.]))
        want = preference(judge(top, x), judge(low, x), t.label_scores(keys))
        a, b = (t.second_look(keys, x, i) for i in (0, 1))
        apart = (judge(a(top), a(x))-judge(t.ask_reward(b(x), 7.), b(x))).abs()
    torch.testing.assert_close(pref, want, atol=1e-5, rtol=0)
    torch.testing.assert_close(gap, apart, atol=1e-5, rtol=0)
    grads = torch.autograd.grad(pref.sum(), list(t.student.condition.parameters()), allow_unused=True)
    assert any(g is not None and g.abs().max() > 0 for g in grads)

def test_a_member_without_a_gradient_is_still_a_member():
    from qualiteacher.training import without_gradient
    seen, y = DegradedReference().seeing(night(1)[:, :96]), torch.stack([photo(1), night(1)])[:, :, :96]
    still = without_gradient(seen, ('aligned',))
    torch.testing.assert_close(still.score(y).total, seen.score(y).total)
    assert (seen.reward_coverage, still.reward_coverage) == (1., .5)

@pytest.mark.parametrize('command', ['score', 'evaluate'])
def test_commands_without_one_input_refuse_this_judge(command, tmp_path):
    from qualiteacher.images import save_image
    save_image(photo(), tmp_path/'a.png')
    where = [tmp_path] if command == 'score' else ['--real', tmp_path]
    assert 'goes with train' in refused(command, *where, '--iqa', 'reference').stderr

def test_a_task_without_a_model_of_its_damage_is_refused():
    import dataclasses
    from qualiteacher.runs import Run
    from qualiteacher.tasks import TASKS
    TASKS['own'] = dataclasses.replace(TASKS['haze'], name='own', truths=None)
    try:
        with pytest.raises(ValueError, match='iqa.*truths.*own'): Run('photos', task='own', iqa='reference')
        assert Run('photos', task='own').iqa == 'offline'
    finally: del TASKS['own']
