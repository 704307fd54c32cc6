"""Basins of the backward drift for any number of classes, and where trajectories end.

The drift dx = (x + 2 s*) ds closes on q, the coordinates in the span of the centroids, and
R = |x_perp|^2, with p_k ~ rho_k Gamma_k^(-d/2) exp(-(|q - e mu_k|^2 + R)/(2 Gamma_k)) and
a = sum_k p_k/Gamma_k:

    dq/ds = (1 - 2a) q + 2 sum_k p_k e mu_k/Gamma_k,    dR/ds = 2 (1 - 2a) R + 2n,

n the number of further coordinates.  At fixed t the flow leads to a basin; along falling t it is
the typical trajectory of the backward process.  The two do not agree: trajectories do not have the
time to equilibrate.  Fluctuations of R, of order sqrt(d), are neglected.
"""

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.backward.folds import wedge, wide_first
from diffjax.backward.reduction import (
    ReducedMixture,
    check_mixture,
    check_precision,
    noise_horizon,
    seen_from_origin,
    signal,
)
from diffjax.backward.spinodal import BasinTimes, two_class_times
from diffjax.mixture import Mixture
from diffjax.numerics.multisection import last_zero
from diffjax.status import Status
from diffjax.typing import Array, ArrayLike, Float

FLOW_STEP = 0.3
MOST_STEPS = 6000
TRAJECTORY_STEPS = 150
_SETTLED = 1e-11
_DIFFERENT = 1e-3
_FARTHEST = 3e6
_JUST_BELOW = 1e-3
_FIRST = 1e-3
_TIED = 1e-9
BASIN_POINTS = 32

State = tuple[Array, Array]


def spinodal_times(mixture: Mixture, dim: int) -> Float[Array, " class"]:
    """The diffusion time at which each class's own basin appears in the backward process.

    Args:
        mixture: two or more isotropic classes.
        dim: d.

    Returns:
        (K,) t_sp.  inf for the class in whose basin the flow from pure noise ends, which has no
        basin to be born; 0 for a class that never gets one.

    Raises:
        InputError: one class, anisotropic classes.
        PrecisionError: JAX is in 32-bit mode.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> from diffjax.mixture import two_classes
        >>> mixture = two_classes((1.0, 1.0), distance=6 / 40**0.5, imbalance_ratio=9.0)
        >>> [round(time, 4) for time in spinodal_times(mixture, 40).tolist()]
        [inf, 0.94]
    """
    check_mixture(mixture, dim)
    check_precision("spinodal_times")
    return _compiled_basins(mixture, dim).times


@jax.jit
def _compiled_basins(mixture: Mixture, dim: ArrayLike) -> BasinTimes:
    return basin_times(mixture, dim)


@jax.jit
def _compiled_returns(mixture: Mixture, dim: ArrayLike) -> BasinTimes:
    return returning_times(mixture, dim)


def basin_times(mixture: Mixture, dim: ArrayLike) -> BasinTimes:
    """`spinodal_times` without checks, with their status."""
    if mixture.num_classes == 2:
        return two_class_times(mixture, dim)
    return flow_basin_times(mixture, dim)


def flow_basin_times(mixture: Mixture, dim: ArrayLike) -> BasinTimes:
    """Spinodal times by following the flow from each saturated class and from pure noise.

    Class c has a basin of its own if the two flows end at different points, the first of them in
    class c.  The search looks at a grid up to a time at which every two classes alone are far from
    two wells; a basin that the grid meets at one point only may have others between its points:
    the status is then COARSE.
    """
    reduced = seen_from_origin(mixture, dim)
    classes = mixture.num_classes

    def margins(times: Array) -> Array:
        return jax.vmap(lambda t: jnp.where(_own_basins(reduced, t)[0], 1.0, -1.0))(times)

    high = _latest_time(reduced, noise_horizon(mixture, dim))
    found = last_zero(margins, _FIRST, high, conditions=classes, points=BASIN_POINTS, rounds=4)
    # the first class to get a basin parts from the one that noise flows to at that time
    onset = jnp.max(jnp.where(found.never, _FIRST, found.position))
    own, noise = _own_basins(reduced, onset * (1.0 - _JUST_BELOW))
    tied = (noise >= noise.max() - _TIED).sum() > 1
    default = (noise >= noise.max() - _TIED) & ~own & ~tied
    times = jnp.where(default, jnp.inf, jnp.where(found.never, 0.0, found.position))
    status = jnp.where((times == 0).any(), int(Status.NOT_REACHED), int(Status.OK))
    isolated = (found.isolated & ~default).any()
    return BasinTimes(times, jnp.where(isolated, int(Status.COARSE), status).astype(jnp.int8))


def _latest_time(reduced: ReducedMixture, horizon: Array) -> Array:
    """Beyond it the gain of every pair of classes is below e^(-2), and two wells need one of 1."""
    times = jnp.linspace(0.0, 1.0, 65)[1:] * horizon
    first, second = np.triu_indices(reduced.weights.shape[0], 1)

    def gains(one, other):
        members = jnp.stack([one, other])
        pair = ReducedMixture(
            reduced.weights[members],
            reduced.variances[members],
            reduced.centroids[members],
            reduced.rest,
            reduced.dim,
        )
        return jax.vmap(lambda time: wedge(wide_first(pair), time).gain)(times)

    largest = jax.vmap(gains)(jnp.asarray(first), jnp.asarray(second)).max(axis=0)
    return jnp.max(jnp.where(largest > -2.0, times, times[0])) + times[0]


def trajectory_times(mixture: Mixture, dim: int) -> Float[Array, " class"]:
    """The largest t from which a typical noised sample of each class flows back to its class.

    Integrates the typical trajectory from (e mu_c, n Gamma_c) at t down to t = 0.  It agrees with
    plurality cloning to 1e-3 for equal variances and to 2 % for two classes of unequal variance;
    for three and more of unequal variance it can be off by 0.3: use `cloning_probabilities` there.

    Args:
        mixture: two or more isotropic classes.
        dim: d.

    Returns:
        (K,) times; inf for the class to which noise itself flows, 0 where none returns.

    Raises:
        InputError: one class, anisotropic classes.
        PrecisionError: JAX is in 32-bit mode.
    """
    check_mixture(mixture, dim)
    check_precision("trajectory_times")
    return _compiled_returns(mixture, dim).times


def returning_times(mixture: Mixture, dim: ArrayLike) -> BasinTimes:
    """`trajectory_times` without checks, with their status."""
    reduced = seen_from_origin(mixture, dim)
    classes = jnp.arange(mixture.num_classes)

    def margins(times: Array) -> Array:
        shares = jax.vmap(lambda t: jax.vmap(lambda c: _end_shares(reduced, t, c))(classes))(times)
        others = jnp.where(jnp.eye(classes.size, dtype=bool)[None], -jnp.inf, shares).max(axis=2)
        own = jnp.diagonal(shares, axis1=1, axis2=2)
        return jnp.where(own >= others - _TIED, 1.0, -1.0)

    horizon, count = noise_horizon(mixture, dim), mixture.num_classes
    found = last_zero(margins, _FIRST, horizon, conditions=count, points=10, rounds=4)
    times = jnp.where(found.never, 0.0, found.position)
    status = jnp.where(found.never.any(), int(Status.NOT_REACHED), int(Status.OK))
    status = jnp.where(found.isolated.any(), int(Status.COARSE), status)
    return BasinTimes(times, status.astype(jnp.int8))


def class_shares(reduced: ReducedMixture, time: Array, state: State) -> Array:
    """(K,) p_k at a point, terms of order d relative to class 0."""
    q, rest = state
    e, noisy = signal(time), reduced.noisy(time)
    excess = e**2 * (reduced.variances - reduced.variances[0]) / noisy[0]
    # squares of q come with the differences of the precisions only: exact where q has run away
    radial = 0.5 * (rest + (q**2).sum()) * excess / noisy - 0.5 * reduced.dim * jnp.log1p(excess)
    scaled = reduced.centroids / noisy[:, None]
    along = e * (scaled - scaled[:1]) @ q - 0.5 * e**2 * (scaled * reduced.centroids).sum(axis=1)
    return jax.nn.softmax(reduced.log_weights + radial + along)


def _advance(reduced: ReducedMixture, time: Array, state: State, at: State, step: Array) -> State:
    """An exact step of the flow with p frozen at the point `at`, stable for any step."""
    shares = class_shares(reduced, time, at) / reduced.noisy(time)
    rate = jnp.maximum(2.0 * shares.sum() - 1.0, -1.0)
    pull = 2.0 * signal(time) * shares @ reduced.centroids
    q = state[0] * jnp.exp(-rate * step) + pull * step * _mean_decay(rate * step)
    rest = state[1] * jnp.exp(-2.0 * rate * step)
    rest = rest + 2.0 * reduced.rest * step * _mean_decay(2.0 * rate * step)
    # beyond that distance rounding of equal variances would tell equal classes apart
    return jnp.clip(q, -_FARTHEST, _FARTHEST), jnp.minimum(rest, _FARTHEST**2)


def _mean_decay(x: Array) -> Array:
    """(1 - e^(-x))/x."""
    small = jnp.abs(x) < 1e-9
    return jnp.where(small, 1.0, -jnp.expm1(-x) / jnp.where(small, 1.0, x))


def _settle(reduced: ReducedMixture, time: Array, start: State) -> Array:
    """(K,) p at the point to which the flow at fixed t leads."""
    step = FLOW_STEP * jnp.minimum(jnp.min(reduced.noisy(time)), 1.0)

    def unsettled(carry):
        _, _, change, count = carry
        return (change > _SETTLED) & (count < MOST_STEPS)

    def advance(carry):
        state, shares, _, count = carry
        state = _advance(reduced, time, state, state, step)
        new = class_shares(reduced, time, state)
        return state, new, jnp.max(jnp.abs(new - shares)), count + 1

    # the first steps may be slow because p saturates: run a few before looking at the change
    first = jax.lax.fori_loop(
        0, 40, lambda _, state: _advance(reduced, time, state, state, step), start
    )
    shares = class_shares(reduced, time, first)
    return jax.lax.while_loop(unsettled, advance, (first, shares, jnp.inf, 0))[1]


def _own_basins(reduced: ReducedMixture, time: Array) -> tuple[Array, Array]:
    """Which classes have a basin that noise does not flow to, and the shares where it flows to."""
    e, noisy = signal(time), reduced.noisy(time)
    left = jnp.maximum(2.0 - noisy, 1e-3)
    wells = 2.0 * e * reduced.centroids / left[:, None], reduced.rest * noisy / left
    ends = jax.vmap(lambda q, rest: _settle(reduced, time, (q, rest)))(*wells)
    noise = _settle(reduced, time, (jnp.zeros_like(reduced.centroids[0]), reduced.rest))
    classes = jnp.arange(noisy.size)
    # equal classes share their wells
    own = ends[classes, classes] >= ends.max(axis=1) - _TIED
    return own & (jnp.abs(ends - noise[None]).max(axis=1) > _DIFFERENT), noise


def _end_shares(reduced: ReducedMixture, time: Array, source: Array) -> Array:
    """(K,) p where the typical trajectory of a class ends at t = 0."""
    step = time / TRAJECTORY_STEPS
    start = (
        signal(time) * reduced.centroids[source],
        reduced.rest * reduced.noisy(time)[source],
    )

    def advance(index, state):
        middle = time - (index + 0.5) * step
        half = _advance(reduced, middle, state, state, 0.5 * step)
        return _advance(reduced, middle, state, half, step)

    end = jax.lax.fori_loop(0, TRAJECTORY_STEPS, advance, start)
    return class_shares(reduced, jnp.zeros_like(time), end)
