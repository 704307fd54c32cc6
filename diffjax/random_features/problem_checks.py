"""Checks that the problems of the exact engine have in common."""

from typing import Any

import numpy as np

from diffjax.training_window import check_training_times
from diffjax.validation import check_class_weights, check_scalar


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
        check_class_weights(np.asarray(problem.class_weights), problem.num_classes)
