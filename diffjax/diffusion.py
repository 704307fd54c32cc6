"""The forward Ornstein-Uhlenbeck process x_t = e^-t x + sqrt(Delta_t) xi, Delta_t = 1 - e^-2t."""

import jax
import jax.numpy as jnp

from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, Mixture, TwoClasses, principal_variances
from diffjax.typing import Array, ArrayLike, Float
from diffjax.validation import check_scalar, concrete, float_leaf


def signal_scale(diffusion_time: ArrayLike) -> Float[Array, "..."]:
    """e^(-t): what is left of a data point after diffusion time t."""
    return jnp.exp(-jnp.asarray(diffusion_time))


def noise_variance(diffusion_time: ArrayLike) -> Float[Array, "..."]:
    """Delta_t = 1 - e^(-2t): variance of the noise, accurate for small t.

    Example:
        >>> float(noise_variance(1e-12)) < 2.0000001e-12
        True
    """
    return -jnp.expm1(-2.0 * jnp.asarray(diffusion_time))


def noisy_variance(variance: ArrayLike, diffusion_time: ArrayLike) -> Float[Array, "..."]:
    """Gamma = e^(-2t) sigma^2 + Delta_t: variance per dimension of a diffused class."""
    decay = jnp.exp(-2.0 * jnp.asarray(diffusion_time))
    return decay * jnp.asarray(variance) + noise_variance(diffusion_time)


def bayes_floor(mixture: Mixture, diffusion_time: ArrayLike) -> Float[Array, " class"]:
    """Smallest denoising loss per dimension of each class, its own score being known.

    B_c = 1 - (1/d) tr[Delta_t (e^(-2t) Sigma_c + Delta_t)^(-1)], which is 1 - Delta_t/Gamma_c for
    an isotropic class.  Where classes overlap, the mixture's score is less and the floor is above
    B_c by an amount that vanishes with d.

    Args:
        mixture: the data.
        diffusion_time: t > 0.

    Returns:
        (K,) floors in [0, 1).

    Raises:
        InputError: another kind of mixture, or t that is no positive number.

    Example:
        >>> from diffjax.mixture import GaussianMixture
        >>> np.asarray(bayes_floor(GaussianMixture([1.0, 2.0]), 0.1)).round(3).tolist()
        [0.819, 0.948]
    """
    if not isinstance(mixture, GaussianMixture | TwoClasses):
        raise InputError(
            f"mixture is a {type(mixture).__name__}",
            "a GaussianMixture or the result of two_classes",
            "build one of these",
        )
    time = float_leaf(diffusion_time, "diffusion_time")
    if concrete(time):
        check_scalar("diffusion_time", time, "> 0", low=0.0, strict=True)
    return jax.lax.map(lambda sigma: class_bayes_floor(sigma, diffusion_time), mixture.covariances)


def class_bayes_floor(covariance: Array, diffusion_time: ArrayLike) -> Float[Array, ""]:
    """B_c of one class from its variance, its d variances or its covariance matrix."""
    noisy = noisy_variance(principal_variances(covariance), diffusion_time)
    return 1.0 - noise_variance(diffusion_time) * jnp.mean(1.0 / noisy)
