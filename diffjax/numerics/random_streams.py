"""Named random streams from one seed.

Every kind of draw has a fixed number, so that adding a kind never shifts the others, and every
element (a feature, a sample) has a stream of its own, so that a larger problem with the same seed
begins with the elements of the smaller one.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.typing import Array, Float, Int, Key

STREAMS = {
    "weights": 0,
    "biases": 1,
    "centroids": 2,
    "samples": 3,
    "readout": 4,
    "noise": 5,
    "minibatches": 6,
}


def stream(seed: Int[Array, ""] | int, name: str) -> Key[Array, ""]:
    """The key of a named stream; `seed` may be traced.

    Example:
        >>> stream(0, "weights") == stream(0, "samples")
        Array(False, dtype=bool)
    """
    return streams(seed, name)[0]


def streams(seed: Int[Array, ""] | int, *names: str) -> Key[Array, " stream"]:
    """The keys of several named streams."""
    numbers = np.array([STREAMS[name] for name in names], np.uint32)
    return jax.vmap(functools.partial(jax.random.fold_in, jax.random.key(seed)))(numbers)


TURNS = 4
"""Parts in which rows are drawn, see `draw_rows`."""


class Rows(NamedTuple):
    """Standard normal rows to be drawn; a row depends on its key and number alone.

    Attributes:
        keys: (row,) of the streams.
        numbers: (row,) within their stream.
        dim: length of a row.
    """

    keys: Key[Array, " row"]
    numbers: Int[Array, " row"]
    dim: int


def first_rows(
    key: Key[Array, ""], num_rows: int, dim: int, first: Int[Array, ""] | int = 0
) -> Rows:
    """Rows of one stream from number `first`."""
    return Rows(jnp.broadcast_to(key, (num_rows,)), first + jnp.arange(num_rows), dim)


def normal_rows(
    key: Key[Array, ""], num_rows: int, dim: int, first: Int[Array, ""] | int = 0
) -> Float[Array, "row dim"]:
    """Standard normal rows from number `first`; row i depends on the key and i alone."""
    return draw_rows(first_rows(key, num_rows, dim, first))[0]


def draw_rows(*blocks: Rows) -> list[Float[Array, "row dim"]]:
    """The rows of some blocks by one generator, which takes long to compile.

    They are drawn in 32 bits and then take the default precision, so that one seed means the same
    problem in 32-bit and in 64-bit mode.

    A loop of few turns draws them: what a loop returns is stored, while a compiler that sees all
    of the computation repeats it for everything that is done with the rows.
    """
    lengths = {block.dim: [b for b in blocks if b.dim == block.dim] for block in blocks}
    ordered = [block for group in lengths.values() for block in group]
    keys = jnp.concatenate([block.keys for block in ordered])
    numbers = jnp.concatenate([block.numbers for block in ordered])
    keys = jax.vmap(jax.random.fold_in)(keys, numbers)
    found, start = {}, 0
    for dim, group in lengths.items():
        counts = [len(block.numbers) for block in group]
        rows = _normal_rows(keys[start : start + sum(counts)], dim)
        start += sum(counts)
        found[dim] = jnp.split(rows.astype(jnp.result_type(float)), np.cumsum(counts)[:-1])
    return [found[block.dim].pop(0) for block in blocks]


@functools.partial(jax.jit, static_argnames="dim")  # a loop outside of jit compiles every time
def _normal_rows(keys: Key[Array, " row"], dim: int) -> Float[Array, "row dim"]:
    """A row of each key, in a few parts one after the other."""
    count = len(keys)
    places = np.minimum(np.arange(-(-count // TURNS) * TURNS), count - 1)

    def part(keys: Key[Array, " row"]) -> Array:
        return jax.vmap(lambda key: jax.random.normal(key, (dim,), jnp.float32))(keys)

    rows = jax.lax.map(part, keys[places].reshape(TURNS, -1))
    return rows.reshape(-1, dim)[:count]
