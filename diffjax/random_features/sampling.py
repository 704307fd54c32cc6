"""Which sample belongs to which class, and the samples themselves, from one seed."""

import jax
import jax.numpy as jnp

from diffjax.mixture import Mixture, centroid_coordinates
from diffjax.numerics.random_streams import normal_rows, stream
from diffjax.typing import Array, Float, Int
from diffjax.validation import namespace


def class_counts(weights: Float[Array, " class"], num_samples: int) -> Int[Array, " class"]:
    """Whole numbers of samples per class that sum to `num_samples` (largest remainders).

    Example:
        >>> class_counts(jnp.array([0.1, 0.9]), 256).tolist()
        [26, 230]
    """
    xp = namespace(weights)
    # rounding first lets weights like 1/(1+9) fall on the same side on every machine
    exact = xp.round(xp.asarray(weights) * num_samples, 6)
    whole = xp.floor(exact)
    missing = num_samples - xp.sum(whole).astype(int)
    rank = xp.argsort(xp.argsort(whole - exact, stable=True), stable=True)
    return whole.astype(int) + (rank < missing)


def centroid_frame(seed: Int[Array, ""] | int, num_classes: int, dim: int) -> Array:
    """(K, d) random orthonormal rows in which centroids have their coordinates."""
    rows = normal_rows(stream(seed, "centroids"), num_classes, dim)
    # Gram-Schmidt by hand: a library QR of so few vectors costs more to compile than to run
    for _ in range(2):
        for k in range(num_classes):
            row = rows[k] - rows[:k].T @ (rows[:k] @ rows[k])
            rows = rows.at[k].set(row / jnp.linalg.norm(row))
    return rows


def class_centroid(
    coordinates: Float[Array, " class"], seed: Int[Array, ""] | int, dim: int
) -> Float[Array, " dim"]:
    """mu_c from its coordinates per sqrt(d) (a row of `centroid_coordinates`)."""
    return jnp.sqrt(dim) * coordinates @ centroid_frame(seed, coordinates.shape[0], dim)


def class_samples(
    seed: Int[Array, ""] | int,
    label: Int[Array, ""] | int,
    num_samples: int,
    centroid: Float[Array, " dim"],
    covariance: Array,
) -> Float[Array, "sample dim"]:
    """x = mu_c + Sigma_c^(1/2) z; draw nu of class c depends on the seed, c and nu only."""
    key = jax.random.fold_in(stream(seed, "samples"), label)
    draws = normal_rows(key, num_samples, centroid.shape[0])
    return centroid[None, :] + apply_root(covariance, draws)


def apply_root(covariance: Array, draws: Float[Array, "sample dim"]) -> Array:
    """Sigma^(1/2) z for every row z, with the symmetric square root."""
    if covariance.ndim < 2:
        return jnp.broadcast_to(jnp.sqrt(covariance), draws.shape) * draws
    values, vectors = jnp.linalg.eigh(covariance)
    root = (vectors * jnp.sqrt(jnp.maximum(values, 0.0))[None, :]) @ vectors.T
    return draws @ root


def draw_samples(
    mixture: Mixture, seed: Int[Array, ""] | int, num_samples: int, dim: int
) -> tuple[Float[Array, "sample dim"], Int[Array, " sample"]]:
    """Samples and labels of a mixture, class by class, as the random-feature problems use them.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> samples, labels = draw_samples(two_classes(imbalance_ratio=1/9), 0, 100, 16)
        >>> samples.shape, int((labels == 0).sum())
        ((100, 16), 10)
    """
    counts = class_counts(mixture.class_weights, num_samples)
    ends = jnp.cumsum(counts)
    positions = jnp.arange(num_samples)
    labels = jnp.searchsorted(ends, positions, side="right")
    within = positions - (ends - counts)[labels]
    coordinates, covariances = centroid_coordinates(mixture.gram), mixture.covariances
    every = jnp.stack(
        [
            class_samples(
                seed, c, num_samples, class_centroid(coordinates[c], seed, dim), covariances[c]
            )
            for c in range(mixture.num_classes)
        ]
    )
    return every[labels, within], labels
