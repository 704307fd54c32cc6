"""When a class's basin of the backward drift appears: the spinodal of two classes.

The drift at fixed t, dx = (x + 2 s*) ds, has fixed points that are functions of the log-odds u of
class 0 against class 1.  With p = (1/(1 + e^-u), 1/(1 + e^u)), a = sum_k p_k/Gamma_k and n further
coordinates,

    q = 2e sum_k (p_k/Gamma_k) mu_k/(2a - 1),   R = |x_perp|^2 = n/(2a - 1),
    F(u) = log[w_0(q, R)/w_1(q, R)] - u = 0,    w_k = rho_k Gamma_k^(-d/2) e^(-(|q - e mu_k|^2 + R)/
                                                                        (2 Gamma_k)),

stable where F' < 0.  Two basins need three roots, that is an interval in which F rises, with
F < 0 at its start and F > 0 at its end.  For 2a <= 1 the drift runs away; the basin counts as
there.

Equal variances in closed form, for any geometry: s = tanh(u/2) obeys s = tanh(h + A s) with
A = e^2 D^2/(2 Gamma (2 - Gamma)) and h = (1/2) log(rho_0/rho_1) + e^2 m.D/(2 (2 - Gamma)), m the
mid-point of the centroids, D = mu_0 - mu_1.  The second basin is there while

    |h| < A s - artanh s,   s = sqrt(1 - 1/A).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.backward.reduction import (
    ReducedMixture,
    noise_horizon,
    seen_from_origin,
    signal,
)
from diffjax.mixture import Mixture
from diffjax.numerics.multisection import last_zero
from diffjax.typing import Array, ArrayLike, Float

RUNAWAY = 1e-9
_WIDEST = 45.0
_COARSE = 226
_HALVINGS = 45


class FieldAndCoupling(NamedTuple):
    """h and A of s = tanh(h + A s)."""

    field: Float[Array, "..."]
    coupling: Float[Array, "..."]


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


def two_class_times(mixture: Mixture, dim: ArrayLike) -> Float[Array, "2"]:
    """Spinodal times of two classes: closed form if the variances are equal, else by F(u)."""
    variances = mixture.variances
    return jax.lax.cond(
        variances[0] == variances[1],
        lambda: _equal_variance_times(mixture, dim),
        lambda: _unequal_variance_times(mixture, dim),
    )


def _equal_variance_times(mixture: Mixture, dim: ArrayLike) -> Array:
    def margin(times: Array) -> Array:
        field, coupling = field_and_coupling(mixture, dim, times)
        ordered = coupling > 1.0
        s = jnp.sqrt(jnp.where(ordered, 1.0 - 1.0 / jnp.where(ordered, coupling, 2.0), 0.0))
        # artanh s = log((1 + s) sqrt(A)), finite however large A is
        strength = coupling * s - jnp.log1p(s) - 0.5 * jnp.log(jnp.maximum(coupling, 1.0))
        return (jnp.where(ordered, strength, coupling - 1.0) - jnp.abs(field))[:, None]

    found = last_zero(margin, 0.0, noise_horizon(mixture, dim), points=32, rounds=6)
    time = found.position[0]
    field = field_and_coupling(mixture, dim, time).field
    balanced = jnp.abs(field) < 1e-12
    return _of_both(time, first_is_new=field < 0, both=balanced)


def _of_both(time: Array, first_is_new: Array, both: Array) -> Array:
    """The time for the class whose basin is new, inf for the one that the noise flows to."""
    new = jnp.stack([first_is_new, ~first_is_new]) | both
    return jnp.where(new, time, jnp.inf)


def _unequal_variance_times(mixture: Mixture, dim: ArrayLike) -> Array:
    reduced = seen_from_origin(mixture, dim)

    def margin(times: Array) -> Array:
        return jax.vmap(lambda t: _least_extremum(reduced, t))(times)[:, None]

    found = last_zero(margin, 0.0, noise_horizon(mixture, dim), points=24, rounds=4)
    time = found.position[0]
    dip, rise = _extrema(reduced, time)
    rarer = mixture.class_weights[0] < mixture.class_weights[1]
    # the root about to vanish is the one next to the extremum that is about to touch zero
    return _of_both(time, jnp.where(found.never[0], rarer, rise < -dip), jnp.asarray(False))


def fixed_point_mismatch(
    reduced: ReducedMixture, time: Array, log_odds: Float[Array, ""]
) -> Float[Array, ""]:
    """F(u); very large where the drift runs away towards the wider class."""
    e, noisy = signal(time), reduced.noisy(time)
    first = jax.nn.sigmoid(log_odds)
    shares = jnp.stack([first, 1.0 - first]) / noisy
    stiffness = jnp.maximum(2.0 * shares.sum() - 1.0, RUNAWAY)
    q = 2.0 * e * (shares @ reduced.centroids) / stiffness
    return unnormalised_log_odds(reduced, time, q, reduced.rest / stiffness) - log_odds


def unnormalised_log_odds(reduced: ReducedMixture, time: Array, q: Array, rest: Array) -> Array:
    """log w_0 - log w_1 at the point (q, R), with terms of order d subtracted analytically."""
    e, noisy = signal(time), reduced.noisy(time)
    centroids = e * reduced.centroids
    away = ((q[None] - centroids) ** 2).sum(axis=1)
    excess = e**2 * (reduced.variances[0] - reduced.variances[1]) / noisy[1]
    radial = 0.5 * rest * excess / noisy[0] - 0.5 * reduced.dim * jnp.log1p(excess)
    prior = reduced.log_weights[0] - reduced.log_weights[1]
    return prior + radial - 0.5 * away[0] / noisy[0] + 0.5 * away[1] / noisy[1]


def _least_extremum(reduced: ReducedMixture, time: Array) -> Array:
    """Positive if F has three roots: the smaller of its rise above and its dip below zero."""
    dip, rise = _extrema(reduced, time)
    return jnp.minimum(rise, -dip)


def _extrema(reduced: ReducedMixture, time: Array) -> tuple[Array, Array]:
    """F at the start and at the end of the interval in which it rises; (1, -1) if it never does."""

    def mismatch(u):
        return fixed_point_mismatch(reduced, time, u)

    slope = jax.grad(mismatch)
    steepest, largest = _steepest(jax.vmap(slope))
    start = _sign_change(slope, jnp.asarray(-_WIDEST), steepest)
    end = _sign_change(slope, jnp.asarray(_WIDEST), steepest)
    rises = largest > 0
    # continuous through the onset: just below it, the missing slope stands for the distance
    return (
        jnp.where(rises, mismatch(start), -largest),
        jnp.where(rises, mismatch(end), largest),
    )


def _steepest(slopes) -> tuple[Array, Array]:
    """Where F' is largest, on a grid refined three times, and F' there."""
    grid = jnp.linspace(-_WIDEST, _WIDEST, _COARSE)
    spacing = grid[1] - grid[0]
    for _ in range(3):
        values = slopes(grid)
        best = jnp.argmax(values)
        centre, largest = grid[best], values[best]
        grid = centre + spacing * jnp.linspace(-1.0, 1.0, 21)
        spacing = spacing / 10.0
    return centre, largest


def _sign_change(slope, falling: Array, rising: Array) -> Array:
    """Between a point where F falls and one where it rises, by bisection."""

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        rises = slope(middle) > 0
        return jnp.where(rises, low, middle), jnp.where(rises, middle, high)

    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (falling, rising))
    return 0.5 * (low + high)
