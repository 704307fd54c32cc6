"""The exact engine as a model of the sweep engine; calling it computes one problem."""

import functools
from typing import Any

import jax
import numpy as np

from diffjax.collector import spared_collector
from diffjax.dynamics import LABELS, LearningDynamics
from diffjax.mixture import two_classes
from diffjax.precision import require_float64
from diffjax.random_features import class_members as members
from diffjax.random_features import gradient_flow as flow
from diffjax.random_features.dataset_problem import DatasetProblem, warn_of_few_samples
from diffjax.random_features.flow_checks import check_flow
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.solver_choice import choose_solver, fastest_solver, settled_options
from diffjax.sweep.model import Output, SharedStage, model
from diffjax.training_window import default_count
from diffjax.validation import concrete

OUTPUTS = {name: Output(*label) for name, label in LABELS.items()}


def default_problem() -> RandomFeatureProblem:
    """A laptop-sized problem: 1 : 4 imbalance, the minority class twice as wide."""
    mixture = two_classes(stds=(1.5, 1.0), distance=1.0, imbalance_ratio=0.25)
    return RandomFeatureProblem(
        mixture, dim=64, num_features=512, num_samples=256, diffusion_time=0.1
    )


def _coords(problem: RandomFeatureProblem | DatasetProblem) -> dict[str, Any]:
    if isinstance(problem, DatasetProblem):
        return {"class": np.asarray(problem.class_labels)}
    return {"class": np.arange(problem.num_classes)}


def _flops(problem: RandomFeatureProblem | DatasetProblem) -> float:
    """Leading terms: sample covariances, eigendecomposition, rotations, curves."""
    p, n, d = problem.num_features, problem.num_samples, problem.dim
    options = problem.covariance_options.resolve(d, num_features=p)
    orders = min(options.train_order, 24) + 1.0  # few problems need all that the rule allows
    given = problem.training_times
    times = default_count(problem.activation) if given is None else len(given)
    classes = problem.num_classes
    covariances = 2.0 * p**2 * n * orders + 8.0 * p * n * min(options.nodes, 85)
    rotations = (2 * classes - 1) * 4.0 * p**3 + 2.0 * p**2 * d * (2 * classes + 2)
    return covariances + 9.0 * p**3 + rotations + 2 * classes * 2.0 * p**2 * times


@functools.partial(jax.jit, static_argnames=("solver", "allow_float32"))
def _random_feature_dynamics(problem, solver, initial_readout, allow_float32):
    return flow.random_feature_dynamics(
        problem, solver=solver, initial_readout=initial_readout, allow_float32=allow_float32
    )


@functools.partial(jax.jit, static_argnames=("solver", "allow_float32"))
def _dataset_dynamics(problem, solver, initial_readout, allow_float32):
    return flow.dataset_dynamics(
        problem, solver=solver, initial_readout=initial_readout, allow_float32=allow_float32
    )


@model(
    version=2,
    outputs=OUTPUTS,
    stages={
        "draws": SharedStage(members.draw_members, members.drawn_member),
        "train": SharedStage(
            members.sample_members, members.member_sample_covariance, needs="draws"
        ),
        "population": SharedStage(
            members.population_members, members.member_population_covariance, needs="draws"
        ),
    },
    combine=flow.combine,
    shares=lambda problem: isinstance(problem, RandomFeatureProblem),
    coords=_coords,
    default_problem=default_problem,
    flops=_flops,
    precision="float64",
    citations=("arXiv:2605.06367", "arXiv:2505.17638"),
    settle=settled_options,
)
def gradient_flow(
    problem: RandomFeatureProblem | DatasetProblem,
    solver: flow.Solver = "auto",
    initial_readout: Any = None,
    allow_float32: bool = False,
) -> LearningDynamics:
    """Exact learning dynamics of every class under gradient flow, in closed form.

    The readout follows dA/dtau = -d^2 grad L; losses are averaged exactly over the noise and, for
    a mixture, over the test population.  No Monte Carlo enters except the problem's own draws of
    weights, centroids and training samples.

    Args:
        problem: a `RandomFeatureProblem` or a `DatasetProblem`.
        solver: "eigh" (one eigendecomposition), "doubling" (curves by matrix products only) or
            "auto": eigh on CPUs and GPUs, doubling on TPUs, and the faster one where
            `measure_solvers` has timed them on this kind of accelerator.  They agree to 1e-10.
            Derivatives in reverse mode need "eigh": doubling is a loop of unknown length.
        initial_readout: (d, p) A at training time zero; default zero, or `readout_std` of the
            problem for an average over random ones.
        allow_float32: compute in 32 bits if JAX is set so; the status IMPRECISE tells when the
            spectrum is too wide for it.

    Returns:
        LearningDynamics.

    Raises:
        PrecisionError: JAX is in 32-bit mode and `allow_float32` is not set.
        InputError: an unknown solver, a readout of the wrong shape, another kind of problem.

    Warns:
        FewSamplesWarning: the status of a `DatasetProblem` is FEW_SAMPLES.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> from diffjax.mixture import two_classes
        >>> problem = RandomFeatureProblem(two_classes(), dim=16, num_features=64,
        ...                                num_samples=32, diffusion_time=0.1)
        >>> dynamics = gradient_flow(problem)
        >>> dynamics.test_loss.shape
        (2, 481)

    References:
        Random-feature score models: Bonnaire et al., arXiv 2505.17638; classes: arXiv 2605.06367.
    """
    require_float64("gradient_flow", allow_float32)
    choose_solver(solver)
    check_flow(problem, initial_readout)
    if solver == "auto" and concrete(problem):  # a compiled program depends on no file
        solver = fastest_solver(problem.num_features).solver
    compute = _dataset_dynamics if isinstance(problem, DatasetProblem) else _random_feature_dynamics
    with spared_collector():
        found = compute(problem, solver, initial_readout, allow_float32)
    if isinstance(problem, DatasetProblem) and concrete((problem, found)):
        warn_of_few_samples(problem, found.status)
    return found
