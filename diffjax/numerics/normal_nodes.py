"""Nodes and weights for expectations over r independent standard normal coordinates.

Products of trapezoid rules on [-4, 4]: for functions that are analytic near the real axis only
(poles of the activation, of a resolvent) they converge faster than Gauss-Hermite rules, which
spend nodes on tails that hardly count; what lies beyond is 6e-5.  Quasi-random points serve when
there are too many coordinates for a product.  Everything here runs on the host, on static sizes.
"""

import functools
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np

Rule = Literal["product", "lattice"]

HALF_WIDTH = 4.0
FAINTEST = 4e-5
"""Corners of the product, lighter than this relative to the heaviest node, are left out."""


class NormalNodes(NamedTuple):
    """A quadrature rule for N(0, 1_r).

    Attributes:
        nodes: (r, Q) coordinates.
        weights: (Q,) positive, summing to one.
    """

    nodes: np.ndarray
    weights: np.ndarray


@functools.cache
def normal_nodes(rank: int, count: int, rule: Rule = "product", even: bool = False) -> NormalNodes:
    """The rule with `count` nodes per coordinate, or `count` points of a lattice.

    Args:
        rank: r; 0 gives one node without coordinates.
        count: nodes per coordinate of the product, number of all points of the lattice.
        rule: "product", or "lattice" (Roberts' Kronecker sequence and its mirror image through
            the inverse normal distribution).
        even: the integrand is even: of two opposite nodes one is enough.

    Example:
        >>> rule = normal_nodes(1, 24)
        >>> bool(abs((rule.weights * np.cos(rule.nodes[0])).sum() - np.exp(-0.5)) < 1e-4)
        True
    """
    if rank == 0:
        return NormalNodes(np.zeros((0, 1)), np.ones(1))
    if rule == "lattice":
        return _lattice(rank, count, even)
    line = (np.arange(count) - 0.5 * (count - 1)) * (2.0 * HALF_WIDTH / count)
    nodes = np.stack([g.ravel() for g in np.meshgrid(*[line] * rank, indexing="ij")])
    weights = np.exp(-0.5 * (nodes**2).sum(axis=0))
    keep = weights > FAINTEST * weights.max()
    if even:
        weights = np.where(_is_origin(nodes), 0.5 * weights, weights)
        keep &= _is_origin(nodes) | _first_of_opposite(nodes)
    return NormalNodes(nodes[:, keep], weights[keep] / weights[keep].sum())


def _is_origin(nodes: np.ndarray) -> np.ndarray:
    return np.asarray((np.abs(nodes) < 1e-12).all(axis=0))


def _first_of_opposite(nodes: np.ndarray) -> np.ndarray:
    """Of x and -x the one whose first coordinate that is not zero is positive."""
    sign = np.zeros(nodes.shape[1])
    for row in nodes:
        sign = np.where(sign == 0, np.sign(np.round(row, 12)), sign)
    return sign > 0


def _lattice(rank: int, count: int, even: bool) -> NormalNodes:
    """frac(1/2 + i/phi^j) with phi^(r+1) = phi + 1."""
    golden = 2.0
    for _ in range(60):
        golden = (1.0 + golden) ** (1.0 / (rank + 1))
    steps = golden ** -np.arange(1.0, rank + 1)
    half = (count + 1) // 2
    uniform = np.mod(0.5 + steps[:, None] * np.arange(1, half + 1)[None, :], 1.0)
    nodes = np.vectorize(NormalDist().inv_cdf)(uniform)
    if not even:
        nodes = np.concatenate([nodes, -nodes], axis=1)
    return NormalNodes(nodes, np.full(nodes.shape[1], 1.0 / nodes.shape[1]))
