"""The same covariances and losses by sampling noise, with standard errors."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .covariances import signal_and_noise


@dataclass(frozen=True)
class Estimate:
    """A mean over independent draws and its standard error, entry by entry."""

    mean: np.ndarray
    standard_error: np.ndarray

    def z_scores(self, exact: np.ndarray) -> np.ndarray:
        """Deviation of `exact` from the mean in units of the standard error."""
        return (exact - self.mean) / self.standard_error


class _ProductAverage:
    """Running mean and variance of left_i right_j over draws."""

    def __init__(self, rows: int, columns: int):
        self.first, self.second = np.zeros((rows, columns)), np.zeros((rows, columns))
        self.count = 0

    def add(self, left: np.ndarray, right: np.ndarray) -> None:
        self.first += left.T @ right
        self.second += (left**2).T @ (right**2)
        self.count += len(left)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        mean = self.first / self.count
        return mean, (self.second / self.count - mean**2) / self.count


def _combine(averages: list[_ProductAverage]) -> Estimate:
    means, variances = zip(*(average.moments() for average in averages), strict=True)
    share = 1.0 / len(averages)
    return Estimate(share * sum(means), share * np.sqrt(sum(variances)))


def _noisy(x: np.ndarray, rng, diffusion_time) -> tuple[np.ndarray, np.ndarray]:
    e, noise = signal_and_noise(diffusion_time)
    xi = rng.standard_normal(x.shape)
    return e * x + math.sqrt(noise) * xi, xi


def _features(activation, weights, biases, x):
    return activation(x @ weights.T / math.sqrt(weights.shape[1]) + biases)


def sample_covariances(
    activation, weights, biases, points, diffusion_time, draws: int, rng
) -> tuple[Estimate, Estimate]:
    """cU and cV of the given points (one class): `draws` noises for each point, stratified."""
    num_features, dim = weights.shape
    feature, cross = [], []
    for x in points:
        feature.append(_ProductAverage(num_features, num_features))
        cross.append(_ProductAverage(num_features, dim))
        noisy, xi = _noisy(np.broadcast_to(x, (draws, dim)), rng, diffusion_time)
        phi = _features(activation, weights, biases, noisy)
        feature[-1].add(phi, phi)
        cross[-1].add(phi, xi)
    return _combine(feature), _combine(cross)


def population_covariances(
    activation, weights, biases, centroid, class_covariance, diffusion_time, draws: int, rng
) -> tuple[Estimate, Estimate]:
    """cU and cV of x = mu + Sigma^{1/2} z, z and xi drawn together."""
    num_features, dim = weights.shape
    root = np.linalg.cholesky(class_covariance)
    feature = _ProductAverage(num_features, num_features)
    cross = _ProductAverage(num_features, dim)
    for _ in range(10):
        x = centroid + rng.standard_normal((draws // 10, dim)) @ root.T
        noisy, xi = _noisy(x, rng, diffusion_time)
        phi = _features(activation, weights, biases, noisy)
        feature.add(phi, phi)
        cross.add(phi, xi)
    return _combine([feature]), _combine([cross])


def _mean(values: np.ndarray) -> Estimate:
    error = values.std(axis=0, ddof=1) / math.sqrt(len(values))
    return Estimate(values.mean(axis=0), error)


def denoising_loss(activation, weights, biases, readout, clean, diffusion_time, rng) -> Estimate:
    """(1/d) E|sqrt(Delta) a phi + xi|^2 over the rows of `clean`, one noise each."""
    noise = signal_and_noise(diffusion_time)[1]
    noisy, xi = _noisy(clean, rng, diffusion_time)
    score = _features(activation, weights, biases, noisy) @ readout.T
    return _mean(np.mean((math.sqrt(noise) * score + xi) ** 2, axis=1))


def score_error(
    activation, weights, biases, readout, clean, exact_score: Callable, diffusion_time, rng
) -> Estimate:
    """(1/d) E|s_A(x_t) - s*(x_t)|^2 over the rows of `clean`."""
    noisy, _ = _noisy(clean, rng, diffusion_time)
    score = _features(activation, weights, biases, noisy) @ readout.T
    return _mean(np.mean((score - exact_score(noisy)) ** 2, axis=1))


def stein_products(
    activation, weights, biases, clean, exact_score: Callable, diffusion_time, rng
) -> Estimate:
    """E[phi(h_i) s*(x)_j] over the rows of `clean`."""
    noisy, _ = _noisy(clean, rng, diffusion_time)
    average = _ProductAverage(*weights.shape)
    average.add(_features(activation, weights, biases, noisy), exact_score(noisy))
    return _combine([average])
