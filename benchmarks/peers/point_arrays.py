"""The numbers of one grid point as plain NumPy arrays: what every contender is given.

The engine's own feature weights and samples are copied in, so that two answers can be
compared to rounding, not within Monte Carlo error.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PointArrays:
    """One grid point.

    Attributes:
        feature_weights: W, shape (feature, dim), entries of order one.
        samples: one array per class, shape (sample, dim).
        stds: within-class standard deviations, shape (class,).
        centroids: shape (class, dim), norm of order sqrt(dim).
        loss_weights: share of each class in the training loss, shape (class,).
        diffusion_time: t of the forward process x_t = e^{-t} x + sqrt(1 - e^{-2t}) xi.
        training_times: shape (training_time,).
        train_keys: one hashable per class: equal keys mean equal train samples.
        population_keys: one hashable per class: equal keys mean equal populations.
        orders: truncation of the Hermite series, train and population.
    """

    feature_weights: np.ndarray
    samples: tuple[np.ndarray, ...]
    stds: np.ndarray
    centroids: np.ndarray
    loss_weights: np.ndarray
    diffusion_time: float
    training_times: np.ndarray
    train_keys: tuple = ()
    population_keys: tuple = ()
    orders: tuple[int, int] = (4, 8)

    @property
    def signal(self) -> float:
        """e^{-t}."""
        return float(np.exp(-self.diffusion_time))

    @property
    def noise_variance(self) -> float:
        """Delta = 1 - e^{-2t}."""
        return float(-np.expm1(-2 * self.diffusion_time))


def draw_point(
    *,
    dim: int,
    num_features: int,
    num_samples: int,
    stds: tuple[float, float] = (1.0, 0.5),
    distance: float = 1.0,
    imbalance_ratio: float = 1.0,
    diffusion_time: float = 0.1,
    training_times: np.ndarray | None = None,
    seed: int = 0,
) -> PointArrays:
    """A two-class point with orthogonal centroids, drawn by NumPy (for tests and tuning).

    Points with the same seed share the weights and, sample by sample, the Gaussian draws.
    """
    generator = np.random.default_rng(seed)
    weights = generator.standard_normal((num_features, dim))
    directions = np.linalg.qr(generator.standard_normal((dim, 2)))[0].T
    centroids = directions * distance * np.sqrt(dim / 2)
    noise = generator.standard_normal((2, num_samples, dim))
    first = round(num_samples * imbalance_ratio / (1 + imbalance_ratio))
    counts = np.array([first, num_samples - first])
    samples = tuple(centroids[c] + stds[c] * noise[c, : counts[c]] for c in range(len(counts)))
    if training_times is None:
        training_times = np.geomspace(1e-2, 1e10, 128)
    population_keys = tuple((stds[c], distance, c, seed) for c in range(2))
    return PointArrays(
        feature_weights=weights,
        samples=samples,
        stds=np.array(stds),
        centroids=centroids,
        loss_weights=counts / num_samples,
        diffusion_time=diffusion_time,
        training_times=training_times,
        train_keys=tuple((*population_keys[c], int(counts[c])) for c in range(2)),
        population_keys=population_keys,
    )
