"""Trapezoid rules for a standard normal variable, as coarse as their integrand allows.

The spectrum of h_k(g) N(g) is (i w)^k exp(-w^2/2)/sqrt(k!): it ends at a frequency of sqrt(k), with
a Gaussian edge.  That of phi(a + s g) decays as exp(-(pi/2)|w|/s) for tanh, whose poles lie at
i pi/2.  A rule of spacing h folds back what lies beyond 2 pi/h.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.typing import Array, ArrayLike, Float


class Quadrature(NamedTuple):
    """Nodes and weights of an expectation over a standard normal variable; weight 0 is skipped."""

    nodes: Float[Array, " node"]
    weights: Float[Array, " node"]

    def halved(self) -> "Quadrature":
        """The rule of half the spacing: these nodes and, in between, those half way."""
        spacing = 0.5 * (self.nodes[1] - self.nodes[0])
        count = 2 * len(self.nodes) - 1
        nodes = spacing * (jnp.arange(count) - count // 2)
        inside = jnp.repeat(self.weights > 0, 2)[:count]
        return Quadrature(nodes, jnp.where(inside, spacing * _density(nodes), 0.0))


WIDEST_SPACING = 0.65
ALIASING_EXPONENT = 27.0
SMALLEST_HALF_WIDTH = 8.4
NEGLIGIBLE_TAIL = 2e-12


def trapezoid(num_nodes: int, half_width: float) -> Quadrature:
    """Trapezoid rule on [-half_width, half_width] with the standard normal weight.

    Example:
        >>> from diffjax.numerics.trapezoid import trapezoid
        >>> rule = trapezoid(57, 8.4)
        >>> bool(abs((rule.weights * rule.nodes**2).sum() - 1) < 1e-12)
        True
    """
    return _rule(jnp.asarray(half_width / (num_nodes // 2)), num_nodes, half_width)


def adapted_trapezoid(max_variance: ArrayLike, num_nodes: int, max_order: int = 0) -> Quadrature:
    """The same, as coarse and as short as the variance of the field and the order allow.

    The spacing is pi^2/(27 sqrt(v)), which makes the aliasing error exp(-27) = 2e-12 for an
    activation whose poles lie at i pi/2 or farther, but at most 0.65.  High orders take more.
    Where `num_nodes` are too few for that, the spacing is as wide as they make it.  Nodes outside
    the interval have weight zero.

    Args:
        max_variance: largest variance of the field; may be traced.
        num_nodes: odd number of nodes at most, static.
        max_order: largest order of the Hermite polynomials in the integrand, static.
    """
    half_width = interval(max_order)
    # what the polynomial adds to the frequencies; the margins cover most of it at low orders
    root = math.sqrt(max_order)
    shift = root + 1.0 if max_order > 24 else max(0.0, root - 2.0)
    widest = 2.0 * math.pi / WIDEST_SPACING + max(0.0, root - 4.0)
    needed = 2.0 * ALIASING_EXPONENT / math.pi * jnp.sqrt(jnp.asarray(max_variance)) + shift
    finest = half_width / (num_nodes // 2)
    spacing = 2.0 * math.pi / jnp.maximum(jax.lax.stop_gradient(needed), widest)
    return _rule(jnp.maximum(spacing, finest), num_nodes, half_width)


@functools.cache
def interval(max_order: int) -> float:
    """Half-width beyond which h_k(g) N(g) of that order is negligible."""
    points = np.arange(SMALLEST_HALF_WIDTH, 60.0, 0.05)
    before, last = np.zeros_like(points), np.exp(-0.5 * points**2) / math.sqrt(2.0 * math.pi)
    for order in range(max_order):
        before, last = last, (points * last - math.sqrt(order) * before) / math.sqrt(order + 1)
    large = np.flatnonzero(np.abs(last) > NEGLIGIBLE_TAIL)
    return float(points[large[-1] + 1]) if large.size else SMALLEST_HALF_WIDTH


def _rule(spacing: Array, num_nodes: int, half_width: float) -> Quadrature:
    nodes = spacing * (jnp.arange(num_nodes) - num_nodes // 2)
    inside = jnp.abs(nodes) <= half_width * (1.0 + 1e-12)
    return Quadrature(nodes, jnp.where(inside, spacing * _density(nodes), 0.0))


def _density(nodes: Array) -> Array:
    return jnp.exp(-0.5 * nodes**2) / math.sqrt(2.0 * math.pi)
