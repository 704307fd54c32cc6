"""Averages over directions and neurons of products of two states, for many pairs of points."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.deterministic_equivalent import Resolvent, real_matmul
from diffjax.asymptotics.ensemble import Ensemble
from diffjax.typing import Array


class PairIndex(NamedTuple):
    """Which contour points are paired; host arrays.

    Attributes:
        first: (P,) i.
        second: (P,) j >= i.
        place: (N, N) position of the pair {i, j} among the P.
    """

    first: np.ndarray
    second: np.ndarray
    place: np.ndarray


def pair_index(count: int) -> PairIndex:
    """All pairs i <= j of `count` points."""
    first, second = np.triu_indices(count)
    place = np.zeros((count, count), int)
    place[first, second] = place[second, first] = np.arange(first.size)
    return PairIndex(first, second, place)


class PairAverages:
    """Averages over directions and neurons of products of two states, for every pair at once.

    The pairs (z_i, z_j) come first, then the pairs (z_i, conj z_j).

    Args:
        ensemble: the problem's ensemble.
        resolvent: the solution at N points.
        index: the pairs.
    """

    def __init__(self, ensemble: Ensemble, resolvent: Resolvent, index: PairIndex):
        self.ensemble, self.resolvent, self.index = ensemble, resolvent, index

    def elementwise(self, left: Array, right: Array) -> Array:
        """Products of (..., z) arrays, (..., P)."""
        one, other = left[..., self.index.first], right[..., self.index.second]
        return jnp.concatenate([one * other, one * jnp.conj(other)], axis=-1)

    def directions(self, indices: str, left: Array, right: Array) -> Array:
        """E_l of products of (..., direction, z) arrays, (..., P).

        Args:
            indices: class indices as of einsum, e.g. "ac,bc->abc".
            left: of the first state.
            right: of the second.
        """
        (one, other), result = indices.split("->")[0].split(","), indices.split("->")[1]
        if left.shape[-2] == 1:
            left, right = (
                _aligned(x[..., 0, :], names, result) for x, names in ((left, one), (right, other))
            )
            return self.elementwise(left, right)
        left = left * self.ensemble.pair_shares.reshape((1,) * (left.ndim - 2) + (-1, 1))
        parts = (jnp.concatenate([jnp.real(x), jnp.imag(x)], axis=-1) for x in (left, right))
        table = jnp.einsum(f"{one}ly,{other}lz->{result}yz", *parts)
        return self._pairs_of_parts(table)

    def _pairs_of_parts(self, table: Array) -> Array:
        """(..., P) from the (..., 2N, 2N) products of real and imaginary parts."""
        count = self.resolvent.green.shape[-1]
        rows = table[..., :count, :], table[..., count:, :]
        (real, cross), (mirrored, imag) = ((row[..., :count], row[..., count:]) for row in rows)
        at = self.index.first, self.index.second
        upper = jax.lax.complex((real - imag)[..., *at], (cross + mirrored)[..., *at])
        mixed = jax.lax.complex((real + imag)[..., *at], (mirrored - cross)[..., *at])
        return jnp.concatenate([upper, mixed], axis=-1)

    def neurons(self, left: Array, right: Array) -> Array:
        """(F, G, P) E_m[g_1 g_2 f f'] for (F, Q) and (G, Q) functions of m."""
        products = self.elementwise(self.resolvent.green, self.resolvent.green)
        weights = self.ensemble.neurons.weights
        table = left[:, None] * right[None] * weights[None, None, :]
        flat = real_matmul(table.reshape(-1, weights.size), products)
        return flat.reshape(*table.shape[:2], -1)


def _aligned(values: Array, names: str, result: str) -> Array:
    """(names, z) values with axes of length one where `result` has other indices."""
    order = [names.index(name) for name in result if name in names]
    values = values.transpose([*order, values.ndim - 1])
    places = [k for k, name in enumerate(result) if name not in names]
    return jnp.expand_dims(values, places)
