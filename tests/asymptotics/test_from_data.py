"""The theory for labelled data, beside the exact engine on the samples themselves."""

import dataclasses
import functools

import numpy as np
import pytest

from diffjax.asymptotics.class_order import class_order, order_of_classes
from diffjax.asymptotics.class_statistics import class_statistics
from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.problem import AsymptoticProblem, resolved
from diffjax.errors import InputError
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.model import gradient_flow
from tests.asymptotics.anisotropic import law, power_law
from tests.asymptotics.cases import problem_of

PSI_P, PSI_N, TIME, DIM = 16, 2, 0.1, 64
TIMES = np.geomspace(1e-1, 1e5, 241)
# generalisation and memorisation times of two random splits each
REAL = {
    (3, 8): ((34.3, 31.4), (459, 380)),
    (0, 1): ((36.9, 45.3), (526, 452)),
    (1, 8): ((38.9, 28.9), (582, 405)),
}
# of the Gaussian theory, with full matrices and with sub-classes
EXPECTED = {
    "commuting": {(3, 8): ((33.8, 32.8), (389, 316)), (0, 1): ((35.0, 42.5), (560, 272)),
                  (1, 8): ((37.3, 29.3), (407, 382))},
    "matrices": {(3, 8): ((34.3, 32.3), (383, 321)), (0, 1): ((37.0, 39.9), (503, 286)),
                 (1, 8): ((37.1, 29.4), (413, 377))},
    "sub-classes": {(3, 8): ((32.8, 32.2), (418, 341)), (0, 1): ((34.4, 39.5), (591, 373)),
                    (1, 8): ((34.5, 28.8), (557, 390))},
}  # fmt: skip


@functools.cache
def digits(pair):
    """Samples and labels of two digits."""
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    samples, labels = load_digits(return_X_y=True)
    member = np.isin(labels, pair)
    return samples[member], labels[member]


def _theory(pair, method, **changes):
    problem = AsymptoticProblem.from_data(
        *digits(pair), PSI_P, PSI_N, TIME, method=method, training_times=TIMES, **changes
    )
    return problem, asymptotic_dynamics(problem)


def _on_the_samples(pair, seed):
    """The exact engine on one balanced training set of n = 2 d digits, tested on the others."""
    samples, labels = digits(pair)
    samples = class_statistics(samples, labels).standardize(samples)
    rng = np.random.default_rng(seed)
    train = np.concatenate(
        [rng.permutation(np.flatnonzero(labels == c))[: PSI_N * DIM // 2] for c in pair]
    )
    test = np.setdiff1d(np.arange(labels.size), train)
    return gradient_flow(
        DatasetProblem(samples[train], labels[train], samples[test], labels[test], TIME,
                       num_features=PSI_P * DIM, training_times=TIMES, seed=seed)
    )  # fmt: skip


def _times(dynamics):
    return (
        np.asarray(dynamics.generalization_time), np.asarray(dynamics.memorization_time)
    )  # fmt: skip


@pytest.mark.slow
def test_theory_orders_digits_as_the_exact_engine_does():
    """1 and 8, by both times, although the variances suggest the opposite."""
    problem, limit = _theory((1, 8), "auto")
    assert problem.choice.method == "sub-classes"
    real = _on_the_samples((1, 8), seed=0)
    for one, other in zip(_times(limit), _times(real), strict=True):
        assert one[0] > one[1] and other[0] > other[1]
    np.testing.assert_allclose(_times(limit)[0], _times(real)[0], rtol=0.15)
    variances = np.asarray(problem.mixture.variances)
    assert variances[0] > variances[1]


@pytest.mark.slow
@pytest.mark.parametrize("pair", REAL)
def test_published_times_of_digits(pair):
    """Every treatment gives its stated times, and the order of the engine on the samples."""
    splits = zip(*(_times(_on_the_samples(pair, s)) for s in (0, 1)), strict=True)
    real = [np.mean(x, axis=0) for x in splits]
    for found, expected, scatter in zip(real, REAL[pair], (0.06, 0.06), strict=True):
        np.testing.assert_allclose(found, expected, rtol=scatter)
    for method, published in EXPECTED.items():
        times = _times(_theory(pair, method)[1])
        for found, expected, actual in zip(times, published[pair], real, strict=True):
            np.testing.assert_allclose(found, expected, rtol=0.06)
            assert np.argsort(found).tolist() == np.argsort(actual).tolist()


def test_statistics_are_those_of_the_samples():
    rng = np.random.default_rng(0)
    samples, labels = 7.0 + 3.0 * rng.standard_normal((90, 5)), np.repeat(["b", "a", "c"], 30)
    samples[:30] *= 2.0
    found = class_statistics(samples, labels)
    scaled = found.standardize(samples)
    assert found.class_labels == ("a", "b", "c")
    np.testing.assert_allclose(found.centroids.mean(axis=0), 0.0, atol=1e-12)
    spread = [scaled[labels == name] for name in found.class_labels]
    np.testing.assert_allclose(found.centroids, [x.mean(axis=0) for x in spread], atol=1e-12)
    np.testing.assert_allclose(found.covariances[1], np.cov(spread[1].T, bias=True), atol=1e-12)
    assert np.trace(found.covariances, axis1=1, axis2=2).mean() == pytest.approx(5.0)
    raw = class_statistics(samples, labels, standardize=False)
    np.testing.assert_allclose(raw.centroids[0], samples[labels == "a"].mean(axis=0))


def test_settings_reach_the_problem():
    rng = np.random.default_rng(1)
    problem = AsymptoticProblem.from_data(
        rng.standard_normal((60, 4)), np.repeat([0, 1], 30), 4.0, 2.0, 0.2, method="matrices",
        weights=[0.9, 0.1], bias_std=0.5, class_weights=[0.5, 0.5],
    )  # fmt: skip
    np.testing.assert_allclose(problem.mixture.class_weights, [0.9, 0.1])
    np.testing.assert_allclose(problem.training_weights, [0.5, 0.5])
    assert float(problem.bias_std) == 0.5 and problem.theory_options.method == "matrices"
    np.testing.assert_allclose(problem.mixture.gram.trace(), np.sum(
        np.asarray(problem.class_centroids) ** 2) / 4)  # fmt: skip


@pytest.fixture(scope="module")
def wide_and_narrow():
    """A problem of two classes of different variances, and its dynamics."""
    problem = problem_of(law(power_law(0.4, 60)), training_times=None)
    return problem, asymptotic_dynamics(problem)


def test_a_clear_order_and_a_tie(wide_and_narrow):
    """Different variances, and identical classes."""
    problem, dynamics = wide_and_narrow
    found = order_of_classes(problem, dynamics, ("wide", "narrow"))
    assert found.generalization.classes == ("wide", "narrow")
    assert found.generalization.trusted and "wide" in str(found)
    same = problem_of(law(np.tile(power_law(0.4, 60)[:1], (2, 1))), training_times=None)
    tie = order_of_classes(same, asymptotic_dynamics(same))
    assert set(tie.generalization.verdicts) | set(tie.memorization.verdicts) == {"tie"}
    assert not tie.generalization.trusted and "~" in str(tie.generalization)
    assert len(tie.warnings) == 1


def test_small_diffusion_times_widen_the_doubt(wide_and_narrow):
    problem, dynamics = wide_and_narrow
    early = dataclasses.replace(problem, diffusion_time=0.01)
    one, other = (order_of_classes(p, dynamics).generalization for p in (problem, early))
    assert other.uncertainties[0] > one.uncertainties[0]
    assert any("below 0.1" in note for note in order_of_classes(early, dynamics).warnings)


def test_times_that_are_not_reached_are_said_to_be(wide_and_narrow):
    problem, dynamics = wide_and_narrow
    never = dataclasses.replace(dynamics, memorization_time=np.array([np.inf, np.inf]))
    found = order_of_classes(problem, never)
    assert found.memorization.verdicts == ("not reached",) and not found.memorization.trusted
    assert any("half" in note for note in found.warnings)
    half = dataclasses.replace(dynamics, memorization_time=np.array([np.inf, 7.0]))
    assert order_of_classes(problem, half).memorization.classes == ("1", "0")


GOOD = np.random.default_rng(0).standard_normal((20, 3))


@pytest.mark.parametrize(
    ("samples", "labels", "message"),
    [
        (GOOD, np.zeros(20), "two classes"),
        (GOOD, np.repeat([0, 1], 9), "one label per sample"),
        (GOOD[:, 0], np.repeat([0, 1], 10), "one label per sample"),
        (np.where(np.arange(3) == 1, np.nan, GOOD), np.repeat([0, 1], 10), "nan"),
        (GOOD, np.r_[np.zeros(19), 1], "class 1 has one sample"),
        (np.repeat([[1.0], [2.0]], 10, axis=0) * np.ones(3), np.repeat([0, 1], 10), "are equal"),
        (np.empty((0, 3)), [], "one label per sample"),
    ],
)
def test_bad_data_is_refused(samples, labels, message):
    with pytest.raises(InputError, match=message):
        class_order(samples, labels, 4.0, 2.0)


def test_many_classes_are_averaged_on_a_lattice():
    labels = np.arange(200) % 8
    samples = np.random.default_rng(0).standard_normal((200, 12)) + 3.0 * np.eye(12)[labels]
    problem = AsymptoticProblem.from_data(samples, labels, 4.0, 2.0, 0.1, method="commuting")
    assert resolved(problem).theory_options.quadrature == "lattice"


def test_a_wrong_number_of_names_is_refused(wide_and_narrow):
    _, dynamics = wide_and_narrow
    with pytest.raises(InputError, match="3 class_labels"):
        order_of_classes(problem_of("pair"), dynamics, ("a", "b", "c"))
