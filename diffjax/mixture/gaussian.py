"""Any number of Gaussian classes in any geometry."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from diffjax.errors import InputError
from diffjax.mixture.geometry import mean_variance
from diffjax.spec import Spec
from diffjax.typing import Array, Float
from diffjax.validation import (
    check_finite,
    check_positive_semidefinite,
    check_vector,
    concrete,
    normalised,
    numbers,
)


class GaussianMixture(Spec):
    """A mixture of K Gaussian classes with any centroid geometry.

    Args:
        stds: (K,) standard deviation of each class per dimension, positive.  Leave out when
            `class_covariances` is given.
        weights: (K,) class weights, positive, summing to one.
        centroid_gram: (K, K) Gram matrix of the centroids per dimension, mu_c . mu_c' / d;
            symmetric, positive semi-definite.  Default: all centroids at the origin.
        class_covariances: anisotropic classes, either (K, d) variances in one common basis or
            (K, d, d) full matrices.

    Raises:
        InputError: shapes that disagree, non-positive stds or weights, weights that do not sum to
            one, a Gram or covariance matrix that is not positive semi-definite, nan or inf.

    Example:
        >>> mixture = GaussianMixture([1.5, 1.0], [0.2, 0.8], np.eye(2))
        >>> mixture.num_classes
        2
    """

    stds: Float[Array, " class"] | None = eqx.field(converter=numbers("stds"), default=None)
    weights: Float[Array, " class"] = eqx.field(converter=numbers("weights"), default=(0.5, 0.5))
    centroid_gram: Float[Array, "class class"] | None = eqx.field(
        converter=numbers("centroid_gram"), default=None
    )
    class_covariances: Float[Array, "class dim"] | Float[Array, "class dim dim"] | None = eqx.field(
        converter=numbers("class_covariances"), default=None
    )

    def __check_init__(self):
        if concrete(self):
            _check_mixture(self)

    @property
    def num_classes(self) -> int:
        """K."""
        return self.weights.shape[0]

    @property
    def variances(self) -> Float[Array, " class"]:
        """(K,) mean variance per dimension of each class, tr Sigma_c / d."""
        return jax.vmap(mean_variance)(self.covariances)

    @property
    def covariances(self) -> Array:
        """Sigma_c: (K,) scalars, (K, d) variances in a common basis, or (K, d, d) matrices."""
        if self.class_covariances is not None:
            return jnp.asarray(self.class_covariances)
        return jnp.asarray(self.stds) ** 2

    @property
    def gram(self) -> Float[Array, "class class"]:
        """(K, K) Gram matrix of the centroids per dimension; zero if none was given."""
        if self.centroid_gram is None:
            return jnp.zeros((self.num_classes, self.num_classes))
        return jnp.asarray(self.centroid_gram)

    @property
    def class_weights(self) -> Float[Array, " class"]:
        """(K,) weights rho_c."""
        return self.weights


def _check_mixture(mixture: GaussianMixture) -> None:
    if (mixture.stds is None) == (mixture.class_covariances is None):
        given = "both" if mixture.stds is not None else "neither"
        raise InputError(
            f"{given} of stds and class_covariances given",
            "exactly one of them describes the spread of the classes",
            "pass stds for isotropic classes, class_covariances for anisotropic ones",
        )
    num_classes = check_vector("weights", mixture.weights, positive=True)
    _check_weights(np.asarray(mixture.weights))
    if mixture.stds is not None:
        check_vector("stds", mixture.stds, positive=True, length=num_classes)
    else:
        _check_covariances(np.asarray(mixture.class_covariances), num_classes)
    if mixture.centroid_gram is not None:
        gram = np.asarray(mixture.centroid_gram)
        if gram.shape != (num_classes, num_classes):
            raise InputError(
                f"centroid_gram has shape {gram.shape}",
                f"{num_classes} weights need shape {(num_classes, num_classes)}",
                "give mu_c . mu_c' / d for every pair of classes",
            )
        check_positive_semidefinite("centroid_gram", gram)


def _check_weights(weights: np.ndarray) -> None:
    if abs(weights.sum() - 1.0) > 1e-6:
        raise InputError(
            f"weights={weights.tolist()} sum to {weights.sum():.6g}",
            "class weights sum to 1",
            normalised("weights", weights),
        )


def _check_covariances(covariances: np.ndarray, num_classes: int) -> None:
    shape = covariances.shape
    square = covariances.ndim == 3 and shape[1] == shape[2]
    if shape[:1] != (num_classes,) or not (covariances.ndim == 2 or square):
        raise InputError(
            f"class_covariances has shape {shape}",
            f"({num_classes}, d) variances or ({num_classes}, d, d) matrices",
            "give one covariance per class",
        )
    check_finite("class_covariances", covariances)
    for label, covariance in enumerate(covariances):
        name = f"class_covariances[{label}]"
        matrix = covariance if square else np.diag(covariance)
        check_positive_semidefinite(name, matrix)
        if np.trace(matrix) <= 0:
            raise InputError(
                f"{name} has trace {np.trace(matrix):.3g}",
                "every class has a positive variance",
                "give at least one positive variance",
            )
