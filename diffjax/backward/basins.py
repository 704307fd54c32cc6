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

from diffjax.backward.reduction import (
    ReducedMixture,
    check_mixture,
    check_precision,
    noise_horizon,
    seen_from_origin,
    signal,
)
from diffjax.backward.spinodal import two_class_times
from diffjax.mixture import Mixture
from diffjax.numerics.multisection import last_zero
from diffjax.typing import Array, ArrayLike, Float

FLOW_STEP = 0.3
MOST_STEPS = 6000
TRAJECTORY_STEPS = 150
_SETTLED = 1e-11
_DIFFERENT = 1e-3
_FARTHEST = 1e150
_JUST_BELOW = 1e-3

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
        >>> spinodal_times(mixture, 40).round(4).tolist()
        [inf, 0.94]
    """
    check_mixture(mixture, dim)
    check_precision("spinodal_times")
    return _compiled_basins(mixture, dim)


@jax.jit
def _compiled_basins(mixture: Mixture, dim: ArrayLike) -> Array:
    return basin_times(mixture, dim)


@jax.jit
def _compiled_returns(mixture: Mixture, dim: ArrayLike) -> Array:
    return returning_times(mixture, dim)


def basin_times(mixture: Mixture, dim: ArrayLike) -> Array:
    """`spinodal_times` without checks."""
    if mixture.num_classes == 2:
        return two_class_times(mixture, dim)
    return flow_basin_times(mixture, dim)


def flow_basin_times(mixture: Mixture, dim: ArrayLike) -> Float[Array, " class"]:
    """Spinodal times by following the flow from each saturated class and from pure noise.

    Class c has a basin of its own if the two flows end at different points, the first of them in
    class c.
    """
    reduced = seen_from_origin(mixture, dim)

    def margins(times: Array) -> Array:
        return jax.vmap(lambda t: jnp.where(_own_basins(reduced, t)[0], 1.0, -1.0))(times)

    horizon = noise_horizon(mixture, dim)
    found = last_zero(margins, 1e-3, horizon, conditions=mixture.num_classes, points=12, rounds=5)
    # the first class to get a basin parts from the one that noise flows to at that time
    onset = jnp.max(jnp.where(found.never, 1e-3, found.position))
    own, attracting = _own_basins(reduced, onset * (1.0 - _JUST_BELOW))
    default = (jnp.arange(own.size) == attracting) & ~own
    return jnp.where(default, jnp.inf, jnp.where(found.never, 0.0, found.position))


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
    return _compiled_returns(mixture, dim)


def returning_times(mixture: Mixture, dim: ArrayLike) -> Array:
    """`trajectory_times` without checks."""
    reduced = seen_from_origin(mixture, dim)
    classes = jnp.arange(mixture.num_classes)

    def margins(times: Array) -> Array:
        ends = jax.vmap(lambda t: jax.vmap(lambda c: _end_class(reduced, t, c))(classes))(times)
        return jnp.where(ends == classes[None], 1.0, -1.0)

    horizon, count = noise_horizon(mixture, dim), mixture.num_classes
    found = last_zero(margins, 1e-3, horizon, conditions=count, points=10, rounds=4)
    return jnp.where(found.never, 0.0, found.position)


def class_shares(reduced: ReducedMixture, time: Array, state: State) -> Array:
    """(K,) p_k at a point, terms of order d relative to class 0."""
    q, rest = state
    e, noisy = signal(time), reduced.noisy(time)
    excess = e**2 * (reduced.variances - reduced.variances[0]) / noisy[0]
    radial = 0.5 * rest * excess / noisy - 0.5 * reduced.dim * jnp.log1p(excess)
    away = ((q[None] - e * reduced.centroids) ** 2).sum(axis=1)
    return jax.nn.softmax(reduced.log_weights + radial - 0.5 * away / noisy)


def _advance(reduced: ReducedMixture, time: Array, state: State, at: State, step: Array) -> State:
    """An exact step of the flow with p frozen at the point `at`, stable for any step."""
    shares = class_shares(reduced, time, at) / reduced.noisy(time)
    rate = jnp.maximum(2.0 * shares.sum() - 1.0, -1.0)
    pull = 2.0 * signal(time) * shares @ reduced.centroids
    q = state[0] * jnp.exp(-rate * step) + pull * step * _mean_decay(rate * step)
    rest = state[1] * jnp.exp(-2.0 * rate * step)
    rest = rest + 2.0 * reduced.rest * step * _mean_decay(2.0 * rate * step)
    return jnp.clip(q, -_FARTHEST, _FARTHEST), jnp.minimum(rest, _FARTHEST)


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
    """Which classes have a basin that noise does not flow to, and the class that it flows to."""
    e, noisy = signal(time), reduced.noisy(time)
    left = jnp.maximum(2.0 - noisy, 1e-3)
    wells = 2.0 * e * reduced.centroids / left[:, None], reduced.rest * noisy / left
    ends = jax.vmap(lambda q, rest: _settle(reduced, time, (q, rest)))(*wells)
    noise = _settle(reduced, time, (jnp.zeros_like(reduced.centroids[0]), reduced.rest))
    classes = jnp.arange(noisy.size)
    own = jnp.argmax(ends, axis=1) == classes
    return own & (jnp.abs(ends - noise[None]).max(axis=1) > _DIFFERENT), jnp.argmax(noise)


def _end_class(reduced: ReducedMixture, time: Array, source: Array) -> Array:
    """The class in which the typical trajectory of a class ends at t = 0."""
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
    return jnp.argmax(class_shares(reduced, jnp.zeros_like(time), end))
