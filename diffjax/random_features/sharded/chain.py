"""One chain of doublings: the losses at the training times s_0, 2 s_0, 4 s_0, ...

Letters: F(s) = 1 - exp(-s U), R(s) = F U^(-1) V, S(s) = (1 - F) a_0^T the remainder of a given
start; the readout is a^T = S - R/sqrt(Delta).  F(2s) = 2F - F^2, R(2s) = 2R - F R, S(2s) = S - F S.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffjax.random_features.doubling import MAX_OCTAVES
from diffjax.random_features.sharded.half_storage import whole_rows
from diffjax.random_features.sharded.layout import AXIS, ROWS, WHOLE, FeatureLayout
from diffjax.random_features.sharded.losses import (
    ShardedObjective,
    objective_specs,
    readout_losses,
    start_energies,
)
from diffjax.random_features.sharded.products import (
    commuting_product,
    row_product,
)
from diffjax.random_features.sharded.spectrum import SlowestMode, follow_slowest
from diffjax.typing import Array, Bool, Float, Int

LARGEST_ORDER = 12
STILL = 8.0
"""Units of rounding below which the readout counts as standing still."""


class Start(NamedTuple):
    """Where training starts; both None means a zero readout.

    Attributes:
        matrix: (m, d) the device's rows of a_0^T = A_0^T/sqrt(p).
        variance: variance s_0^2/p of the entries of a random a_0 that is averaged over.
    """

    matrix: Float[Array, "row dim"] | None = None
    variance: Float[Array, ""] | None = None


def start_specs(start: Start) -> Any:
    """How a start is spread over the devices."""
    return Start(
        None if start.matrix is None else ROWS,  # pyright: ignore[reportArgumentType]
        None if start.variance is None else WHOLE,  # pyright: ignore[reportArgumentType]
    )


class ChainPlan(NamedTuple):
    """How far a chain goes.

    Attributes:
        step: s_0.
        order: terms of the Taylor series at s_0.
        octaves: doublings at most.
        power_steps: products per octave with the vector that finds the slowest mode.
    """

    step: Float[Array, ""]
    order: Int[Array, ""]
    octaves: Int[Array, ""]
    power_steps: Int[Array, ""]


class ChainRecord(NamedTuple):
    """What a chain found; the same on every device.

    Attributes:
        losses: (octave, 2K) train then test losses at s_0 2^octave.
        recorded: how many octaves there are; later ones are zero.
        smallest_eigenvalue: of U, if the chain had `power_steps`.
    """

    losses: Float[Array, "octave loss"]
    recorded: Int[Array, ""]
    smallest_eigenvalue: Float[Array, ""]


class _Flow(NamedTuple):
    """F, R and S at one time, and the energies of a random start recorded last."""

    filter: Float[Array, "row feature"]
    readout: Float[Array, "row dim"]
    remainder: Float[Array, "row dim"] | None
    energies: Float[Array, " loss"] | None


class _State(NamedTuple):
    octave: Int[Array, ""]
    moving: Bool[Array, ""]
    flow: _Flow
    losses: Float[Array, "octave loss"]
    slowest: SlowestMode


def taylor_order(largest: float, precision: float) -> int:
    """Terms after which (1 - exp(-x))/x = sum_k (-x)^k/(k+1)! is exact to rounding.

    Example:
        >>> taylor_order(1 / 64, 2.2e-16)
        7
    """
    term, order = 1.0, 0
    while order < LARGEST_ORDER and term > precision / 8.0:
        order += 1
        term *= largest / (order + 1)
    return order


@functools.partial(jax.jit, static_argnames="layout")
def run_chain(
    layout: FeatureLayout, objective: ShardedObjective, start: Start, plan: ChainPlan
) -> ChainRecord:
    """Double until nothing moves any more, or to the end of the plan.

    Args:
        layout: where the features are.
        objective: spread over the devices, as are the rows of the start.
        start: the readout at time zero.
        plan: numbers that every device holds.
    """
    chain = functools.partial(_chain_on_device, layout)
    spread = (objective_specs(), start_specs(start), WHOLE)
    return layout.on_devices(chain, spread, WHOLE)(objective, start, plan)


def _chain_on_device(
    layout: FeatureLayout, objective: ShardedObjective, start: Start, plan: ChainPlan
) -> ChainRecord:
    flow = _first_flow(layout, objective, start, plan)
    scale = jnp.array(0.0) if start.matrix is None else _largest(start.matrix)

    def unfinished(state: _State) -> Array:
        return state.moving & (state.octave < plan.octaves)

    def advance(state: _State) -> _State:
        flow = state.flow
        slowest = follow_slowest(
            layout,
            flow.filter,
            plan.step * 2.0**state.octave,
            state.slowest,
            plan.power_steps,
        )
        after = _double(layout, flow)
        values, energies = _record(layout, objective, start, flow, after.filter)
        after = after._replace(energies=energies)
        losses = state.losses.at[state.octave].set(values)
        moving = _moves(flow, after, scale, objective)
        return _State(state.octave + 1, moving, after, losses, slowest)

    losses = jnp.zeros((MAX_OCTAVES, len(objective.covariances)), flow.filter.dtype)
    slowest = SlowestMode.from_start(layout.num_features, flow.filter.dtype)
    state = _State(jnp.array(0), jnp.array(True), flow, losses, slowest)
    state = jax.lax.while_loop(unfinished, advance, state)
    return ChainRecord(state.losses, state.octave, state.slowest.eigenvalue)


def _first_flow(
    layout: FeatureLayout, objective: ShardedObjective, start: Start, plan: ChainPlan
) -> _Flow:
    """Everything at s_0 by the Taylor series of (1 - exp(-x))/x, x = s_0 U, by Horner's rule."""
    small = plan.step * whole_rows(layout, objective.feature)
    factorials = jnp.asarray([1.0 / math.factorial(k) for k in range(LARGEST_ORDER + 1)])
    factorials = factorials.astype(small.dtype)

    def add_order(index, series):
        order = plan.order - 1 - index
        return factorials[order] * _identity(layout, small) - commuting_product(
            layout, small, series
        )

    series = factorials[plan.order] * _identity(layout, small)
    series = jax.lax.fori_loop(0, plan.order - 1, add_order, series)
    filter_ = commuting_product(layout, small, series)
    remainder = energies = None
    if start.matrix is not None:
        remainder = start.matrix - row_product(layout, filter_, start.matrix)
    if start.variance is not None:
        energies = jnp.zeros(len(objective.covariances), small.dtype)
    readout = plan.step * row_product(layout, series, objective.cross)
    return _Flow(filter_, readout, remainder, energies)


def _identity(layout: FeatureLayout, like: Array) -> Array:
    """This device's rows of the identity."""
    shape = (layout.block, layout.num_features)
    row = jax.lax.broadcasted_iota(int, shape, 0) + layout.owner(0) * layout.block
    return (row == jax.lax.broadcasted_iota(int, shape, 1)).astype(like.dtype)


def _double(layout: FeatureLayout, flow: _Flow) -> _Flow:
    f = flow.filter
    remainder = flow.remainder
    if remainder is not None:
        remainder = remainder - row_product(layout, f, remainder)
    readout = 2.0 * flow.readout - row_product(layout, f, flow.readout)
    return _Flow(2.0 * f - commuting_product(layout, f, f), readout, remainder, flow.energies)


def _record(
    layout: FeatureLayout,
    objective: ShardedObjective,
    start: Start,
    flow: _Flow,
    later: Float[Array, "row feature"],
) -> tuple[Array, Array | None]:
    """(2K,) losses at the time of a flow, and energies of a random start; `later` is F(2s)."""
    readout = -flow.readout / jnp.sqrt(objective.noise)
    if flow.remainder is not None:
        readout = readout + flow.remainder
    values = readout_losses(layout, objective, readout)
    if start.variance is None:
        return values, None
    energies = start_energies(layout, objective, later)
    return values + objective.noise * start.variance * energies, energies


def _moves(
    before: _Flow, after: _Flow, scale: Array, objective: ShardedObjective
) -> Bool[Array, ""]:
    """Whether anything that the losses depend on still changes by more than rounding."""
    tolerance = STILL * jnp.finfo(after.readout.dtype).eps
    moves = _largest(after.readout - before.readout) > tolerance * _largest(after.readout)
    if before.remainder is not None and after.remainder is not None:
        moves |= _largest(after.remainder - before.remainder) > tolerance * scale
    if before.energies is not None and after.energies is not None:
        traces = jnp.stack([2.0 * jnp.trace(c.half[0]) for c in objective.covariances])
        change = jnp.abs(after.energies - before.energies)
        moves |= jnp.any(change > tolerance * jax.lax.psum(traces, AXIS))
    return moves


def _largest(rows: Array) -> Array:
    """The largest modulus on any device."""
    return jax.lax.pmax(jnp.max(jnp.abs(rows)), AXIS)
