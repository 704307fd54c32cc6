"""What the theory needs to know of classes of images, measured on all images not held out."""

from typing import NamedTuple

import numpy as np

from diffjax.typing import Float
from diffjax.unet.images import ImageSplit


class ClassStatistics(NamedTuple):
    """Means and variances of the classes, in the scale of `ImageSplit`.

    Attributes:
        mean_norm: (K,) |mu_c|^2/d, the origin being the mean image of the whole data set.
        variance: (K,) tr Sigma_c/d.
        overlap: (K, K) mu_c . mu_c'/(|mu_c| |mu_c'|).
        effective_dimension: (K,) (tr Sigma_c)^2/tr Sigma_c^2.
    """

    mean_norm: Float[np.ndarray, " class"]
    variance: Float[np.ndarray, " class"]
    overlap: Float[np.ndarray, "class class"]
    effective_dimension: Float[np.ndarray, " class"]


def class_statistics(split: ImageSplit) -> ClassStatistics:
    """Statistics of every class of a split from its training images and the reserve.

    Example:
        >>> from diffjax.unet import LabelledImages, split_images
        >>> rng = np.random.default_rng(0)
        >>> data = LabelledImages(rng.random((400, 4, 4)), np.repeat([0, 1], 200))
        >>> statistics = class_statistics(split_images(data, (0, 1), (10, 10)))
        >>> bool(abs(statistics.variance.mean() - 1) < 0.01)
        True
    """
    images, labels = split.seen
    vectors = images.reshape(len(images), -1).astype(np.float64)
    classes = [vectors[labels == position] for position in range(split.num_classes)]
    means = np.stack([members.mean(0) for members in classes])
    gram = means @ means.T
    norms = np.sqrt(np.diag(gram))
    covariances = [_covariance(members) for members in classes]
    traces = np.array([np.trace(covariance) for covariance in covariances])
    squares = np.array([np.sum(covariance**2) for covariance in covariances])
    dim = vectors.shape[1]
    return ClassStatistics(
        np.diag(gram) / dim,
        traces / dim,
        gram / np.maximum(np.outer(norms, norms), np.finfo(float).tiny),
        traces**2 / np.maximum(squares, np.finfo(float).tiny),
    )


def _covariance(vectors: np.ndarray) -> np.ndarray:
    centred = vectors - vectors.mean(0)
    return centred.T @ centred / len(vectors)
