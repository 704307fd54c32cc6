"""Which sample belongs to which class, and the samples themselves, from one seed."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.mixture import Mixture, centroid_coordinates
from diffjax.numerics.random_streams import Rows, draw_rows, normal_rows, stream
from diffjax.typing import Array, Float, Int, Key
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
    rest, place = exact - whole, xp.arange(len(whole))
    ahead = (rest[:, None] == rest[None, :]) & (place[:, None] > place[None, :])
    rank = xp.sum((rest[:, None] < rest[None, :]) | ahead, axis=1)
    return whole.astype(int) + (rank < missing)


@jax.jit
def orthonormal(rows: Float[Array, "class dim"]) -> Float[Array, "class dim"]:
    """Gram-Schmidt, twice: a library QR of so few vectors costs more to compile than to run."""
    count = rows.shape[0]

    def project(step: Array, rows: Array) -> Array:
        k = step % count
        row = rows[k]
        earlier = jnp.where(jnp.arange(count) < k, rows @ row, 0.0)
        row = row - earlier @ rows
        return rows.at[k].set(row / jnp.sqrt(jnp.sum(row**2)))

    return jax.lax.fori_loop(0, 2 * count, project, rows)


def centroid_frame(seed: Int[Array, ""] | int, num_classes: int, dim: int) -> Array:
    """(K, d) random orthonormal rows in which centroids have their coordinates."""
    return orthonormal(normal_rows(stream(seed, "centroids"), num_classes, dim))


def centroid_in(
    frame: Float[Array, "class dim"], coordinates: Float[Array, " class"]
) -> Float[Array, " dim"]:
    """mu_c from its coordinates per sqrt(d) (a row of `centroid_coordinates`) in a frame."""
    return jnp.sqrt(frame.shape[1]) * coordinates @ frame


def class_centroid(
    coordinates: Float[Array, " class"], seed: Int[Array, ""] | int, dim: int
) -> Float[Array, " dim"]:
    """mu_c in the frame of a seed."""
    return centroid_in(centroid_frame(seed, coordinates.shape[0], dim), coordinates)


class Order(NamedTuple):
    """Samples of all classes, class by class.

    Attributes:
        labels: (n,) class of every sample.
        within: (n,) its number within the class.
    """

    labels: Int[Array, " sample"]
    within: Int[Array, " sample"]


def class_order(counts: Int[Array, " class"], num_samples: int) -> Order:
    """The labels and numbers of `num_samples` samples, of which `counts` are in each class."""
    ends = jnp.cumsum(counts)
    positions = jnp.arange(num_samples)
    labels = jnp.sum(ends[:, None] <= positions[None, :], axis=0)
    return Order(labels, positions - (ends - counts)[labels])


def class_keys(key: Key[Array, ""], num_classes: int) -> Key[Array, " class"]:
    """The stream of every class, from that of all samples."""
    return jax.vmap(functools.partial(jax.random.fold_in, key))(np.arange(num_classes))


def class_samples(
    seed: Int[Array, ""] | int,
    label: Int[Array, ""] | int,
    num_samples: int,
    centroid: Float[Array, " dim"],
    covariance: Array,
) -> Float[Array, "sample dim"]:
    """x = mu_c + Sigma_c^(1/2) z; draw nu of class c depends on the seed, c and nu only."""
    key = jax.random.fold_in(stream(seed, "samples"), label)
    return samples_from(normal_rows(key, num_samples, len(centroid)), centroid, covariance)


def samples_from(
    draws: Float[Array, "sample dim"], centroid: Float[Array, " dim"], covariance: Array
) -> Float[Array, "sample dim"]:
    """x = mu + Sigma^(1/2) z of given z."""
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
    labels, within = class_order(class_counts(mixture.class_weights, num_samples), num_samples)
    keys = class_keys(stream(seed, "samples"), mixture.num_classes)
    draws = draw_rows(Rows(keys[labels], within, dim))[0]
    frame = centroid_frame(seed, mixture.num_classes, dim)
    coordinates = jnp.asarray(centroid_coordinates(mixture.gram))
    every = [
        samples_from(draws, centroid_in(frame, row), covariance)
        for row, covariance in zip(coordinates, mixture.covariances, strict=True)
    ]
    return jnp.stack(every)[labels, jnp.arange(num_samples)], labels
