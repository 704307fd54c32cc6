"""Expectations of an activation over Gaussian fields, by trapezoid rule or in closed form.

Letters: a mean, v variance, g standard normal, h_k = He_k/sqrt(k!) orthonormal Hermite
polynomials, Psi_k(a, v) = E[phi(a + sqrt(v) g) h_k(g)].

Mehler's formula expands the covariance of two correlated fields,
E[phi(x_i) phi(x_j)] = sum_k r_ij^k Psi_k(a_i, v_i) Psi_k(a_j, v_j), r_ij their correlation.

The trapezoid rule with spacing h and half-width L has error exp(-pi^2/(h sqrt(v))) for tanh (its
poles lie at i pi/2) plus exp(-L^2/2).  Gauss-Hermite converges like exp(-c sqrt(n)) only.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.numerics.activations import Activation, hermite_polynomials
from diffjax.typing import Array, Float


class Quadrature(NamedTuple):
    """Nodes and weights of an expectation over a standard normal variable."""

    nodes: np.ndarray
    weights: np.ndarray


def trapezoid(num_nodes: int, half_width: float) -> Quadrature:
    """Trapezoid rule on [-half_width, half_width] with the standard normal weight.

    Example:
        >>> rule = trapezoid(57, 8.4)
        >>> abs((rule.weights * rule.nodes**2).sum() - 1) < 1e-12
        True
    """
    nodes = np.linspace(-half_width, half_width, num_nodes)
    weights = np.exp(-0.5 * nodes**2) / np.sqrt(2 * np.pi) * (nodes[1] - nodes[0])
    return Quadrature(nodes, weights)


class GaussianMoments(NamedTuple):
    """Moments of phi(a + sqrt(v) g), elementwise in a and v.

    Attributes:
        hermite: (order, ...) normalised Hermite moments Psi_0 .. Psi_max_order.
        square: (...) second moment E phi^2.
    """

    hermite: Float[Array, "order ..."]
    square: Float[Array, "..."]


def gaussian_moments(
    activation: Activation,
    mean: Float[Array, "..."],
    variance: Float[Array, "..."],
    max_order: int,
    rule: Quadrature,
) -> GaussianMoments:
    """Hermite moments and second moment of an activation under N(mean, variance).

    Args:
        activation: the nonlinearity; its closed forms are used where it has them.
        mean: any shape.
        variance: positive, broadcasts against `mean`.
        max_order: largest Hermite order.
        rule: quadrature for what has no closed form.

    Returns:
        GaussianMoments with `hermite` (max_order + 1, *shape) and `square` (*shape).
    """
    mean, variance = jnp.broadcast_arrays(jnp.asarray(mean), jnp.asarray(variance))
    if activation.moments is not None and activation.second_moment is not None:
        hermite = activation.moments(mean, variance, max_order)
        return GaussianMoments(hermite, activation.second_moment(mean, variance))
    if activation.moments is not None:
        square = _quadrature_moments(activation, mean, variance, 0, rule).square
        return GaussianMoments(activation.moments(mean, variance, max_order), square)
    return _quadrature_moments(activation, mean, variance, max_order, rule)


def _quadrature_moments(
    activation: Activation, mean: Array, variance: Array, max_order: int, rule: Quadrature
) -> GaussianMoments:
    """One pass over the nodes: a scan keeps the accumulators in cache and compiles fast."""
    dtype = mean.dtype
    nodes, weights = jnp.asarray(rule.nodes, dtype), jnp.asarray(rule.weights, dtype)
    polynomials = hermite_polynomials(nodes, max_order).T
    scale = jnp.sqrt(variance)

    def add_node(sums, node):
        g, weight, polynomial = node
        value = activation(mean + scale * g)
        weighted = weight * value
        hermite = sums.hermite + weighted[None] * jnp.expand_dims(
            polynomial, tuple(range(1, mean.ndim + 1))
        )
        return GaussianMoments(hermite, sums.square + weighted * value), None

    start = GaussianMoments(
        jnp.zeros((max_order + 1, *mean.shape), dtype), jnp.zeros(mean.shape, dtype)
    )
    sums, _ = jax.lax.scan(add_node, start, (nodes, weights, polynomials))
    return sums


def mehler_series(
    hermite: Float[Array, "order feature"], correlation: Float[Array, "feature feature"]
) -> Float[Array, "feature feature"]:
    """sum_k r_ij^k Psi_k(i) Psi_k(j) for one pair of vectors per order (one fused pass)."""
    total = hermite[-1][:, None] * hermite[-1][None, :]
    for moments in hermite[-2::-1]:
        total = total * correlation + moments[:, None] * moments[None, :]
    return total
