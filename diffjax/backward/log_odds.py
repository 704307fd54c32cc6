"""Mean and variance of the log-odds between classes, and the two channels of speciation.

Lambda = log P(c|x)/P(c'|x) for x of class c, with r = Gamma_c/Gamma_c' and D = |mu_c - mu_c'|:

    mean = log(rho_c/rho_c') + (d/2)(r - 1 - log r) + e^2 D^2/(2 Gamma_c'),
    variance = (d/2)(r - 1)^2 + e^2 Gamma_c D^2/Gamma_c'^2.
"""

from typing import NamedTuple

import jax.numpy as jnp

from diffjax.backward.reduction import check_mixture, signal, squared_distances
from diffjax.diffusion import noisy_variance
from diffjax.mixture import Mixture
from diffjax.typing import Array, ArrayLike, Float


class LogOdds(NamedTuple):
    """Statistics of log P(c|x)/P(c'|x) for x of class c (row) against class c' (column).

    Attributes:
        mean: (K, K), the log ratio of the weights included.
        variance: (K, K).
        divergence: (K, K) Kullback-Leibler divergence of class c from c', mean without weights.
    """

    mean: Float[Array, "class class"]
    variance: Float[Array, "class class"]
    divergence: Float[Array, "class class"]


class ChannelTimes(NamedTuple):
    """Leading estimates of the time at which two classes part, (K, K); -inf without a difference.

    Attributes:
        centroid: (1/2) log D^2, where e^(-2t) D^2 = 1.
        norm: (1/4) log d + (1/2) log(|sigma_c^2 - sigma_c'^2|/2).
    """

    centroid: Float[Array, "class class"]
    norm: Float[Array, "class class"]


def log_odds(mixture: Mixture, dim: int, diffusion_time: ArrayLike) -> LogOdds:
    """Mean and variance of the log-odds between every two classes at one diffusion time.

    Args:
        mixture: isotropic classes.
        dim: d.
        diffusion_time: t > 0.

    Returns:
        LogOdds.  Two classes are told apart where the divergence is large against one.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> stats = log_odds(two_classes(stds=(1.0, 1.0), distance=1.0), 100, 1.0)
        >>> float(stats.divergence[0, 1].round(3))
        6.767
    """
    check_mixture(mixture, dim)
    variances, weights = mixture.variances, mixture.class_weights
    noisy = noisy_variance(variances, diffusion_time)
    e = signal(diffusion_time)
    # r - 1 without cancellation: the variances differ by e^2 (sigma_c^2 - sigma_c'^2) only
    excess = e**2 * (variances[:, None] - variances[None, :]) / noisy[None, :]
    distances = e**2 * squared_distances(mixture, dim)
    divergence = 0.5 * dim * _x_minus_log1p(excess) + distances / (2.0 * noisy[None, :])
    mean = divergence + jnp.log(weights)[:, None] - jnp.log(weights)[None, :]
    variance = 0.5 * dim * excess**2 + distances * noisy[:, None] / noisy[None, :] ** 2
    return LogOdds(mean, variance, divergence)


def channel_times(mixture: Mixture, dim: int) -> ChannelTimes:
    """When centroids and norms alone would part every two classes, to leading order in d.

    The channel of larger t acts first in backward time: the centroids where they are extensive,
    the norm where |mu| stays of order one.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> times = channel_times(two_classes(stds=(1.5, 0.5), distance=0.0), 10_000)
        >>> float(times.norm[0, 1].round(3)), float(times.centroid[0, 1])
        (2.303, -inf)
    """
    check_mixture(mixture, dim)
    variances = mixture.variances
    gaps = jnp.abs(variances[:, None] - variances[None, :])
    centroid = 0.5 * _log(squared_distances(mixture, dim))
    return ChannelTimes(centroid, 0.25 * jnp.log(float(dim)) + 0.5 * _log(0.5 * gaps))


def _log(value: Array) -> Array:
    return jnp.where(value > 0, jnp.log(jnp.where(value > 0, value, 1.0)), -jnp.inf)


def _x_minus_log1p(x: Array) -> Array:
    """x - log(1 + x), by its series where the difference would cancel."""
    small = jnp.abs(x) < 1e-3
    series = x**2 * (0.5 - x * (1 / 3 - x * (0.25 - x * (0.2 - x / 6))))
    return jnp.where(small, series, x - jnp.log1p(jnp.where(small, 0.0, x)))
