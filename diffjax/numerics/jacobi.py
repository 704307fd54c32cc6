"""Eigenvalues and eigenvectors of small symmetric matrices by cyclic Jacobi rotations.

Batched LAPACK calls are unsafe on CPU; rotations are elementwise, so they may be mapped freely.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.typing import Array, Float

SWEEPS = 8
"""Convergence is quadratic: eight sweeps reach rounding for any matrix up to 30 x 30."""


class Eigensystem(NamedTuple):
    """A symmetric matrix Q diag(values) Q^T, in the order of the rotations.

    Attributes:
        values: (n,).
        vectors: (n, n) Q, columns.
    """

    values: Float[Array, " n"]
    vectors: Float[Array, "n n"]


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
    rotated = _diagonalised(matrix[None])[0]
    return jnp.sort(jnp.diagonal(rotated))[::-1]


def symmetric_eigensystem(matrix: Float[Array, "n n"]) -> Eigensystem:
    """Eigenvalues with eigenvectors, unsorted.

    Not meant to be differentiated: eigenvectors of equal eigenvalues have no derivative.

    Example:
        >>> system = symmetric_eigensystem(jnp.array([[2.0, 1.0], [1.0, 2.0]]))
        >>> np.abs(np.asarray(system.vectors)).round(6).tolist()
        [[0.707107, 0.707107], [0.707107, 0.707107]]
    """
    start = jnp.stack([matrix, jnp.eye(matrix.shape[0], dtype=matrix.dtype)])
    rotated, vectors = _diagonalised(start)
    return Eigensystem(jnp.diagonal(rotated), vectors)


def _diagonalised(matrices: Array) -> Array:
    """The first of (m, n, n) matrices made diagonal; the others receive its column rotations."""
    size = matrices.shape[-1]
    pairs = jnp.array([(i, j) for i in range(size) for j in range(i + 1, size)])
    if size == 1:
        return matrices

    def rotate(index, current):
        i, j = pairs[index % pairs.shape[0]]
        return _rotated(current, i, j)

    return jax.lax.fori_loop(0, SWEEPS * pairs.shape[0], rotate, matrices)


def _rotated(matrices: Array, i: Array, j: Array) -> Array:
    """After the rotation in the plane (i, j) that makes element (i, j) of the first one zero."""
    matrix = matrices[0]
    off = matrix[i, j]
    negligible = jnp.abs(off) < 1e-300
    slope = (matrix[j, j] - matrix[i, i]) / jnp.where(negligible, 1.0, 2.0 * off)
    sign = jnp.where(slope >= 0, 1.0, -1.0)
    tangent = jnp.where(negligible, 0.0, sign / (jnp.abs(slope) + jnp.hypot(1.0, slope)))
    cosine = 1.0 / jnp.hypot(1.0, tangent)
    sine = tangent * cosine
    rows = matrix[i], matrix[j]
    turned = matrices.at[0, i].set(cosine * rows[0] - sine * rows[1])
    turned = turned.at[0, j].set(sine * rows[0] + cosine * rows[1])
    columns = turned[:, :, i], turned[:, :, j]
    turned = turned.at[:, :, i].set(cosine * columns[0] - sine * columns[1])
    return turned.at[:, :, j].set(sine * columns[0] + cosine * columns[1])
