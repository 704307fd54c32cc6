"""The benchmark problems, and their numbers as plain arrays for the peers.

The arrays come from the engine's own draws: the same feature weights, centroids and samples.
"""

import itertools
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.peers.point_arrays import PointArrays

DIFFUSION_TIME = 0.1
FULL_AXES: Mapping[str, Sequence[float]] = {
    "stds[0]": (0.75, 1.0, 1.5, 2.0),
    "distance": (0.5, 1.0, 2.0, 4.0),
    "imbalance_ratio": (0.25, 0.5, 1.0, 3.0),
}
QUICK_AXES: Mapping[str, Sequence[float]] = {
    "stds[0]": (1.0, 1.5),
    "distance": (1.0, 2.0),
    "imbalance_ratio": (0.5, 1.0),
}


def axes(quick: bool) -> Mapping[str, Sequence[float]]:
    """Std ratio x distance x imbalance: 4 x 4 x 4 points, or 2 x 2 x 2."""
    return QUICK_AXES if quick else FULL_AXES


def problem(
    num_features: int,
    times: int | None = None,
    *,
    std: float = 1.5,
    distance: float = 1.0,
    imbalance_ratio: float = 1.0,
    diffusion_time: float = DIFFUSION_TIME,
):
    """Two classes with orthogonal centroids, d = p/4, n = p/2; `times` None: the default grid."""
    import diffjax as dj

    mixture = dj.two_classes(
        stds=(std, 1.0), distance=distance, imbalance_ratio=imbalance_ratio, cosine=0.0
    )
    return dj.RandomFeatureProblem(
        mixture,
        dim=num_features // 4,
        num_features=num_features,
        num_samples=num_features // 2,
        diffusion_time=diffusion_time,
        training_times=None if times is None else np.geomspace(1e-3, 1e9, times),
    )


def grid_problems(num_features: int, times: int | None, quick: bool) -> list:
    """The problems of all grid points, last axis fastest."""
    values = axes(quick).values()
    return [
        problem(num_features, times, std=std, distance=distance, imbalance_ratio=ratio)
        for std, distance, ratio in itertools.product(*values)
    ]


def to_arrays(point) -> PointArrays:
    """The engine's numbers of one problem, with keys that say what points have in common."""
    from diffjax.mixture import centroid_coordinates
    from diffjax.random_features.clock import training_times
    from diffjax.random_features.features import draw_features
    from diffjax.random_features.sampling import centroid_frame, draw_samples

    seed, options = int(point.seed), point.covariance_options.resolve(point.dim)
    features = draw_features(seed, point.num_features, point.dim)
    samples, labels = map(
        np.asarray, draw_samples(point.mixture, seed, point.num_samples, point.dim)
    )
    coordinates = np.asarray(centroid_coordinates(point.mixture.gram))
    frame = np.asarray(centroid_frame(seed, len(coordinates), point.dim))
    centroids = np.sqrt(point.dim) * coordinates @ frame
    stds = np.sqrt(np.asarray(point.mixture.covariances))
    classes = [np.ascontiguousarray(samples[labels == c]) for c in range(len(stds))]
    population_keys = tuple(
        (c, float(std), centroid.tobytes(), seed)
        for c, (std, centroid) in enumerate(zip(stds, centroids, strict=True))
    )
    return PointArrays(
        feature_weights=np.asarray(features.weights),
        samples=tuple(classes),
        stds=stds,
        centroids=centroids,
        loss_weights=np.array([len(x) for x in classes]) / len(samples),
        diffusion_time=float(point.diffusion_time),
        training_times=np.asarray(training_times(point)),
        train_keys=tuple((*k, len(x)) for k, x in zip(population_keys, classes, strict=True)),
        population_keys=population_keys,
        orders=(options.train_order, options.population_order),
    )


def write_arrays(points: Sequence, path: str | Path) -> None:
    """Store problems for processes that do not import the engine."""
    arrays = [to_arrays(point) for point in points]
    weights = arrays[0].feature_weights
    if all(np.array_equal(a.feature_weights, weights) for a in arrays):
        arrays = [replace(a, feature_weights=weights) for a in arrays]
    Path(path).write_bytes(pickle.dumps(arrays))


def read_arrays(path: str | Path) -> list[PointArrays]:
    """What `write_arrays` wrote; equal feature weights are one object."""
    return pickle.loads(Path(path).read_bytes())
