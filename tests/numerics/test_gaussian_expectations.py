"""Moments by trapezoid rule and in closed form against panel-wise Gauss-Legendre quadrature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.numerics.activations import Activation, hermite_polynomials, resolve_activation
from diffjax.numerics.gaussian_expectations import gaussian_moments, mehler_series, trapezoid
from tests.reference import gaussian_moments as reference
from tests.reference.covariances import mehler_feature

MEANS = np.array([-3.0, -1.2, -0.3, 0.0, 0.05, 0.7, 1.9, 3.0])
VARIANCES = np.array([0.02, 0.2, 1.0, 4.0])


def bent(x):
    """The reference's smooth user callable, in JAX."""
    return 0.5 * x + 0.4 * jnp.cos(reference.BENT_ANGULAR_FREQUENCY * x) + 0.3 * jnp.tanh(x)


NAMED = {"tanh": "tanh", "erf": "erf", "relu": "relu", "bent": bent}


def moments_of(name, max_order, rule):
    return gaussian_moments(
        resolve_activation(NAMED[name]), MEANS[:, None], VARIANCES[None, :], max_order, rule
    )


@pytest.mark.parametrize("name", NAMED)
def test_moments_agree_with_reference(name):
    found = moments_of(name, 12, trapezoid(257, 12.0))
    phi = reference.ACTIVATIONS[name]
    expected = reference.hermite_moments(phi, MEANS[:, None], VARIANCES[None, :], 12)
    np.testing.assert_allclose(found.hermite, expected, rtol=0, atol=2e-12)
    squares = [[reference.second_moment(phi, a, v) for v in VARIANCES] for a in MEANS]
    np.testing.assert_allclose(found.square, squares, rtol=0, atol=2e-12)


@pytest.mark.parametrize(("nodes", "bounds"), [(57, (1e-9, 1e-9, 1e-9, 1e-6)), (85, (1e-12,) * 3)])
def test_trapezoid_error_is_as_stated(nodes, bounds):
    """|error| <= exp(-pi^2/(h sqrt v)) + exp(-L^2/2), up to the size of He_6 at L."""
    rule = trapezoid(nodes, 8.4)
    found = moments_of("tanh", 6, rule).hermite
    expected = reference.hermite_moments(reference.tanh, MEANS[:, None], VARIANCES[None, :], 6)
    errors = np.abs(found - expected).max(axis=(0, 1))
    spacing = rule.nodes[1] - rule.nodes[0]
    stated = np.exp(-(np.pi**2) / (spacing * np.sqrt(VARIANCES))) + np.exp(-(8.4**2) / 2)
    assert (errors <= 200 * stated + 1e-12).all()
    assert all(error <= bound for error, bound in zip(errors, bounds, strict=False))


def test_hermite_polynomials_follow_the_recursion():
    g = np.linspace(-4, 4, 9)
    found = hermite_polynomials(jnp.asarray(g), 9)
    expected = [reference.hermite_normalised(k, g) for k in range(10)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert hermite_polynomials(jnp.asarray(g), 0).shape == (1, 9)


def test_closed_forms_are_used_when_given():
    """An Activation with exact moments never touches its function."""

    def explode(_):
        raise AssertionError("the closed form was ignored")

    exact = Activation(
        "identity",
        explode,
        moments=lambda a, v, k: jnp.stack([a, jnp.sqrt(v), *[0 * a] * (k - 1)]),
        second_moment=lambda a, v: a**2 + v,
    )
    found = gaussian_moments(exact, jnp.array([2.0]), jnp.array([0.25]), 3, trapezoid(9, 3.0))
    np.testing.assert_allclose(found.hermite[:, 0], [2.0, 0.5, 0.0, 0.0])
    assert float(found.square[0]) == 4.25


@pytest.mark.parametrize("max_order", [0, 1, 7])
def test_mehler_series_is_the_sum_over_orders(max_order):
    rng = np.random.default_rng(0)
    root = rng.standard_normal((6, 9))
    covariance, means = root @ root.T / 9, rng.standard_normal(6)
    deviations = np.sqrt(np.diag(covariance))
    psi = reference.hermite_moments(reference.tanh, means, deviations**2, max_order)
    correlation = covariance / np.outer(deviations, deviations)
    found = np.array(mehler_series(jnp.asarray(psi), jnp.asarray(correlation)))
    expected = mehler_feature(reference.tanh, means, covariance, max_order)
    off_diagonal = ~np.eye(6, dtype=bool)
    np.testing.assert_allclose(found[off_diagonal], expected[off_diagonal], atol=1e-13)


def test_moments_are_differentiable_in_mean_and_variance():
    """dPsi_0/da = E phi' and dPsi_0/dv = E phi''/2 (heat equation)."""
    rule = trapezoid(201, 12.0)

    def mean_of(a, v):
        return gaussian_moments(resolve_activation("tanh"), a, v, 0, rule).hermite[0]

    by_mean, by_variance = jax.grad(mean_of, argnums=(0, 1))(0.4, 0.7)
    psi_1, psi_2 = (reference.hermite_moment(reference.tanh, 0.4, 0.7, k) for k in (1, 2))
    assert float(by_mean) == pytest.approx(psi_1 / np.sqrt(0.7), abs=1e-12)
    assert float(by_variance) == pytest.approx(psi_2 * np.sqrt(2) / 0.7 / 2, abs=1e-12)
