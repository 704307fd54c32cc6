"""Collapse times: the formula against the exact empirical score of finite data sets."""

import jax
import numpy as np
import pytest

from diffjax.backward.collapse import (
    collapse_times,
    empirical_score,
    measured_collapse_times,
    own_sample_weight,
)
from diffjax.errors import InputError


def draw(dim, counts, stds, rng):
    centroids = np.sqrt(dim) * np.eye(len(counts), dim)
    rows = [
        centroid + std * rng.standard_normal((count, dim))
        for centroid, std, count in zip(centroids, stds, counts, strict=True)
    ]
    return np.concatenate(rows), np.repeat(np.arange(len(counts)), counts)


@pytest.mark.parametrize(
    ("dim", "counts", "stds"),
    [(30, (300, 1000), (0.8, 1.5)), (60, (600, 700), (1.0, 2.0)), (100, (300, 900), (0.8, 1.5))],
)
def test_formula_within_ten_percent(dim, counts, stds, rng):
    samples, labels = draw(dim, counts, stds, rng)
    found = measured_collapse_times(samples, labels, jax.random.key(0), num_draws=1)
    np.testing.assert_allclose(found, collapse_times(stds, counts, dim), rtol=0.1)


def test_formula_is_the_information_balance():
    dim, counts, stds = 50, np.array([20, 2000]), np.array([0.7, 1.3])
    times = np.asarray(collapse_times(stds, counts, dim))
    noise = 1 - np.exp(-2 * times)
    noisy = np.exp(-2 * times) * stds**2 + noise
    np.testing.assert_allclose(np.log(counts), dim / 2 * np.log(noisy / noise), rtol=1e-10)
    assert (np.diff(np.asarray(collapse_times([1.0, 1.0, 1.5], [10, 100, 100], dim)))).tolist()[
        0
    ] < 0


def test_own_weight_runs_from_one_to_its_share(rng):
    samples, labels = draw(20, (30, 50), (1.0, 1.0), rng)
    weights = own_sample_weight(samples, labels, np.array([1e-3, 8.0]), jax.random.key(1))
    np.testing.assert_allclose(weights[0], 1.0, atol=1e-9)
    np.testing.assert_allclose(weights[1], 1 / 80, rtol=0.02)


def test_empirical_score_is_the_gradient_of_its_density(rng):
    samples, points = rng.standard_normal((7, 3)), rng.standard_normal((5, 3))
    time = 0.3
    noise = 1 - np.exp(-2 * time)

    def log_density(x):
        offsets = x[None] - np.exp(-time) * samples
        return jax.nn.logsumexp(-(offsets**2).sum(axis=1) / (2 * noise))

    expected = jax.vmap(jax.grad(log_density))(points)
    np.testing.assert_allclose(empirical_score(samples)(points, time), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: collapse_times([1.0, 1.0], [1, 5], 10), r"counts\[0\]=1"),
        (lambda: collapse_times([1.0, 0.0], [5, 5], 10), "stds"),
        (lambda: collapse_times([1.0], [5, 5], 10), "counts"),
        (lambda: collapse_times([1.0], [5], 0), "dim"),
        (
            lambda: measured_collapse_times(
                np.ones((3, 2)), np.array([0, 0, 1]), jax.random.key(0)
            ),
            "class 1",
        ),
    ],
)
def test_bad_input(call, word):
    with pytest.raises(InputError, match=word):
        call()
