"""The four functions of m against dense two-dimensional sums."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

from diffjax.asymptotics import constants, neurons
from diffjax.asymptotics.constants import is_odd
from diffjax.numerics.activations import ACTIVATIONS, Activation

feature_constants = jax.jit(constants.feature_constants, static_argnums=(0, 4))
neuron_quadrature = jax.jit(neurons.neuron_quadrature, static_argnums=(1, 2, 3, 4))
FUNCTIONS = {"tanh": np.tanh, "erf": erf, "relu": lambda x: np.maximum(x, 0.0)}


def _dense(phi, mean, variance, time, count=2401, half_width=9.0):
    """alpha, b, gamma^2, s^2 with every average a plain trapezoid sum."""
    noise = -np.expm1(-2 * time)
    signal = np.exp(-2 * time) * variance
    field = signal + noise
    g = np.linspace(-half_width, half_width, count)
    w = np.exp(-0.5 * g**2) / np.sqrt(2 * np.pi) * (g[1] - g[0])
    values = phi(mean + np.sqrt(field) * g)
    alpha, slope, square = w @ values, w @ (values * g) / np.sqrt(field), w @ values**2
    inner = phi(mean + np.sqrt(signal) * g[:, None] + np.sqrt(noise) * g[None, :]) @ w
    smoothed = w @ inner**2
    return (
        alpha, slope, smoothed - alpha**2 - signal * slope**2,
        square - smoothed - noise * slope**2,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["tanh", "erf"])
@pytest.mark.parametrize("time", [0.001, 0.01, 1.0])
def test_constants_are_exact(name, time):
    """To 1e-10, although s^2 = 2e-3 at t = 0.01 is a difference of numbers of order one."""
    means, stds = np.array([[0.0, 0.7, 3.0]] * 3), np.array([0.4, 1.0, 3.0])
    found = feature_constants(
        ACTIVATIONS[name], jnp.asarray(means), jnp.asarray(stds**2), time, 257
    )
    assert float(found.resolution.min()) > 1.0
    for c, std in enumerate(stds):
        for q, mean in enumerate(means[c]):
            expected = _dense(FUNCTIONS[name], mean, std**2, time)
            np.testing.assert_allclose([f[c, q] for f in found[:4]], expected, atol=1e-11)


def test_relu_constants_do_not_need_the_smoothness():
    """The dense sum is the limit here: it converges slowly at the kink."""
    found = feature_constants(ACTIVATIONS["relu"], jnp.array([[0.3]]), jnp.ones(1), 0.01, 257)
    errors = []
    for count in (1200, 2401):
        expected = _dense(FUNCTIONS["relu"], 0.3, 1.0, 0.01, count)
        errors.append(np.abs(np.array([float(f[0, 0]) for f in found[:4]]) - expected).max())
    assert errors[1] < 1e-5 and errors[1] < 0.6 * errors[0]


def test_relu_at_the_origin_in_closed_form():
    """alpha = sqrt(Gamma/2 pi), b = 1/2, E phi^2 = Gamma/2, arc-cosine kernel for E phi_0^2."""
    time, variance = 0.2, 1.7
    signal, noise = np.exp(-0.4) * variance, -np.expm1(-0.4)
    field = signal + noise
    found = feature_constants(
        ACTIVATIONS["relu"], jnp.zeros((1, 1)), jnp.array([variance]), time, 257
    )
    r = signal / field
    kernel = field / (2 * np.pi) * (np.sqrt(1 - r * r) + r * (np.pi - np.arccos(r)))
    expected = [
        np.sqrt(field / (2 * np.pi)), 0.5, kernel - field / (2 * np.pi) - signal / 4,
        field / 2 - kernel - noise / 4,
    ]  # fmt: skip
    np.testing.assert_allclose([float(f[0, 0]) for f in found[:4]], expected, atol=1e-12)


def test_published_residual_noise():
    """s_t^2 of tanh at unit variance and t = 0.01."""
    found = feature_constants(ACTIVATIONS["tanh"], jnp.zeros((1, 1)), jnp.ones(1), 0.01, 257)
    assert float(found.noise_variance[0, 0]) == pytest.approx(1.874e-3, abs=5e-7)


def test_unresolved_gaussians_are_reported():
    found = feature_constants(ACTIVATIONS["tanh"], jnp.array([[40.0]]), jnp.array([1e-6]), 1.0, 33)
    assert float(found.resolution[0]) < 0.7


def test_odd_activations_are_recognised_inside_a_trace():
    assert is_odd(ACTIVATIONS["tanh"]) and is_odd(ACTIVATIONS["erf"])
    assert not is_odd(ACTIVATIONS["relu"])
    assert not is_odd(Activation("shifted", lambda x: jnp.tanh(x - 1.0)))
    assert float(jax.jit(lambda x: x * is_odd(ACTIVATIONS["tanh"]))(2.0)) == 2.0


@pytest.mark.parametrize("rank", [2, 3])
def test_neurons_have_the_covariance(rank):
    rng = np.random.default_rng(rank)
    factor = rng.standard_normal((3, rank))
    covariance = factor @ factor.T
    drawn = neuron_quadrature(jnp.asarray(covariance), rank, 24, "product", False)
    found = (drawn.means * drawn.weights[None]) @ drawn.means.T
    np.testing.assert_allclose(found, covariance, atol=3e-3 * np.trace(covariance))
    assert abs(float(drawn.missing)) < 1e-12


def test_two_classes_stand_on_the_same_footing():
    covariance = jnp.array([[2.0, 0.7], [0.7, 1.0]])
    one = neuron_quadrature(covariance, 2, 8, "product", False).means
    other = neuron_quadrature(covariance[::-1, ::-1], 2, 8, "product", False).means[::-1]
    np.testing.assert_allclose(np.sort(one, axis=1), np.sort(other, axis=1), atol=1e-14)


def test_missing_rank_is_reported():
    found = neuron_quadrature(jnp.eye(2), 1, 8, "product", False)
    assert float(found.missing) == pytest.approx(1.0)
