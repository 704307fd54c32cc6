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

from diffjax.numerics.activations import Activation
from diffjax.numerics.hermite import UNROLLED_ORDERS, hermite_polynomials
from diffjax.numerics.trapezoid import Quadrature
from diffjax.numerics.trapezoid import trapezoid as trapezoid
from diffjax.typing import Array, Float

NODES_AT_A_TIME = 64


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
    by_quadrature = _by_products if _many(rule, max_order) else _by_nodes
    if activation.moments is not None:
        square = by_quadrature(activation, mean, variance, 0, rule).square
        return GaussianMoments(activation.moments(mean, variance, max_order), square)
    return by_quadrature(activation, mean, variance, max_order, rule)


def quadrature_error(
    activation: Activation,
    mean: Float[Array, "..."],
    variance: Float[Array, "..."],
    rule: Quadrature,
) -> Float[Array, "..."]:
    """What half the spacing would change in E phi or the root of E phi^2: in the moments.

    The finer rule has the nodes of the first and those half way between them.  An activation that
    varies within the spacing, or has a kink, shows up here.

    Args:
        activation: the nonlinearity; zero where all its moments have closed forms.
        mean: any shape; a few typical means will do.
        variance: broadcasts against `mean`.
        rule: the quadrature in use.
    """
    mean, variance = jnp.broadcast_arrays(jnp.asarray(mean), jnp.asarray(variance))
    if activation.moments is not None and activation.second_moment is not None:
        return jnp.zeros_like(mean)
    nodes, weights = (part.astype(mean.dtype) for part in rule.halved())
    field = mean[None] + jnp.sqrt(variance)[None] * jnp.expand_dims(nodes, _axes(mean))
    values, weights = activation(field), jnp.expand_dims(weights, _axes(mean))
    signs = np.resize([1.0, -1.0], len(nodes)).astype(mean.dtype)
    signed = jnp.expand_dims(signs, _axes(mean)) * weights * values
    root = jnp.sqrt(jnp.sum(weights * values**2, axis=0) + jnp.finfo(mean.dtype).tiny)
    of_square = jnp.abs(jnp.sum(signed * values, axis=0)) / (2.0 * root)
    return jnp.maximum(of_square, jnp.abs(jnp.sum(signed, axis=0)))


def _axes(mean: Array) -> tuple[int, ...]:
    return tuple(range(1, mean.ndim + 1))


def _many(rule: Quadrature, max_order: int) -> bool:
    return max_order > UNROLLED_ORDERS or len(rule.nodes) > 4 * NODES_AT_A_TIME


def _by_nodes(
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
        hermite = sums.hermite + weighted[None] * jnp.expand_dims(polynomial, _axes(mean))
        return GaussianMoments(hermite, sums.square + weighted * value)

    def add_if_weighty(sums, node):
        return jax.lax.cond(node[1] > 0, add_node, lambda sums, _: sums, sums, node), None

    start = GaussianMoments(
        jnp.zeros((max_order + 1, *mean.shape), dtype), jnp.zeros(mean.shape, dtype)
    )
    sums, _ = jax.lax.scan(add_if_weighty, start, (nodes, weights, polynomials))
    return sums


def _by_products(
    activation: Activation, mean: Array, variance: Array, max_order: int, rule: Quadrature
) -> GaussianMoments:
    """Many nodes at a time, as a matrix product: for high orders and for wide fields."""
    dtype, shape = mean.dtype, mean.shape
    mean, scale = mean.ravel(), jnp.sqrt(variance).ravel()
    missing = -len(rule.nodes) % NODES_AT_A_TIME
    nodes, weights = (
        jnp.pad(part.astype(dtype), (0, missing)).reshape(-1, NODES_AT_A_TIME) for part in rule
    )

    def add_nodes(sums, part):
        g, weight = part
        value = activation(mean[None, :] + scale[None, :] * g[:, None])
        weighted = weight[:, None] * value
        hermite = sums.hermite + hermite_polynomials(g, max_order) @ weighted
        return GaussianMoments(hermite, sums.square + jnp.sum(weighted * value, axis=0))

    def add_if_weighty(sums, part):
        weighty = jnp.any(part[1] > 0)
        return jax.lax.cond(weighty, add_nodes, lambda sums, _: sums, sums, part), None

    start = GaussianMoments(jnp.zeros((max_order + 1, mean.size), dtype), jnp.zeros_like(mean))
    sums, _ = jax.lax.scan(add_if_weighty, start, (nodes, weights))
    return GaussianMoments(sums.hermite.reshape(-1, *shape), sums.square.reshape(shape))


def mehler_series(
    hermite: Float[Array, "order feature"], correlation: Float[Array, "feature feature"]
) -> Float[Array, "feature feature"]:
    """sum_k r_ij^k Psi_k(i) Psi_k(j) for one pair of vectors per order (one fused pass)."""
    total = hermite[-1][:, None] * hermite[-1][None, :]
    for moments in hermite[-2::-1]:
        total = total * correlation + moments[:, None] * moments[None, :]
    return total
