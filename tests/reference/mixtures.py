"""Mixture geometry, exact scores and Bayes floors."""

import math

import numpy as np

from .covariances import signal_and_noise


def two_class_gram(distance: float, cosine: float, norm_ratio: float) -> np.ndarray:
    """mu_c . mu_c'/d of two centroids at |mu_0 - mu_1|/sqrt(d) = distance, by plane geometry.

    The centroids are put in a plane, (m, 0) and norm_ratio m (cos, sin), and m is found from the
    distance.
    """
    sine = math.sqrt(max(0.0, 1.0 - cosine**2))
    shape = np.array([[1.0, 0.0], [norm_ratio * cosine, norm_ratio * sine]])
    separation = np.linalg.norm(shape[0] - shape[1])
    points = shape * (distance / separation if distance > 0 else 0.0)
    return points @ points.T


def two_class_weights(imbalance_ratio: float) -> np.ndarray:
    """(weight_0, weight_1) with weight_0/weight_1 = imbalance_ratio and sum 1."""
    second = 1.0 / (1.0 + imbalance_ratio)
    return np.array([imbalance_ratio * second, second])


def centroids_with_gram(gram: np.ndarray, dim: int, rng) -> np.ndarray:
    """Centroids (K, d) with mu_c . mu_c' = d gram, along random orthogonal directions."""
    values, vectors = np.linalg.eigh(gram)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    frame = np.linalg.qr(rng.standard_normal((dim, len(gram))))[0]
    return math.sqrt(dim) * root @ frame.T


def bayes_floor(class_covariance: np.ndarray, diffusion_time: float) -> float:
    """B_c = 1 - (Delta/d) Tr (e^2 Sigma_c + Delta)^{-1}; 1 - Delta/Gamma_c when isotropic."""
    e, noise = signal_and_noise(diffusion_time)
    dim = len(class_covariance)
    inverse = np.linalg.inv(e**2 * class_covariance + noise * np.eye(dim))
    return 1.0 - noise / dim * np.trace(inverse)


def class_score(centroid, class_covariance, diffusion_time):
    """x -> s*_c(x) = -(e^2 Sigma_c + Delta)^{-1} (x - e mu_c), for rows x."""
    e, noise = signal_and_noise(diffusion_time)
    total = e**2 * class_covariance + noise * np.eye(len(centroid))

    def score(x):
        return -np.linalg.solve(total, (x - e * centroid).T).T

    return score


def mixture_score(weights, centroids, stds, diffusion_time):
    """x -> the exact score of the noisy isotropic mixture, sum_c P(c|x) (e mu_c - x)/Gamma_c."""
    e, noise = signal_and_noise(diffusion_time)
    dim = centroids.shape[1]
    gammas = e**2 * np.asarray(stds) ** 2 + noise

    def score(x):
        logits = np.stack(
            [
                math.log(w) - dim / 2 * math.log(g) - np.sum((x - e * mu) ** 2, axis=1) / (2 * g)
                for w, g, mu in zip(weights, gammas, centroids, strict=True)
            ]
        )
        posterior = np.exp(logits - logits.max(axis=0))
        posterior /= posterior.sum(axis=0)
        pulls = [(e * mu - x) / g for g, mu in zip(gammas, centroids, strict=True)]
        return sum(p[:, None] * pull for p, pull in zip(posterior, pulls, strict=True))

    return score
