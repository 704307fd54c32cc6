"""Copies, class statistics and copy times, against loops and hand-made sets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.mixture.score import IsotropicScore
from diffjax.random_features.generated_samples import copied, copy_times, summarize
from tests.reference import generated_samples as reference

WEIGHTS, STDS = np.array([0.3, 0.5, 0.2]), np.array([1.5, 0.6, 1.0])
CENTROIDS = 3.0 * np.eye(3, 5)
LAW = IsotropicScore(*map(jnp.asarray, (WEIGHTS, STDS**2, CENTROIDS)))


def test_hand_made_copies():
    """Training points at 0 and 9 on a line in d = 2: a third of the class distance is 0.667 std."""
    training = jnp.array([[0.0, 0.0], [9.0, 0.0]])
    samples = jnp.array([[0.1, 0.0], [1.0, 0.0], [2.2, 0.0], [2.3, 0.0], [4.5, 0.0], [9.0, 0.5]])
    by_ratio, by_distance = copied(samples, training, jnp.ones(6))
    assert by_ratio.tolist() == [True, True, True, False, False, True]
    assert by_distance.tolist() == [True, False, False, False, False, True]
    _, in_wide_class = copied(samples, training, jnp.full(6, 3.6))
    assert in_wide_class.tolist() == [True, True, True, True, False, True]


def test_a_sparse_set_is_copied_by_ratio_first():
    """At the same distance from the nearest point only the second-nearest differs."""
    sample = jnp.array([[1.0, 0.0]])
    dense, sparse = (jnp.array([[0.0, 0.0], [1.0, gap]]) for gap in (2.0, 4.0))
    assert copied(sample, dense, jnp.ones(1))[0].tolist() == [False]
    assert copied(sample, sparse, jnp.ones(1))[0].tolist() == [True]
    np.testing.assert_array_equal(copied(sample, dense, jnp.ones(1))[1], [False])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_summary_against_loops(rng, dtype):
    training = rng.standard_normal((9, 5)) + CENTROIDS[np.arange(9) % 3]
    noise = np.geomspace(0.05, 2.0, 120)[:, None] * rng.standard_normal((120, 5))
    samples = (training[np.arange(120) % 9] + noise).astype(dtype)
    found = jax.jit(summarize)(samples, LAW.at_precision(dtype), training.astype(dtype))
    expected = reference.summary(samples, training, WEIGHTS, STDS, CENTROIDS)
    assert 0.1 < expected["memorized_fraction"].mean() < 0.9
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=tolerance, err_msg=name)


def test_classes_can_be_permuted(rng):
    samples, training = rng.standard_normal((50, 5)) + 1.0, rng.standard_normal((9, 5))
    order = np.array([2, 0, 1])
    moved = jax.tree.map(lambda leaf: leaf[order], LAW)
    one, other = (summarize(jnp.asarray(samples), law, training) for law in (LAW, moved))
    for name in one._fields:
        np.testing.assert_allclose(getattr(one, name)[..., order], getattr(other, name), rtol=1e-12)


def test_a_class_without_samples_has_infinite_moments(rng):
    samples = CENTROIDS[0] + 0.1 * rng.standard_normal((20, 5))
    found = summarize(jnp.asarray(samples), LAW, CENTROIDS)
    assert found.class_share.tolist() == [1.0, 0.0, 0.0]
    assert np.isinf(found.mean_error[1:]).all() and np.isinf(found.variance[1:]).all()
    assert found.memorized_fraction[:, 1:].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert np.isfinite(found.mean_error[0])


def test_copy_times_interpolate_the_running_maximum():
    times = np.array([1.0, 10.0, 100.0, 1000.0])
    curves = np.array([[0.0, 0.4, 0.2, 0.8], [0.1, 0.1, 0.1, 0.1], [0.0, 0.0, 0.0, 0.0]])
    found = copy_times(times, curves)
    np.testing.assert_allclose(found.plateau, [0.8, 0.1, 0.0])
    # from 0.4 (kept at 100) to 0.8 between 100 and 1000: a quarter of the decade
    np.testing.assert_allclose(found.half_copied_time, [10**2.25, np.inf, np.inf])
    np.testing.assert_allclose(found.half_plateau_time, [10.0, 1.0, np.inf])
