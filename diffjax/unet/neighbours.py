"""Nearest training images by blocked matrix products: never an array of images x images x pixels.

|a - b|^2 = |a|^2 + |b|^2 - 2 a.b in 32 bits finds the candidates; the distances of those that are
returned are computed from the differences, so that copies have distances near zero.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.errors import InputError
from diffjax.typing import Array, ArrayLike, Float, Int

_BLOCK = 4096


class Neighbours(NamedTuple):
    """The nearest references of every query.

    Attributes:
        index: (m, k) positions, nearest first.
        distance: (m, k) Euclidean distances.
    """

    index: Int[np.ndarray, "query neighbour"]
    distance: Float[np.ndarray, "query neighbour"]


def nearest(queries: ArrayLike, references: ArrayLike, count: int = 2) -> Neighbours:
    """The nearest references of every query.

    Args:
        queries: (m, ...) images or vectors.
        references: (n, ...) of the same shape.
        count: neighbours wanted, at most n.

    Raises:
        InputError: shapes that disagree, or fewer references than neighbours.

    Example:
        >>> nearest(np.array([[0.0], [5.0]]), np.array([[1.0], [4.5], [9.0]])).index.tolist()
        [[0, 1], [1, 0]]
    """
    rows, others = (np.asarray(a, np.float32).reshape(len(a), -1) for a in (queries, references))  # pyright: ignore
    if rows.shape[1] != others.shape[1] or not 0 < count <= len(others):
        raise InputError(
            f"queries of shape {rows.shape}, references of shape {others.shape}, count={count}",
            "vectors of one length, and at least as many references as neighbours",
            "flatten images to one shape, or ask for fewer neighbours",
        )
    index = np.concatenate(
        [
            np.asarray(_candidates(rows[start : start + _BLOCK], _blocks(others), count))
            for start in range(0, len(rows), _BLOCK)
        ]
    )
    distance = np.stack(
        [np.linalg.norm(rows - others[index[:, k]], axis=1) for k in range(count)], axis=1
    )
    order = np.argsort(distance, axis=1, kind="stable")
    return Neighbours(
        np.take_along_axis(index, order, axis=1), np.take_along_axis(distance, order, axis=1)
    )


def _blocks(references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """References in blocks of equal size, (block, row, dim), and their squared norms.

    Padding has an infinite norm and is never near.
    """
    size = min(_BLOCK, len(references))
    blocks = -(-len(references) // size)
    padded = np.zeros((blocks * size, references.shape[1]), np.float32)
    padded[: len(references)] = references
    norms = np.full(blocks * size, np.inf, np.float32)
    norms[: len(references)] = np.einsum("nd,nd->n", references, references)
    return padded.reshape(blocks, size, -1), norms.reshape(blocks, size)


@functools.partial(jax.jit, static_argnames="count")
def _candidates(queries: Array, blocks: tuple[Array, Array], count: int) -> Array:
    """Positions of the nearest references, merged block by block."""
    size = blocks[0].shape[1]
    rows = queries.shape[0]
    start = (
        jnp.full((rows, count), jnp.inf, jnp.float32),
        jnp.zeros((rows, count), jnp.int32),
    )

    def merge(best, block):
        (references, norms), offset = block
        squares = norms[None, :] - 2.0 * queries @ references.T
        values = jnp.concatenate([best[0], squares], axis=1)
        places = jnp.arange(size, dtype=jnp.int32)[None, :] + offset
        places = jnp.concatenate([best[1], jnp.broadcast_to(places, (rows, size))], axis=1)
        return _smallest(values, places, count), None

    offsets = jnp.arange(blocks[0].shape[0], dtype=jnp.int32) * size
    return jax.lax.scan(merge, start, (blocks, offsets))[0][1]


def _smallest(values: Array, places: Array, count: int) -> tuple[Array, Array]:
    """The smallest values of each row with their places: as many passes as are wanted."""
    kept = []
    columns = jnp.arange(values.shape[1], dtype=jnp.int32)[None, :]
    for _ in range(count):
        at = jnp.argmin(values, axis=1)[:, None]
        kept.append(
            (
                jnp.take_along_axis(values, at, axis=1),
                jnp.take_along_axis(places, at, axis=1),
            )
        )
        values = jnp.where(columns == at, jnp.inf, values)
    found, where = zip(*kept, strict=True)
    return jnp.concatenate(found, axis=1), jnp.concatenate(where, axis=1)
