"""Training a U-Net as a model of the sweep engine: a host model, one run per grid point."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np

from diffjax.errors import InputError
from diffjax.sweep.model import Output, model
from diffjax.unet.evaluation import Evaluator
from diffjax.unet.images import ImageSplit
from diffjax.unet.problem import UNetProblem
from diffjax.unet.results import LABELS, MODEL_VERSION, all_results
from diffjax.unet.training import Trainer

OUTPUTS = {name: Output(*label) for name, label in LABELS.items()}


def class_coordinates(problem: UNetProblem) -> dict[str, Any]:
    """Positions, not names: along an axis of class pairs the names differ."""
    return {"class": np.arange(len(problem.classes))}


@model(
    version=MODEL_VERSION,
    outputs=OUTPUTS,
    coords=class_coordinates,
    default_problem=UNetProblem,
    precision="any",
    citations=("arXiv:2605.06367", "arXiv:2505.17638"),
    on="host",
)
def unet_training(problem: UNetProblem) -> dict[str, Any]:
    """Losses, copies, shares and times per class of one U-Net against its training step.

    It computes in 32 bits whatever JAX is set to.  A run on disk that can be interrupted is
    `diffjax.unet.train_run`, or `diffjax unet train`.

    Args:
        problem: a `UNetProblem`.

    Returns:
        Arrays named as in `diffjax.unet.results.LABELS`.

    Raises:
        InputError: images that the network cannot halve, no images to be generated, or what
            `UNetProblem.split` raises.

    Example:
        >>> result = unet_training(UNetProblem(num_samples=32, shrink=2))   # doctest: +SKIP
        >>> result["memorized_fraction"].shape                             # doctest: +SKIP
        (2, 20)
    """
    return train_on(problem, problem.split())


def train_on(problem: UNetProblem, split: ImageSplit) -> dict[str, Any]:
    """The same for a split that was already made."""
    if problem.evaluation.samples < 1:
        raise InputError("evaluation.samples=0", "at least 1", "generate some images")
    training = replace(problem.training, seed=int(problem.seed))
    trainer = Trainer(split, problem.network, training)
    evaluator = Evaluator(split, trainer, problem.evaluation)
    state, steps, evaluations = trainer.initial_state(), training.evaluation_steps(), []
    for step in steps:
        state = trainer.advance(state, step - int(state.step))
        evaluations.append(evaluator.measure(jax.block_until_ready(state.average)))
    return all_results(split, evaluator, steps, evaluations, problem.evaluation)
