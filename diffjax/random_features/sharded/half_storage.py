"""Symmetric matrices of which every device keeps about half of its rows.

Device i of D stores H with U = H + H^T as blocks H_(i,i-k), k = 0 .. D/2, in an array (slot, m, m):

* k = 0: the lower triangle of the diagonal block, with half of its diagonal;
* 0 < k < D/2: the whole block;
* k = D/2 for even D: blocks (i, j) and (j, i) are both at hand, so that devices of the first half
  of the ring fill the upper half of their block and the others the right half of theirs.

The sum over all entries of a product A o U with a symmetric A is twice that of A o H.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from diffjax.numerics.panels import row_panels
from diffjax.random_features.sharded.layout import AXIS, FeatureLayout
from diffjax.typing import Array, Float, Int

Span = tuple[int, int]
Slot = Int[Array, ""] | int
Half = Float[Array, "slot row column"]


def visit_half(
    layout: FeatureLayout,
    moving: Any,
    carry: Any,
    visit: Callable[[Any, Slot, Span, Span, Any], Any],
) -> Any:
    """Visit every tile of the half that a device stores, while rows pass by on the ring.

    Args:
        layout: where the features are.
        moving: this device's rows of what the others need; any tree of arrays.
        carry: what `visit` starts from.
        visit: (carry, slot, rows, columns, moving of device i - slot) -> carry.
    """
    m, devices = layout.block, layout.num_devices
    for start, stop in row_panels(m):
        carry = visit(carry, 0, (start, stop), (0, stop), moving)
    if devices == 1:
        return carry

    def whole_block(slot, state):
        carry, moving = state
        # sent on before it is used: transfer and products overlap
        following = layout.rotate(moving)
        return visit(carry, slot, (0, m), (0, m), moving), following

    state = (carry, layout.rotate(moving))
    carry, moving = jax.lax.fori_loop(1, (devices + 1) // 2, whole_block, state)
    if devices % 2:
        return carry
    slot, middle = devices // 2, m // 2
    return jax.lax.cond(
        jax.lax.axis_index(AXIS) < slot,
        lambda carry: visit(carry, slot, (0, middle), (0, m), moving),
        lambda carry: visit(carry, slot, (0, m), (middle, m), moving),
        carry,
    )


def fill_half(
    layout: FeatureLayout,
    moving: Any,
    tile: Callable[[Span, Span, Any], Array],
    dtype: Any,
) -> Half:
    """Tiles of a symmetric matrix in their places; the diagonal block is not yet halved."""

    def visit(half, slot, rows, columns, moving):
        return put_tile(half, slot, rows, columns, tile(rows, columns, moving))

    return visit_half(layout, moving, empty_half(layout, dtype), visit)


def empty_half(layout: FeatureLayout, dtype: Any) -> Half:
    """Zeros."""
    return jnp.zeros((layout.slots, layout.block, layout.block), dtype)


def put_tile(half: Half, slot: Slot, rows: Span, columns: Span, tile: Array) -> Half:
    """The half with a tile put in its place."""
    return jax.lax.dynamic_update_slice(half, tile[None], (slot, rows[0], columns[0]))


def get_tile(half: Half, slot: Slot, rows: Span, columns: Span) -> Float[Array, "row column"]:
    """One tile."""
    size = (1, rows[1] - rows[0], columns[1] - columns[0])
    return jax.lax.dynamic_slice(half, (slot, rows[0], columns[0]), size)[0]


def halve_diagonal(half: Half, diagonal: Float[Array, " row"] | None = None) -> Half:
    """Slot 0 as its strict lower triangle and half of the diagonal, or of a better one."""
    block = half[0]
    diagonal = jnp.diagonal(block) if diagonal is None else diagonal
    return half.at[0].set(jnp.tril(block, -1) + jnp.diag(0.5 * diagonal))


def whole_rows(layout: FeatureLayout, half: Half) -> Float[Array, "row feature"]:
    """This device's rows of U = H + H^T, by one exchange of blocks; exactly symmetric."""
    if layout.num_devices == 1:
        return half[0] + half[0].T
    blocks = jnp.zeros((layout.num_devices, *half.shape[1:]), half.dtype)
    for slot in range(layout.slots):
        start = (layout.owner(slot), 0, 0)
        blocks = jax.lax.dynamic_update_slice(blocks, half[slot][None], start)
    mirror = jax.lax.all_to_all(blocks, AXIS, 0, 0, tiled=True).swapaxes(1, 2)
    return (blocks + mirror).swapaxes(0, 1).reshape(layout.block, layout.num_features)


def half_inner(
    layout: FeatureLayout, rows: Float[Array, "row feature"], half: Half
) -> Float[Array, ""]:
    """This device's part of sum_ij A_ij U_ij, from its rows of a symmetric A."""

    def add_block(slot, total):
        first = layout.owner(slot) * layout.block
        block = jax.lax.dynamic_slice_in_dim(rows, first, layout.block, axis=1)
        return total + 2.0 * jnp.sum(block * half[slot])

    return jax.lax.fori_loop(0, layout.slots, add_block, jnp.zeros((), half.dtype))
