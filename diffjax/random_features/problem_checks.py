"""Checks that the problems of the exact engine have in common."""

from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.random_features.clock import check_training_times
from diffjax.validation import check_scalar, check_vector


def check_common(problem: Any) -> None:
    """Check the leaves that every problem has; all are concrete."""
    check_scalar("diffusion_time", problem.diffusion_time, "> 0", low=0.0, strict=True)
    check_scalar("bias_std", problem.bias_std, "at least 0", low=0.0, strict=False)
    check_scalar("seed", problem.seed, "at least 0", low=0, strict=False)
    if problem.readout_std is not None:
        check_scalar("readout_std", problem.readout_std, "at least 0", low=0.0, strict=False)
    if problem.training_times is not None:
        check_training_times(np.asarray(problem.training_times))
    if problem.class_weights is not None:
        _check_class_weights(np.asarray(problem.class_weights), problem.num_classes)


def _check_class_weights(weights: np.ndarray, num_classes: int) -> None:
    check_vector("class_weights", weights, length=num_classes)
    if (weights < 0).any() or abs(weights.sum() - 1) > 1e-6:
        raise InputError(
            f"class_weights={weights.tolist()} (sum {weights.sum():.6g})",
            "non-negative weights that sum to 1",
            "divide them by their sum",
        )
