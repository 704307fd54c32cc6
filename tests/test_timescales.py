"""Times read off curves with known answers, with other thresholds, and from stored datasets."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from diffjax.errors import InputError
from diffjax.timescales import dataset_timescales, timescales
from tests.reference import timescales as reference

TAU = np.geomspace(1e-2, 1e6, 321)
FLOOR, FINAL = np.array([0.3, 0.5]), np.array([0.1, 0.25])


def two_step_curves(fast=(1.0, 4.0), slow=(1e3, 5e3), rebound=0.0):
    """Exponential fall to the floor at rate 1/fast, then of the train loss to its end."""
    tau, fast, slow = TAU[None, :], np.array(fast)[:, None], np.array(slow)[:, None]
    floor, final = FLOOR[:, None], FINAL[:, None]
    test = floor + (1 - floor) * np.exp(-tau / fast)
    train = test - (floor - final) * -np.expm1(-tau / slow)
    return train, test + rebound * -np.expm1(-tau / slow)


def measured(train, test, **thresholds):
    return timescales(
        jnp.asarray(TAU), jnp.asarray(train), jnp.asarray(test), jnp.asarray(FLOOR),
        jnp.asarray(FINAL), **thresholds,
    )  # fmt: skip


def test_exponential_curves_have_logarithmic_times():
    """exp(-tau/fast) = 0.1 for generalisation, exp(-tau/slow) = 0.5 for memorisation."""
    found = measured(*two_step_curves())
    np.testing.assert_allclose(
        found.generalization_time, [math.log(10), 4 * math.log(10)], rtol=1e-3
    )
    np.testing.assert_allclose(
        found.memorization_time, [1e3 * math.log(2), 5e3 * math.log(2)], rtol=1e-3
    )
    np.testing.assert_allclose(found.half_memorization_time, found.memorization_time, rtol=1e-3)
    np.testing.assert_allclose(found.half_score_error_time, np.log(2) * np.array([1, 4]), rtol=1e-3)
    opening = 0.05 * (1 - FLOOR) / (FLOOR - FINAL)
    np.testing.assert_allclose(found.gap_onset_time, -np.log1p(-opening) * [1e3, 5e3], rtol=1e-3)


def test_noisy_curves_agree_with_the_loops():
    rng = np.random.default_rng(0)
    train, test = (c + 0.02 * rng.standard_normal(c.shape) for c in two_step_curves(rebound=0.6))
    found = measured(train, test)
    for c in (0, 1):
        expected = (
            reference.generalization_time(TAU, test[c]),
            reference.memorization_time(TAU, train[c], FINAL[c], FLOOR[c]),
            reference.gap_onset_time(TAU, train[c], test[c], FLOOR[c]),
            reference.half_memorization_time(TAU, train[c], test[c], FINAL[c]),
            reference.half_score_error_time(TAU, test[c], FLOOR[c]),
        )
        np.testing.assert_allclose([value[c] for value in found], expected, rtol=1e-10)


def test_thresholds_move_the_times():
    curves = two_step_curves()
    found = measured(*curves, generalization_fraction=0.5, memorization_fraction=0.9)
    np.testing.assert_allclose(found.generalization_time, np.log(2) * np.array([1, 4]), rtol=1e-3)
    np.testing.assert_allclose(
        found.memorization_time, np.log(10) * np.array([1e3, 5e3]), rtol=1e-3
    )
    later = measured(*curves, gap_fraction=0.1).gap_onset_time
    assert (later > measured(*curves).gap_onset_time).all()
    assert (measured(*curves, score_error_level=0.9).half_score_error_time < found[0]).all()


def test_rebound_of_the_test_loss_does_not_move_generalization():
    plain, rebounding = measured(*two_step_curves()), measured(*two_step_curves(rebound=0.3))
    np.testing.assert_allclose(plain.generalization_time, rebounding.generalization_time, rtol=0.05)


def test_what_is_not_reached_is_infinite():
    """A flat curve has no generalisation; a train loss above the floor no memorisation."""
    flat = np.ones((2, len(TAU)))
    found = measured(flat, flat)
    assert all((np.asarray(times) == math.inf).all() for times in found[:3])
    train, test = two_step_curves(slow=(1e9, 1e9))
    assert (np.asarray(measured(train, test).memorization_time) == math.inf).all()
    no_end = timescales(TAU, jnp.asarray(train), jnp.asarray(test), jnp.asarray(FLOOR), FLOOR + 0.1)
    assert (np.asarray(no_end.memorization_time) == math.inf).all()


def test_grid_refinement_converges():
    """Log-linear interpolation at 40 points per decade is good to 1e-3."""
    train, test = two_step_curves()
    coarse = timescales(
        TAU[::2], jnp.asarray(train[:, ::2]), jnp.asarray(test[:, ::2]), jnp.asarray(FLOOR),
        jnp.asarray(FINAL),
    )  # fmt: skip
    for one, other in zip(coarse, measured(train, test), strict=True):
        np.testing.assert_allclose(one, other, rtol=5e-3)


def stored(train, test):
    dims = ("distance", "class", "training_time")
    return xr.Dataset(
        {
            "train_loss": (dims, np.stack([train, train[::-1]])),
            "test_loss": (dims, np.stack([test, test[::-1]])),
            "bayes_floor": (dims[:2], np.stack([FLOOR, FLOOR[::-1]])),
            "final_train_loss": (dims[:2], np.stack([FINAL, FINAL[::-1]])),
        },
        {"training_time": TAU, "distance": [0.0, 1.0], "class": [0, 1]},
    )


def test_stored_sweep_gives_the_same_times():
    train, test = two_step_curves()
    found, expected = dataset_timescales(stored(train, test)), measured(train, test)
    for name in expected._fields:
        assert found[name].dims == ("distance", "class")
        direct = np.asarray(getattr(expected, name))
        np.testing.assert_allclose(found[name], [direct, direct[::-1]], rtol=1e-12)
    other = dataset_timescales(stored(train, test), generalization_fraction=0.5)
    assert (other.generalization_time < found.generalization_time).all()


def test_dataset_without_curves_is_refused():
    with pytest.raises(InputError, match="final_train_loss"):
        dataset_timescales(stored(*two_step_curves()).drop_vars("final_train_loss"))
