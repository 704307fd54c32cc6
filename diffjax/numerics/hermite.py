"""Orthonormal Hermite polynomials h_k = He_k/sqrt(k!), plain or times the normal density."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm

from diffjax.typing import Array, Float

UNROLLED_ORDERS = 24
"""Polynomials up to this order are written out, those above it are made in a loop."""


def hermite_polynomials(argument: Float[Array, "..."], max_order: int) -> Float[Array, "order ..."]:
    """Orthonormal Hermite polynomials h_0 .. h_max_order at `argument` (unit Gaussian weight)."""
    argument = jnp.asarray(argument)
    return _recursion(argument, jnp.ones_like(argument), max_order)


def hermite_functions(argument: Float[Array, "..."], max_order: int) -> Float[Array, "order ..."]:
    """h_0 N .. h_max_order N at `argument`, N the normal density: no product of huge and tiny."""
    argument = jnp.asarray(argument)
    return _recursion(argument, norm.pdf(argument), max_order)


def _recursion(argument: Array, first: Array, max_order: int) -> Array:
    """sqrt(k+1) h_(k+1) = x h_k - sqrt(k) h_(k-1), from any h_0."""
    if max_order <= UNROLLED_ORDERS:
        values = [first, argument * first]
        for order in range(1, max_order):
            values.append(
                (argument * values[order] - np.sqrt(order) * values[order - 1]) / np.sqrt(order + 1)
            )
        return jnp.stack(values[: max_order + 1])

    def following(pair, factors):
        before, last = pair
        new = factors[0] * argument * last - factors[1] * before
        return (last, new), new

    orders = np.arange(1.0, max_order)
    factors = np.stack([1.0 / np.sqrt(orders + 1.0), np.sqrt(orders / (orders + 1.0))], axis=1)
    start = (first, argument * first)
    _, rest = jax.lax.scan(following, start, jnp.asarray(factors, argument.dtype))
    return jnp.concatenate([first[None], (argument * first)[None], rest])
