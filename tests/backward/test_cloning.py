"""Cloning probabilities: exact identities, limits, and d-dimensional Monte Carlo."""

import numpy as np
import pytest
from scipy import special, stats

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
    law = log_odds(mixture, DIM, time)
    variances, weights = np.asarray(mixture.variances), np.asarray(mixture.class_weights)
    noisy = np.exp(-2 * time) * variances + 1 - np.exp(-2 * time)
    offset = np.exp(-time) * np.sqrt(DIM) * float(mixture.distance)
    x = np.sqrt(noisy[0]) * rng.standard_normal((200_000, DIM))
    log_ratio = np.log(weights[0] / weights[1]) - DIM / 2 * np.log(noisy[0] / noisy[1])
    other = (x**2).sum(1) - 2 * offset * x[:, 0] + offset**2
    log_ratio = log_ratio - (x**2).sum(1) / (2 * noisy[0]) + other / (2 * noisy[1])
    assert log_ratio.mean() == pytest.approx(float(law.mean[0, 1]), rel=5e-3)
    assert log_ratio.var() == pytest.approx(float(law.variance[0, 1]), rel=2e-2)


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


def two_class_reference(mixture, dim, time):
    """(2,) probability to return to the other class: 2-D quadrature over position and norm."""
    e2 = np.exp(-2 * time)
    noisy = e2 * np.asarray(mixture.variances) + 1 - e2
    weights, gram = np.asarray(mixture.class_weights), np.asarray(mixture.gram)
    offset = np.sqrt(e2 * dim * max(gram[0, 0] + gram[1, 1] - 2 * gram[0, 1], 0.0))
    nodes, masses = np.polynomial.legendre.leggauss(500)
    z, along = 12 * nodes, 12 * masses * stats.norm.pdf(12 * nodes)
    ends = np.log(stats.chi2.ppf([1e-15, 1 - 1e-15], dim - 1)) + [-0.1, 0.2]
    y = ends.mean() + 0.5 * np.ptp(ends) * nodes
    across = 0.5 * np.ptp(ends) * masses * np.exp(stats.chi2.logpdf(np.exp(y), dim - 1) + y)
    found = []
    for source, sign in ((0, 1), (1, -1)):
        x = source * offset + np.sqrt(noisy[source]) * z
        radii = noisy[source] * np.exp(y)
        odds = np.log(weights[0] / weights[1]) - dim / 2 * np.log(noisy[0] / noisy[1])
        line = x**2 / noisy[0] - (x - offset) ** 2 / noisy[1]
        odds = odds - 0.5 * line[:, None] - 0.5 * radii * (1 / noisy[0] - 1 / noisy[1])
        found.append(along @ special.expit(-sign * odds) @ across)
    return np.array(found)


@pytest.mark.parametrize(
    ("ratio", "weight", "norms", "cosine", "dim"),
    [
        (100.0, 0.4, (0.1, 3.0), 0.5, 30),
        (3.0, 1e-3, (10.0, 0.1), -0.5, 700),
        (1.2, 0.999, (0.05, 0.05), 1.0, 200),
    ],
)
def test_two_classes_against_two_dimensional_quadrature(ratio, weight, norms, cosine, dim):
    gram = np.outer(norms, norms) * np.array([[1.0, cosine], [cosine, 1.0]])
    mixture = GaussianMixture((ratio**0.5, ratio**-0.5), (weight, 1 - weight), gram)
    times = np.linspace(0.05, 0.5 * np.log(dim) + 3, 6)
    found, error = cloning.estimated_curve(mixture, dim, times)
    expected = [two_class_reference(mixture, dim, time) for time in times]
    np.testing.assert_allclose(found[:, [0, 1], [1, 0]], expected, atol=1e-8)
    assert float(error.max()) < stated_error(2)


def random_classes(count, seed):
    rng = np.random.default_rng(seed)
    stds, weights = np.exp(rng.uniform(-0.7, 0.7, count)), rng.dirichlet(np.ones(count))
    weights[0] = 1e-3
    points = rng.standard_normal((count, count)) * np.exp(rng.uniform(-2, 1, (count, 1)))
    mixture = GaussianMixture(stds, weights / weights.sum(), points @ points.T)
    return mixture, int(rng.integers(10, 200))


@pytest.mark.parametrize("count", [3, pytest.param(4, marks=pytest.mark.slow), 5])
def test_estimated_error_covers_a_finer_rule(count, monkeypatch):
    mixture, dim = random_classes(count, seed=count)
    times = np.linspace(0.3, 3.0, 3)
    found, error = cloning.estimated_curve(mixture, dim, times)
    if count < 5:
        monkeypatch.setitem(radial_rules.HALF_WIDTHS, count - 1, {3: 7.5, 4: 6.4}[count])
    finer = lambda rank, rest: radial_rules.product_rule.__wrapped__(rank, rest, 1.6)  # noqa: E731
    dense = lambda rank, rest: radial_rules.lattice_rule(rank, rest, 2**17)  # noqa: E731
    monkeypatch.setattr(cloning, "product_rule", finer)
    monkeypatch.setattr(cloning, "lattice_rule", dense)
    refined, _ = cloning.estimated_curve(mixture, dim, times)
    differences = np.abs(np.asarray(found - refined)).max(axis=(1, 2))
    assert (differences < 2 * np.asarray(error) + 1e-9).all()
    if count < 5:
        assert float(error.max()) < stated_error(count)
