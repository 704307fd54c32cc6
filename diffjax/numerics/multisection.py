"""Where a condition last holds along an interval, for many conditions in one vectorised search."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.typing import Array, ArrayLike, Bool, Float


class LastZero(NamedTuple):
    """The largest position at which a condition holds.

    Attributes:
        position: the zero; `low` where the condition never holds, inf where it holds at `high`.
        never: it holds nowhere on the first grid.
        always: it still holds at `high`.
    """

    position: Float[Array, " condition"]
    never: Bool[Array, " condition"]
    always: Bool[Array, " condition"]


class _Bracket(NamedTuple):
    """Where the condition held last and where it first failed after that, with the margins."""

    left: Array
    right: Array
    left_value: Array
    right_value: Array


def last_zero(
    margins: Callable[[Array], Array],
    low: ArrayLike,
    high: ArrayLike,
    *,
    conditions: int = 1,
    points: int = 6,
    rounds: int = 5,
) -> LastZero:
    """The largest zero at which each margin turns from positive to negative.

    The first round evaluates `points * conditions` positions over the whole interval, every
    further round `points` positions inside the bracket of each condition; the last bracket is
    interpolated linearly.  All rounds have one shape, so the margins are compiled once.

    Args:
        margins: positions (n,) to values (n, conditions), positive where a condition holds.
        low: start of the interval; may be traced.
        high: end of the interval.
        conditions: number of columns of the margins.
        points: new positions per condition and round; points * conditions >= 2.
        rounds: how often, the first one included.

    Returns:
        LastZero.

    Example:
        >>> found = last_zero(lambda t: (2.0 - t**2)[:, None], 0.0, 4.0)
        >>> float(found.position[0].round(4))
        1.4142
    """
    low, high = jnp.asarray(low, float), jnp.asarray(high, float)
    shares = jnp.linspace(0.0, 1.0, points + 2)[1:-1]
    ends = jnp.full((conditions,), low), jnp.full((conditions,), high)
    start = _Bracket(*ends, jnp.full((conditions,), -jnp.inf), jnp.full((conditions,), jnp.inf))
    grid = jnp.linspace(low, high, points * conditions)

    def refine(_, carry):
        positions, bracket = carry
        bracket = _narrowed(bracket, positions, margins(positions))
        width = bracket.right - bracket.left
        inside = bracket.left[None] + shares[:, None] * width[None]
        return inside.ravel(), bracket

    _, found = jax.lax.fori_loop(0, rounds, refine, (grid, start))
    never, always = found.left_value <= 0, found.left >= high
    height = found.left_value - found.right_value
    usable = jnp.isfinite(height) & (height > 0)
    share = jnp.where(usable, found.left_value / jnp.where(usable, height, 1.0), 0.5)
    zero = found.left + share * (found.right - found.left)
    return LastZero(jnp.where(never, low, jnp.where(always, jnp.inf, zero)), never, always)


def _narrowed(bracket: _Bracket, positions: Array, values: Array) -> _Bracket:
    """The bracket after new evaluations, of which each condition uses those inside its own."""
    place = positions[:, None]
    inside = (place >= bracket.left[None]) & (place <= bracket.right[None])
    held = inside & (values > 0)
    left, left_value = _pick(held, place, values, bracket.left, bracket.left_value, jnp.argmax)
    after = inside & (place > left[None])
    right, right_value = _pick(after, place, values, bracket.right, bracket.right_value, jnp.argmin)
    return _Bracket(left, right, left_value, right_value)


def _pick(
    where: Array, place: Array, values: Array, default: Array, value: Array, extreme: Callable
) -> tuple[Array, Array]:
    """Extreme position among the chosen rows of each column with its value, or the default."""
    outside = -jnp.inf if extreme is jnp.argmax else jnp.inf
    row = extreme(jnp.where(where, place, outside), axis=0)[None]
    found = where.any(axis=0)
    positions = jnp.broadcast_to(place, values.shape)
    return (
        jnp.where(found, jnp.take_along_axis(positions, row, axis=0)[0], default),
        jnp.where(found, jnp.take_along_axis(values, row, axis=0)[0], value),
    )
