"""Random mixtures and problems over the ranges that users reach, and over the ordinary ones."""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

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


def geometric(low: float, high: float) -> st.SearchStrategy[float]:
    """Uniform in the logarithm, with four digits so that a case can be typed."""
    return st.floats(float(np.log(low)), float(np.log(high))).map(
        lambda x: float(f"{np.exp(x):.4g}")
    )


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


@st.composite
def mixtures(draw: Any, ranges: Ranges, classes: int | None = None) -> Drawn:
    """A mixture; centroids vanish, are collinear or span as many directions as they can."""
    size = draw(st.integers(*ranges.classes)) if classes is None else classes
    stds = tuple(draw(geometric(*ranges.std)) for _ in range(size))
    weights = np.ones(1)
    if size > 1:
        rare = draw(geometric(*ranges.share)) / (size - 1) * 2 / size
        rest = np.array([draw(st.floats(0.3, 1.0)) for _ in range(size - 1)])
        weights = np.concatenate([[rare], (1.0 - rare) * rest / rest.sum()])
    rank = draw(st.sampled_from([0, 1, size, size]))
    centroids = np.zeros((size, max(rank, 1)))
    if rank:
        rows = [[draw(st.floats(-1, 1)) for _ in range(rank)] for _ in range(size)]
        longest = np.linalg.norm(rows, axis=1).max()
        norm = draw(st.floats(0.0, 1.0)) ** 2 * ranges.norm[1]
        centroids = np.round(np.array(rows) * np.sqrt(norm) / max(longest, 1e-3), 4)
    return Drawn(stds, tuple(weights / weights.sum()), centroids)


def either() -> st.SearchStrategy[Ranges]:
    """One third ordinary problems, two thirds from all that users reach."""
    return st.sampled_from([ORDINARY, REACHED, REACHED])
