"""Collapse: when the empirical score leads back to one training sample, class by class.

Around the samples of class c the other n_c - 1 samples outweigh a sample's own while
n_c (Delta/Gamma_c)^(d/2) > 1; log n_c is then below the information (d/2) log(Gamma_c/Delta):

    t_C = (1/2) log(1 + sigma_c^2/(n_c^(2/d) - 1)).

Samples of other classes do not count once the classes are far apart.
"""

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.diffusion import noise_variance
from diffjax.errors import InputError
from diffjax.numerics.multisection import last_zero
from diffjax.typing import Array, ArrayLike, Float, Int, Key
from diffjax.validation import check_count, check_finite, check_vector, concrete, float_leaf

LARGEST_TIME = 6.0
SMALLEST_TIME = 1e-3


def collapse_times(stds: ArrayLike, counts: ArrayLike, dim: int) -> Float[Array, " class"]:
    """Diffusion time at which the backward process is captured by single samples of a class.

    Args:
        stds: (K,) standard deviation of each class per dimension.
        counts: (K,) number of training samples of each class, at least 2.
        dim: d.

    Returns:
        (K,) t_C; larger for wider and rarer classes, which collapse earlier in backward time.

    Raises:
        InputError: fewer than two samples in a class, or values out of range.

    Example:
        >>> collapse_times([1.0, 2.0], [1000, 1000], 30).round(3).tolist()
        [0.498, 1.03]

    References:
        Biroli, Bonnaire, de Bortoli, Mezard, arXiv 2402.18491.
    """
    check_count("dim", dim)
    stds, counts = float_leaf(stds, "stds"), float_leaf(counts, "counts")
    if concrete((stds, counts)):
        _check(np.asarray(stds, dtype=float), np.asarray(counts, dtype=float))
    excess = jnp.expm1(2.0 * jnp.log(jnp.asarray(counts)) / dim)
    return 0.5 * jnp.log1p(jnp.asarray(stds) ** 2 / excess)


def own_sample_weight(
    samples: Float[Array, "sample dim"],
    labels: Int[Array, " sample"],
    diffusion_times: Float[Array, " diffusion_time"],
    key: Key[Array, ""],
    *,
    num_draws: int = 4,
) -> Float[Array, "diffusion_time class"]:
    """Mean weight of a sample in the empirical score at its own noised position, per class.

    w = exp(-|x - e x_nu|^2/(2 Delta)) normalised over all samples, at x = e x_nu + sqrt(Delta) xi.

    Args:
        samples: (n, d).
        labels: (n,) classes 0 .. K - 1, every one of them present.
        diffusion_times: (T,) t > 0.
        key: of the noise, which is the same at all times.
        num_draws: noise draws per sample.

    Returns:
        (T, K) weights, 1 at small t and near 1/n at large t.
    """
    classes = int(np.max(np.asarray(labels))) + 1
    members = jax.nn.one_hot(labels, classes, dtype=samples.dtype)
    return jax.lax.map(
        lambda time: _own_weight(samples, members, time, key, num_draws),
        jnp.atleast_1d(jnp.asarray(diffusion_times)),
    )


def measured_collapse_times(
    samples: Float[Array, "sample dim"],
    labels: Int[Array, " sample"],
    key: Key[Array, ""],
    *,
    num_draws: int = 4,
) -> Float[Array, " class"]:
    """The time at which a sample's own weight in the empirical score is one half, per class.

    Args:
        samples: (n, d) training samples.
        labels: (n,) classes 0 .. K - 1, at least two samples each.
        key: of the noise.
        num_draws: noise draws per sample.

    Returns:
        (K,) times between 1e-3 and 6; inf or 0 outside.

    Raises:
        InputError: shapes that disagree, nan, or a class with fewer than two samples.
    """
    _check_dataset(np.asarray(samples), np.asarray(labels))

    def margins(times: Array) -> Array:
        return own_sample_weight(samples, labels, times, key, num_draws=num_draws) - 0.5

    count = int(np.max(np.asarray(labels))) + 1
    found = last_zero(
        margins, SMALLEST_TIME, LARGEST_TIME, conditions=count, points=max(6, 12 // count), rounds=3
    )
    return jnp.where(found.never, 0.0, found.position)


def empirical_score(samples: Float[Array, "sample dim"]):
    """The exact score of a finite data set, a function of (points (n, d), t).

    s(x) = (e m(x) - x)/Delta with m the mean of the samples weighted by
    exp(-|x - e x_nu|^2/(2 Delta)).  A backward process driven by it ends on the samples.

    Example:
        >>> score = empirical_score(jnp.eye(3))
        >>> score(jnp.zeros((2, 3)), 0.5).shape
        (2, 3)
    """
    samples = jnp.asarray(samples)

    def score(points: Array, diffusion_time: Array) -> Array:
        e, noise = jnp.exp(-diffusion_time), noise_variance(diffusion_time)
        weights = jax.nn.softmax(_log_weights(points, samples, e, noise), axis=1)
        return (e * weights @ samples - points) / noise

    return score


def _own_weight(samples: Array, members: Array, time: Array, key: Array, num_draws: int) -> Array:
    e, noise = jnp.exp(-time), noise_variance(time)

    def draw(step_key):
        points = e * samples + jnp.sqrt(noise) * jax.random.normal(step_key, samples.shape)
        logits = _log_weights(points, samples, e, noise)
        own = jnp.exp(jnp.diagonal(logits) - jax.nn.logsumexp(logits, axis=1))
        return own @ members / members.sum(axis=0)

    return jax.lax.map(draw, jax.random.split(key, num_draws)).mean(axis=0)


def _log_weights(points: Array, samples: Array, e: Array, noise: Array) -> Array:
    """-|x - e x_nu|^2/(2 Delta) up to a term that depends on x only."""
    squares = (samples**2).sum(axis=1)
    return (e * points @ samples.T - 0.5 * e**2 * squares[None]) / noise


def _check(stds: np.ndarray, counts: np.ndarray) -> None:
    classes = check_vector("stds", stds, positive=True)
    check_vector("counts", counts, length=classes)
    if (counts < 2).any():
        label = int(np.argmax(counts < 2))
        raise InputError(
            f"counts[{label}]={counts[label]:g}",
            "every class has at least 2 samples",
            "one sample alone is its class at any noise: give more, or leave the class out",
        )


def _check_dataset(samples: np.ndarray, labels: np.ndarray) -> None:
    if samples.ndim != 2 or labels.shape != samples.shape[:1]:
        raise InputError(
            f"samples has shape {samples.shape}, labels {labels.shape}",
            "(n, d) samples and one label per sample",
            "make them agree",
        )
    check_finite("samples", samples)
    counts = np.bincount(labels)
    if (counts < 2).any():
        label = int(np.argmax(counts < 2))
        raise InputError(
            f"class {label} has {counts[label]} sample{'s' * int(counts[label] != 1)}",
            "labels are 0 .. K - 1 with at least 2 samples each",
            "renumber the labels, or add samples",
        )
