"""Frechet distance per class in the features of this package's classifier.

It is not the FID of Inception features and not comparable to it: it is in units of the features
of `diffjax.unet.classifier`, which differ between runs with other images or seeds.
"""

import numpy as np

from diffjax.typing import Float, Int
from diffjax.unet.classifier import Judgement


def frechet_distance(
    first: Float[np.ndarray, "image feature"], second: Float[np.ndarray, "other feature"]
) -> float:
    """|m - m'|^2 + tr(C + C' - 2 (C^(1/2) C' C^(1/2))^(1/2)) of two sets of features.

    It is biased upwards by about the number of features over the number of images; inf for a set
    of fewer than two images.

    Example:
        >>> frechet_distance(np.zeros((4, 2)), np.full((4, 2), 2.0))
        8.0
    """
    if min(len(first), len(second)) < 2:
        return float("inf")
    a, b = np.asarray(first, float), np.asarray(second, float)
    root = _square_root(_covariance(a))
    cross = np.linalg.eigvalsh(root @ _covariance(b) @ root)
    overlap = np.sqrt(np.maximum(cross, 0.0)).sum()
    spread = np.trace(_covariance(a)) + np.trace(_covariance(b)) - 2.0 * overlap
    return float(np.sum((a.mean(0) - b.mean(0)) ** 2) + max(spread, 0.0))


def class_frechet_distances(
    generated: Judgement, real: Judgement, real_classes: Int[np.ndarray, " image"], num_classes: int
) -> Float[np.ndarray, " class"]:
    """Distance of the generated images that look like a class to real ones of that class."""
    return np.array(
        [
            frechet_distance(
                generated.features[generated.classes == c], real.features[real_classes == c]
            )
            for c in range(num_classes)
        ]
    )


def _covariance(features: np.ndarray) -> np.ndarray:
    centred = features - features.mean(0)
    return centred.T @ centred / len(features)


def _square_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
