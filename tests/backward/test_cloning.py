"""Cloning probabilities: exact identities, limits, and d-dimensional Monte Carlo."""

import numpy as np
import pytest

from diffjax.backward import cloning
from diffjax.backward.cloning import cloning_probabilities, stated_error
from diffjax.backward.log_odds import channel_times, log_odds
from diffjax.backward.memory import split_memory
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.numerics import radial_rules
from tests.backward.mixtures import NAMED, monte_carlo_cloning

DIM = 40
TIMES = np.array([0.2, 0.8, 1.4, 2.2])


@pytest.mark.parametrize("name", NAMED)
def test_d_dimensional_monte_carlo(name):
    mixture = NAMED[name]
    found = np.asarray(cloning_probabilities(mixture, DIM, TIMES[1:3]))
    for probabilities, time in zip(found, TIMES[1:3], strict=True):
        expected, error = monte_carlo_cloning(mixture, DIM, time, draws=20_000, seed=3)
        worst = np.abs(probabilities - expected) / (error + stated_error(mixture.num_classes))
        assert worst.max() < 3.0


@pytest.mark.parametrize("name", NAMED)
def test_reversible_with_rows_that_sum_to_one(name):
    mixture = NAMED[name]
    found = np.asarray(cloning_probabilities(mixture, DIM, TIMES))
    flow = np.asarray(mixture.class_weights)[:, None] * found
    np.testing.assert_allclose(flow, flow.swapaxes(1, 2), atol=1e-14)
    np.testing.assert_allclose(found.sum(axis=2), 1.0, atol=1e-14)
    assert found.min() >= 0.0


@pytest.mark.parametrize("name", ["equal", "wide", "norm"])
def test_relative_memory_is_the_same_for_both_classes(name):
    # by Monte Carlo, since our quadrature has it built in
    mixture = NAMED[name]
    weights = np.asarray(mixture.class_weights)
    memory = split_memory(cloning_probabilities(mixture, DIM, [1.0]), mixture.class_weights)
    phi, error = monte_carlo_cloning(mixture, DIM, 1.0, draws=40_000, seed=5)
    relative = (np.diag(phi) - weights) / (1 - weights)
    assert (np.abs(relative - float(memory[0, 0])) < 3 * np.diag(error) / (1 - weights)).all()


@pytest.mark.parametrize("name", NAMED)
def test_noise_forgets_and_its_absence_does_not(name):
    mixture = NAMED[name]
    early = cloning_probabilities(mixture, 10_000, [1e-6])[0]
    late = cloning_probabilities(mixture, 10_000, [15.0])[0]
    np.testing.assert_allclose(early, np.eye(mixture.num_classes), atol=2e-3)
    rows = np.tile(np.asarray(mixture.class_weights), (mixture.num_classes, 1))
    np.testing.assert_allclose(late, rows, atol=2e-3)


@pytest.mark.parametrize("name", NAMED)
def test_memory_of_every_split_falls_with_noise(name):
    mixture = NAMED[name]
    times = np.linspace(0.1, 4.0, 30)
    cloning = cloning_probabilities(mixture, DIM, times)
    memory = np.asarray(split_memory(cloning, mixture.class_weights))
    assert (np.diff(memory, axis=0) < 1e-4).all()
    assert memory.min() >= 0 and memory.max() <= 1 + 1e-4
    expected = np.sort(np.linalg.eigvals(np.asarray(cloning)).real, axis=1)[:, -2::-1]
    np.testing.assert_allclose(memory, expected, atol=1e-10)


def test_split_classes_add_up():
    twins = np.repeat(np.arange(3), 2)
    base = NAMED["three"]
    six = GaussianMixture(
        np.asarray(base.stds)[twins],
        np.asarray(base.weights)[twins] * np.tile([0.75, 0.25], 3),
        np.asarray(base.gram)[np.ix_(twins, twins)],
    )
    whole = np.asarray(cloning_probabilities(base, DIM, TIMES))
    parts = np.asarray(cloning_probabilities(six, DIM, TIMES)).reshape(-1, 6, 3, 2).sum(axis=3)
    np.testing.assert_allclose(parts[:, ::2], whole, atol=stated_error(6))
    np.testing.assert_allclose(parts[:, 1::2], whole, atol=stated_error(6))


def test_permuted_classes_permute_the_probabilities():
    order = np.array([2, 0, 1])
    base = NAMED["three"]
    moved = GaussianMixture(
        np.asarray(base.stds)[order],
        np.asarray(base.weights)[order],
        np.asarray(base.gram)[np.ix_(order, order)],
    )
    expected = np.asarray(cloning_probabilities(base, DIM, TIMES))[:, order][:, :, order]
    np.testing.assert_allclose(cloning_probabilities(moved, DIM, TIMES), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "dim"), [("equal", 12), ("wide", 12), ("wide", 10**6), ("three", 200)]
)
def test_stated_error_against_a_finer_rule(name, dim, monkeypatch):
    mixture, times = NAMED[name], np.linspace(0.1, 7.0, 12)
    found = cloning_probabilities(mixture, dim, times)
    monkeypatch.setitem(radial_rules.HALF_WIDTHS, mixture.num_classes - 1, 8.0)
    finer = lambda rank, rest: radial_rules.product_rule.__wrapped__(rank, rest, 1.8)  # noqa: E731
    monkeypatch.setattr(cloning, "product_rule", finer)
    refined = cloning_probabilities(mixture, dim, times)
    assert float(abs(found - refined).max()) < stated_error(mixture.num_classes)


def test_log_odds_against_samples(rng):
    mixture, time = NAMED["wide"], 0.7
    stats = log_odds(mixture, DIM, time)
    variances, weights = np.asarray(mixture.variances), np.asarray(mixture.class_weights)
    noisy = np.exp(-2 * time) * variances + 1 - np.exp(-2 * time)
    offset = np.exp(-time) * np.sqrt(DIM) * float(mixture.distance)
    x = np.sqrt(noisy[0]) * rng.standard_normal((200_000, DIM))
    log_ratio = np.log(weights[0] / weights[1]) - DIM / 2 * np.log(noisy[0] / noisy[1])
    other = (x**2).sum(1) - 2 * offset * x[:, 0] + offset**2
    log_ratio = log_ratio - (x**2).sum(1) / (2 * noisy[0]) + other / (2 * noisy[1])
    assert log_ratio.mean() == pytest.approx(float(stats.mean[0, 1]), rel=5e-3)
    assert log_ratio.var() == pytest.approx(float(stats.variance[0, 1]), rel=2e-2)


def test_channel_times():
    times = channel_times(two_classes((1.5, 0.5), distance=2.0), 10_000)
    assert float(times.centroid[0, 1]) == pytest.approx(np.log(200.0))
    assert float(times.norm[0, 1]) == pytest.approx(np.log(10.0))
    assert np.isneginf(np.diag(times.norm)).all()


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: cloning_probabilities(NAMED["equal"], DIM, [0.0]), "t > 0"),
        (lambda: cloning_probabilities(NAMED["equal"], DIM, [1.0, -1.0]), "-1"),
        (lambda: cloning_probabilities(NAMED["equal"], DIM, [np.nan]), "nan"),
        (lambda: cloning_probabilities(NAMED["three"], 3, [1.0]), "dim=3"),
        (lambda: cloning_probabilities(GaussianMixture([1.0], [1.0]), DIM, [1.0]), "one class"),
        (
            lambda: cloning_probabilities(
                GaussianMixture(class_covariances=np.ones((2, DIM))), DIM, [1.0]
            ),
            "isotropic",
        ),
    ],
)
def test_bad_input(call, word):
    with pytest.raises(InputError, match=word):
        call()
