"""First crossings against the loop, on curves whose crossing is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.numerics.crossing import first_crossing
from tests.reference import timescales as reference

TIMES = np.geomspace(0.1, 1e3, 41)


def test_logarithmic_curve_is_interpolated_exactly():
    """A curve linear in log(time) crosses at the exact place on any grid."""
    values = np.log(TIMES)
    for level in (-1.7, 0.03, 5.5):
        found = first_crossing(jnp.asarray(TIMES), jnp.asarray(values), level)
        assert float(found.time) == pytest.approx(np.exp(level), rel=1e-12)
        assert bool(found.reached)


def test_random_rising_curves_agree_with_the_loop():
    rng = np.random.default_rng(0)
    curves = np.cumsum(rng.exponential(size=(20, len(TIMES))), axis=1)
    found = first_crossing(jnp.asarray(TIMES), jnp.asarray(curves), 17.0)
    expected = [reference.first_crossing(TIMES, curve, 17.0) for curve in curves]
    np.testing.assert_allclose(found.time, expected, rtol=1e-12)


def test_every_curve_may_have_its_own_level():
    curves = jnp.asarray(np.log(TIMES) * [[1.0], [2.0]])
    levels = jnp.asarray([1.0, 3.0])
    found = first_crossing(jnp.asarray(TIMES), curves, levels)
    np.testing.assert_allclose(found.time, np.exp([1.0, 1.5]), rtol=1e-12)


def test_never_reached_is_infinite_and_says_so():
    found = first_crossing(jnp.asarray(TIMES), jnp.linspace(0.0, 1.0, 41), 1.5)
    assert float(found.time) == np.inf and not bool(found.reached)


def test_first_of_several_crossings_counts():
    wave = np.sin(3 * np.log(TIMES))
    found = first_crossing(jnp.asarray(TIMES), jnp.asarray(wave), 0.5)
    assert float(found.time) == pytest.approx(reference.first_crossing(TIMES, wave, 0.5), rel=1e-9)
    assert float(found.time) < 1.0


def test_curve_above_the_level_from_the_start():
    assert float(first_crossing(jnp.asarray(TIMES), jnp.ones(41), 0.5).time) == pytest.approx(0.1)


def test_nan_is_never_a_crossing():
    found = first_crossing(jnp.asarray(TIMES), jnp.full(41, jnp.nan), 0.5)
    assert float(found.time) == np.inf and not bool(found.reached)


def test_gradient_is_finite_where_nothing_is_reached():
    def crossing(scale):
        return first_crossing(jnp.asarray(TIMES), scale * jnp.log(jnp.asarray(TIMES)), 1.0).time

    assert float(jax.grad(crossing)(1.0)) == pytest.approx(-np.e, rel=1e-9)
