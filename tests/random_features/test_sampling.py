"""Draws: counts per class, centroid geometry, laws, and what problems of one seed share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.mixture import GaussianMixture, two_classes
from diffjax.random_features.sampling import class_counts, draw_samples
from tests.random_features.realisation import realise
from tests.random_features.small_problems import GRAM, problem_of

draw = jax.jit(draw_samples, static_argnums=(2, 3))


@pytest.mark.parametrize(
    ("weights", "total", "expected"),
    [
        ([0.5, 0.5], 7, [4, 3]),
        ([0.1, 0.9], 256, [26, 230]),
        ([1 / 3, 1 / 3, 1 / 3], 10, [4, 3, 3]),
        ([0.2, 0.5, 0.3], 20, [4, 10, 6]),
        ([0.001, 0.999], 100, [0, 100]),
    ],
)
def test_counts_follow_the_largest_remainder(weights, total, expected):
    assert class_counts(jnp.asarray(weights), total).tolist() == expected


def test_counts_always_sum_to_the_total():
    rng = np.random.default_rng(0)
    counts = jax.jit(class_counts, static_argnums=1)
    for weights in rng.dirichlet(np.ones(5), size=200):
        found = np.asarray(counts(jnp.asarray(weights), 137))
        assert found.sum() == 137 and np.abs(found - 137 * weights).max() < 1


def test_centroids_have_their_gram_matrix():
    drawn = realise(problem_of())
    np.testing.assert_allclose(drawn.centroids @ drawn.centroids.T / 10, GRAM, atol=1e-13)


def test_samples_have_the_law_of_their_class():
    """Mean and covariance of 40000 draws per class within five standard errors."""
    matrix = np.array([[1.0, 0.5, 0.0], [0.5, 2.0, 0.3], [0.0, 0.3, 0.4]])
    mixture = GaussianMixture(class_covariances=[matrix, np.eye(3)], centroid_gram=np.eye(2))
    samples, labels = map(np.asarray, draw(mixture, 5, 80_000, 3))
    own = samples[labels == 0]
    assert np.abs(np.cov(own.T) - matrix).max() < 5 * np.sqrt(2 / 40_000) * 2
    means = np.array([samples[labels == c].mean(axis=0) for c in (0, 1)])
    np.testing.assert_allclose(means @ means.T / 3, np.eye(2), atol=0.03)


def test_weights_and_draws_are_shared_by_all_problems_of_a_seed():
    """(x - mu_c)/sigma_c and W are the same whatever std, distance, imbalance and n."""
    one = realise(problem_of("two"))
    changed = two_classes(stds=(0.3, 2.0), distance=4.0, imbalance_ratio=2.0)
    other_problem = problem_of("two", num_samples=40, num_features=50)
    object.__setattr__(other_problem, "mixture", changed)
    other = realise(other_problem)
    np.testing.assert_array_equal(one.weights, other.weights[:30])
    np.testing.assert_array_equal(one.biases, other.biases[:30])
    for c, (std, new_std) in enumerate(zip((1.4, 0.7), (0.3, 2.0), strict=True)):
        before = (one.samples[one.labels == c] - one.centroids[c]) / std
        after = (other.samples[other.labels == c] - other.centroids[c]) / new_std
        shared = min(len(before), len(after))
        np.testing.assert_allclose(before[:shared], after[:shared], atol=1e-12)


def test_seeds_give_independent_draws():
    one, other = (realise(problem_of(seed=seed)) for seed in (0, 1))
    correlation = np.mean(one.weights * other.weights)
    assert abs(correlation) < 5 / np.sqrt(one.weights.size)
    assert np.abs(one.samples - other.samples).min() > 0
