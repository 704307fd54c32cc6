"""Copies and class statistics of samples by loops, from the definitions."""

import math

import numpy as np


def is_copy(sample, training_samples, std) -> tuple[bool, bool]:
    """Copy by ratio (nearest closer than a third of the second nearest) and by distance."""
    distances = sorted(math.dist(sample, other) for other in training_samples)
    reference = math.sqrt(2 * len(sample)) * std
    return distances[0] < distances[1] / 3, distances[0] < reference / 3


def class_of(sample, weights, stds, centroids) -> int:
    """The class of largest posterior."""
    scores = [
        math.log(w) - len(sample) * math.log(s) - math.dist(sample, mu) ** 2 / (2 * s**2)
        for w, s, mu in zip(weights, stds, centroids, strict=True)
    ]
    return int(np.argmax(scores))


def summary(samples, training_samples, weights, stds, centroids) -> dict[str, np.ndarray]:
    """Shares, memorised fractions, mean errors and variances of all classes."""
    labels = [class_of(sample, weights, stds, centroids) for sample in samples]
    dim = samples.shape[1]
    share, fraction, error, variance = [], [], [], []
    for label, (std, centroid) in enumerate(zip(stds, centroids, strict=True)):
        own = [s for s, found in zip(samples, labels, strict=True) if found == label]
        share.append(len(own) / len(samples))
        if not own:
            fraction.append((0.0, 0.0))
            error.append(math.inf)
            variance.append(math.inf)
            continue
        fraction.append(np.mean([is_copy(s, training_samples, std) for s in own], axis=0))
        mean = np.mean(own, axis=0)
        error.append(math.dist(mean, centroid) / (std * math.sqrt(dim)))
        variance.append(np.mean([math.dist(s, mean) ** 2 for s in own]) / (dim * std**2))
    return {
        "class_share": np.array(share),
        "memorized_fraction": np.array(fraction).T,
        "mean_error": np.array(error),
        "variance": np.array(variance),
    }
