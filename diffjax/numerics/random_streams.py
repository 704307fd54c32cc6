"""Named random streams from one seed.

Every kind of draw has a fixed number, so that adding a kind never shifts the others, and every
element (a feature, a sample) has a stream of its own, so that a larger problem with the same seed
begins with the elements of the smaller one.
"""

import jax
import jax.numpy as jnp

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
    return jax.random.fold_in(jax.random.key(seed), STREAMS[name])


def normal_rows(
    key: Key[Array, ""], num_rows: int, dim: int, first: Int[Array, ""] | int = 0
) -> Float[Array, "row dim"]:
    """Standard normal rows from number `first`; row i depends on the key and i alone.

    They are drawn in 32 bits and then take the default precision, so that one seed means the same
    problem in 32-bit and in 64-bit mode.
    """
    keys = jax.vmap(lambda row: jax.random.fold_in(key, row))(first + jnp.arange(num_rows))
    rows = jax.vmap(lambda row_key: jax.random.normal(row_key, (dim,), jnp.float32))(keys)
    return rows.astype(jnp.result_type(float))
