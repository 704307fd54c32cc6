"""Mixtures of the tests, and the posterior of a noised sample in d dimensions, in NumPy."""

import numpy as np

from diffjax.mixture import GaussianMixture, two_classes
from tests.reference.mixtures import centroids_with_gram

TRIANGLE = np.array([[0.3, 0.1, 0.0], [0.1, 0.3, 0.0], [0.0, 0.0, 0.2]])

NAMED = {
    "equal": two_classes((1.0, 1.0), distance=0.6, imbalance_ratio=0.2),
    "wide": two_classes((1.4, 0.8), distance=0.4, imbalance_ratio=0.3, cosine=0.0),
    "norm": two_classes((1.4, 0.7), distance=0.0, imbalance_ratio=1 / 9),
    "three": GaussianMixture((1.2, 0.9, 1.0), (0.5, 0.3, 0.2), TRIANGLE),
    "five": GaussianMixture((0.8, 0.9, 1.0, 1.1, 1.3), (0.3, 0.3, 0.2, 0.1, 0.1), 0.5 * np.eye(5)),
}


def antipodal(half_distance, dim, stds=(1.0, 1.0), ratio=1.0):
    """Centroids +-mu of length `half_distance` in `dim` dimensions."""
    return two_classes(stds, distance=2 * half_distance / dim**0.5, imbalance_ratio=ratio)


def monte_carlo_cloning(mixture, dim, time, draws, seed):
    """Phi and its standard error from d-dimensional samples: (K, K) each."""
    rng = np.random.default_rng(seed)
    weights = np.asarray(mixture.class_weights)
    centroids = np.exp(-time) * centroids_with_gram(np.asarray(mixture.gram), dim, rng)
    noisy = np.exp(-2 * time) * np.asarray(mixture.variances) + 1 - np.exp(-2 * time)
    means, errors = [], []
    for label in range(len(weights)):
        x = centroids[label] + np.sqrt(noisy[label]) * rng.standard_normal((draws, dim))
        log_posterior = np.stack(
            [
                np.log(w) - dim / 2 * np.log(g) - ((x - mu) ** 2).sum(1) / (2 * g)
                for w, g, mu in zip(weights, noisy, centroids, strict=True)
            ],
            axis=1,
        )
        posterior = np.exp(log_posterior - log_posterior.max(1, keepdims=True))
        posterior /= posterior.sum(1, keepdims=True)
        means.append(posterior.mean(0))
        errors.append(posterior.std(0, ddof=1) / draws**0.5)
    return np.stack(means), np.stack(errors)
