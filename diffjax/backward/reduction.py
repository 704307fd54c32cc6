"""A mixture of isotropic classes in the few coordinates that its score depends on."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from diffjax.diffusion import noisy_variance, signal_scale
from diffjax.errors import InputError, PrecisionError
from diffjax.mixture import GaussianMixture, Mixture, TwoClasses, centroid_coordinates
from diffjax.typing import Array, ArrayLike, Float
from diffjax.validation import check_count, check_finite, concrete, float_leaf


class ReducedMixture(NamedTuple):
    """Weights, variances and centroids in coordinates of the centroids' span.

    Attributes:
        weights: (K,) rho_c.
        variances: (K,) sigma_c^2.
        centroids: (K, r) coordinates of mu_c (not per sqrt(d)).
        rest: number of further coordinates, d minus those in use.
        dim: d.
    """

    weights: Float[Array, " class"]
    variances: Float[Array, " class"]
    centroids: Float[Array, "class span"]
    rest: Float[Array, ""]
    dim: Float[Array, ""]

    @property
    def log_weights(self) -> Float[Array, " class"]:
        """(K,) log rho_c."""
        return jnp.log(self.weights)

    def noisy(self, diffusion_time: ArrayLike) -> Float[Array, " class"]:
        """(K,) Gamma_c."""
        return noisy_variance(self.variances, diffusion_time)


def seen_from_origin(mixture: Mixture, dim: ArrayLike) -> ReducedMixture:
    """The mixture in coordinates that span origin and centroids, r = K.

    `rest` is d minus the rank of the centroids: coordinates beyond the rank stay zero.
    """
    dim = jnp.asarray(dim, float)
    centroids = jnp.sqrt(dim) * centroid_coordinates(mixture.gram)
    rank = jnp.sum(jnp.diagonal(centroids) > 0)
    return ReducedMixture(
        mixture.class_weights,
        mixture.variances,
        centroids,
        dim - rank.astype(centroids.dtype),
        dim,
    )


def seen_from_first(mixture: Mixture, dim: int) -> ReducedMixture:
    """The mixture in coordinates that span the differences of the centroids, r = K - 1.

    Posteriors do not depend on where the origin is.  All r coordinates count as Gaussian, whatever
    the rank, so `rest` is d - r exactly.
    """
    gram, last = mixture.gram, mixture.num_classes - 1
    moved = gram[1:, 1:] - gram[1:, :1] - gram[:1, 1:] + gram[0, 0]
    centroids = jnp.sqrt(float(dim)) * centroid_coordinates(moved)
    centroids = jnp.concatenate([jnp.zeros((1, last)), centroids])
    rest = jnp.asarray(float(dim - last))
    return ReducedMixture(
        mixture.class_weights, mixture.variances, centroids, rest, jnp.asarray(float(dim))
    )


def squared_distances(mixture: Mixture, dim: ArrayLike) -> Float[Array, "class class"]:
    """(K, K) |mu_c - mu_c'|^2."""
    gram = mixture.gram
    norms = jnp.diagonal(gram)
    return jnp.asarray(dim, float) * jnp.maximum(norms[:, None] + norms[None, :] - 2.0 * gram, 0.0)


def noise_horizon(mixture: Mixture, dim: ArrayLike) -> Float[Array, ""]:
    """A diffusion time at which every trace of the classes is below e^(-12).

    6 more than the largest of (1/2) log D^2 and (1/4) log(d (sigma_c^2 - sigma_c'^2)^2 / 4), the
    times of the centroid and of the norm channel.
    """
    dim, variances = jnp.asarray(dim, float), mixture.variances
    spread = jnp.max(variances) - jnp.min(variances)
    norms = jnp.max(jnp.abs(jnp.diagonal(mixture.gram))) * dim
    scale = 1.0 + jnp.max(squared_distances(mixture, dim)) + 0.5 * jnp.sqrt(dim) * spread + norms
    return 0.5 * jnp.log(scale) + 6.0


def signal(diffusion_time: ArrayLike) -> Float[Array, "..."]:
    """e^(-t)."""
    return signal_scale(diffusion_time)


def check_mixture(mixture: Mixture, dim: int) -> None:
    """Raise unless the mixture has at least two isotropic classes that fit into `dim` dimensions.

    Raises:
        InputError: another type, one class, anisotropic classes, or too small a `dim`.
    """
    if not isinstance(mixture, GaussianMixture | TwoClasses):
        raise InputError(
            f"mixture is a {type(mixture).__name__}",
            "a GaussianMixture or the result of two_classes",
            "build one of these",
        )
    check_count("dim", dim)
    if mixture.num_classes < 2:
        raise InputError(
            "a mixture of one class",
            "speciation tells two or more classes apart",
            "add a class, or study the collapse onto samples with collapse_times",
        )
    if isinstance(mixture, GaussianMixture) and mixture.class_covariances is not None:
        raise InputError(
            "class_covariances are given",
            "the reduction to a few coordinates needs isotropic classes",
            "give one std per class",
        )
    if dim <= mixture.num_classes:
        raise InputError(
            f"dim={dim} with {mixture.num_classes} classes",
            "dim is larger than the number of classes",
            "raise dim",
        )


def check_times(diffusion_times: ArrayLike) -> Float[Array, " diffusion_time"]:
    """The times as a vector, refused unless positive and finite."""
    if concrete(diffusion_times) or not hasattr(diffusion_times, "dtype"):
        times = np.atleast_1d(np.asarray(float_leaf(diffusion_times, "diffusion_times")))
        check_finite("diffusion_times", times)
        if times.ndim != 1 or times.size == 0 or (times <= 0).any():
            shown = (
                f"shape {times.shape}" if times.ndim != 1 else f"smallest {times.min(initial=0):g}"
            )
            raise InputError(
                f"diffusion_times with {shown}",
                "a vector of positive diffusion times",
                "noise has variance 1 - e^(-2t): use t > 0",
            )
    return jnp.atleast_1d(jnp.asarray(diffusion_times))


def check_precision(what: str) -> None:
    """Raise PrecisionError in 32-bit mode: log-odds are small differences of terms of order d."""
    import jax

    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise PrecisionError(
            f"{what} was called while JAX is in 32-bit mode",
            "log-odds are small differences of terms of order d and need 64-bit numbers",
            'run  jax.config.update("jax_enable_x64", True)  before the first JAX computation',
        )
