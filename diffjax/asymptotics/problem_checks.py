"""Checks of concrete problems of the theory, made when one is built."""

from typing import Any

import numpy as np

from diffjax.asymptotics.covariance_blocks import check_block_cost
from diffjax.errors import InputError
from diffjax.training_window import check_training_times
from diffjax.validation import check_class_weights, check_finite, check_scalar, check_vector


def check_values(problem: Any) -> None:
    """Raise InputError for numbers out of range and shapes that disagree."""
    for name in ("features_per_dim", "samples_per_dim", "diffusion_time"):
        check_scalar(name, getattr(problem, name), "> 0", low=0.0, strict=True)
    check_scalar("bias_std", problem.bias_std, "at least 0", low=0.0, strict=False)
    if problem.training_times is not None:
        check_training_times(np.asarray(problem.training_times))
    if problem.class_weights is not None:
        check_class_weights(np.asarray(problem.class_weights), problem.num_classes)
    shape = np.shape(problem.mixture.covariances)
    if problem.direction_counts is not None:
        _check_counts(np.asarray(problem.direction_counts), shape)
    if problem.class_centroids is not None:
        _check_centroids(problem, np.asarray(problem.class_centroids), shape)
    if problem.theory_options.method in ("matrices", "sub-classes") and len(shape) == 1:
        raise InputError(
            f"method={problem.theory_options.method!r} for isotropic classes",
            "'matrices' and 'sub-classes' need class_covariances",
            "leave out the method",
        )
    options = problem.theory_options
    if options.method == "sub-classes":
        _check_directions(options.subclass_directions, shape[1])
    if options.method == "matrices":
        check_block_cost(shape[0], shape[1], options.contour_nodes, options.largest_matrix)


def _check_counts(counts: np.ndarray, shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or counts.shape != shape[1:]:
        raise InputError(
            f"direction_counts has shape {counts.shape} for class covariances of shape {shape}",
            "one count for each column of (K, L) variances",
            "use the result of cluster_directions for both",
        )
    check_vector("direction_counts", counts, positive=True)


def _check_centroids(problem: Any, centroids: np.ndarray, shape: tuple[int, ...]) -> None:
    wanted = (problem.num_classes, shape[-1])
    if len(shape) < 2 or centroids.shape != wanted or problem.direction_counts is not None:
        raise InputError(
            f"class_centroids has shape {centroids.shape} for class covariances of shape {shape}",
            "(K, d) vectors in the coordinates of (K, d) or (K, d, d) covariances that are not "
            "clustered",
            "leave them out: centroids are then at right angles to the dominant directions",
        )
    check_finite("class_centroids", centroids)
    gram, found = np.asarray(problem.mixture.gram), centroids @ centroids.T / centroids.shape[1]
    gap = float(np.abs(gram - found).max())
    if gap > 1e-6 * max(float(np.abs(found).max()), 1.0):
        raise InputError(
            f"class_centroids and centroid_gram differ by {gap:.3g}",
            "centroid_gram = class_centroids @ class_centroids.T / d",
            "compute the Gram matrix from the centroids",
        )


def _check_directions(count: int, size: int) -> None:
    if count > size:
        raise InputError(
            f"subclass_directions={count} of {size} directions",
            "at most as many directions as the covariances have",
            "choose fewer",
        )


def check_rank(rank: int, allowed: int) -> None:
    """Raise InputError if centroids have more coordinates than the quadrature was told."""
    if rank > allowed:
        raise InputError(
            f"the centroids (and biases) have rank {rank} and centroid_rank={allowed}",
            "centroid_rank is at least the rank of e^(-2t) centroid_gram + bias_std^2",
            f"set TheoryOptions(centroid_rank={rank}), or leave it out",
        )
