"""Problems for meshes of a few devices, with what else `gradient_flow` is given."""

from typing import Any

import numpy as np

from diffjax.mixture import two_classes
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.problem import RandomFeatureProblem
from tests.random_features.small_problems import problem_of

TIMES = np.geomspace(1e-3, 1e7, 121)
COMPARED = (
    "training_times", "train_loss", "test_loss", "score_error", "total_train_loss",
    "total_test_loss", "bayes_floor", "final_train_loss", "final_test_loss", "sample_counts",
    "status",
)  # fmt: skip
"""Fields that agree to rounding; times that are read off the curves are compared more loosely."""


def _starts() -> tuple[Any, dict[str, Any]]:
    """Three anisotropic classes, a given start and an average over random ones."""
    problem = problem_of("rotated", readout_std=0.3)
    given = np.random.default_rng(5).normal(size=(problem.dim, problem.num_features))
    return problem, {"initial_readout": 0.2 * given}


def _labelled() -> tuple[Any, dict[str, Any]]:
    """Labelled data and given weights, in blocks of few samples."""
    rng = np.random.default_rng(7)
    problem = DatasetProblem(
        rng.normal(size=(50, 6)),
        np.repeat([0, 1], [35, 15]),
        rng.normal(size=(40, 6)),
        np.repeat([0, 1], 20),
        diffusion_time=0.2,
        feature_weights=rng.normal(size=(40, 6)),
        activation="erf",
        training_times=TIMES,
        class_weights=np.array([0.5, 0.5]),
        bias_std=0.4,
    )
    return problem, {}


def _two_classes() -> tuple[Any, dict[str, Any]]:
    """What the documentation computes, small."""
    mixture = two_classes(stds=(1.5, 1.0), distance=1.0, imbalance_ratio=0.25)
    problem = RandomFeatureProblem(
        mixture, dim=24, num_features=96, num_samples=72, diffusion_time=0.1, training_times=TIMES
    )
    return problem, {}


def case(name: str) -> tuple[Any, dict[str, Any]]:
    """A problem and the keyword arguments that go with it."""
    return {"starts": _starts, "labelled": _labelled, "two classes": _two_classes}[name]()
