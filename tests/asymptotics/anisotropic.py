"""Anisotropic laws shared by the tests."""

import numpy as np

from diffjax.mixture import GaussianMixture

GRAM = np.array([[0.5, 0.1], [0.1, 0.4]])
WEIGHTS = np.array([0.6, 0.4])


def rotation(dim, seed=0):
    """A random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


def general_matrices(num_classes, dim, seed=1):
    """(K, d, d) covariances that do not commute."""
    spectra = np.random.default_rng(seed).uniform(0.2, 2.0, (num_classes, dim))
    turns = [rotation(dim, seed + c) for c in range(num_classes)]
    return np.array([q @ np.diag(v) @ q.T for q, v in zip(turns, spectra, strict=True)])


def power_law(exponent, dim):
    """(2, d) variances (l/d)^-a of mean 1.2 and 0.6, in opposite order along the directions."""
    line = (np.arange(1, dim + 1) / dim) ** -exponent
    line = line / line.mean()
    return np.stack([1.2 * line, 0.6 * line[::-1]])


def law(covariances) -> GaussianMixture:
    """Two classes of weights 0.6 and 0.4 with general centroids."""
    return GaussianMixture(weights=WEIGHTS, centroid_gram=GRAM, class_covariances=covariances)
