"""Per-class feature covariances cU_c and cV_c by explicit loops.

Pre-activations seen from a centre are Gaussian, h ~ N(mean, C):
    training point x of class c:  mean = e W x/sqrt(d) + beta,     C = Delta W W^T/d
    population of class c:        mean = e W mu_c/sqrt(d) + beta,  C = W (e^2 Sigma_c + Delta) W^T/d
and only the xi part of h enters E[phi xi^T] = sqrt(Delta) diag(E phi'(h_i)) W/sqrt(d) (Stein).
"""

import math
from dataclasses import dataclass

import numpy as np

from .gaussian_moments import hermite_moments, mean_slope, product_moment, second_moment


@dataclass(frozen=True)
class ClassCovariance:
    """One class: cU_c (p, p), cV_c (p, d) and the slopes b_c (p,) that cV_c is made of."""

    feature: np.ndarray
    cross: np.ndarray
    slope: np.ndarray


def signal_and_noise(diffusion_time: float) -> tuple[float, float]:
    """e = exp(-t) and Delta = 1 - exp(-2t)."""
    return math.exp(-diffusion_time), 1.0 - math.exp(-2.0 * diffusion_time)


def _correlation(covariance: np.ndarray) -> np.ndarray:
    deviations = np.sqrt(np.diag(covariance))
    return covariance / np.outer(deviations, deviations)


def mehler_feature(activation, means, covariance, max_order) -> np.ndarray:
    """E[phi phi^T] of one Gaussian: truncated Mehler series off the diagonal, exact diagonal."""
    num_features = len(means)
    psi = hermite_moments(activation, means, np.diag(covariance), max_order).tolist()
    r = _correlation(covariance).tolist()
    out = np.zeros((num_features, num_features))
    for i in range(num_features):
        out[i, i] = second_moment(activation, means[i], covariance[i, i])
        for j in range(i):
            term = 0.0
            for k in range(max_order + 1):
                term += r[i][j] ** k * psi[k][i] * psi[k][j]
            out[i, j] = out[j, i] = term
    return out


def quadrature_feature(activation, means, covariance) -> np.ndarray:
    """E[phi phi^T] of one Gaussian with every entry by iterated 2-D quadrature (small p only)."""
    num_features = len(means)
    out = np.zeros((num_features, num_features))
    for i in range(num_features):
        out[i, i] = second_moment(activation, means[i], covariance[i, i])
        for j in range(i):
            pair = np.ix_([i, j], [i, j])
            out[i, j] = product_moment(activation, means[[i, j]], covariance[pair])
            out[j, i] = out[i, j]
    return out


def _slopes(activation, means, covariance) -> np.ndarray:
    return np.array(
        [mean_slope(activation, m, v) for m, v in zip(means, np.diag(covariance), strict=True)]
    )


def _cross(slope, weights, noise) -> np.ndarray:
    return math.sqrt(noise) * slope[:, None] * weights / math.sqrt(weights.shape[1])


def _feature(activation, means, covariance, max_order):
    if max_order is None:
        return quadrature_feature(activation, means, covariance)
    return mehler_feature(activation, means, covariance, max_order)


def sample_covariances(
    activation, weights, biases, points, labels, num_classes, diffusion_time, max_order=None
) -> list[ClassCovariance]:
    """Average over the points of each class; `max_order=None` uses 2-D quadrature, no series."""
    e, noise = signal_and_noise(diffusion_time)
    dim = weights.shape[1]
    covariance = noise * weights @ weights.T / dim
    out = []
    for c in range(num_classes):
        chosen = points[labels == c]
        feature = np.zeros((len(weights), len(weights)))
        slope = np.zeros(len(weights))
        for x in chosen:
            means = e * weights @ x / math.sqrt(dim) + biases
            feature += _feature(activation, means, covariance, max_order) / len(chosen)
            slope += _slopes(activation, means, covariance) / len(chosen)
        out.append(ClassCovariance(feature, _cross(slope, weights, noise), slope))
    return out


def population_covariances(
    activation, weights, biases, centroids, class_covariances, diffusion_time, max_order=None
) -> list[ClassCovariance]:
    """Average over x = mu_c + Sigma_c^{1/2} z; `class_covariances` are full (d, d) matrices."""
    e, noise = signal_and_noise(diffusion_time)
    dim = weights.shape[1]
    out = []
    for mu, sigma in zip(centroids, class_covariances, strict=True):
        means = e * weights @ mu / math.sqrt(dim) + biases
        covariance = weights @ (e**2 * sigma + noise * np.eye(dim)) @ weights.T / dim
        feature = _feature(activation, means, covariance, max_order)
        slope = _slopes(activation, means, covariance)
        out.append(ClassCovariance(feature, _cross(slope, weights, noise), slope))
    return out


def weighted_total(per_class: list[ClassCovariance], fractions) -> tuple[np.ndarray, np.ndarray]:
    """cU = sum_c f_c cU_c and cV = sum_c f_c cV_c, the matrices of the training loss."""
    feature = sum(f * m.feature for f, m in zip(fractions, per_class, strict=True))
    cross = sum(f * m.cross for f, m in zip(fractions, per_class, strict=True))
    return np.asarray(feature), np.asarray(cross)
