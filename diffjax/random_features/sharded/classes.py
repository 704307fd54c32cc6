"""From a problem to the objective on a mesh: features and covariances where they are stored.

Weights, centroids and samples are those of the engine on one device, draw by draw.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.mixture import centroid_coordinates
from diffjax.numerics.random_streams import normal_rows, stream
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.features import RandomFeatures
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.sampling import class_centroid, class_counts, class_samples
from diffjax.random_features.sharded.covariances import (
    HalfCovariance,
    population_half,
    sample_half,
)
from diffjax.random_features.sharded.layout import ROWS, WHOLE, FeatureLayout
from diffjax.random_features.sharded.losses import ShardedObjective
from diffjax.typing import Array, Float, Int

Problem = RandomFeatureProblem | DatasetProblem


def sharded_objective(layout: FeatureLayout, problem: Problem) -> ShardedObjective:
    """Covariances of all classes, each device building what it stores.

    Args:
        layout: where the features are.
        problem: concrete, and the same on every process.
    """
    features = sharded_features(layout, problem)
    counts = sample_counts(problem)
    if isinstance(problem, DatasetProblem):
        train = _labelled(layout, problem, features, problem.train_samples, problem.train_labels)
        test = _labelled(layout, problem, features, problem.test_samples, problem.test_labels)
    else:
        train = _sampled(layout, problem, features, counts)
        test = _populations(layout, problem, features)
    weights = counts / problem.num_samples
    if problem.class_weights is not None:
        weights = np.asarray(problem.class_weights)
    dtype = features.weights.dtype
    return ShardedObjective(
        features.weights,
        (*train, *test),
        weights.astype(dtype),  # pyright: ignore[reportArgumentType]
        np.asarray(problem.diffusion_time, dtype),  # pyright: ignore[reportArgumentType]
    )


def sample_counts(problem: Problem) -> np.ndarray:
    """(K,) training samples per class."""
    if isinstance(problem, DatasetProblem):
        return np.bincount(np.asarray(problem.train_labels), minlength=problem.num_classes)
    return np.asarray(class_counts(problem.mixture.class_weights, problem.num_samples))


def sharded_features(layout: FeatureLayout, problem: Problem) -> RandomFeatures:
    """The first layer, every device drawing its own rows; given weights are spread out."""
    drawn = _draw_features(
        layout, np.asarray(problem.seed), np.asarray(problem.bias_std), problem.dim
    )
    given = problem.feature_weights if isinstance(problem, DatasetProblem) else None
    if given is None:
        return drawn
    weights = np.asarray(given, drawn.weights.dtype)
    return RandomFeatures(layout.place(weights), drawn.biases)


@functools.partial(jax.jit, static_argnames=("layout", "dim"))
def _draw_features(layout: FeatureLayout, seed: Array, bias_std: Array, dim: int) -> RandomFeatures:
    def own_rows(seed, bias_std):
        first = layout.owner(0) * layout.block
        biases = normal_rows(stream(seed, "biases"), layout.block, 1, first)[:, 0]
        weights = normal_rows(stream(seed, "weights"), layout.block, dim, first)
        return RandomFeatures(weights, (bias_std * biases).astype(weights.dtype))

    return layout.on_devices(own_rows, (WHOLE, WHOLE), ROWS)(seed, bias_std)


def _sampled(
    layout: FeatureLayout,
    problem: RandomFeatureProblem,
    features: RandomFeatures,
    counts: np.ndarray,
) -> list[HalfCovariance]:
    """Train covariances of a mixture's classes, from as many draws as each has samples."""
    most = int(counts.max())
    found = []
    for label, count in enumerate(counts):
        points = np.asarray(_draw_points(problem, label, most))[:count]
        found.append(_sample_covariance(layout, problem, features, points, most))
    return found


def _populations(
    layout: FeatureLayout, problem: RandomFeatureProblem, features: RandomFeatures
) -> list[HalfCovariance]:
    """Test covariances of a mixture's classes."""
    orders = problem.covariance_options
    found = []
    for label, covariance in enumerate(np.asarray(problem.mixture.covariances)):
        found.append(
            _population_covariance(
                layout,
                problem.activation,
                orders.resolve(problem.dim, covariance.ndim > 0, problem.num_features),
                features,
                np.asarray(_centroid(problem, label)),
                covariance.astype(features.weights.dtype),
                np.asarray(problem.diffusion_time, features.weights.dtype),
            )
        )
    return found


@jax.jit
def _centroid(problem: RandomFeatureProblem, label: Int[Array, ""]) -> Float[Array, " dim"]:
    """mu_c."""
    coordinates = jnp.asarray(centroid_coordinates(problem.mixture.gram))
    return class_centroid(coordinates[label], problem.seed, problem.dim)


@functools.partial(jax.jit, static_argnames="most")
def _draw_points(
    problem: RandomFeatureProblem, label: Int[Array, ""], most: int
) -> Float[Array, "sample dim"]:
    """The first draws of one class."""
    covariance = jnp.asarray(problem.mixture.covariances)[label]
    centroid = _centroid(problem, label)
    return class_samples(problem.seed, label, most, centroid, covariance)


def _labelled(
    layout: FeatureLayout,
    problem: DatasetProblem,
    features: RandomFeatures,
    samples: Any,
    labels: Any,
) -> list[HalfCovariance]:
    """Covariances of the classes of labelled samples."""
    samples, labels = np.asarray(samples), np.asarray(labels)
    most = max(int(np.bincount(part).max()) for part in (problem.train_labels, problem.test_labels))
    return [
        _sample_covariance(layout, problem, features, samples[labels == label], most)
        for label in range(problem.num_classes)
    ]


def _sample_covariance(
    layout: FeatureLayout,
    problem: Problem,
    features: RandomFeatures,
    points: np.ndarray,
    most: int,
) -> HalfCovariance:
    """Covariance averaged over some points; arrays have room for the `most` that any class has."""
    orders = problem.covariance_options.resolve(problem.dim, num_features=problem.num_features)
    count, size = points.shape[0], orders.block_size
    # one shape for all classes: one compiled program
    padded = _padded(points, most + -most % size)
    weights = _padded(np.full(count, 1.0 / count), padded.shape[0])
    dtype = features.weights.dtype
    return _sampled_covariance(
        layout,
        problem.activation,
        orders,
        features,
        padded.astype(dtype),
        weights.astype(dtype),
        np.asarray(-(-count // size)),
        np.asarray(problem.diffusion_time, dtype),
    )


def _padded(array: np.ndarray, length: int) -> np.ndarray:
    """Zeros appended along the leading axis."""
    missing = [(0, length - array.shape[0])] + [(0, 0)] * (array.ndim - 1)
    return np.pad(array, missing)


@functools.partial(jax.jit, static_argnames=("layout", "activation", "orders"))
def _sampled_covariance(
    layout, activation, orders, features, points, weights, num_blocks, diffusion_time
) -> HalfCovariance:
    function = functools.partial(sample_half, layout, activation, orders)
    spread = layout.on_devices(function, (ROWS, WHOLE, WHOLE, WHOLE, WHOLE), ROWS)
    return spread(features, points, weights, num_blocks, diffusion_time)


@functools.partial(jax.jit, static_argnames=("layout", "activation", "orders"))
def _population_covariance(
    layout, activation, orders, features, centroid, covariance, diffusion_time
) -> HalfCovariance:
    function = functools.partial(population_half, layout, activation, orders)
    spread = layout.on_devices(function, (ROWS, WHOLE, WHOLE, WHOLE), ROWS)
    return spread(features, centroid, covariance, diffusion_time)
