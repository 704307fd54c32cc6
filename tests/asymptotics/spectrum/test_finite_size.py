"""The limit against eigenvalues of the exact engine."""

import numpy as np
import pytest

from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.asymptotics.spectrum.compute import spectrum
from diffjax.asymptotics.spectrum.outliers import centroid_outliers, spike_outliers
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.random_features.model import gradient_flow
from diffjax.random_features.problem import RandomFeatureProblem

TIMES = [1.0, 2.0]
PAIR = two_classes((1.2, 0.8), 1.0, 0.5, cosine=0.2)


def eigenvalues(mixture, dim, psi_p, psi_n, time, seeds, **changes):
    """(seeds, p) descending."""
    made = [
        RandomFeatureProblem(mixture, dim, psi_p * dim, psi_n * dim, time,
                             training_times=TIMES, seed=seed, **changes)
        for seed in range(seeds)
    ]  # fmt: skip
    return np.array([np.asarray(gradient_flow(one).eigenvalues)[::-1] for one in made])


@pytest.mark.slow
def test_bulk_masses_are_counts():
    """Masses are whole numbers of modes, and gaps part the modes so; one may stray at this size."""
    mixture, dim, psi_p, psi_n = GaussianMixture([0.5, 2.0], [0.5, 0.5]), 24, 32, 4
    values = eigenvalues(mixture, dim, psi_p, psi_n, 0.01, 2)
    found = spectrum(AsymptoticProblem(mixture, psi_p, psi_n, 0.01))
    gaps = [np.sqrt(found.bulks[i].lower * found.bulks[i + 1].upper) for i in range(2)]
    expected = np.cumsum([bulk.mass for bulk in found.bulks[:2]]) * psi_p * dim
    counts = np.rint(expected)
    np.testing.assert_allclose(expected, counts, atol=1e-5)
    for gap, count in zip(gaps, counts, strict=True):
        assert np.abs((values > gap).sum(axis=1) - count).max() <= 1


@pytest.mark.slow
def test_quantiles_approach_those_of_the_theory():
    """The gap shrinks with the dimension; mean spikes count as modes above all others."""
    found = spectrum(AsymptoticProblem(PAIR, 4, 2, 0.1))
    shares = np.linspace(0.52, 0.95, 24)
    gaps = []
    for dim, seeds in ((16, 6), (64, 2)):
        values = np.sort(eigenvalues(PAIR, dim, 4, 2, 0.1, seeds), axis=1)
        finite = np.quantile(values, shares, axis=1).mean(axis=1)
        gaps.append(np.abs(np.log(finite / found.quantile(shares))).mean())
    assert gaps[1] < 0.5 * gaps[0]
    assert gaps[1] < 0.03


CASES = {
    "tanh": (PAIR, {}),
    "relu": (PAIR, {"activation": "relu"}),
    "biases": (two_classes((1.2, 0.8), 1.5, 0.5), {"bias_std": 1.0}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ["tanh", "relu", "biases"])
def test_mean_spikes(case):
    mixture, changes = CASES[case]
    values = eigenvalues(mixture, 64, 4, 2, 0.1, 6, **changes)[:, :2]
    expected = spike_outliers(AsymptoticProblem(mixture, 4, 2, 0.1, **changes), 256)
    assert expected.shape == (2,)
    error = values.std(axis=0) / np.sqrt(values.shape[0])
    assert (np.abs(values.mean(axis=0) - expected) < 3 * error + 0.04 * expected).all()


def test_spikes_grow_with_the_features_and_vanish_in_the_bulk():
    problem = AsymptoticProblem(PAIR, 4, 2, 0.1)
    small, large = (spike_outliers(problem, count) for count in (1e4, 1e5))
    np.testing.assert_allclose(large / small, 10.0, rtol=0.01)
    assert small.round(1).tolist() == [1147.8, 391.9]  # as the docstring says
    assert np.isnan(spike_outliers(problem, 8)[1])


def test_one_spike_of_an_activation_with_a_mean():
    """relu and no centroids: the means of both classes are parallel, p E[sum_c omega alpha_c^2]."""
    mixture = GaussianMixture([1.4, 0.7], [0.3, 0.7])
    problem = AsymptoticProblem(mixture, 4, 2, 0.1, activation="relu")
    found = spike_outliers(problem, 1e5)
    field = np.exp(-0.2) * np.array([1.4, 0.7]) ** 2 + 1 - np.exp(-0.2)
    expected = 1e5 * np.sum(np.array([0.3, 0.7]) * field / (2 * np.pi))
    assert found[0] == pytest.approx(expected, rel=1e-3)
    assert np.isnan(found[1])


@pytest.mark.slow
def test_centroids_of_order_one():
    """|mu|^2 = 12 and 4 send an eigenvalue out of the bulk, |mu|^2 = 0.1 does not."""
    problem = AsymptoticProblem(GaussianMixture([1.0, 1.0], [0.5, 0.5]), 8, 4, 0.1)
    for square, size in ((12.0, 96), (4.0, 64)):
        gram = np.array([[1.0, -1.0], [-1.0, 1.0]]) * square / size
        values = eigenvalues(GaussianMixture([1.0, 1.0], [0.5, 0.5], gram), size, 8, 4, 0.1, 3)
        expected = centroid_outliers(problem, [[square**0.5], [-(square**0.5)]])
        assert values[:, 0].mean() == pytest.approx(expected[0], rel=0.08)
        assert square != 12 or expected.round(1).tolist() == [32.9]  # as the docstring says
    edge = spectrum(problem, centroids=[[0.1**0.5], [-(0.1**0.5)]])
    assert np.isnan(edge.outliers).all()
    with pytest.raises(InputError):
        centroid_outliers(problem, [[1.0]])
    with pytest.raises(InputError):
        centroid_outliers(AsymptoticProblem(PAIR, 4, 2, 0.1), [[1.0], [1.0]])


@pytest.mark.slow
def test_masses_and_distance_at_larger_size():
    """The distance between the laws in log lambda falls over d = 50, 100, 200."""
    mixture = two_classes((0.6, 1.5), 1.0, 1.0, cosine=0.2)
    found = spectrum(AsymptoticProblem(mixture, 8, 4, 0.1))
    shares = (np.arange(400) + 0.5) / 400
    distances = []
    for dim, seeds in ((50, 3), (100, 2), (200, 1)):
        values = np.sort(eigenvalues(mixture, dim, 8, 4, 0.1, seeds)[:, 2:], axis=1)
        finite = np.quantile(np.log(values), shares, axis=1).mean(axis=1)
        distances.append(np.abs(finite - np.log(found.quantile(shares))).mean())
    assert distances[1] < 0.75 * distances[0] and distances[2] < 0.75 * distances[1]


@pytest.mark.parametrize(("std", "psi_p", "psi_n", "time"), [(1.0, 2, 1, 1.0), (0.8, 3, 3, 1.2)])
def test_a_part_narrower_than_the_scan_is_found(std, psi_p, psi_n, time):
    """Sampled eigenvalues lie inside the parts, in the numbers that their masses say."""
    mixture, dim = GaussianMixture([std], [1.0]), 32
    values = eigenvalues(mixture, dim, psi_p, psi_n, time, 1)[0]
    bulks = spectrum(AsymptoticProblem(mixture, psi_p, psi_n, time)).bulks
    assert len(bulks) == 2
    assert bulks[1].upper < 1.02 * bulks[1].lower
    gap = np.sqrt(bulks[0].lower * bulks[1].upper)
    assert abs((values > gap).mean() - bulks[0].mass) < 1.5 / values.size
    assert abs((values < gap).mean() - bulks[1].mass) < 1.5 / values.size
