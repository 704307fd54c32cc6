"""First crossings and minima of curves on a grid of times, with an explicit "not reached".

Measured, noisy curves are interpolated linearly in log(time). Computed ones are analytic in
log(time), so that a polynomial through the nearest eight points continues them: crossings and
minima are those of the curve, not of the grid, and so are their derivatives. Barycentric form:

    p(x) = sum_j t_j f_j/sum_j t_j,   t_j = b_j/(x - x_j),   b_j = 1/prod_(k != j) (x_j - x_k)

with x = log(time), nodes x_j and values f_j.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.typing import Array, Bool, Float

STENCIL = 8
_NEWTON_STEPS = 10
_BISECTIONS = 32
_CLOSEST = 1e-9
"""Distance from a node, in units of the stencil's length, at which its own value is taken."""


class Crossing(NamedTuple):
    """Where a curve first reaches a level.

    Attributes:
        time: the crossing, inf if there is none; the first time, an upper bound, if it is earlier.
        reached: whether there is one.
        before: whether the curve is beyond the level at the first time already.
        error: estimated error of log(time); 0 for linear interpolation, which does not know it.
    """

    time: Float[Array, "..."]
    reached: Bool[Array, "..."]
    before: Bool[Array, "..."]
    error: Float[Array, "..."]


class Minimum(NamedTuple):
    """The smallest value of a curve.

    Attributes:
        value: of the curve, between grid points if need be.
        first: whether it lies at the first time.
        last: whether it lies at the last time.
    """

    value: Float[Array, "..."]
    first: Bool[Array, "..."]
    last: Bool[Array, "..."]


class _Bracket(NamedTuple):
    """The grid points around a crossing: their numbers, and the values less the level."""

    before: Array
    after: Array
    low: Array
    high: Array
    reached: Array


def first_crossing(
    times: Float[Array, " time"],
    values: Float[Array, "... time"],
    level: float | Float[Array, "..."] = 0.0,
) -> Crossing:
    """The first time at which a measured curve reaches `level` from below, linear in log(time).

    Args:
        times: increasing and positive.
        values: curves along the last axis; nan counts as not reached.
        level: the level, or one for every curve.

    Returns:
        Crossing with the leading shape of `values`.

    Example:
        >>> float(first_crossing(jnp.array([1.0, 10.0]), jnp.array([0.0, 1.0]), 0.5).time)
        3.1622776601683795
    """
    found = _bracket(values, level)
    rise = jnp.where(found.high > found.low, found.high - found.low, 1.0)
    fraction = jnp.where(found.after > 0, -found.low / rise, 0.0)
    log_times = jnp.log(times)
    first, second = log_times[found.before], log_times[found.after]
    log_time = first + fraction * (second - first)
    return _crossing(times, log_time, found, jnp.zeros_like(log_time))


def smooth_crossing(
    times: Float[Array, " time"],
    values: Float[Array, "... time"],
    level: float | Float[Array, "..."] = 0.0,
) -> Crossing:
    """The same for curves that are smooth in log(time), by local polynomials.

    Derivatives with respect to curves and times, in both modes, are those of the curve's own
    crossing (implicit function theorem); they are zero where it is not reached or lies before the
    first time.

    Args:
        times: increasing and positive; ten per decade give an error of about 1e-6, forty 1e-10.
        values: curves along the last axis; nan counts as not reached.
        level: the level, or one for every curve.

    Returns:
        Crossing; its error is the difference to polynomials of two degrees less.

    Example:
        >>> times = jnp.geomspace(0.1, 10.0, 41)
        >>> float(smooth_crossing(times, -jnp.exp(-times), -0.5).time.round(6))    # log 2
        0.693147
    """
    level = jnp.broadcast_to(level, values.shape[:-1])
    found = _bracket(values, level)
    log_times = jnp.log(times)
    nodes, near = _stencil(log_times, values, found.after)
    low, high = log_times[found.before], log_times[found.after]
    place = jax.lax.stop_gradient(
        _root(*jax.lax.stop_gradient((nodes, near - level[..., None], low, high)))
    )
    value, slope = _polynomial(nodes, near, place)
    slope = jax.lax.stop_gradient(jnp.where(slope > 0, slope, jnp.inf))
    log_time = place - (value - level) / slope
    error = jnp.abs(value - _coarser(nodes, near, place)) / slope
    inside = found.reached & (found.after > 0)
    log_time = jnp.where(inside, log_time, jax.lax.stop_gradient(low))
    return _crossing(times, log_time, found, jnp.where(inside, jax.lax.stop_gradient(error), 0.0))


def smooth_minimum(times: Float[Array, " time"], values: Float[Array, "... time"]) -> Minimum:
    """The smallest value of curves that are smooth in log(time).

    Its derivative is that of the curve at the place of the minimum (envelope theorem).

    Args:
        times: increasing and positive.
        values: curves along the last axis.

    Example:
        >>> times = jnp.geomspace(0.1, 10.0, 32)
        >>> float(smooth_minimum(times, 2.0 + jnp.log(times / 1.1) ** 2).value.round(9))
        2.0
    """
    last = values.shape[-1] - 1
    index = jnp.argmin(values, axis=-1)
    at_first, at_last = index == 0, index == last
    log_times = jnp.log(times)
    middle = jnp.clip(index, 1, last - 1) if last > 1 else jnp.minimum(index, last)
    nodes, near = _stencil(log_times, values, middle)
    ends = log_times[jnp.maximum(middle - 1, 0)], log_times[jnp.minimum(middle + 1, last)]
    place = jax.lax.stop_gradient(_stationary(*jax.lax.stop_gradient((nodes, near, *ends))))
    value, _ = _polynomial(nodes, near, place)
    at_node = jnp.take_along_axis(values, index[..., None], axis=-1)[..., 0]
    edge = at_first | at_last | (value > at_node)
    return Minimum(jnp.where(edge, at_node, value), at_first, at_last)


def smallest_on_grid(values: Float[Array, "... time"]) -> Minimum:
    """The smallest value of measured curves, at a grid point."""
    index = jnp.argmin(values, axis=-1)
    return Minimum(jnp.min(values, axis=-1), index == 0, index == values.shape[-1] - 1)


def _bracket(values: Array, level: float | Array) -> _Bracket:
    level = jnp.broadcast_to(level, values.shape[:-1])
    above = values >= level[..., None]
    after = jnp.argmax(above, axis=-1)
    before = jnp.maximum(after - 1, 0)
    low, high = (
        jnp.take_along_axis(values, index[..., None], axis=-1)[..., 0] - level
        for index in (before, after)
    )
    return _Bracket(before, after, low, high, above.any(axis=-1))


def _crossing(times: Array, log_time: Array, found: _Bracket, error: Array) -> Crossing:
    before = found.reached & (found.after == 0)
    time = jnp.where(before, jax.lax.stop_gradient(times[0]), jnp.exp(log_time))
    return Crossing(jnp.where(found.reached, time, jnp.inf), found.reached, before, error)


def _stencil(log_times: Array, values: Array, index: Array) -> tuple[Array, Array]:
    """The nodes and values next to the interval that ends at a grid point, (..., stencil)."""
    count = values.shape[-1]
    size = min(STENCIL, count)
    start = jnp.clip(index - size // 2, 0, count - size)
    chosen = jnp.stack([start + k for k in range(size)], axis=-1)
    return log_times[chosen], jnp.take_along_axis(values, chosen, axis=-1)


def _root(nodes: Array, values: Array, low: Array, high: Array) -> Array:
    """A zero of the polynomial between two of its nodes, by safeguarded Newton steps."""

    def step(_, state):
        low, high, place = state
        value, slope = _polynomial(nodes, values, place)
        low, high = jnp.where(value < 0, place, low), jnp.where(value < 0, high, place)
        proposed = place - value / jnp.where(slope == 0, 1.0, slope)
        inside = (proposed >= low) & (proposed <= high)  # equal to an end where it has converged
        return low, high, jnp.where(inside, proposed, 0.5 * (low + high))

    return jax.lax.fori_loop(0, _NEWTON_STEPS, step, (low, high, 0.5 * (low + high)))[2]


def _stationary(nodes: Array, values: Array, low: Array, high: Array) -> Array:
    """Where the slope of the polynomial changes its sign from negative to positive, by bisection.

    The derivative of the minimum is off in proportion to the error of its place.
    """

    def step(_, bracket):
        low, high = bracket
        middle = 0.5 * (low + high)
        falls = _polynomial(nodes, values, middle)[1] < 0
        return jnp.where(falls, middle, low), jnp.where(falls, high, middle)

    low, high = jax.lax.fori_loop(0, _BISECTIONS, step, (low, high))
    return 0.5 * (low + high)


def _polynomial(nodes: Array, values: Array, place: Array) -> tuple[Array, Array]:
    """p and p' at a place, (...)."""
    size = nodes.shape[-1]
    length = jax.lax.stop_gradient(nodes[..., -1:] - nodes[..., :1])
    own = jnp.broadcast_to(jnp.eye(size), (*nodes.shape, size))
    between = (nodes[..., :, None] - nodes[..., None, :]) / length[..., None] + own
    distance = (place[..., None] - nodes) / length
    closest = jnp.where(distance < 0, -_CLOSEST, _CLOSEST)
    distance = jnp.where(jnp.abs(distance) < _CLOSEST, closest, distance)
    terms = 1.0 / (jnp.prod(between, axis=-1) * distance)
    total = jnp.sum(terms, axis=-1)
    value = jnp.sum(terms * values, axis=-1) / total
    slopes = jnp.sum(terms * (value[..., None] - values) / distance, axis=-1) / total
    return value, slopes / length[..., 0]


def _coarser(nodes: Array, values: Array, place: Array) -> Array:
    """The value of the polynomial without the outermost nodes."""
    if nodes.shape[-1] < 4:
        return jnp.full_like(place, jnp.nan)
    return _polynomial(nodes[..., 1:-1], values[..., 1:-1], place)[0]
