"""Backward diffusion with any score function: a stochastic process or its probability flow.

x_t = e^-t x + sqrt(Delta_t) xi is reversed from t to t' < t, tau = t - t'.  Each step with one
evaluation of the score s = s(x, t) reads x' = keep x + drift s + sqrt(noise) xi:

    method            keep     drift                               noise
    ancestral         e^tau    2 sinh(tau)                         Delta' (1 - e^(-2 tau))/Delta
    euler-maruyama    1 + tau  2 tau                               2 tau
    ddim              e^tau    Delta e^tau - sqrt(Delta Delta')    0

The methods with two evaluations are trapezoid rules for dx = (x + s) dtau, `heun`, and for
dx = (x + 2 s) dtau + sqrt(2) dW, `stochastic-heun`; their error is of second order in tau.
`ancestral` draws from q(x_t' | x_t, x_0) with x_0 replaced by its mean (x + Delta s)/e^-t, `ddim`
is the exponential step of the probability flow dx = (x + s) dtau; both become exact where the
posterior of x_0 is narrow, as at small t.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.diffusion import noise_variance
from diffjax.errors import InputError
from diffjax.typing import Array, ArrayLike, Float, Key
from diffjax.validation import check_count, check_finite, concrete, float_leaf

Method = Literal["ancestral", "euler-maruyama", "stochastic-heun", "ddim", "heun"]
Score = Callable[..., Array]

STOCHASTIC = ("ancestral", "euler-maruyama", "stochastic-heun")
TWO_EVALUATIONS = ("stochastic-heun", "heun")
METHODS = (*STOCHASTIC, "ddim", "heun")
MOST_SIGNAL = 0.02
"""Largest e^(-2t) at which a backward process may start from pure noise."""


class StepCoefficients(NamedTuple):
    """x' = keep x + drift s + sqrt(noise) xi."""

    keep: Float[Array, "..."]
    drift: Float[Array, "..."]
    noise: Float[Array, "..."]


def log_snr_times(
    num_times: int, first: float = 3.5, last: float = 0.01
) -> Float[Array, " diffusion_time"]:
    """Falling diffusion times, uniform in the log signal-to-noise ratio log(e^(-2t)/Delta_t).

    Args:
        num_times: how many, at least 2.
        first: largest time, near pure noise.
        last: smallest time, positive.

    Raises:
        InputError: fewer than two times, or not 0 < last < first.

    Example:
        >>> log_snr_times(3, 2.0, 0.5).round(3).tolist()
        [2.0, 1.18, 0.5]
    """
    check_count("num_times", num_times, minimum=2)
    if not 0 < last < first < math.inf:
        raise InputError(
            f"first={first:g}, last={last:g}",
            "0 < last < first, both finite",
            "the noise-free end t = 0 has an infinite signal-to-noise ratio: stop before it",
        )
    start, stop = (-math.log(math.expm1(2.0 * t)) for t in (first, last))
    return 0.5 * jnp.log1p(jnp.exp(-jnp.linspace(start, stop, num_times)))


def step_coefficients(
    method: str, time: Float[Array, "..."], next_time: Float[Array, "..."]
) -> StepCoefficients:
    """Coefficients of one step from `time` down to `next_time`; next_time = 0 denoises.

    Example:
        >>> coefficients = step_coefficients("ddim", jnp.array(1.0), jnp.array(0.0))
        >>> bool(coefficients.keep == jnp.exp(1.0))
        True
    """
    tau = time - next_time
    if method == "euler-maruyama":
        return StepCoefficients(1.0 + tau, 2.0 * tau, 2.0 * tau)
    before, after = noise_variance(time), noise_variance(next_time)
    growth = jnp.exp(tau)
    if method == "ancestral":
        return StepCoefficients(growth, 2.0 * jnp.sinh(tau), after * noise_variance(tau) / before)
    drift = before * growth - jnp.sqrt(before * after)
    return StepCoefficients(growth, drift, jnp.zeros_like(tau))


def sample(
    score: Score,
    num_samples: int,
    dim: int,
    diffusion_times: ArrayLike,
    key: Key[Array, ""],
    *,
    method: Method = "ancestral",
    step_inputs: Any = None,
    denoise: bool = True,
) -> Float[Array, "sample dim"]:
    """Samples generated from pure noise with a score function.

    Args:
        score: (samples (n, d), t) to scores (n, d); with `step_inputs` a third argument.
        num_samples: n.
        dim: d.
        diffusion_times: falling times, see `log_snr_times`; the first one must be near noise.
        key: of start and steps.
        method: "ancestral", "euler-maruyama" and "stochastic-heun" are stochastic, "ddim" and
            "heun" follow the probability flow.
        step_inputs: pytree with a leading axis over the times, for example the readouts of a model
            trained at each of them.
        denoise: end with the posterior mean of x_0 instead of x at the last time.

    Returns:
        (n, d) samples.

    Raises:
        InputError: times that do not fall, end at or below 0, or do not reach noise; an unknown
            method.

    Example:
        >>> score = lambda x, t: -x
        >>> samples = sample(score, 1000, 2, log_snr_times(32), jax.random.key(0))
        >>> samples.shape
        (1000, 2)
    """
    times = _checked_times(diffusion_times)
    if concrete(times) and (left := math.exp(-2.0 * float(times[0]))) > MOST_SIGNAL:
        raise InputError(
            f"the first diffusion time {float(times[0]):g} keeps a share {left:.2g} of the data's "
            "variance",
            f"a start from pure noise needs e^(-2t) <= {MOST_SIGNAL:g}",
            f"begin at t >= {-0.5 * math.log(MOST_SIGNAL):.2f}, farther for large centroids",
        )
    start_key, step_key = jax.random.split(key)
    start = jax.random.normal(start_key, (num_samples, dim))
    return run_backward(
        score, start, times, step_key, method=method, step_inputs=step_inputs, denoise=denoise
    )


def run_backward(
    score: Score,
    start: Float[Array, "sample dim"],
    diffusion_times: ArrayLike,
    key: Key[Array, ""] | None = None,
    *,
    method: Method = "ancestral",
    step_inputs: Any = None,
    denoise: bool = True,
) -> Float[Array, "sample dim"]:
    """Run the backward process from given points at the first of the times: one scanned loop.

    Args:
        score: as in `sample`.
        start: (n, d) points at diffusion time `diffusion_times[0]`.
        diffusion_times: falling, positive.
        key: for stochastic methods.
        method: as in `sample`.
        step_inputs: as in `sample`.
        denoise: as in `sample`.

    Returns:
        (n, d) samples.

    Raises:
        InputError: as `sample`; a stochastic method without a key; step_inputs of another length.
    """
    times = _checked_times(diffusion_times)
    _check_method(method, key)
    _check_step_inputs(step_inputs, times.shape[0])
    keys = jax.random.split(jax.random.key(0) if key is None else key, times.shape[0] - 1)

    def evaluate(x, time, inputs):
        return score(x, time) if step_inputs is None else score(x, time, inputs)

    here, ahead = (
        jax.tree.map(lambda a, s=s: a[s], step_inputs) for s in (slice(-1), slice(1, None))
    )

    def one_step(x, step):
        time, next_time, step_key, inputs, next_inputs = step
        slope = evaluate(x, time, inputs)
        shock = 0.0
        if method in STOCHASTIC:
            shock = jax.random.normal(step_key, x.shape, x.dtype)
        if method in TWO_EVALUATIONS:
            ahead_of = functools.partial(evaluate, time=next_time, inputs=next_inputs)
            return _trapezoid(ahead_of, x, slope, time - next_time, shock, method), None
        keep, drift, noise = step_coefficients(method, time, next_time)
        return keep * x + drift * slope + jnp.sqrt(noise) * shock, None

    steps = times[:-1], times[1:], keys, here, ahead
    x, _ = jax.lax.scan(one_step, jnp.asarray(start), steps)
    return _denoised(evaluate, x, times, step_inputs) if denoise else x


def _trapezoid(
    score: Callable, x: Array, slope: Array, tau: Array, shock: Any, method: str
) -> Array:
    """dx = (x + c s) dtau by an Euler step and a second look at where it leads, same noise."""
    strength = 2.0 if method in STOCHASTIC else 1.0
    jump = jnp.sqrt(2.0 * tau) * shock
    velocity = x + strength * slope
    predicted = x + tau * velocity + jump
    return x + 0.5 * tau * (velocity + predicted + strength * score(predicted)) + jump


def _denoised(evaluate: Callable, x: Array, times: Array, step_inputs: Any) -> Array:
    inputs = jax.tree.map(lambda a: a[-1], step_inputs)
    keep, drift, _ = step_coefficients("ancestral", times[-1], jnp.zeros_like(times[-1]))
    return keep * x + drift * evaluate(x, times[-1], inputs)


def _checked_times(diffusion_times: ArrayLike) -> Array:
    if not hasattr(diffusion_times, "dtype") or concrete(diffusion_times):
        times = np.asarray(float_leaf(diffusion_times, "diffusion_times"))
        check_finite("diffusion_times", times)
        if times.ndim != 1 or times.size < 2 or (np.diff(times) >= 0).any() or times[-1] <= 0:
            raise InputError(
                f"diffusion_times of shape {times.shape}"
                + (
                    f" from {times[0]:g} to {times[-1]:g}" if times.ndim == 1 and times.size else ""
                ),
                "at least two strictly falling, positive times",
                "use log_snr_times",
            )
    return jnp.asarray(diffusion_times)


def _check_method(method: str, key: Any) -> None:
    if method not in METHODS:
        raise InputError(
            f"method={method!r}", f"one of {', '.join(METHODS)}", "choose one of these"
        )
    if method in STOCHASTIC and key is None:
        raise InputError(
            f"method={method!r} without a key",
            "stochastic methods draw noise",
            "pass key=jax.random.key(0), or use ddim or heun",
        )


def _check_step_inputs(step_inputs: Any, count: int) -> None:
    for leaf in jax.tree.leaves(step_inputs):
        if np.shape(leaf)[:1] != (count,):
            raise InputError(
                f"step_inputs hold an array of shape {np.shape(leaf)}",
                f"a leading axis over the {count} diffusion times",
                "stack one entry per time",
            )
