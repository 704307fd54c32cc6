"""The order of two classes of images: a trained U-Net beside what two theories predict for them.

Predicted are times in the random-feature model of the same training images at one diffusion time,
computed exactly (`DatasetProblem`), and in the high-dimensional theory for Gaussian classes with
the means and covariances of all images of the classes (`AsymptoticProblem.from_data`).  Clocks
differ, so orders and ratios of times are to be compared, not times.

The memorisation time is the one without a floor (`half_memorization_time`), for predictions as for
the measurement: half way from the lowest held-out loss to the final train loss.
"""

import functools
from typing import Any

import numpy as np

from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.model import gradient_flow
from diffjax.status import FAILURES
from diffjax.studies.image_criteria import PREDICTIONS
from diffjax.sweep.model import Output, model
from diffjax.unet.images import ImageSplit
from diffjax.unet.model import OUTPUTS, class_coordinates, train_on
from diffjax.unet.problem import UNetProblem

NUM_FEATURES = 784
DIFFUSION_TIME = 0.1
HELD_OUT = 200
"""Held-out images per class of the exact engine."""

TIMES = {
    "generalization_time": "generalization_time",
    "memorization_time": "half_memorization_time",
    "gap_onset_time": "gap_onset_time",
}
"""Name in the result to the field of `LearningDynamics` of the same definition."""

_PREDICTED = {
    f"{prefix}_{name}": Output(("class",), f"{OUTPUTS[name].description}: {words}", "training time")
    for prefix, words in PREDICTIONS.items()
    for name in TIMES
}


@model(
    version=1,
    outputs={**OUTPUTS, **_PREDICTED},
    coords=class_coordinates,
    default_problem=UNetProblem,
    precision="float64",
    citations=("arXiv:2605.06367", "arXiv:2505.17638"),
    on="host",
)
def image_order(
    problem: UNetProblem,
    num_features: int = NUM_FEATURES,
    diffusion_time: float = DIFFUSION_TIME,
) -> dict[str, Any]:
    """A U-Net's curves and times per class, and the times that are predicted for its images.

    Args:
        problem: images, classes, counts and settings of the U-Net.
        num_features: p of the predictions.
        diffusion_time: t of the predictions.

    Returns:
        What `unet_training` returns and, for each of `TIMES`, ``exact_...`` and ``theory_...``.

    Raises:
        PrecisionError: JAX is in 32-bit mode, which the predictions cannot use.
        InputError: as `unet_training`.
    """
    split = problem.split()
    measured = train_on(problem, split)
    exact = exact_times(split, num_features, diffusion_time, int(problem.seed))
    theory = theory_times(split, num_features, diffusion_time)
    return {**measured, **exact, **theory}


def exact_times(
    split: ImageSplit, num_features: int, diffusion_time: float, seed: int
) -> dict[str, np.ndarray]:
    """Times of the random-feature model on the training images of the split."""
    places = np.concatenate(
        [np.flatnonzero(split.held_out_labels == c)[:HELD_OUT] for c in range(split.num_classes)]
    )
    problem = DatasetProblem(
        _vectors(split.train),
        split.train_labels,
        _vectors(split.held_out[places]),
        split.held_out_labels[places],
        diffusion_time=diffusion_time,
        num_features=num_features,
        seed=seed,
    )
    return _times("exact", gradient_flow(problem))


def theory_times(
    split: ImageSplit, num_features: int, diffusion_time: float
) -> dict[str, np.ndarray]:
    """Times of the high-dimensional theory for the measured means and covariances."""
    images, labels = split.seen
    order = np.lexsort((images.reshape(len(images), -1)[:, 0], labels))  # of the draw no trace
    return _theory_times(
        _Samples(_vectors(images[order]), labels[order]), split.counts, num_features, diffusion_time
    )


class _Samples:
    """Samples that are equal if their classes have equal means and norms."""

    def __init__(self, vectors: np.ndarray, labels: np.ndarray):
        self.vectors, self.labels = vectors, labels
        sums = [vectors[labels == c].sum() for c in np.unique(labels)]
        self._key = tuple(float(f"{total:.6g}") for total in sums)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Samples) and self._key == other._key


@functools.lru_cache(maxsize=16)
def _theory_times(
    samples: _Samples, counts: tuple[int, ...], num_features: int, diffusion_time: float
) -> dict[str, np.ndarray]:
    dim, total = samples.vectors.shape[1], sum(counts)
    problem = AsymptoticProblem.from_data(
        samples.vectors,
        samples.labels,
        num_features / dim,
        total / dim,
        diffusion_time,
        weights=np.asarray(counts) / total,
        standardize=False,
    )
    return _times("theory", asymptotic_dynamics(problem))


def _times(prefix: str, dynamics: Any) -> dict[str, np.ndarray]:
    """Times under their prefixed names; inf where the computation failed."""
    failed = int(dynamics.status) in FAILURES
    found = {name: np.asarray(getattr(dynamics, field)) for name, field in TIMES.items()}
    return {f"{prefix}_{k}": np.full_like(v, np.inf) if failed else v for k, v in found.items()}


def _vectors(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64)
