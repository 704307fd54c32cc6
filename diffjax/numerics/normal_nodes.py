"""Nodes and weights for expectations over r independent standard normal coordinates.

Products of trapezoid rules on [-4, 4]: for functions that are analytic near the real axis only
(poles of the activation, of a resolvent) they converge faster than Gauss-Hermite rules, which
spend nodes on tails that hardly count; what lies beyond is 6e-5.  Quasi-random points serve when
there are too many coordinates for a product.  Everything here runs on the host, on static sizes.

Every rule contains a coarser one, whose difference tells its error without another evaluation: an
odd number of nodes every second one, an even number, which has none at the origin, every third
one, as every second one would give an even function the same sum; a lattice its first half.
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
        coarse_weights: (Q,) of the coarser rule on some of the nodes, summing to one.
        order: the error of the rule is about the error of the coarser one to this power.
    """

    nodes: np.ndarray
    weights: np.ndarray
    coarse_weights: np.ndarray
    order: int


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
        >>> rule = normal_nodes(1, 23)
        >>> bool(abs((rule.weights * np.cos(rule.nodes[0])).sum() - np.exp(-0.5)) < 1e-4)
        True
    """
    if rank == 0:
        return NormalNodes(np.zeros((0, 1)), np.ones(1), np.ones(1), 1)
    if rule == "lattice":
        return _lattice(rank, count, even)
    places = np.arange(count) - 0.5 * (count - 1)
    order = 2 if count % 2 else 3
    chosen = places % 2 == 0 if count % 2 else (places - 1.5) % 3 == 0
    nodes = _product(places * (2.0 * HALF_WIDTH / count), rank)
    coarse = _product(chosen, rank).all(axis=0)
    weights = np.exp(-0.5 * (nodes**2).sum(axis=0))
    keep = weights > FAINTEST * weights.max()
    if even:
        weights = np.where(_is_origin(nodes), 0.5 * weights, weights)
        keep &= _is_origin(nodes) | _first_of_opposite(nodes)
    weights, coarse = weights[keep], np.where(np.asarray(coarse)[keep], weights[keep], 0.0)
    if not coarse.any():
        coarse = weights
    return NormalNodes(nodes[:, keep], weights / weights.sum(), coarse / coarse.sum(), order)


def _product(line: np.ndarray, rank: int) -> np.ndarray:
    """(r, line^r) all combinations of the values."""
    return np.stack([g.ravel() for g in np.meshgrid(*[line] * rank, indexing="ij")])


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
    first = np.arange(half) < (half + 1) // 2
    if not even:
        nodes, first = np.concatenate([nodes, -nodes], axis=1), np.tile(first, 2)
    weights = np.full(nodes.shape[1], 1.0 / nodes.shape[1])
    return NormalNodes(nodes, weights, first / first.sum(), 1)
