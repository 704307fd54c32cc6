"""When an order of classes is called clear: sampling error, censored times, failures."""

import dataclasses

import numpy as np
import pytest

from diffjax.asymptotics.class_order import class_order, order_of_classes
from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.errors import InputError
from diffjax.status import Status
from tests.asymptotics.anisotropic import law, power_law
from tests.asymptotics.cases import problem_of

QUANTITIES = ("generalization", "memorization", "half_memorization")


@pytest.fixture(scope="module")
def settled():
    """A problem of two classes of different variances, and its dynamics."""
    problem = problem_of(law(power_law(0.4, 60)), training_times=None)
    return problem, asymptotic_dynamics(problem)


def _verdicts(found):
    return {getattr(found, quantity).verdicts for quantity in QUANTITIES}


def test_a_class_of_fewer_samples_than_dimensions_is_never_clear():
    """Equal weights: the population puts class 1 first, the sample covariances class 0."""
    rng = np.random.default_rng(0)
    samples = np.r_[rng.normal(size=(120, 36)), 1.25 * rng.normal(size=(18, 36))]
    found = class_order(
        samples, np.repeat([0, 1], [120, 18]), 8.0, 2.0, 0.1, weights=[0.5, 0.5],
        method="commuting",
    )  # fmt: skip
    assert _verdicts(found) == {("uncertain",)}
    assert any("class 1 has 18 samples in 36 dimensions" in note for note in found.warnings)


def test_fewer_samples_make_a_wider_doubt(settled):
    counts = ([1e9, 1e9], [5000, 5000], [500, 500], [500, 100])
    found = [order_of_classes(*settled, measured_counts=c).generalization for c in counts]
    widths = [ranking.uncertainties[0] for ranking in found]
    assert widths == sorted(widths) and widths[-1] > 2 * widths[0]
    known = order_of_classes(*settled).generalization.uncertainties[0]
    assert widths[0] == pytest.approx(known, abs=1e-4)


def test_small_training_sets_scatter_more(settled):
    problem, dynamics = settled
    widths = [
        order_of_classes(
            dataclasses.replace(problem, samples_per_dim=size), dynamics
        ).generalization.uncertainties[0]
        for size in (100.0, 2.0, 0.2)
    ]
    assert widths == sorted(widths) and widths[2] > widths[1] + 0.05


def test_a_failure_voids_every_verdict(settled):
    problem, dynamics = settled
    failed = dataclasses.replace(dynamics, status=np.int8(Status.NOT_CONVERGED))
    found = order_of_classes(problem, failed)
    assert _verdicts(found) == {("void",)} and not found.generalization.trusted
    assert "?" in str(found.generalization)


def test_a_time_beyond_the_window_is_clear_only_as_far_as_the_window_reaches(settled):
    problem, dynamics = settled
    end = float(dynamics.training_times[-1])
    for earlier, expected in ((0.98 * end, "tie"), (0.01 * end, "clear")):
        times = np.array([earlier, np.inf])
        late = dataclasses.replace(dynamics, generalization_time=times)
        ranking = order_of_classes(problem, late).generalization
        assert ranking.verdicts == (expected,)
        assert ranking.log_ratios[0] == pytest.approx(np.log(end / earlier))


@pytest.mark.parametrize(("above", "expected"), [(0.001, "uncertain"), (0.9, "clear")])
def test_no_memorisation_by_a_hair_is_not_clear(settled, above, expected):
    problem, dynamics = settled
    floor = np.asarray(dynamics.bayes_floor)
    never = dataclasses.replace(
        dynamics,
        memorization_time=np.array([10.0, np.inf]),
        final_train_loss=floor + above * (1 - floor),
    )
    assert order_of_classes(problem, never).memorization.verdicts == (expected,)


def test_wrong_counts_are_refused(settled):
    with pytest.raises(InputError, match="measured_counts"):
        order_of_classes(*settled, measured_counts=[10, 20, 30])
