"""The concrete draws behind a problem, as NumPy arrays, and its curves by the slow reference."""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.mixture import centroid_coordinates
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.features import draw_features
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.sampling import class_centroid, draw_samples
from tests.reference import covariances as reference
from tests.reference import gradient_flow, mixtures


@dataclass(frozen=True)
class Realisation:
    """W (p, d), beta (p,), centroids (K, d), Sigma (K, d, d), samples (n, d) and labels (n,)."""

    weights: np.ndarray
    biases: np.ndarray
    centroids: np.ndarray
    class_covariances: np.ndarray
    samples: np.ndarray
    labels: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        return np.bincount(self.labels)

    @property
    def fractions(self) -> np.ndarray:
        return self.counts / len(self.labels)


@functools.partial(jax.jit, static_argnames=("dim", "num_features", "num_samples"))
def _draws(mixture, seed, bias_std, dim, num_features, num_samples):
    features = draw_features(seed, num_features, dim, bias_std)
    coordinates = centroid_coordinates(mixture.gram)
    centroids = jnp.stack([class_centroid(row, seed, dim) for row in coordinates])
    samples, labels = draw_samples(mixture, seed, num_samples, dim)
    return features.weights, features.biases, centroids, mixture.covariances, samples, labels


def realise(problem: RandomFeatureProblem) -> Realisation:
    """The draws that `problem` stands for."""
    sizes = {name: getattr(problem, name) for name in ("dim", "num_features", "num_samples")}
    draws = _draws(problem.mixture, problem.seed, problem.bias_std, **sizes)
    weights, biases, centroids, spreads, samples, labels = map(np.asarray, draws)
    spreads = np.array([_full(sigma, problem.dim) for sigma in spreads])
    return Realisation(weights, biases, centroids, spreads, samples, labels)


def _full(covariance: np.ndarray, dim: int) -> np.ndarray:
    if covariance.ndim == 2:
        return covariance
    return np.diag(np.broadcast_to(covariance, (dim,)))


def as_dataset(problem: RandomFeatureProblem, test_samples, test_labels, **changes):
    """A DatasetProblem with the same samples, features and settings."""
    drawn = realise(problem)
    settings = {
        "num_features": problem.num_features,
        "activation": problem.activation,
        "training_times": problem.training_times,
        "seed": problem.seed,
        "class_weights": problem.class_weights,
        "bias_std": problem.bias_std,
        "readout_std": problem.readout_std,
        "covariance_options": problem.covariance_options,
    }
    return DatasetProblem(
        drawn.samples,
        drawn.labels,
        test_samples,
        test_labels,
        problem.diffusion_time,
        **(settings | changes),
    )


@dataclass(frozen=True)
class ReferenceSolution:
    """Covariances by loops and everything that follows from them in NumPy."""

    train: list[reference.ClassCovariance]
    test: list[reference.ClassCovariance]
    feature: np.ndarray
    cross: np.ndarray
    noise: float
    bayes_floor: np.ndarray

    def readout(self, training_time: float, initial=None) -> np.ndarray:
        """a(tau) (d, p)."""
        return gradient_flow.readout_by_eigenvectors(
            self.feature, self.cross, self.noise, training_time, initial
        )

    def losses(self, readout: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(K,) train and (K,) test losses of a readout, by definition."""
        split = [
            [gradient_flow.loss(readout, c.feature, c.cross, self.noise) for c in covariances]
            for covariances in (self.train, self.test)
        ]
        return np.array(split[0]), np.array(split[1])


def solve_slowly(problem: RandomFeatureProblem, activation, weights=None) -> ReferenceSolution:
    """The whole chain with loops, at the series orders the problem's rule asks for."""
    drawn = realise(problem)
    time = float(problem.diffusion_time)
    anisotropic = np.ndim(problem.mixture.covariances) > 1
    options = problem.covariance_options.resolve(problem.dim, anisotropic=anisotropic)
    train = reference.sample_covariances(
        activation, drawn.weights, drawn.biases, drawn.samples, drawn.labels,
        problem.num_classes, time, options.train_order,
    )  # fmt: skip
    test = reference.population_covariances(
        activation, drawn.weights, drawn.biases, drawn.centroids, drawn.class_covariances,
        time, options.population_order,
    )  # fmt: skip
    shares = drawn.fractions if weights is None else weights
    feature, cross = reference.weighted_total(train, shares)
    floor = [mixtures.bayes_floor(sigma, time) for sigma in drawn.class_covariances]
    noise = reference.signal_and_noise(time)[1]
    return ReferenceSolution(train, test, feature, cross, noise, np.array(floor))
