"""Resampling of smooth curves on equidistant grids by local polynomials."""

import functools
import math

import numpy as np

STENCIL = 18


@functools.cache
def log_resampling(count: int, coarsening: int, stencil: int = STENCIL) -> np.ndarray:
    """The matrix that takes values at every `coarsening`-th of `count` equidistant points to all.

    Row i holds the weights of the polynomial through the `stencil` coarse points nearest to
    point i; coarse points are reproduced exactly.  Everything is static, hence NumPy.

    Args:
        count: fine points; count - 1 is a multiple of `coarsening`.
        coarsening: fine steps per coarse step.
        stencil: coarse points per polynomial.

    Returns:
        (count, (count - 1)/coarsening + 1).

    Example:
        >>> fine = np.linspace(0.0, 3.0, 61)
        >>> matrix = log_resampling(61, 4, stencil=8)
        >>> bool(abs(matrix @ np.sin(fine[::4]) - np.sin(fine)).max() < 1e-7)
        True
    """
    coarse = (count - 1) // coarsening + 1
    stencil = min(stencil, coarse)
    position = np.arange(count) / coarsening
    start = np.clip(np.floor(position).astype(int) - stencil // 2 + 1, 0, coarse - stencil)
    offset = np.arange(stencil)
    weights = np.array([(-1.0) ** k * math.comb(stencil - 1, k) for k in offset])
    distance = (position - start)[:, None] - offset[None, :]
    exact = distance == 0.0
    terms = np.where(exact, 0.0, weights[None, :] / np.where(exact, 1.0, distance))
    terms = np.where(exact.any(axis=1, keepdims=True), exact, terms)
    matrix = np.zeros((count, coarse))
    rows = np.arange(count)[:, None]
    matrix[rows, start[:, None] + offset[None, :]] = terms / terms.sum(axis=1, keepdims=True)
    return matrix
