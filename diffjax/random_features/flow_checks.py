"""What every way of computing gradient flow asks of its caller."""

from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.problem import RandomFeatureProblem


def check_flow(problem: Any, initial_readout: Any) -> None:
    """Check the kind of a problem and the shape of the readout that training starts from.

    Raises:
        InputError: another kind of problem, or a readout that is not (d, p).
    """
    if not isinstance(problem, RandomFeatureProblem | DatasetProblem):
        raise InputError(
            f"the problem is a {type(problem).__name__}",
            "a RandomFeatureProblem or a DatasetProblem",
            "build one of these",
        )
    expected = (problem.dim, problem.num_features)
    if initial_readout is not None and np.shape(initial_readout) != expected:
        raise InputError(
            f"initial_readout has shape {np.shape(initial_readout)}",
            f"(dim, num_features) = {expected}",
            "transpose it if it is the other way round",
        )
