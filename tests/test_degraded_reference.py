"The judge that looks at the input: as a labeler's judge, and its properties on measured inputs."
import copy
import pytest, torch
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
    from qualiteacher.backbones import Pairs, load_base
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
