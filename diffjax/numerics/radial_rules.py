"""Expectations over r Gaussian coordinates and the squared norm of the k remaining ones.

The squared norm follows chi^2_k and is integrated in u = log(chi^2/k), where its density is
analytic for every k.  Both directions use the trapezoid rule, whose error for 1/cosh of a linear
function of slope s is exp(-2 pi^2/(h s)), h the spacing in standard deviations.  In more than
three Gaussian coordinates a Kronecker lattice takes the place of the product rule.

Everything here runs on the host, on static sizes.
"""

import functools
import math
from typing import NamedTuple

import numpy as np

HALF_WIDTHS = {1: 7.0, 2: 6.0, 3: 5.3}
SPACINGS = {1: 0.175, 2: 0.33, 3: 0.42}
LARGEST_PRODUCT = 3
LATTICE_POINTS = 2**15
_FAINTEST = 30.0


class ProductRule(NamedTuple):
    """Nodes and weights of both factors: (n, r), (n,), (m,), (m,).

    The last two are the weights of the rules of twice the spacing, zero at every second node.
    """

    normals: np.ndarray
    normal_weights: np.ndarray
    squares: np.ndarray
    square_weights: np.ndarray
    every_second_normal: np.ndarray
    every_second_square: np.ndarray


class LatticeRule(NamedTuple):
    """Points of equal weight: (n, r) normal coordinates and (n,) squared norms."""

    normals: np.ndarray
    squares: np.ndarray


@functools.cache
def product_rule(rank: int, rest: int, refinement: float = 1.0) -> ProductRule:
    """Trapezoid rules for `rank` normal coordinates and the squared norm of `rest` others.

    Args:
        rank: r, 1 to 3.
        rest: k, at least 0.
        refinement: divides the spacing.

    Example:
        >>> rule = product_rule(1, 9)
        >>> bool(abs(rule.square_weights @ rule.squares - 9) < 1e-9)
        True
    """
    # few coordinates of very different stds make steep steps in the norm; one line is cheap
    steep = 2.0 if rank == 1 and rest < 16 else 1.0
    spacing = SPACINGS[rank] / (refinement * steep)
    normals, weights = _normal_nodes(rank, spacing)
    squares, square_weights = chi_squared_nodes(rest, spacing)
    even = (np.rint(normals / spacing).astype(int) % 2 == 0).all(axis=1)
    # the mean node stays, so that the one node of rest = 0 does
    kept = (np.arange(squares.size) - int(np.argmax(square_weights))) % 2 == 0
    halves = weights * even, square_weights * kept
    return ProductRule(
        normals, weights, squares, square_weights, *(half / half.sum() for half in halves)
    )


def _normal_nodes(rank: int, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """A product grid without the corners, which carry no weight."""
    reach = int(HALF_WIDTHS[rank] / spacing)
    line = spacing * np.arange(-reach, reach + 1)
    grid = np.stack(np.meshgrid(*[line] * rank, indexing="ij"), axis=-1).reshape(-1, rank)
    grid = grid[(grid**2).sum(axis=1) <= HALF_WIDTHS[rank] ** 2 * (1 + 1e-9)]
    weights = np.exp(-0.5 * (grid**2).sum(axis=1))
    return grid, weights / weights.sum()


@functools.cache
def chi_squared_nodes(rest: int, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for chi^2 of `rest` degrees of freedom; one node at 0 for rest = 0.

    Args:
        rest: degrees of freedom.
        spacing: in standard deviations of log chi^2.
    """
    if rest == 0:
        return np.zeros(1), np.ones(1)
    step = spacing * math.sqrt(2.0 / rest + (2.0 / rest**2 if rest < 20 else 0.0))
    low, high = _support(rest)
    u = step * np.arange(math.floor(low / step), math.ceil(high / step) + 1)
    density = np.exp(-0.5 * rest * (np.expm1(u) - u))
    return rest * np.exp(u), density / density.sum()


def _support(rest: int) -> tuple[float, float]:
    """Where (k/2)(e^u - 1 - u) stays below the exponent at which the density is dropped."""
    depth = 2.0 * _FAINTEST / rest
    low, high = -1.0 - depth, math.log1p(depth) + math.sqrt(2.0 * depth)
    for _ in range(60):  # Newton from outside: the function is convex, so it cannot overshoot
        low -= (math.expm1(low) - low - depth) / (math.expm1(low) or -1e-16)
        high -= (math.expm1(high) - high - depth) / math.expm1(high)
    return low, high


@functools.cache
def lattice_rule(rank: int, rest: int, points: int = LATTICE_POINTS) -> LatticeRule:
    """A Kronecker lattice for many normal coordinates and a squared norm.

    The generator is the sequence 1/g, 1/g^2, ... of the root g of g^(s+1) = g + 1, s = r + 1
    (Roberts 2018); the fold u -> |2u - 1| makes the integrand periodic.

    Args:
        rank: r.
        rest: k.
        points: how many.
    """
    from statistics import NormalDist

    dimension = rank + 1
    root = 2.0
    for _ in range(60):
        root = (1.0 + root) ** (1.0 / (dimension + 1))
    steps = root ** -np.arange(1.0, dimension + 1)
    fractions = np.mod(0.5 + np.outer(np.arange(1, points + 1), steps), 1.0)
    folded = np.abs(2.0 * fractions - 1.0)
    folded = np.clip(folded, 0.25 / points, 1.0 - 0.25 / points)
    inverse = np.vectorize(NormalDist().inv_cdf, otypes=[float])
    return LatticeRule(inverse(folded[:, :rank]), _chi_squared_quantiles(rest, folded[:, rank]))


def _chi_squared_quantiles(rest: int, fractions: np.ndarray) -> np.ndarray:
    """Quantiles from the distribution function summed on a fine grid of log chi^2."""
    squares, weights = chi_squared_nodes(rest, 0.005)
    return np.interp(fractions, np.cumsum(weights) - 0.5 * weights, squares)
