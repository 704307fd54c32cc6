"""Quadrature over the mean pre-activations m = (m_1 .. m_K) of one neuron."""

from typing import NamedTuple

import jax.numpy as jnp

from diffjax.numerics.normal_nodes import Rule, normal_nodes
from diffjax.typing import Array, Float


class Neurons(NamedTuple):
    """Quadrature over the mean pre-activations of one neuron.

    Attributes:
        means: (K, Q) m_c.
        coordinates: (r, Q) independent standard normal coordinates of m.
        weights: (Q,) summing to one.
        coarse_weights: (Q,) of a coarser rule on some of the nodes.
        order: the error of the rule is about that of the coarser one to this power.
        missing: part of the trace of the covariance of m that r coordinates leave out; zero.
    """

    means: Float[Array, "class neuron"]
    coordinates: Float[Array, "rank neuron"]
    weights: Float[Array, " neuron"]
    coarse_weights: Float[Array, " neuron"]
    order: Float[Array, ""]
    missing: Float[Array, ""]


def neuron_quadrature(
    covariance: Float[Array, "class class"], rank: int, count: int, rule: Rule, even: bool
) -> Neurons:
    """Nodes for m ~ N(0, covariance).

    Args:
        covariance: positive semi-definite, of rank at most `rank`.
        rank: r, static.
        count: nodes per coordinate, or points of the lattice, static.
        rule: "product" or "lattice", static.
        even: whether everything averaged is even in m, static.
    """
    nodes = normal_nodes(rank, count, rule, even)
    factor = _square_root(covariance, rank)
    missing = jnp.trace(covariance) - jnp.sum(factor**2)
    coordinates = jnp.asarray(nodes.nodes)
    weights = (jnp.asarray(nodes.weights), jnp.asarray(nodes.coarse_weights))
    order = jnp.asarray(float(nodes.order))
    return Neurons(factor @ coordinates, coordinates, *weights, order, missing)


def _square_root(covariance: Array, rank: int) -> Array:
    """(K, r) with covariance = C C^T.

    For two classes of full rank the symmetric root, for which classes are on the same footing;
    otherwise Cholesky columns with the largest remaining variance first.
    """
    if covariance.shape[0] == 2 and rank == 2:
        return _symmetric_root(covariance)
    rest, columns = covariance, []
    floor = 1e-14 * jnp.trace(covariance)
    for _ in range(min(rank, covariance.shape[0])):
        variances = jnp.diagonal(rest)
        at = jnp.argmax(variances)
        positive = variances[at] > floor
        pivot = jnp.where(positive, variances[at], 1.0)
        column = jnp.where(positive, rest[:, at] / jnp.sqrt(pivot), 0.0)
        rest = rest - column[:, None] * column[None, :]
        columns.append(column)
    columns += [jnp.zeros_like(covariance[0])] * (rank - len(columns))
    return jnp.stack(columns, axis=1) if rank else jnp.zeros((covariance.shape[0], 0))


def _symmetric_root(covariance: Array) -> Array:
    """sqrt(C) = (C + sqrt(det C) 1)/sqrt(tr C + 2 sqrt(det C)) for 2 x 2 matrices."""
    trace = jnp.trace(covariance)
    determinant = covariance[0, 0] * covariance[1, 1] - covariance[0, 1] * covariance[1, 0]
    positive = determinant > 1e-18 * trace**2
    root = jnp.where(positive, jnp.sqrt(jnp.where(positive, determinant, 1.0)), 0.0)
    norm = trace + 2.0 * root
    some = norm > 0
    scale = jnp.where(some, 1.0 / jnp.sqrt(jnp.where(some, norm, 1.0)), 0.0)
    return (covariance + root * jnp.eye(2)) * scale
