"""Where two wells of the backward drift can coexist: exact in the log-odds at every time.

For two classes the fixed points of the drift are the zeros in u = log(p/(1 - p)), p the share of
the wider class 0, of F(u) = h + G(p) - u with h = log(rho_0/rho_1).  With r_k = 1/Gamma_k,
delta = r_1 - r_0 >= 0, n further coordinates and

    S = 2 r_0 - 1 + 2 delta (1 - p),   c = (2 r_1 - 1) r_0 mu_0 - (2 r_0 - 1) r_1 mu_1,

the gain dG/du = p (1 - p) G'(p) is

    g = p (1 - p) (2 e^2 |c|^2 + n delta^2 S)/S^3.

g = level is a cubic in p, negative at both ends of an interval on which S > 0: it has no or two
roots there, so that g rises to one maximum and falls.  Where S vanishes inside, which is where the
wide class runs away, g rises throughout: d log g/du >= 1 - 2p + 2p (1 - p)/(p_c - p) >= 1.  F
therefore rises on at most one interval (u_-, u_+), whose ends are found by bracketing; two wells
coexist if F is negative at its start and positive at its end.  For S <= 0 the share of the wide
class runs to one: F is positive.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.backward.reduction import ReducedMixture, signal
from diffjax.typing import Array, Float

FARTHEST = 100.0
"""Largest log-odds in use."""

_HALVINGS = 42
_STEPS = 26
_TINY = 1e-90
_RUNAWAY = 1e30


class Wedge(NamedTuple):
    """How far two classes are from the ends of coexistence at one time, the wider class first.

    Attributes:
        rise: F at the end of the interval on which it rises; at zero the wide class's well goes.
        fall: -F at its start; at zero the narrow class's well goes.
        gain: largest log g; without coexistence below zero, where rise = -fall is F there.
    """

    rise: Float[Array, "..."]
    fall: Float[Array, "..."]
    gain: Float[Array, "..."]

    @property
    def margin(self) -> Float[Array, "..."]:
        """Positive where two wells coexist."""
        return jnp.where(self.gain > 0, jnp.minimum(self.rise, self.fall), -jnp.abs(self.rise))

    @property
    def coexist(self) -> Array:
        """Whether two wells coexist."""
        return (self.gain > 0) & (self.margin > 0)


class _Gain(NamedTuple):
    """What g depends on: |S| at p = 1, 2 delta, 2 e^2 |c|^2, n delta^2."""

    stiffness: Array
    difference: Array
    centroids: Array
    norm: Array


def wide_first(reduced: ReducedMixture) -> ReducedMixture:
    """Two classes in the order of this module."""
    swap = reduced.variances[0] < reduced.variances[1]
    turned = [
        jnp.where(swap, leaf[::-1], leaf)
        for leaf in (reduced.weights, reduced.variances, reduced.centroids)
    ]
    weights, variances, centroids = turned
    return ReducedMixture(weights, variances, centroids, reduced.rest, reduced.dim)


def mismatch(reduced: ReducedMixture, time: Array, log_odds: Array) -> Float[Array, ""]:
    """F(u) where S > 0; terms of order d are subtracted analytically."""
    e, noisy = signal(time), reduced.noisy(time)
    gain = _gain(reduced, time)
    stiffness = jnp.maximum(_stiffness(gain, log_odds), _TINY)
    shares = jnp.stack([jax.nn.sigmoid(log_odds), jax.nn.sigmoid(-log_odds)]) / noisy
    q = 2.0 * e * (shares @ reduced.centroids) / stiffness
    away = ((q[None] - e * reduced.centroids) ** 2).sum(axis=1)
    excess = e**2 * (reduced.variances[0] - reduced.variances[1]) / noisy[1]
    radial = 0.25 * gain.difference * reduced.rest / stiffness
    prior = reduced.log_weights[0] - reduced.log_weights[1]
    volume = radial - 0.5 * reduced.dim * jnp.log1p(excess)
    return prior + volume - 0.5 * away[0] / noisy[0] + 0.5 * away[1] / noisy[1] - log_odds


def wedge(reduced: ReducedMixture, time: Array) -> Wedge:
    """Whether two wells coexist at a time, with margins that are differentiable in it."""
    gain = _gain(reduced, time)
    held = jax.lax.stop_gradient(gain)
    runaway, nowhere = held.stiffness <= 0, held.stiffness + held.difference <= 0
    top = _steepest(held)
    # one Newton step at the solution has no size and the derivative of the implicit function
    top = jnp.where(runaway, FARTHEST, top - _newton(_slope, gain, top))
    largest = jnp.where(runaway, _RUNAWAY, _log_gain(gain, top))
    exists = (largest > 0) & ~nowhere
    solved = _levels(held, jax.lax.stop_gradient(top))
    start, end = (jnp.where(exists, u, top) for u in solved)
    at = jnp.stack([jnp.where(nowhere, 0.0, u) for u in (start, end)])
    falls, rises = jax.vmap(lambda u: mismatch(reduced, time, u))(at)
    return Wedge(
        jnp.where(runaway, _RUNAWAY, rises),
        jnp.where(nowhere, -_RUNAWAY, -falls),
        jnp.where(nowhere, -_RUNAWAY, largest),
    )


def _gain(reduced: ReducedMixture, time: Array) -> _Gain:
    e, noisy = signal(time), reduced.noisy(time)
    wide, narrow = 1.0 / noisy
    delta = e**2 * (reduced.variances[0] - reduced.variances[1]) * wide * narrow
    ends = 2.0 * wide - 1.0, 2.0 * narrow - 1.0
    first, second = reduced.centroids
    pull = ends[1] * wide * first - ends[0] * narrow * second
    return _Gain(ends[0], 2.0 * delta, 2.0 * e**2 * (pull**2).sum(), reduced.rest * delta**2)


def _stiffness(gain: _Gain, u: Array) -> Array:
    return gain.stiffness + gain.difference * jax.nn.sigmoid(-u)


def _log_gain(gain: _Gain, u: Array) -> Array:
    """log g, very large beyond the log-odds at which the wide class runs away."""
    stiffness = jnp.maximum(_stiffness(gain, u), _TINY)
    height = jnp.maximum(gain.centroids + gain.norm * stiffness, 3.0 * _TINY)
    spread = jax.nn.log_sigmoid(u) + jax.nn.log_sigmoid(-u)
    return spread + jnp.log(height) - 3.0 * jnp.log(stiffness)


def _slope(gain: _Gain, u: Array) -> Array:
    """d log g/du."""
    p, rest = jax.nn.sigmoid(u), jax.nn.sigmoid(-u)
    stiffness = jnp.maximum(_stiffness(gain, u), _TINY)
    height = jnp.maximum(gain.centroids + gain.norm * stiffness, 3.0 * _TINY)
    change = 3.0 / stiffness - gain.norm / height
    return rest - p + p * rest * gain.difference * change


def _newton(function, gain: _Gain, u: Array) -> Array:
    """f/f' with the slope held constant."""
    u = jax.lax.stop_gradient(u)
    slope = jax.lax.stop_gradient(jax.grad(function, argnums=1)(gain, u))
    steep = jnp.abs(slope) > 1e-12
    return jnp.where(steep, function(gain, u) / jnp.where(steep, slope, 1.0), 0.0)


def _steepest(gain: _Gain) -> Array:
    """Where g is largest: its slope changes sign once."""

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        rises = _slope(gain, middle) > 0
        return jnp.where(rises, middle, low), jnp.where(rises, high, middle)

    ends = jnp.full_like(gain.stiffness, -FARTHEST), jnp.full_like(gain.stiffness, FARTHEST)
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, ends)
    return 0.5 * (low + high)


def _levels(gain: _Gain, top: Array) -> Array:
    """(2,) where g = 1 below and above its maximum, by Newton steps inside a bracket.

    F is stationary there, so that an error of the log-odds counts by its square.
    """
    outer = jnp.stack([jnp.full_like(top, -FARTHEST), jnp.full_like(top, FARTHEST)])

    def advance(_, carry):
        outside, inside, u = carry
        value, slope = _log_gain(gain, u), _slope(gain, u)
        outside = jnp.where(value > 0, outside, u)
        inside = jnp.where(value > 0, u, inside)
        step = u - value / jnp.where(jnp.abs(slope) > 1e-9, slope, 1e-9)
        low, high = jnp.minimum(outside, inside), jnp.maximum(outside, inside)
        return outside, inside, jnp.where((step > low) & (step < high), step, 0.5 * (low + high))

    inner = jnp.stack([top, top])
    start = (outer, inner, 0.5 * (outer + inner))
    return jax.lax.fori_loop(0, _STEPS, advance, start)[2]
