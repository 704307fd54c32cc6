"""Eigenvalues of small symmetric matrices by cyclic Jacobi rotations.

Batched LAPACK calls are unsafe on CPU; rotations are elementwise, so they may be mapped freely.
"""

import jax
import jax.numpy as jnp

from diffjax.typing import Array, Float

SWEEPS = 8
"""Convergence is quadratic: eight sweeps reach rounding for any matrix up to 30 x 30."""


def symmetric_eigenvalues(matrix: Float[Array, "n n"]) -> Float[Array, " n"]:
    """Eigenvalues of a symmetric matrix, largest first.

    Args:
        matrix: (n, n) symmetric, n small: the work is 8 sweeps of n^2/2 rotations.

    Returns:
        (n,) eigenvalues, descending.

    Example:
        >>> symmetric_eigenvalues(jnp.array([[2.0, 1.0], [1.0, 2.0]])).round(12).tolist()
        [3.0, 1.0]
    """
    size = matrix.shape[0]
    pairs = jnp.array([(i, j) for i in range(size) for j in range(i + 1, size)])
    if size == 1:
        return jnp.diagonal(matrix)

    def rotate(index, current):
        i, j = pairs[index % pairs.shape[0]]
        return _rotated(current, i, j)

    rotated = jax.lax.fori_loop(0, SWEEPS * pairs.shape[0], rotate, matrix)
    return jnp.sort(jnp.diagonal(rotated))[::-1]


def _rotated(matrix: Array, i: Array, j: Array) -> Array:
    """The matrix after the rotation in the plane (i, j) that makes its element (i, j) zero."""
    off = matrix[i, j]
    negligible = jnp.abs(off) < 1e-300
    slope = (matrix[j, j] - matrix[i, i]) / jnp.where(negligible, 1.0, 2.0 * off)
    sign = jnp.where(slope >= 0, 1.0, -1.0)
    tangent = jnp.where(negligible, 0.0, sign / (jnp.abs(slope) + jnp.hypot(1.0, slope)))
    cosine = 1.0 / jnp.hypot(1.0, tangent)
    sine = tangent * cosine
    rows = matrix[i], matrix[j]
    turned = matrix.at[i].set(cosine * rows[0] - sine * rows[1])
    turned = turned.at[j].set(sine * rows[0] + cosine * rows[1])
    columns = turned[:, i], turned[:, j]
    turned = turned.at[:, i].set(cosine * columns[0] - sine * columns[1])
    return turned.at[:, j].set(sine * columns[0] + cosine * columns[1])
