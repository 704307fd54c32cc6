"""Generated samples per class as a model of the sweep engine; calling it computes one problem."""

from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.mixture import two_classes
from diffjax.precision import require_float64
from diffjax.random_features.generated_classes import (
    CONTROLS,
    GeneratedClasses,
    describe_generated,
)
from diffjax.random_features.generated_samples import CRITERIA
from diffjax.random_features.generator_problem import GeneratorProblem
from diffjax.sweep.model import Output, model

_CLOCK = "training time"
_CURVE = ("class", "training_time")
_CONTROL = ("control", "class")

OUTPUTS = {
    "training_times": Output(("training_time",), "training time", _CLOCK, r"\tau", coordinate=True),
    "class_share": Output(_CURVE, "share of generated samples", symbol=r"\hat\rho"),
    "memorized_fraction": Output(
        ("criterion", *_CURVE), "memorised fraction of samples", symbol=r"f_\mathrm{mem}"
    ),
    "mean_error": Output(_CURVE, "error of the class mean over that of the sampler"),
    "variance_ratio": Output(_CURVE, "variance over that of the sampler"),
    "plateau": Output(
        ("criterion", "class"), "largest memorised fraction", symbol=r"f_\mathrm{max}"
    ),
    "half_copied_time": Output(
        ("criterion", "class"), "half of the samples are copies", _CLOCK, r"\tau_{f=1/2}"
    ),
    "half_plateau_time": Output(
        ("criterion", "class"), "half of the plateau", _CLOCK, r"\tau_{f=f_\mathrm{max}/2}"
    ),
    "generalization_time": Output(
        ("class",), "generalisation time of the loss", _CLOCK, r"\tau_\mathrm{gen}"
    ),
    "memorization_time": Output(
        ("class",), "memorisation time of the loss", _CLOCK, r"\tau_\mathrm{mem}"
    ),
    "control_class_share": Output(_CONTROL, "share of the samples of a control"),
    "control_memorized_fraction": Output(
        ("criterion", *_CONTROL), "memorised fraction of a control"
    ),
    "control_mean_error": Output(_CONTROL, "mean error of a control, in class stds per sqrt(d)"),
    "control_variance": Output(_CONTROL, "variance of a control over that of the class"),
    "sample_counts": Output(("class",), "training samples", "samples", "n"),
    "status": Output((), "status of the point"),
}


def default_problem() -> GeneratorProblem:
    """Two classes far apart in eight dimensions, class 0 wider, eight samples each."""
    mixture = two_classes(stds=(1.5, 1.0), distance=8.0**0.5)
    return GeneratorProblem(mixture, dim=8, num_features=512, num_samples=16)


def _coords(problem: GeneratorProblem) -> dict[str, Any]:
    labels = {"class": np.arange(problem.num_classes)}
    return {**labels, "criterion": np.array(CRITERIA), "control": np.array(CONTROLS)}


def _flops(problem: GeneratorProblem) -> float:
    """Covariances and eigendecomposition per diffusion time, readouts, sampling, losses."""
    p, n, d = problem.num_features, problem.num_samples, problem.dim
    times = 13 if problem.training_times is None else len(problem.training_times)
    grid = problem.num_diffusion_times
    if problem.diffusion_times is not None:
        grid = len(problem.diffusion_times)
    options = problem.covariance_options.resolve(d, num_features=p)
    orders = min(options.train_order, 24) + 1.0  # few diffusion times need all that the rule allows
    one_time = p**2 * n * orders + 8.0 * p * n * min(options.nodes, 85) + 9.0 * p**3
    readouts = 2.0 * p**2 * d * times
    sampling = problem.num_generated * times * p * (4.0 * d + 40.0)
    losses = 20.0 * p**3 + 4.0 * problem.num_classes * p**2 * 481
    return grid * (one_time + readouts + sampling) + losses


@model(
    version=2,
    outputs=OUTPUTS,
    coords=_coords,
    default_problem=default_problem,
    flops=_flops,
    precision="float64",
    citations=("arXiv:2605.06367", "arXiv:2505.17638"),
)
def generated_classes(problem: GeneratorProblem) -> GeneratedClasses:
    """What a trained random-features model generates, class by class, along its training.

    Readouts are exact for gradient flow at every diffusion time; samples are drawn with 32-bit
    numbers, with the same noise at all training times.

    Args:
        problem: a `GeneratorProblem`.

    Returns:
        GeneratedClasses.

    Raises:
        PrecisionError: JAX is in 32-bit mode.
        InputError: another kind of problem.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> problem = GeneratorProblem(two_classes(), dim=4, num_features=32, num_samples=8,
        ...                            training_times=[1.0, 100.0], num_diffusion_times=8)
        >>> found = generated_classes(problem)         # doctest: +SKIP
        >>> found.memorized_fraction.shape             # doctest: +SKIP
        (2, 2, 2)

    References:
        Random-feature score models: Bonnaire et al., arXiv 2505.17638; classes: arXiv 2605.06367.
    """
    require_float64("generated_classes")
    if not isinstance(problem, GeneratorProblem):
        raise InputError(
            f"the problem is a {type(problem).__name__}", "a GeneratorProblem", "build one"
        )
    return describe_generated(problem)
