"""U-turn experiments: noise a sample up to t, bring it back, ask for its class.

In reduced coordinates a step x' = keep x + drift s + sqrt(noise) xi with the exact score
s = sum_k p_k e mu_k/Gamma_k - a x, a = sum_k p_k/Gamma_k, is exact in law for q and R = |x_perp|^2:
with b = keep - drift a,  R' = b^2 R + 2 b sqrt(noise R) g + noise (g^2 + chi^2_(n-1)),  g normal.
A second evaluation at the predicted point with the same noise stays within these variables.
The d-dimensional experiment beside it gives the same answer in d times the work.
"""

import functools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from diffjax.backward.reduction import (
    ReducedMixture,
    check_mixture,
    check_times,
    seen_from_origin,
    signal,
)
from diffjax.backward.score import MixtureScore, posterior_at
from diffjax.errors import InputError
from diffjax.mixture import Mixture
from diffjax.samplers import STOCHASTIC, log_snr_times, run_backward, step_coefficients
from diffjax.typing import Array, Float, Key
from diffjax.validation import check_count

LAST_TIME = 1e-3

CloneMethod = Literal["stochastic-heun", "ancestral", "euler-maruyama"]


_State = tuple[Array, Array]


class CloneReturns(NamedTuple):
    """Where clones return to.

    Attributes:
        share: (K, K) share of the clones of class c (row) that return to class c'.
        standard_error: (K, K) of the shares.
    """

    share: Float[Array, "class class"]
    standard_error: Float[Array, "class class"]


def clone_returns(
    mixture: Mixture,
    dim: int,
    diffusion_time: float,
    key: Key[Array, ""],
    *,
    num_clones: int = 10_000,
    num_times: int = 100,
    method: CloneMethod = "stochastic-heun",
) -> CloneReturns:
    """Clones in reduced coordinates, driven by the exact score; the cost does not depend on d.

    Args:
        mixture: two or more isotropic classes.
        dim: d, at least two more than the number of classes.
        diffusion_time: t of the U-turn, > 1e-3.
        key: of all draws.
        num_clones: per class.
        num_times: backward steps, uniform in log signal-to-noise down to t = 1e-3.
        method: "stochastic-heun" (bias below 0.003 with 100 times) or, of first order in the
            step, "ancestral" or "euler-maruyama" (0.02).

    Returns:
        CloneReturns.

    Raises:
        InputError: values out of range.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> returns = clone_returns(two_classes(distance=2.0), 1000, 1.0, jax.random.key(0))
        >>> returns.share.round(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    _check(mixture, dim, diffusion_time, num_clones)
    if method not in STOCHASTIC:
        raise InputError(
            f"method={method!r}", f"one of {', '.join(STOCHASTIC)}", "choose one of these"
        )
    times = log_snr_times(num_times, float(diffusion_time), LAST_TIME)
    reduced = seen_from_origin(mixture, dim)._replace(rest=jnp.asarray(dim - mixture.num_classes))
    return _returns(_posteriors(reduced, times, key, num_clones, method))


def simulated_clone_returns(
    mixture: Mixture,
    dim: int,
    diffusion_time: float,
    key: Key[Array, ""],
    *,
    num_clones: int = 10_000,
    num_times: int = 100,
    method: CloneMethod = "stochastic-heun",
) -> CloneReturns:
    """The same experiment with d-dimensional samples, arguments as `clone_returns`."""
    _check(mixture, dim, diffusion_time, num_clones)
    times = log_snr_times(num_times, float(diffusion_time), LAST_TIME)
    score = MixtureScore(mixture, dim)
    return _returns(_simulated_posteriors(score, times, key, num_clones, method))


@functools.partial(jax.jit, static_argnames=("num_clones", "method"))
def _simulated_posteriors(
    score: MixtureScore, times: Array, key: Array, num_clones: int, method: CloneMethod
) -> Array:
    """The same from d-dimensional samples."""
    classes, dim = score.centroids.shape

    def posteriors(source):
        start_key, step_key = jax.random.split(jax.random.fold_in(key, source))
        spread = jnp.sqrt(score._reduced.noisy(times[0])[source])
        noise = jax.random.normal(start_key, (num_clones, dim))
        start = signal(times[0]) * score.centroids[source][None] + spread * noise
        ends = run_backward(score, start, times, step_key, method=method, denoise=False)
        return score.posterior(ends, times[-1])

    return jax.lax.map(posteriors, jnp.arange(classes))


@functools.partial(jax.jit, static_argnames=("num_clones", "method"))
def _posteriors(
    reduced: ReducedMixture, times: Array, key: Array, num_clones: int, method: str
) -> Array:
    """(K, clones, K) posterior at the last time of clones of every class."""

    def of_source(source):
        own_key = jax.random.fold_in(key, source)
        return _reduced_posteriors(reduced, source, times, own_key, num_clones, method)

    return jax.lax.map(of_source, jnp.arange(reduced.weights.shape[0]))


def _reduced_posteriors(
    reduced: ReducedMixture, source: Array, times: Array, key: Array, num_clones: int, method: str
) -> Array:
    """(clones, K) posterior at the last time of clones of one class."""
    start_key, norm_key, step_key = jax.random.split(key, 3)
    spread = reduced.noisy(times[0])[source]
    shape = (num_clones, reduced.centroids.shape[1])
    q = signal(times[0]) * reduced.centroids[source]
    q = q[None] + jnp.sqrt(spread) * jax.random.normal(start_key, shape)
    rest = spread * jax.random.chisquare(norm_key, reduced.rest, (num_clones,))

    def one_step(state, step):
        time, next_time, key = step
        noise = _draw(key, reduced, num_clones)
        if method == "stochastic-heun":
            return _two_looks(reduced, state, time, next_time, noise), None
        return _one_look(
            reduced, state, time, step_coefficients(method, time, next_time), noise
        ), None

    keys = jax.random.split(step_key, times.shape[0] - 1)
    state, _ = jax.lax.scan(one_step, (q, rest), (times[:-1], times[1:], keys))
    return posterior_at(reduced, times[-1], _distances(reduced, times[-1], *state))


class _Noise(NamedTuple):
    """A standard normal vector: its span, its part along x_perp, the square of what is left."""

    span: Array
    along: Array
    across: Array


def _draw(key: Array, reduced: ReducedMixture, num_clones: int) -> _Noise:
    span_key, along_key, across_key = jax.random.split(key, 3)
    return _Noise(
        jax.random.normal(span_key, (num_clones, reduced.centroids.shape[1])),
        jax.random.normal(along_key, (num_clones,)),
        jax.random.chisquare(across_key, reduced.rest - 1.0, (num_clones,)),
    )


def _combine(state: _State, factor: Array, pull: Array, scale: Array, noise: _Noise) -> _State:
    """factor x + pull + scale xi, with pull in the span."""
    q, rest = state
    along = factor * jnp.sqrt(rest) + scale * noise.along
    spread = jnp.broadcast_to(scale, rest.shape)[:, None]
    q = factor[:, None] * q + pull + spread * noise.span
    return q, along**2 + scale**2 * noise.across


def _score_parts(reduced: ReducedMixture, time: Array, state: _State) -> tuple[Array, Array]:
    """a and sum_k p_k e mu_k/Gamma_k of s = sum_k p_k e mu_k/Gamma_k - a x."""
    posterior = posterior_at(reduced, time, _distances(reduced, time, *state))
    shares = posterior / reduced.noisy(time)[None]
    return shares.sum(axis=1), signal(time) * shares @ reduced.centroids


def _one_look(reduced: ReducedMixture, state: _State, time: Array, step, noise: _Noise) -> _State:
    stiffness, pull = _score_parts(reduced, time, state)
    scale = jnp.sqrt(step.noise)
    return _combine(state, step.keep - step.drift * stiffness, step.drift * pull, scale, noise)


def _two_looks(
    reduced: ReducedMixture, state: _State, time: Array, next_time: Array, noise: _Noise
) -> _State:
    """The trapezoid rule for dx = (x + 2s) dtau + sqrt(2) dW; all of it linear in x and xi."""
    tau, scale = time - next_time, jnp.sqrt(2.0 * (time - next_time))
    stiffness, pull = _score_parts(reduced, time, state)
    rate, force = 1.0 - 2.0 * stiffness, 2.0 * pull
    growth, shift = 1.0 + tau * rate, tau * force
    predicted = _combine(state, growth, shift, scale, noise)
    stiffness, pull = _score_parts(reduced, next_time, predicted)
    rate_ahead, force_ahead = 1.0 - 2.0 * stiffness, 2.0 * pull
    half = 0.5 * tau
    factor = 1.0 + half * (rate + rate_ahead * growth)
    moved = half * (force + force_ahead + rate_ahead[:, None] * shift)
    return _combine(state, factor, moved, scale * (1.0 + half * rate_ahead), noise)


def _distances(reduced: ReducedMixture, time: Array, q: Array, rest: Array) -> Array:
    """(clones, K) |x - e mu_c|^2."""
    offsets = q[:, None, :] - signal(time) * reduced.centroids[None]
    return (offsets**2).sum(axis=2) + rest[:, None]


def _returns(posteriors: Array) -> CloneReturns:
    """Mean posterior: its expectation is the share of returns, and it scatters less."""
    count = posteriors.shape[1]
    return CloneReturns(posteriors.mean(axis=1), posteriors.std(axis=1, ddof=1) / jnp.sqrt(count))


def _check(mixture: Mixture, dim: int, diffusion_time: float, num_clones: int) -> None:
    check_mixture(mixture, dim)
    check_times(diffusion_time)
    check_count("num_clones", num_clones, minimum=2)
    if dim < mixture.num_classes + 2 or float(diffusion_time) <= LAST_TIME:
        raise InputError(
            f"dim={dim}, diffusion_time={float(diffusion_time):g}",
            f"dim of at least {mixture.num_classes + 2} and diffusion_time > {LAST_TIME:g}",
            "raise the one that is too small",
        )
