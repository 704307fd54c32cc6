"""Expectations of an activation over Gaussian fields, by trapezoid rule or in closed form.

Letters: a mean, v variance, g standard normal, h_k = He_k/sqrt(k!) orthonormal Hermite
polynomials, Psi_k(a, v) = E[phi(a + sqrt(v) g) h_k(g)].

Mehler's formula expands the covariance of two correlated fields,
E[phi(x_i) phi(x_j)] = sum_k r_ij^k Psi_k(a_i, v_i) Psi_k(a_j, v_j), r_ij their correlation.

The trapezoid rule with spacing h and half-width L has error exp(-pi^2/(h sqrt(v))) for tanh (its
poles lie at i pi/2) plus exp(-L^2/2).  Gauss-Hermite converges like exp(-c sqrt(n)) only.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.numerics.activations import Activation, hermite_polynomials
from diffjax.typing import Array, ArrayLike, Float


class Quadrature(NamedTuple):
    """Nodes and weights of an expectation over a standard normal variable; weight 0 is skipped."""

    nodes: Float[Array, " node"]
    weights: Float[Array, " node"]


WIDEST_SPACING = 0.65
ALIASING_EXPONENT = 27.0


def trapezoid(num_nodes: int, half_width: float) -> Quadrature:
    """Trapezoid rule on [-half_width, half_width] with the standard normal weight.

    Example:
        >>> rule = trapezoid(57, 8.4)
        >>> bool(abs((rule.weights * rule.nodes**2).sum() - 1) < 1e-12)
        True
    """
    return _rule(jnp.asarray(half_width / (num_nodes // 2)), num_nodes, half_width)


def adapted_trapezoid(max_variance: ArrayLike, num_nodes: int, half_width: float) -> Quadrature:
    """The same, as coarse as the variance of the field allows.

    The spacing is pi^2/(27 sqrt(v)), which makes the aliasing error exp(-27) = 2e-12 for an
    activation whose poles lie at i pi/2 or farther, but at most 0.65 and at least that of
    `trapezoid`.  Nodes outside the interval have weight zero.

    Args:
        max_variance: largest variance of the field; may be traced.
        num_nodes: odd number of nodes at most, static.
        half_width: where the normal weight is cut off.
    """
    finest = half_width / (num_nodes // 2)
    spacing = np.pi**2 / (ALIASING_EXPONENT * jnp.sqrt(jnp.asarray(max_variance)))
    spacing = jnp.clip(jax.lax.stop_gradient(spacing), finest, max(WIDEST_SPACING, finest))
    return _rule(spacing, num_nodes, half_width)


def _rule(spacing: Array, num_nodes: int, half_width: float) -> Quadrature:
    nodes = spacing * (jnp.arange(num_nodes) - num_nodes // 2)
    inside = jnp.abs(nodes) <= half_width * (1.0 + 1e-12)
    density = jnp.exp(-0.5 * nodes**2) / math.sqrt(2.0 * math.pi)
    return Quadrature(nodes, jnp.where(inside, spacing * density, 0.0))


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
    nodes, weights = rule.nodes.astype(dtype), rule.weights.astype(dtype)
    polynomials = hermite_polynomials(nodes, max_order).T
    scale = jnp.sqrt(variance)

    def add_node(sums, node):
        g, weight, polynomial = node
        value = activation(mean + scale * g)
        weighted = weight * value
        hermite = sums.hermite + weighted[None] * jnp.expand_dims(
            polynomial, tuple(range(1, mean.ndim + 1))
        )
        return GaussianMoments(hermite, sums.square + weighted * value)

    def add_if_weighty(sums, node):
        return jax.lax.cond(node[1] > 0, add_node, lambda sums, _: sums, sums, node), None

    start = GaussianMoments(
        jnp.zeros((max_order + 1, *mean.shape), dtype), jnp.zeros(mean.shape, dtype)
    )
    sums, _ = jax.lax.scan(add_if_weighty, start, (nodes, weights, polynomials))
    return sums


def mehler_series(
    hermite: Float[Array, "order feature"], correlation: Float[Array, "feature feature"]
) -> Float[Array, "feature feature"]:
    """sum_k r_ij^k Psi_k(i) Psi_k(j) for one pair of vectors per order (one fused pass)."""
    total = hermite[-1][:, None] * hermite[-1][None, :]
    for moments in hermite[-2::-1]:
        total = total * correlation + moments[:, None] * moments[None, :]
    return total
