"""Moments by trapezoid rule and in closed form against panel-wise Gauss-Legendre quadrature."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.numerics.activations import Activation, hermite_polynomials, resolve_activation
from diffjax.numerics.gaussian_expectations import (
    gaussian_moments,
    mehler_series,
    quadrature_error,
    trapezoid,
)
from diffjax.numerics.hermite import hermite_functions
from diffjax.numerics.trapezoid import adapted_trapezoid
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


@pytest.mark.parametrize("correlation", [0.3, -0.8, 0.95, -0.99, 0.9999])
def test_pair_moments_of_relu_agree_with_conditional_expectations(correlation):
    """E relu(x) relu(y) = E[relu(x) E(relu(y)|x)]: one panel-wise integral, kinks at panel ends."""
    from scipy.integrate import quad
    from scipy.stats import norm

    rng = np.random.default_rng(2)
    relu = resolve_activation("relu").pair_moment
    for _ in range(8):
        (a, b), (v, w) = rng.normal(size=2) * rng.choice([0.05, 2.0]), rng.uniform(0.01, 3.0, 2)
        rest = np.sqrt(w * (1.0 - correlation**2))

        def integrand(z, a=a, b=b, v=v, w=w, rest=rest):
            mean = b + np.sqrt(w) * correlation * z
            below = mean * norm.cdf(mean / rest) + rest * norm.pdf(mean / rest)
            return max(a + np.sqrt(v) * z, 0.0) * below * norm.pdf(z)

        kinks = np.clip([-a / np.sqrt(v), -b / np.sqrt(w) / correlation], -9.0, 9.0)
        ends = np.unique([-9.0, -2.0, 2.0, 9.0, *kinks])
        parts = [
            quad(integrand, *span, epsabs=1e-14, epsrel=1e-12)[0]
            for span in itertools.pairwise(ends)
        ]
        found = relu(*map(jnp.asarray, (a, v, b, w, correlation)))
        assert float(found) == pytest.approx(sum(parts), abs=1e-10)


def kinked(x):
    """A kink that no smooth rule resolves."""
    return jnp.abs(x - 0.3)


def narrow(x):
    """Varies within a tenth of a standard deviation."""
    return jnp.tanh(30.0 * x)


@pytest.mark.parametrize(
    ("function", "smallest", "largest"),
    [(jnp.tanh, 0.0, 1e-8), (bent, 0.0, 1e-6), (kinked, 1e-6, 1.0), (narrow, 1e-4, 1.0)],
)
def test_quadrature_error_notices_what_the_spacing_misses(function, smallest, largest):
    """The estimate is the true error of the root of E phi^2, from many more nodes."""
    activation = resolve_activation(function)
    means, variances = jnp.linspace(-1.0, 1.0, 7), jnp.array([0.3, 1.0, 100.0, 1e4])
    for variance in variances:
        rule = adapted_trapezoid(variance, 8193)
        field = means[None] + jnp.sqrt(variance) * rule.nodes[:, None]
        square = rule.weights @ activation(field) ** 2
        fine = trapezoid(100_001, 8.4)
        exact = (
            fine.weights @ activation(means[None] + jnp.sqrt(variance) * fine.nodes[:, None]) ** 2
        )
        estimate = quadrature_error(activation, means, jnp.full(7, variance), rule)
        assert smallest <= float(estimate.max()) <= largest
        true = np.abs(np.sqrt(square) - np.sqrt(exact)).max()
        assert true <= 2.0 * float(estimate.max()) + 1e-11


def test_moments_of_wide_fields_and_high_orders():
    """Standard deviations to 100, orders to 200, against plain trapezoid sums of many nodes."""
    fine = trapezoid(20_001, 30.0)
    polynomials = np.asarray(hermite_polynomials(fine.nodes, 200))
    for variance, mean in ((0.5, 1.0), (9.0, -2.0), (1e4, 40.0)):
        expected = polynomials @ (fine.weights * jnp.tanh(mean + variance**0.5 * fine.nodes))
        rule = adapted_trapezoid(variance, 8193, 200)
        found = gaussian_moments(
            resolve_activation("tanh"), jnp.array([mean]), jnp.array([variance]), 200, rule
        )
        np.testing.assert_allclose(found.hermite[:, 0], expected, atol=1e-11)
    assert float(hermite_functions(jnp.array(70.0), 300).max()) == 0.0  # and not 0 times inf
