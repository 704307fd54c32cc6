"""First crossing of a level on a logarithmic grid, with an explicit "not reached"."""

from typing import NamedTuple

import jax.numpy as jnp

from diffjax.typing import Array, Bool, Float


class Crossing(NamedTuple):
    """Where a curve first reaches a level.

    Attributes:
        time: the crossing, inf if there is none.
        reached: whether there is one.
    """

    time: Float[Array, "..."]
    reached: Bool[Array, "..."]


def first_crossing(
    times: Float[Array, " time"],
    values: Float[Array, "... time"],
    level: float | Float[Array, "..."] = 0.0,
) -> Crossing:
    """The first time at which `values` reaches `level` from below, linear in log(time).

    Args:
        times: increasing and positive.
        values: curves along the last axis; nan counts as not reached.
        level: the level, or one for every curve.

    Returns:
        Crossing with the leading shape of `values`.  A curve that starts above the level crosses
        at the first time.

    Example:
        >>> float(first_crossing(jnp.array([1.0, 10.0]), jnp.array([0.0, 1.0]), 0.5).time)
        3.1622776601683795
    """
    level = jnp.broadcast_to(level, values.shape[:-1])
    above = values >= level[..., None]
    reached = above.any(axis=-1)
    index = jnp.argmax(above, axis=-1)
    before = jnp.maximum(index - 1, 0)
    high = jnp.take_along_axis(values, index[..., None], axis=-1)[..., 0]
    low = jnp.take_along_axis(values, before[..., None], axis=-1)[..., 0]
    rise = jnp.where(high > low, high - low, 1.0)
    fraction = jnp.where(index > 0, (level - low) / rise, 0.0)
    log_times = jnp.log(times)
    log_time = log_times[before] + fraction * (log_times[index] - log_times[before])
    return Crossing(jnp.where(reached, jnp.exp(log_time), jnp.inf), reached)
