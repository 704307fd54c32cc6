"""Times read off curves with known answers, with other thresholds, and from stored datasets."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from diffjax.errors import InputError
from diffjax.status import Status
from diffjax.timescales import dataset_timescales, timescales
from tests.derivatives import assert_derivatives_agree
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
    found = measured(train, test, curves="measured")
    for c in (0, 1):
        expected = (
            reference.generalization_time(TAU, test[c]),
            reference.memorization_time(TAU, train[c], FINAL[c], FLOOR[c]),
            reference.gap_onset_time(TAU, train[c], test[c], FLOOR[c]),
            reference.half_memorization_time(TAU, train[c], test[c], FINAL[c]),
            reference.half_score_error_time(TAU, test[c], FLOOR[c]),
        )
        np.testing.assert_allclose(
            [value[c] for value in found.times.values()], expected, rtol=1e-10
        )


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
    """At 20 points per decade smooth curves have the times of 40 per decade to 1e-7."""
    train, test = two_step_curves()
    coarse = timescales(
        TAU[::2], jnp.asarray(train[:, ::2]), jnp.asarray(test[:, ::2]), jnp.asarray(FLOOR),
        jnp.asarray(FINAL),
    )  # fmt: skip
    for one, other in zip(coarse, measured(train, test), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7)


EXACT = {
    "generalization_time": np.log(10) * np.array([1, 4]),
    "memorization_time": np.log(2) * np.array([1e3, 5e3]),
    "half_score_error_time": np.log(2) * np.array([1, 4]),
}


@pytest.mark.parametrize(("per_decade", "rtol"), [(40, 1e-9), (10, 2e-5), (5, 2e-3)])
def test_times_are_those_of_the_curve_and_not_of_the_grid(per_decade, rtol):
    tau = np.geomspace(1e-2, 1e6, 8 * per_decade + 1)
    fast, slow = np.array([[1.0], [4.0]]), np.array([[1e3], [5e3]])
    test = FLOOR[:, None] + (1 - FLOOR)[:, None] * np.exp(-tau / fast)
    train = test + (FLOOR - FINAL)[:, None] * np.expm1(-tau / slow)
    found = timescales(*map(jnp.asarray, (tau, train, test, FLOOR, FINAL)))
    for name, exact in EXACT.items():
        np.testing.assert_allclose(getattr(found, name), exact, rtol=rtol)
    assert int(found.status) == Status.OK


def test_a_grid_that_is_too_coarse_says_so():
    tau = np.geomspace(1e-2, 1e6, 7)
    test = FLOOR[:, None] + (1 - FLOOR)[:, None] * np.exp(-tau[None] / 2.0)
    train = test + (FLOOR - FINAL)[:, None] * np.expm1(-tau[None] / 3e3)
    found = timescales(*map(jnp.asarray, (tau, train, test, FLOOR, FINAL)))
    assert int(found.status) == Status.COARSE


def test_what_is_reached_before_the_window_is_a_bound_with_a_status():
    train, test = two_step_curves()
    for start, early in ((160, False), (260, True)):  # after learning, after memorisation
        late = slice(start, None)
        found = timescales(
            jnp.asarray(TAU[late]), jnp.asarray(train[:, late]), jnp.asarray(test[:, late]),
            jnp.asarray(FLOOR), jnp.asarray(FINAL),
        )  # fmt: skip
        assert int(found.status) == Status.BEFORE_WINDOW
        np.testing.assert_allclose(found.generalization_time, TAU[start])
        reached = np.asarray(found.memorization_time) == TAU[start]
        assert reached.any() == early


def test_a_window_that_ends_while_the_test_loss_falls_knows_no_minimum():
    train, test = two_step_curves()
    early = slice(0, 81)  # at a training time of one
    found = timescales(
        jnp.asarray(TAU[early]), jnp.asarray(train[:, early]), jnp.asarray(test[:, early]),
        jnp.asarray(FLOOR), jnp.asarray(FINAL),
    )  # fmt: skip
    assert int(found.status) == Status.NOT_REACHED
    assert np.isinf(np.asarray(found.generalization_time)).all()


def test_derivatives_of_times_are_exact_in_both_modes():
    """d log(time)/d log(scale) of exponentials; a time that is not reached adds nothing."""

    def found(scale):
        tau = jnp.asarray(TAU)
        rates = jnp.stack([1.0 / scale, 1.0 / (3.0 * scale)])
        test = 0.3 + 0.7 * jnp.exp(-tau[None] * rates[:, None])
        train = test + 0.1 * jnp.expm1(-tau / 1e3)[None]
        floor = jnp.full(2, 0.3)
        return timescales(tau, train, test, floor, floor - jnp.array([0.1, 0.0]))

    slopes = assert_derivatives_agree(
        lambda s: jnp.log(found(s).generalization_time), 2.0, rtol=1e-7
    )
    np.testing.assert_allclose(slopes, 0.5, rtol=1e-8)
    assert np.isinf(found(2.0).memorization_time[1])
    assert np.isfinite(jax.grad(lambda s: found(s).memorization_time[0])(2.0))


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
    assert found["status"].dims == ("distance",) and (found["status"] == 0).all()
    for name in expected.times:
        assert found[name].dims == ("distance", "class")
        direct = np.asarray(getattr(expected, name))
        np.testing.assert_allclose(found[name], [direct, direct[::-1]], rtol=1e-12)
    other = dataset_timescales(stored(train, test), generalization_fraction=0.5)
    assert (other.generalization_time < found.generalization_time).all()


def test_dataset_without_curves_is_refused():
    with pytest.raises(InputError, match="final_train_loss"):
        dataset_timescales(stored(*two_step_curves()).drop_vars("final_train_loss"))
