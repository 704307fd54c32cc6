"""What generated samples look like, class by class: shares, copies of training samples, moments.

A sample belongs to the class of largest exact posterior.  With d_1 <= d_2 its distances to the
nearest and the second-nearest of all training samples it is a copy

    by ratio       if d_1 < d_2/3,
    by distance    if d_1 < sqrt(2 d) sigma_c/3, a third of the distance of two class members.

Where samples are sparse d_2 is larger: the ratio alone must not rank classes of different n_c.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.mixture.score import IsotropicScore
from diffjax.numerics.crossing import first_crossing
from diffjax.typing import Array, Bool, Float

CRITERIA = ("ratio", "distance")
COPY_FRACTION = 1.0 / 3.0
"""Share of the reference distance below which a sample counts as a copy, for both criteria."""


class SampleSummary(NamedTuple):
    """Per-class description of a set of samples; a class without samples has infinite moments.

    Attributes:
        class_share: (K,) share of the samples in each class.
        memorized_fraction: (2, K) share of the class's samples that are copies, per criterion; 0
            for a class without samples.
        mean_error: (K,) |mean - mu_c|/(sigma_c sqrt(d)).
        variance: (K,) mean |x - mean|^2/(d sigma_c^2), 1 for the mixture itself.
    """

    class_share: Float[Array, " class"]
    memorized_fraction: Float[Array, "criterion class"]
    mean_error: Float[Array, " class"]
    variance: Float[Array, " class"]


class CopyTimes(NamedTuple):
    """Times read off the running maximum of the memorised fraction; inf where not reached.

    Attributes:
        plateau: largest memorised fraction.
        half_copied_time: first time at which one half of the samples are copies.
        half_plateau_time: first time at which the fraction reaches half of its plateau.
    """

    plateau: Float[Array, "..."]
    half_copied_time: Float[Array, "..."]
    half_plateau_time: Float[Array, "..."]


def summarize(
    samples: Float[Array, "sample dim"],
    law: IsotropicScore,
    training_samples: Float[Array, "training_sample dim"],
) -> SampleSummary:
    """Shares, copies and moments of generated samples in every class.

    Args:
        samples: (n, d) generated.
        law: the mixture that training samples were drawn from.
        training_samples: at least two.

    Example:
        >>> law = IsotropicScore(jnp.ones(1), jnp.ones(1), jnp.zeros((1, 2)))
        >>> points = jnp.array([[0.0, 0.0], [3.0, 0.0]])
        >>> summarize(points + 0.1, law, points).memorized_fraction.tolist()
        [[1.0], [1.0]]
    """
    num_classes, dim = law.centroids.shape
    labels = jnp.argmax(law.posterior(samples, 0.0), axis=1)
    members = jax.nn.one_hot(labels, num_classes, axis=0, dtype=samples.dtype)
    count = members.sum(axis=1)
    stds = jnp.sqrt(law.variances)
    copies = copied(samples, training_samples, stds[labels]).astype(samples.dtype)
    divisor = jnp.maximum(count, 1.0)
    weights = members / divisor[:, None]
    means = weights @ samples
    offsets = ((samples[None] - means[:, None]) ** 2).sum(axis=2)
    mean_error = jnp.linalg.norm(means - law.centroids, axis=1) / (stds * jnp.sqrt(dim))
    variance = (weights * offsets).sum(axis=1) / (dim * law.variances)
    occupied = count > 0
    return SampleSummary(
        count / samples.shape[0],
        copies @ members.T / divisor[None],
        jnp.where(occupied, mean_error, jnp.inf),
        jnp.where(occupied, variance, jnp.inf),
    )


def copied(
    samples: Float[Array, "sample dim"],
    training_samples: Float[Array, "training_sample dim"],
    stds: Float[Array, " sample"],
) -> Bool[Array, "criterion sample"]:
    """Whether each sample is a copy, by ratio and by distance.

    Args:
        samples: (n, d).
        training_samples: at least two.
        stds: (n,) sigma_c of the class of each sample.
    """
    squares = (samples**2).sum(axis=1, keepdims=True) + (training_samples**2).sum(axis=1)[None]
    distances = squares - 2.0 * samples @ training_samples.T
    closest = -jax.lax.top_k(-distances, 2)[0]
    nearest, second = jnp.maximum(closest[:, 0], 0.0), jnp.maximum(closest[:, 1], 0.0)
    apart = 2.0 * samples.shape[1] * stds**2
    return jnp.stack([nearest < COPY_FRACTION**2 * second, nearest < COPY_FRACTION**2 * apart])


def copy_times(
    training_times: Float[Array, " training_time"],
    memorized_fraction: Float[Array, "... training_time"],
) -> CopyTimes:
    """When samples become copies, linear in the logarithm of the training time.

    A fraction that falls again keeps its running maximum.

    Example:
        >>> times = jnp.array([1.0, 10.0, 100.0])
        >>> found = copy_times(times, jnp.array([0.0, 0.0, 0.8]))
        >>> [round(float(x), 2) for x in found]
        [0.8, 42.17, 31.62]
    """
    highest = jax.lax.cummax(memorized_fraction, axis=memorized_fraction.ndim - 1)
    plateau = highest[..., -1]
    half_copied = first_crossing(training_times, highest, 0.5).time
    half_plateau = first_crossing(training_times, highest - 0.5 * plateau[..., None]).time
    return CopyTimes(plateau, half_copied, jnp.where(plateau > 0, half_plateau, jnp.inf))
