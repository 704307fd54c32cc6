"""Where a condition last holds along an interval, for many conditions in one vectorised search."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.typing import Array, ArrayLike, Bool, Float

_ZOOMS = 5
"""Rounds that are spent on one maximum."""


class LastZero(NamedTuple):
    """The largest position at which a condition holds.

    Attributes:
        position: the zero; `low` where the condition never holds, inf where it holds at `high`.
        never: it was found to hold nowhere.
        always: it still holds at `high`.
        doubt: beyond the zero the margin comes so close to zero again, more than once or without
            a decision, that the condition may hold there.
        isolated: on the first grid some position with the condition lies between two without.
    """

    position: Float[Array, " condition"]
    never: Bool[Array, " condition"]
    always: Bool[Array, " condition"]
    doubt: Bool[Array, " condition"]
    isolated: Bool[Array, " condition"]


class _Maxima(NamedTuple):
    """A maximum below zero of each condition that may reach zero between evaluations."""

    low: Array
    high: Array
    hunted: Array
    doubt: Array
    isolated: Array


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

    A margin that is negative at three positions with its largest value in the middle may be
    positive in between: where a parabola or a kink through them may reach zero, up to five rounds
    go to this maximum first.  A window that leaves no such trace on the first grid is not seen:
    margins that are not smooth on its scale need more `points`.

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
        >>> round(float(found.position[0]), 4)
        1.4142
    """
    low, high = jnp.asarray(low, float), jnp.asarray(high, float)
    shares = jnp.linspace(0.0, 1.0, points + 2)[1:-1]
    ends = jnp.full((conditions,), low), jnp.full((conditions,), high)
    grid = jnp.linspace(low, high, points * conditions)
    start = _Bracket(*ends, jnp.full((conditions,), -jnp.inf), jnp.full((conditions,), jnp.inf))
    nothing = jnp.zeros(conditions, bool)

    def unfinished(carry):
        count, zooms, _, _, maxima = carry
        return (count < rounds) | (maxima.hunted.any() & (zooms < _ZOOMS))

    def refine(carry):
        count, zooms, positions, bracket, maxima = carry
        values, first = margins(positions), count + zooms == 0
        own = jnp.diagonal(values.reshape(points, conditions, conditions), axis1=1, axis2=2)
        inside = positions.reshape(points, conditions)
        bracket, smaller = _after_hunt(bracket, maxima, inside, own)
        bracket = _narrowed(bracket, positions, values)
        seen = _suspected(positions, values, bracket)
        maxima = jax.tree.map(lambda new, old: jnp.where(first, new, old), seen, smaller)
        hunting = maxima.hunted.any() & (zooms < _ZOOMS)
        left = jnp.where(maxima.hunted & hunting, maxima.low, bracket.left)
        right = jnp.where(maxima.hunted & hunting, maxima.high, bracket.right)
        inside = left[None] + shares[:, None] * (right - left)[None]
        return count + ~hunting, zooms + hunting, inside.ravel(), bracket, maxima

    carry = (jnp.asarray(0), jnp.asarray(0), grid, start, _Maxima(*ends, nothing, nothing, nothing))
    _, _, _, found, maxima = jax.lax.while_loop(unfinished, refine, carry)
    never, always = found.left_value <= 0, found.left >= high
    height = found.left_value - found.right_value
    usable = jnp.isfinite(height) & (height > 0)
    share = jnp.where(usable, found.left_value / jnp.where(usable, height, 1.0), 0.5)
    zero = found.left + share * (found.right - found.left)
    position = jnp.where(never, low, jnp.where(always, jnp.inf, zero))
    doubt = (maxima.doubt | maxima.hunted) & ~always
    return LastZero(position, never, always, doubt, maxima.isolated)


def _may_reach_zero(before: Array, middle: Array, after: Array) -> Array:
    """Whether a maximum among three equidistant negative values may be positive in between."""
    fall = jnp.maximum(middle - before, middle - after)
    bend = jnp.maximum(2.0 * middle - before - after, 0.0)
    # a parabola rises above the middle by less than bend/8, a kink by less than bend/2
    peaked = (middle > before) & (middle >= after) & (fall > 0)
    return peaked & (middle < 0) & jnp.isfinite(bend) & (middle + 0.5 * bend >= 0)


def _suspected(grid: Array, values: Array, bracket: _Bracket) -> _Maxima:
    """The last maximum beyond the bracket that may reach zero; more than one is a doubt."""
    if grid.shape[0] < 3:
        edge, nothing = jnp.full(values.shape[1], grid[0]), jnp.zeros(values.shape[1], bool)
        return _Maxima(edge, edge, nothing, nothing, nothing)
    peaked = _may_reach_zero(values[:-2], values[1:-1], values[2:])
    peaked = peaked & (grid[1:-1, None] > bracket.right[None])
    last = grid.shape[0] - 3 - jnp.argmax(peaked[::-1], axis=0)
    hunted = peaked.any(axis=0)
    alone = (values[:-2] <= 0) & (values[1:-1] > 0) & (values[2:] <= 0)
    several = peaked.sum(axis=0) > 1
    return _Maxima(grid[last], grid[last + 2], hunted, several, alone.any(axis=0))


def _after_hunt(
    bracket: _Bracket, maxima: _Maxima, inside: Array, own: Array
) -> tuple[_Bracket, _Maxima]:
    """The bracket where a maximum turned out positive, else the smaller interval around it."""
    within = (inside > maxima.low[None]) & (inside < maxima.high[None])
    hunted = maxima.hunted & within.all(axis=0)
    positive = hunted & (own > 0).any(axis=0)
    middle = jnp.clip(jnp.argmax(own, axis=0), 1, max(own.shape[0] - 2, 0))[None]
    before, at, after = (
        [
            jnp.take_along_axis(rows, jnp.clip(middle + k, 0, own.shape[0] - 1), 0)[0]
            for rows in (inside, own)
        ]
        for k in (-1, 0, 1)
    )
    still = hunted & ~positive & _may_reach_zero(before[1], at[1], after[1])
    # narrowing by the same evaluations puts it around the last positive value
    found = _Bracket(
        jnp.where(positive, maxima.low, bracket.left),
        jnp.where(positive, maxima.high, bracket.right),
        jnp.where(positive, -jnp.inf, bracket.left_value),
        jnp.where(positive, jnp.inf, bracket.right_value),
    )
    low, high = jnp.where(still, before[0], maxima.low), jnp.where(still, after[0], maxima.high)
    hunted = still | (maxima.hunted & ~hunted)
    return found, maxima._replace(low=low, high=high, hunted=hunted)


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
