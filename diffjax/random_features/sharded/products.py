"""Matrix products with features spread over devices; rows of one operand travel on the ring."""

import jax
import jax.numpy as jnp

from diffjax.random_features.sharded.half_storage import fill_half, halve_diagonal, whole_rows
from diffjax.random_features.sharded.layout import AXIS, FeatureLayout
from diffjax.typing import Array, Float

Rows = Float[Array, "row feature"]


def commuting_product(layout: FeatureLayout, left: Rows, right: Rows) -> Rows:
    """Rows of a product of two symmetric matrices that commute, which is symmetric: half the work.

    Block (i, j) of the product is left_i right_j^T with whole rows of both.
    """

    def tile(rows, columns, moving):
        return left[slice(*rows)] @ moving[slice(*columns)].T

    half = halve_diagonal(fill_half(layout, right, tile, left.dtype))
    return whole_rows(layout, half)


def row_product(
    layout: FeatureLayout, left: Rows, right: Float[Array, "row dim"]
) -> Float[Array, "row dim"]:
    """Rows of the product of a (p, p) matrix with a (p, d) one: sum_j left_(i,j) right_j."""
    if layout.num_devices == 1:
        return left @ right

    def add_block(distance, state):
        total, moving = state
        following = layout.rotate(moving)
        return total + _block_product(layout, left, distance, moving), following

    last = layout.num_devices - 1
    total, moving = jax.lax.fori_loop(0, last, add_block, (jnp.zeros_like(right), right))
    return total + _block_product(layout, left, last, moving)


def _block_product(layout: FeatureLayout, left: Rows, distance, moving: Array) -> Array:
    first = layout.owner(distance) * layout.block
    return jax.lax.dynamic_slice_in_dim(left, first, layout.block, axis=1) @ moving


def vector_product(
    layout: FeatureLayout, left: Rows, vector: Float[Array, " feature"]
) -> Float[Array, " feature"]:
    """The product of a (p, p) matrix with a vector that every device holds."""
    if layout.num_devices == 1:
        return left @ vector
    return jax.lax.all_gather(left @ vector, AXIS, tiled=True)
