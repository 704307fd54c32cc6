"""Many small matrices at once, by elimination with plain arithmetic.

The two matrix axes come first and everything else is elementwise, so that the work vectorises over
the other axes.  LAPACK is not called: batched LAPACK calls serialise, and may deadlock, on CPU.
There is no pivoting: the matrices are diagonally dominated by what they stand for.
"""

import jax
import jax.numpy as jnp

from diffjax.typing import Array, Inexact

LARGEST_UNROLLED = 4
MOST_ELEMENTWISE = 8000
CHUNK = 32


def reciprocal(value: Array) -> Array:
    """1/value without the scaling of the general complex division, for numbers of sane size."""
    if not jnp.iscomplexobj(value):
        return 1.0 / value
    real, imag = jnp.real(value), jnp.imag(value)
    inverse = 1.0 / (real * real + imag * imag)
    return jax.lax.complex(real * inverse, -imag * inverse)


def small_solve(matrix: Inexact[Array, "n n ..."], right: Inexact[Array, "n m ..."]) -> Array:
    """The (n, m, ...) solution of matrix @ x = right by Gauss-Jordan elimination.

    Example:
        >>> small_solve(jnp.array([[2.0, 1.0], [1.0, 3.0]]), jnp.array([[3.0], [4.0]])).tolist()
        [[1.0], [1.0]]
    """
    if matrix.shape[0] <= LARGEST_UNROLLED:
        return _unrolled(matrix, right)
    return jax.lax.custom_linear_solve(
        lambda x: small_product(matrix, x),
        right,
        lambda _, b: _in_chunks(matrix, b),
        lambda _, b: _in_chunks(matrix.swapaxes(0, 1), b),
    )


def _unrolled(matrix: Array, right: Array) -> Array:
    size = matrix.shape[0]
    rest = jnp.concatenate([matrix, right], axis=1)
    for k in range(size):
        column = rest[:, 0]
        row = rest[k, 1:] * reciprocal(column[k])[None]
        unit = jnp.zeros((size,), rest.dtype).at[k].set(1.0)
        factor = column - unit.reshape((size,) + (1,) * (column.ndim - 1))
        rest = rest[:, 1:] - factor[:, None] * row[None]
    return rest


def _in_chunks(matrix: Array, right: Array) -> Array:
    """A few matrices at a time, which stay in the cache, by a loop that compiles at any size."""
    size, columns = right.shape[:2]
    system = jnp.concatenate([matrix, right], axis=1)
    others = system.shape[2:]
    system = system.reshape(size, size + columns, -1)
    count = system.shape[-1]
    filled = jnp.pad(system, ((0, 0), (0, 0), (0, -count % CHUNK)), mode="edge")
    chunks = jnp.moveaxis(filled.reshape(*system.shape[:2], -1, CHUNK), 2, 0)
    solved = jnp.moveaxis(jax.lax.map(_eliminated, chunks), 0, 2)
    return solved.reshape(size, columns, -1)[..., :count].reshape(size, columns, *others)


def _eliminated(system: Array) -> Array:
    """(n, m, chunk) solutions of the (n, n + m, chunk) matrices and right-hand sides."""
    size = system.shape[0]

    def step(k: Array, rest: Array) -> Array:
        column = rest[:, k]
        row = rest[k] * reciprocal(column[k])[None]
        factor = column - (jnp.arange(size) == k).astype(rest.dtype)[:, None]
        return rest - factor[:, None] * row[None]

    return jax.lax.fori_loop(0, size, step, system)[:, size:]


def small_inverse(matrix: Inexact[Array, "n n ..."]) -> Array:
    """Inverse over the first two axes."""
    size = matrix.shape[0]
    if size == 1:
        return reciprocal(matrix)
    if size == 2:
        (a, b), (c, d) = matrix
        inverse = reciprocal(a * d - b * c)
        return jnp.stack([jnp.stack([d, -b]), jnp.stack([-c, a])]) * inverse[None, None]
    unit = jnp.eye(size, dtype=matrix.dtype).reshape((size, size) + (1,) * (matrix.ndim - 2))
    return small_solve(matrix, jnp.broadcast_to(unit, matrix.shape))


def small_product(left: Inexact[Array, "n k ..."], right: Inexact[Array, "k m ..."]) -> Array:
    """Product over the first two axes."""
    if left.shape[0] * left.shape[1] * right.shape[1] > MOST_ELEMENTWISE:
        moved = (jnp.moveaxis(x, (0, 1), (-2, -1)) for x in (left, right))
        return jnp.moveaxis(jnp.matmul(*moved), (-2, -1), (0, 1))
    return jnp.sum(left[:, :, None] * right[None], axis=1)
