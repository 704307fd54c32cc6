"""Gaussian mixtures of K classes in d dimensions: x = mu_c + Sigma_c^(1/2) z, z ~ N(0, 1_d).

Normalisation: centroids are extensive, mu_c . mu_c' = d M_cc' with M = `centroid_gram` of order
one; `stds` are per dimension; `weights` rho_c sum to one.  A centroid of Euclidean length L has
M_cc = L^2/d.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from diffjax.errors import InputError
from diffjax.typing import Array, ArrayLike, Float
from diffjax.validation import check_finite, check_vector, concrete, float_leaf


class GaussianMixture(eqx.Module):
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

    stds: Float[Array, " class"] | None = eqx.field(converter=float_leaf, default=None)
    weights: Float[Array, " class"] = eqx.field(converter=float_leaf, default=(0.5, 0.5))
    centroid_gram: Float[Array, "class class"] | None = eqx.field(
        converter=float_leaf, default=None
    )
    class_covariances: Float[Array, "class dim"] | Float[Array, "class dim dim"] | None = eqx.field(
        converter=float_leaf, default=None
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
        return jnp.asarray(self.weights)


class TwoClasses(eqx.Module):
    """Two isotropic classes described by the quantities one sweeps; built by `two_classes`."""

    stds: Float[Array, "2"] = eqx.field(converter=float_leaf)
    distance: Float[Array, ""] = eqx.field(converter=float_leaf)
    imbalance_ratio: Float[Array, ""] = eqx.field(converter=float_leaf)
    cosine: Float[Array, ""] = eqx.field(converter=float_leaf)
    norm_ratio: Float[Array, ""] = eqx.field(converter=float_leaf)

    def __check_init__(self):
        if concrete(self):
            _check_two_classes(self)

    @property
    def num_classes(self) -> int:
        """Always 2."""
        return 2

    @property
    def weights(self) -> Float[Array, "2"]:
        """(2,) class weights; weight_0/weight_1 = imbalance_ratio."""
        share = jnp.asarray(self.imbalance_ratio) / (1.0 + jnp.asarray(self.imbalance_ratio))
        return jnp.stack([share, 1.0 - share])

    @property
    def class_weights(self) -> Float[Array, "2"]:
        """(2,) weights rho_c."""
        return self.weights

    @property
    def variances(self) -> Float[Array, "2"]:
        """(2,) variance per dimension of each class."""
        return jnp.asarray(self.stds) ** 2

    @property
    def covariances(self) -> Float[Array, "2"]:
        """The variances: both classes are isotropic."""
        return self.variances

    @property
    def gram(self) -> Float[Array, "2 2"]:
        """(2, 2) Gram matrix of the centroids per dimension."""
        r, cosine = jnp.asarray(self.norm_ratio), jnp.asarray(self.cosine)
        squared = 1.0 + r**2 - 2.0 * r * cosine
        first = jnp.where(
            jnp.asarray(self.distance) > 0,
            jnp.asarray(self.distance) ** 2 / jnp.where(squared > 0, squared, 1.0),
            0.0,
        )
        cross = first * r * cosine
        return jnp.stack([jnp.stack([first, cross]), jnp.stack([cross, first * r**2])])

    @property
    def centroid_gram(self) -> Float[Array, "2 2"]:
        """(2, 2) Gram matrix mu_c . mu_c' / d."""
        return self.gram

    def general(self) -> GaussianMixture:
        """The same mixture as a `GaussianMixture`."""
        return GaussianMixture(self.stds, self.weights, self.gram)


Mixture = GaussianMixture | TwoClasses


def two_classes(
    stds: ArrayLike = (1.0, 0.5),
    distance: ArrayLike = 1.0,
    imbalance_ratio: ArrayLike = 1.0,
    cosine: ArrayLike = -1.0,
    norm_ratio: ArrayLike = 1.0,
) -> TwoClasses:
    """Two classes whose parameters can be swept by name.

    Args:
        stds: (2,) standard deviation of each class per dimension.
        distance: |mu_0 - mu_1|/sqrt(d), at least 0.
        imbalance_ratio: weight_0/weight_1, positive; 0.25 means one sample of class 0 to four of
            class 1.
        cosine: of the angle between the centroids seen from the origin, in [-1, 1]; -1 puts the
            origin between them, 0 makes them orthogonal.
        norm_ratio: |mu_1|/|mu_0|, positive.

    Returns:
        TwoClasses.  Without feature biases and with an odd activation the learning dynamics do
        not change under mu_1 -> -mu_1, so cosine=-1 and cosine=1 differ through the norms only.

    Raises:
        InputError: values out of range, or cosine=1 with norm_ratio=1 (coinciding centroids) and
            a positive distance.

    Example:
        >>> two_classes(stds=(1.2, 1.0), distance=32**0.5, cosine=0.0).gram.round(6).tolist()
        [[16.0, 0.0], [0.0, 16.0]]
    """
    return TwoClasses(stds, distance, imbalance_ratio, cosine, norm_ratio)


def mean_variance(covariance: Array) -> Float[Array, ""]:
    """tr Sigma / d of one class, from a scalar variance, d variances or a d x d matrix."""
    return jnp.mean(jnp.diagonal(covariance)) if covariance.ndim == 2 else jnp.mean(covariance)


def principal_variances(covariance: Array) -> Array:
    """Eigenvalues of Sigma: () if isotropic, else (d,)."""
    return jnp.linalg.eigvalsh(covariance) if covariance.ndim == 2 else covariance


def centroid_coordinates(gram: Float[Array, "class class"]) -> Float[Array, "class class"]:
    """Rows L_c with L_c . L_c' = M_cc': the centroids per sqrt(d) in an orthonormal frame.

    A Cholesky factor that accepts semi-definite matrices.  Row c depends on the classes up to c
    only, so that a class keeps its coordinates bit by bit while a later one moves.
    """
    num_classes = gram.shape[0]
    floor = 1e-14 * jnp.maximum(jnp.trace(gram), 1e-300)
    rows = jnp.zeros_like(gram)
    for j in range(num_classes):
        rest = gram[j, j] - jnp.sum(rows[j, :j] ** 2)
        positive = rest > floor
        pivot = jnp.where(positive, jnp.sqrt(jnp.where(positive, rest, 1.0)), 0.0)
        inverse = jnp.where(positive, 1.0 / jnp.where(positive, pivot, 1.0), 0.0)
        rows = rows.at[j, j].set(pivot)
        for i in range(j + 1, num_classes):
            rows = rows.at[i, j].set((gram[i, j] - jnp.sum(rows[i, :j] * rows[j, :j])) * inverse)
    return rows


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
            f"divide them by {weights.sum():.6g}",
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


def check_positive_semidefinite(name: str, matrix: np.ndarray) -> None:
    """Raise InputError unless `matrix` is finite, symmetric and positive semi-definite."""
    check_finite(name, matrix)
    scale = max(float(np.abs(matrix).max()), 1e-300)
    if np.abs(matrix - matrix.T).max() > 1e-8 * scale:
        raise InputError(
            f"{name} is not symmetric (largest difference {np.abs(matrix - matrix.T).max():.3g})",
            "it equals its transpose",
            f"pass ({name} + {name}.T)/2 if the difference is rounding",
        )
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if lowest < -1e-8 * scale:
        raise InputError(
            f"{name} has the negative eigenvalue {lowest:.6g}",
            "it is positive semi-definite",
            "no vectors have these scalar products: check the entries off the diagonal",
        )


def _check_two_classes(mixture: TwoClasses) -> None:
    check_vector("stds", mixture.stds, positive=True, length=2)
    for name in ("distance", "imbalance_ratio", "cosine", "norm_ratio"):
        value: Any = getattr(mixture, name)
        if np.shape(value) != ():
            raise InputError(
                f"{name} has shape {np.shape(value)}", "it is one number", "sweep over its values"
            )
        check_finite(name, value)
    _check_range("distance", mixture.distance, "at least 0", mixture.distance >= 0)
    _check_range("imbalance_ratio", mixture.imbalance_ratio, "> 0", mixture.imbalance_ratio > 0)
    _check_range("norm_ratio", mixture.norm_ratio, "> 0", mixture.norm_ratio > 0)
    _check_range("cosine", mixture.cosine, "in [-1, 1]", abs(mixture.cosine) <= 1)
    cosine, ratio, distance = (
        float(v) for v in (mixture.cosine, mixture.norm_ratio, mixture.distance)
    )
    if distance > 0 and 1 + ratio**2 - 2 * ratio * cosine < 1e-12:
        raise InputError(
            f"cosine={cosine:g} with norm_ratio={ratio:g} and distance={distance:g}",
            "centroids of the same direction and length coincide, so their distance is 0",
            "set distance=0, or change cosine or norm_ratio",
        )


def _check_range(name: str, value: Any, allowed: str, holds: Any) -> None:
    if not holds:
        meaning = {
            "imbalance_ratio": "weight_0/weight_1",
            "distance": "|mu_0 - mu_1|/sqrt(d)",
            "norm_ratio": "|mu_1|/|mu_0|",
            "cosine": "the cosine of the angle between the centroids",
        }[name]
        raise InputError(f"{name}={float(value):g}", f"{name} is {allowed}", f"it is {meaning}")
