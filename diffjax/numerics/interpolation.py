"""Values of smooth curves between equidistant points, by local polynomials."""

import functools
import math
from typing import NamedTuple

import numpy as np

from diffjax.typing import Array, Float, Int
from diffjax.validation import namespace

STENCIL = 18


class LocalWeights(NamedTuple):
    """How values at the nodes nearest to a point combine to the value at the point.

    Attributes:
        nodes: (..., stencil) numbers of the nodes.
        weights: (..., stencil) their weights, which sum to one.
    """

    nodes: Int[Array, "... stencil"]
    weights: Float[Array, "... stencil"]


def local_weights(
    position: Float[Array, " point"] | np.ndarray, num_nodes: int, stencil: int = STENCIL
) -> LocalWeights:
    """Weights of the barycentric polynomial through the nearest of the nodes 0, 1, 2, ...

    For a curve that is analytic in a strip around the real axis, several node spacings wide, the
    error falls geometrically with the stencil.

    Args:
        position: in units of the node spacing; NumPy or JAX.
        num_nodes: number of nodes.
        stencil: nodes per polynomial.

    Example:
        >>> found = local_weights(np.array([3.0]), num_nodes=8, stencil=4)
        >>> found.nodes[0].tolist(), found.weights[0].tolist()
        ([2, 3, 4, 5], [0.0, 1.0, 0.0, 0.0])
    """
    xp = namespace(position)
    start = xp.floor(position).astype(int) - stencil // 2 + 1
    start = xp.clip(start, 0, num_nodes - stencil)
    offset = xp.arange(stencil)
    signs = xp.asarray([(-1.0) ** k * math.comb(stencil - 1, k) for k in range(stencil)])
    distance = (position - start)[:, None] - offset[None, :]
    exact = distance == 0.0
    terms = xp.where(exact, 0.0, signs[None, :] / xp.where(exact, 1.0, distance))
    terms = xp.where(xp.any(exact, axis=1, keepdims=True), 1.0 * exact, terms)
    weights = terms / xp.sum(terms, axis=1, keepdims=True)
    return LocalWeights(start[:, None] + offset[None, :], weights)


@functools.cache
def log_resampling(
    count: int, coarsening: int, stencil: int = STENCIL, margin: int = 0
) -> np.ndarray:
    """The matrix that takes values at every `coarsening`-th of `count` equidistant points to all.

    Row i holds the weights of the polynomial through the `stencil` coarse points nearest to
    point i; coarse points are reproduced exactly.  Everything is static, hence NumPy.

    Args:
        count: fine points; count - 1 is a multiple of `coarsening`.
        coarsening: fine steps per coarse step.
        stencil: coarse points per polynomial.
        margin: further coarse points on each side; half a stencil of them keeps every polynomial
            centred, whereas one-sided ones multiply the rounding of their values at the ends.

    Returns:
        (count, (count - 1)/coarsening + 1 + 2 margin).

    Example:
        >>> fine = np.linspace(0.0, 3.0, 61)
        >>> matrix = log_resampling(61, 4, stencil=8)
        >>> bool(abs(matrix @ np.sin(fine[::4]) - np.sin(fine)).max() < 1e-7)
        True
    """
    coarse = (count - 1) // coarsening + 1 + 2 * margin
    position = np.arange(count) / coarsening + margin
    found = local_weights(position, coarse, min(stencil, coarse))
    matrix = np.zeros((count, coarse))
    matrix[np.arange(count)[:, None], found.nodes] = found.weights
    return matrix
