"""Means and covariances of labelled data, in the units of the theory."""

import dataclasses
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.labelled_data import check_counts, read_labels, warn_of_similar_names
from diffjax.typing import ArrayLike, Float
from diffjax.validation import check_finite, check_vector, float_leaf


@dataclasses.dataclass(frozen=True)
class ClassStatistics:
    """What the theory needs to know of labelled data.

    Attributes:
        class_labels: (K,) names of the classes, in the order of the sorted labels.
        weights: (K,) shares of the classes among the labels.
        centre: (d,) mean of the class means, which was subtracted.
        scale: by which the data was divided, so that tr Sigma_c/d averages to one over classes.
        centroids: (K, d) class means after centring and scaling.
        covariances: (K, d, d) likewise.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> found = class_statistics(rng.normal(5.0, 3.0, size=(90, 4)), ["a", "b", "c"] * 30)
        >>> float(np.trace(found.covariances, axis1=1, axis2=2).mean().round(9))   # d
        4.0
    """

    class_labels: tuple[str, ...]
    weights: Float[np.ndarray, " class"]
    centre: Float[np.ndarray, " dim"]
    scale: float
    centroids: Float[np.ndarray, "class dim"]
    covariances: Float[np.ndarray, "class dim dim"]

    @property
    def gram(self) -> Float[np.ndarray, "class class"]:
        """(K, K) mu_c . mu_c'/d."""
        return self.centroids @ self.centroids.T / self.centroids.shape[1]

    def standardize(self, samples: ArrayLike) -> Float[np.ndarray, "sample dim"]:
        """Samples in the units of the theory, as a `DatasetProblem` beside it should get them."""
        return (np.asarray(float_leaf(samples, "samples")) - self.centre) / self.scale


def class_statistics(samples: ArrayLike, labels: Any, standardize: bool = True) -> ClassStatistics:
    """Measure every class of labelled data.

    Args:
        samples: (n, d).
        labels: (n,) any integers or text.
        standardize: subtract the mean of the class means and divide by one number that makes the
            mean variance per dimension one, averaged over classes.

    Raises:
        InputError: shapes that disagree, nan, one class only, a class of fewer than two samples or
            without variance.
    """
    samples, codes, names = _checked(samples, labels)
    members = [samples[codes == code] for code in range(len(names))]
    means = np.stack([member.mean(axis=0) for member in members])
    covariances = np.stack([np.atleast_2d(np.cov(member.T, bias=True)) for member in members])
    variances = np.trace(covariances, axis1=1, axis2=2) / samples.shape[1]
    _check_variances(variances, names)
    centre, scale = np.zeros(samples.shape[1]), 1.0
    if standardize:
        centre, scale = means.mean(axis=0), float(np.sqrt(variances.mean()))
    return ClassStatistics(
        class_labels=names,
        weights=np.array([len(member) for member in members]) / len(samples),
        centre=centre,
        scale=scale,
        centroids=(means - centre) / scale,
        covariances=covariances / scale**2,
    )


def given_weights(weights: ArrayLike | None, measured: ClassStatistics) -> np.ndarray:
    """(K,) the user's class weights, or the measured ones."""
    if weights is None:
        return measured.weights
    weights = np.asarray(float_leaf(weights, "weights"), dtype=np.float64)
    check_vector("weights", weights, positive=True, length=len(measured.class_labels))
    return weights


def _checked(samples: ArrayLike, labels: Any) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    samples, labels = np.asarray(float_leaf(samples, "samples")), read_labels("labels", labels)
    check_counts("", samples, labels)
    check_finite("samples", samples)
    warn_of_similar_names(labels, stacklevel=3)
    classes, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if classes.size < 2:
        raise InputError(
            f"all labels are {classes[0]!s}", "at least two classes", "select samples of two"
        )
    if sizes.min() < 2:
        raise InputError(
            f"class {classes[int(sizes.argmin())]} has one sample",
            "at least two samples of every class, and many more for a covariance",
            "leave the class out",
        )
    return samples, codes, tuple(str(label) for label in classes)


def _check_variances(variances: np.ndarray, names: tuple[str, ...]) -> None:
    if (variances <= 0).any():
        name = names[int(variances.argmin())]
        raise InputError(
            f"all samples of class {name} are equal",
            "every class has a positive variance",
            "leave the class out",
        )
