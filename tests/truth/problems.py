"""Random mixtures and problems over the ranges that users reach, and over the ordinary ones."""

from typing import NamedTuple

import numpy as np

import diffjax as dj

ACTIVATIONS = ("tanh", "erf", "relu")


class Ranges(NamedTuple):
    """Of random problems: every pair is a lowest and a highest value.

    Attributes:
        std: geometric, of each class.
        share: of the rarest class.
        norm: |mu|^2/d of the longest centroid.
        time: diffusion time, geometric.
        features: psi_p, geometric.
        samples: psi_n, geometric.
        classes: K.
    """

    std: tuple[float, float]
    share: tuple[float, float]
    norm: tuple[float, float]
    time: tuple[float, float]
    features: tuple[float, float]
    samples: tuple[float, float]
    classes: tuple[int, int]


REACHED = Ranges(
    (0.1, 10.0), (1e-3, 0.5), (0.0, 100.0), (1e-3, 3.0), (0.1, 300.0), (0.1, 100.0), (1, 6)
)
"""Ranges that users reach: std ratio to 100, rare share to 1e-3, Gram norm to 100."""

ORDINARY = Ranges(
    (0.5, 2.0), (0.05, 0.5), (0.0, 4.0), (0.01, 1.0), (2.0, 64.0), (1.0, 16.0), (1, 3)
)
"""Ranges of the literature, in which every problem has to be computed."""


def geometric(rng: np.random.Generator, low: float, high: float) -> float:
    """Uniform in the logarithm, with four digits so that a case can be typed."""
    return float(f"{np.exp(rng.uniform(np.log(low), np.log(high))):.4g}")


class Drawn(NamedTuple):
    """Numbers of a mixture: stds and weights (K,), centroids (K, r) with Gram matrix C C^T."""

    stds: tuple[float, ...]
    weights: tuple[float, ...]
    centroids: np.ndarray

    @property
    def mixture(self) -> dj.GaussianMixture:
        """The mixture."""
        gram = self.centroids @ self.centroids.T
        return dj.GaussianMixture(self.stds, self.weights, 0.5 * (gram + gram.T))

    @property
    def label(self) -> str:
        """How it is built."""
        gram = np.array2string(self.centroids @ self.centroids.T, precision=4, separator=",")
        weights = ", ".join(f"{w:.5g}" for w in self.weights)
        return f"GM({list(self.stds)}, [{weights}], {' '.join(gram.split())})"


def mixture_of(rng: np.random.Generator, ranges: Ranges, classes: int | None = None) -> Drawn:
    """A mixture; centroids vanish, are collinear or span as many directions as they can.

    One in four has equal stds.
    """
    size = int(rng.integers(*ranges.classes, endpoint=True)) if classes is None else classes
    stds = [geometric(rng, *ranges.std) for _ in range(size)]
    if rng.random() < 0.25:
        stds = stds[:1] * size
    weights = np.ones(1)
    if size > 1:
        low, high = ranges.share
        rare = geometric(rng, min(low, 1 / size), min(high, 1 / size))
        rest = rng.uniform(0.5, 1.0, size - 1)
        weights = np.concatenate([[rare], (1.0 - rare) * rest / rest.sum()])
    rank = int(rng.choice([0, 1, size, size]))
    centroids = np.zeros((size, max(rank, 1)))
    if rank:
        rows = rng.uniform(-1, 1, (size, rank))
        norm = rng.random() ** 2 * ranges.norm[1]
        centroids = np.round(rows * np.sqrt(norm) / np.linalg.norm(rows, axis=1).max(), 4)
    return Drawn(tuple(stds), tuple(weights / weights.sum()), centroids)


def either(rng: np.random.Generator) -> Ranges:
    """One third ordinary problems, two thirds from all that users reach."""
    return ORDINARY if rng.random() < 1 / 3 else REACHED
