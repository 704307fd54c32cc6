"""When a class's basin of the backward drift appears: the spinodal of two classes.

At each time `folds` says, exactly in the log-odds, whether two wells coexist and by how much.  In
time the search is one grid with margins and their derivatives: a window of coexistence between two
grid points is a maximum of the margin between them, which the derivatives show whatever the
window's width; every such maximum is located and decided by its sign.

Equal variances in closed form, for any geometry: s = tanh(u/2) obeys s = tanh(h + A s) with
A = e^2 D^2/(2 Gamma (2 - Gamma)) and h = (1/2) log(rho_0/rho_1) + e^2 m.D/(2 (2 - Gamma)), m the
mid-point of the centroids, D = mu_0 - mu_1.  The second basin is there while

    |h| < A s - artanh s,   s = sqrt(1 - 1/A).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.backward.folds import Wedge, mismatch, wedge, wide_first
from diffjax.backward.reduction import (
    ReducedMixture,
    noise_horizon,
    seen_from_origin,
    signal,
)
from diffjax.mixture import Mixture
from diffjax.status import Status
from diffjax.typing import Array, ArrayLike, Float, Int

RUNAWAY = 1e-9
GRID = 160
MOST_MAXIMA = 4
_HUNTS = 7
_ROUNDS = 6
_REACH = 4.0
_FAINT = -1.0
_NARROW = 1e-7
_BALANCED = 1e-11
_ROUNDING = 1e-14


class _Search(NamedTuple):
    """The end of coexistence so far: `low` inside (-inf if nowhere), `high` outside; maxima."""

    low: Array
    high: Array
    slope: Array
    cell_low: Array
    cell_high: Array
    hunted: Array
    best: Array
    many: Array


class FieldAndCoupling(NamedTuple):
    """h and A of s = tanh(h + A s)."""

    field: Float[Array, "..."]
    coupling: Float[Array, "..."]


class BasinTimes(NamedTuple):
    """Spinodal times and what they are worth.

    Attributes:
        times: (K,) inf for a default class, 0 for one that never gets a basin.
        status: () OK; NOT_REACHED where a time is 0; IMPRECISE where rounding decides about a
            window, or the search cannot decide about it.
    """

    times: Float[Array, " class"]
    status: Int[Array, ""]


def field_and_coupling(mixture: Mixture, dim: ArrayLike, time: ArrayLike) -> FieldAndCoupling:
    """h(t) and A(t) of two classes of equal variance (that of class 0 is used).

    Example:
        >>> from diffjax.mixture import two_classes
        >>> law = field_and_coupling(two_classes((1.0, 1.0), 6 / 40**0.5), 40, 1.0)
        >>> float(law.field), float(law.coupling.round(4))
        (0.0, 2.436)
    """
    weights, gram, dim = mixture.class_weights, mixture.gram, jnp.asarray(dim, float)
    decay = signal(time) ** 2
    noisy = decay * mixture.variances[0] - jnp.expm1(-2.0 * jnp.asarray(time))
    left = jnp.maximum(2.0 - noisy, RUNAWAY)
    squared = dim * (gram[0, 0] + gram[1, 1] - 2.0 * gram[0, 1])
    tilt = 0.5 * dim * (gram[0, 0] - gram[1, 1])  # m.D
    prior = 0.5 * jnp.log(weights[0] / weights[1])
    return FieldAndCoupling(
        prior + decay * tilt / (2.0 * left), decay * squared / (2.0 * noisy * left)
    )


def two_class_times(mixture: Mixture, dim: ArrayLike) -> BasinTimes:
    """Spinodal times of two classes."""
    reduced = wide_first(seen_from_origin(mixture, dim))
    held = jax.lax.stop_gradient(reduced)
    found = _searched(held, jax.lax.stop_gradient(noise_horizon(mixture, dim)))
    never = ~jnp.isfinite(found.low)
    last = jnp.where(never, 0.0, 0.5 * (found.low + found.high))
    at, tilt = wedge(reduced, last), _tilt(mixture, dim, held)
    wide_is_new = jnp.where(never, tilt < 0, at.rise < at.fall)
    both = jnp.where(never, jnp.abs(tilt), at.rise + at.fall) < _BALANCED
    # the derivatives of the implicit function: the value moves by less than the search's width
    regular = ~never & ~both & (found.slope != 0)
    change = at.margin - jax.lax.stop_gradient(at.margin)
    time = last - jnp.where(regular, change / jnp.where(regular, found.slope, 1.0), 0.0)
    new = jnp.stack([wide_is_new, ~wide_is_new]) | both
    times = jnp.where(new, time, jnp.inf)
    swap = mixture.variances[0] < mixture.variances[1]
    status = jnp.where(never, int(Status.NOT_REACHED), int(Status.OK))
    undecided = found.many | (jnp.abs(found.best) < _ROUNDING * (100.0 + held.dim)).any()
    return BasinTimes(
        jnp.where(swap, times[::-1], times),
        jnp.where(undecided, int(Status.IMPRECISE), status).astype(jnp.int8),
    )


def _tilt(mixture: Mixture, dim: ArrayLike, reduced: ReducedMixture) -> Array:
    """The sign of the log-odds of the only well at t = 0, the wider class first."""
    start = jnp.zeros_like(reduced.dim)
    middle = mismatch(reduced, start, start)
    runs_away = (2.0 / reduced.variances).mean() <= 1.0
    unequal = jnp.where(runs_away, 1.0, middle)
    equal = field_and_coupling(mixture, dim, 0.0).field
    return jnp.where(reduced.variances[0] == reduced.variances[1], equal, unequal)


def _margins(reduced: ReducedMixture, times: Array) -> tuple[Wedge, Array, Array]:
    """Wedges, their margins and the derivatives of these in time."""

    def margin(time):
        found = wedge(reduced, time)
        return found.margin, found

    def with_slope(time):
        value, slope, found = jax.jvp(margin, (time,), (jnp.ones_like(time),), has_aux=True)
        return found, value, slope

    return jax.vmap(with_slope)(times)


def _searched(reduced: ReducedMixture, horizon: Array) -> _Search:
    """The last time at which two wells coexist.

    One round looks at the grid, the next ones at the maxima that it shows beyond the last
    coexistence, if there are any, the others at the end of coexistence.
    """
    nowhere = jnp.full_like(horizon, -jnp.inf)
    cells = jnp.zeros(MOST_MAXIMA), jnp.zeros(MOST_MAXIMA), jnp.zeros(MOST_MAXIMA, bool)
    best = jnp.full(MOST_MAXIMA, -jnp.inf)
    start = _Search(nowhere, horizon, jnp.zeros_like(horizon), *cells, best, jnp.asarray(False))
    shares = jnp.linspace(0.0, 1.0, GRID)
    cell_shares = jnp.linspace(0.0, 1.0, GRID // MOST_MAXIMA)

    def advance(carry):
        count, hunts, times, search = carry
        first, hunting = count + hunts == 0, search.hunted.any() & (hunts < _HUNTS)
        found, margin, slope = _margins(reduced, times)
        seen = _on_grid(start, times, found, margin, slope)
        closer = _ended(search, times, found, slope)
        hunted = _in_cells(closer, times, found, margin, slope)
        after = _chosen(hunting, hunted, closer)
        search = _chosen(first, seen, after)
        hunts = hunts + hunting
        again = search.hunted.any() & (hunts < _HUNTS)
        low = jnp.where(jnp.isfinite(search.low), search.low, search.high)
        inside = low + shares * (search.high - low)
        widths = (search.cell_high - search.cell_low)[:, None]
        in_cells = (search.cell_low[:, None] + cell_shares[None] * widths).ravel()
        return count + ~hunting, hunts, jnp.where(again, in_cells, inside), search

    def unfinished(carry):
        return carry[0] < _ROUNDS

    zero = jnp.asarray(0)
    return jax.lax.while_loop(unfinished, advance, (zero, zero, shares * horizon, start))[3]


def _chosen(condition: Array, yes: _Search, no: _Search) -> _Search:
    return jax.tree.map(lambda one, other: jnp.where(condition, one, other), yes, no)


def _ended(search: _Search, times: Array, found: Wedge, slope: Array) -> _Search:
    """The last time of coexistence so far and the first one evaluated after it."""
    inside = found.coexist & (times > search.low)
    last, moved = jnp.argmax(jnp.where(inside, times, -jnp.inf)), inside.any()
    low = jnp.where(moved, times[last], search.low)
    after = jnp.where(times > low, times, jnp.inf).min()
    high = jnp.where(moved, after, jnp.minimum(search.high, after))
    return search._replace(
        low=low,
        high=jnp.where(jnp.isfinite(low) & jnp.isfinite(after), high, search.high),
        slope=jnp.where(moved, slope[last], search.slope),
    )


def _on_grid(start: _Search, times: Array, found: Wedge, margin: Array, slope: Array) -> _Search:
    """The end on the first grid and the cells beyond it in which the margin may be positive."""
    search, step = _ended(start, times, found, slope), times[1] - times[0]
    reach = jnp.maximum(margin[:-1] + _REACH * step * slope[:-1], margin[1:])
    reach = jnp.maximum(reach, margin[1:] - _REACH * step * slope[1:])
    steep = jnp.maximum(found.gain[:-1], found.gain[1:]) > _FAINT
    peaked = (slope[:-1] > 0) & (slope[1:] < 0) & (reach > 0) & steep
    peaked = peaked & ~found.coexist[:-1] & ~found.coexist[1:] & (times[:-1] > search.low)
    cells = jax.lax.top_k(jnp.where(peaked, jnp.arange(GRID - 1), -1), MOST_MAXIMA)[0]
    lows = times[jnp.maximum(cells, 0)]
    return search._replace(
        cell_low=lows, cell_high=lows + step, hunted=cells >= 0, many=peaked.sum() > MOST_MAXIMA
    )


def _in_cells(search: _Search, times: Array, found: Wedge, margin: Array, slope: Array) -> _Search:
    """The cells narrowed to the maximum of each; the end moves to what was found inside."""
    rows = (MOST_MAXIMA, GRID // MOST_MAXIMA)
    decided = jnp.where(found.gain > -_NARROW, margin, -jnp.inf).reshape(rows).max(axis=1)
    places, margin, slope = (x.reshape(rows) for x in (times, margin, slope))
    peaked = (slope[:, :-1] > 0) & (slope[:, 1:] < 0)
    height = jnp.maximum(margin[:, :-1], margin[:, 1:])
    chosen = jnp.argmax(jnp.where(peaked, height, -jnp.inf), axis=1)[:, None]
    low = jnp.take_along_axis(places, chosen, axis=1)[:, 0]
    high = jnp.take_along_axis(places, chosen + 1, axis=1)[:, 0]
    none, wanted = ~peaked.any(axis=1), search.hunted
    return search._replace(
        cell_low=jnp.where(none, search.cell_low, low),
        cell_high=jnp.where(none, search.cell_high, high),
        best=jnp.where(wanted, jnp.maximum(search.best, decided), search.best),
    )
