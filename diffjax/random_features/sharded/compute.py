"""Learning dynamics of one problem whose features are spread over a mesh."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from diffjax.compiled import compiled
from diffjax.diffusion import bayes_floor, noise_variance
from diffjax.dynamics import ClassShares, LearningDynamics, learning_dynamics
from diffjax.errors import InputError
from diffjax.precision import require_float64
from diffjax.random_features import gradient_flow as flow
from diffjax.random_features.clock import training_times
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.flow_checks import check_flow
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.sharded.chain import Start
from diffjax.random_features.sharded.classes import Problem, sample_counts, sharded_objective
from diffjax.random_features.sharded.layout import FeatureLayout, feature_layout
from diffjax.random_features.sharded.losses import ShardedObjective
from diffjax.random_features.sharded.solve import sampling_clock, solve_on_mesh
from diffjax.status import Status, worst
from diffjax.validation import concrete


def gradient_flow_sharded(
    problem: RandomFeatureProblem | DatasetProblem,
    *,
    mesh: Mesh | None = None,
    initial_readout: Any = None,
    allow_float32: bool = False,
) -> LearningDynamics:
    """`gradient_flow` of one problem on many devices, for feature numbers that no device can hold.

    The same problem, draws and curves (to 1e-10), from matrix products only: the training time is
    doubled over and over.  Every device keeps 1/D of each (p, p) matrix.  Across processes every
    one calls this with the same problem after `jax.distributed.initialize`, and every one gets
    the whole result.

    Where `gradient_flow` can hold the problem on one device and has a fast eigendecomposition, it
    is the quicker one.

    Args:
        problem: a `RandomFeatureProblem` or a `DatasetProblem` whose `num_features` is a multiple
            of the number of devices.
        mesh: the devices to use, whatever the mesh's axes; default all devices of all processes.
        initial_readout: (d, p) A at training time zero; default zero, or `readout_std` of the
            problem for an average over random ones.
        allow_float32: compute in 32 bits if JAX is set so; the status IMPRECISE tells when the
            spectrum is too wide for it.

    Returns:
        LearningDynamics.  Its `eigenvalues` are two, the smallest and the largest, from power
        iterations that approach them from within the spectrum, to a few per cent or better: enough
        for the precision check in `status`.  There is no whole spectrum without an
        eigendecomposition.

    Raises:
        PrecisionError: JAX is in 32-bit mode and `allow_float32` is not set.
        InputError: features that cannot be shared out equally, a readout of the wrong shape,
            training times over too many octaves, a call under `jax.jit` or `jax.vmap`.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> from diffjax.mixture import two_classes
        >>> problem = RandomFeatureProblem(two_classes(), dim=8, num_features=64, num_samples=32,
        ...                                diffusion_time=0.1)
        >>> dynamics = gradient_flow_sharded(problem)
        >>> dynamics.test_loss.shape, dynamics.eigenvalues.shape
        ((2, 481), (2,))
    """
    require_float64("gradient_flow_sharded", allow_float32)
    _check(problem, initial_readout)
    with compiled():
        return _dynamics(problem, mesh, initial_readout)


def _dynamics(problem: Problem, mesh: Mesh | None, initial_readout: Any) -> LearningDynamics:
    layout = feature_layout(mesh, problem.num_features)
    times = np.asarray(training_times(problem))
    noise = float(noise_variance(problem.diffusion_time))
    scaled_times = 2.0 * noise * problem.dim / problem.num_features * times.astype(np.float64)
    sampling_clock(scaled_times, bound=0.0)
    objective = sharded_objective(layout, problem)
    start = _start(layout, problem, initial_readout, objective)
    curves, eigenvalues, errors = solve_on_mesh(layout, objective, start, scaled_times)
    counts = jnp.asarray(sample_counts(problem))
    shares = ClassShares(jnp.asarray(objective.class_weights), _test_weights(problem), counts)
    floor, status = _floor(problem, curves.final_train)
    return jax.jit(learning_dynamics)(
        jnp.asarray(times),
        curves.train,
        curves.test,
        curves.final_train,
        curves.final_test,
        eigenvalues,
        floor,
        shares,
        worst(errors.status, status),
    )


def _check(problem: Problem, initial_readout: Any) -> None:
    check_flow(problem, initial_readout)
    if not concrete(problem):
        raise InputError(
            "the problem has traced leaves",
            "gradient_flow_sharded compiles its own programs and is called outside of jax.jit",
            "use gradient_flow under jit and vmap",
        )


def _start(
    layout: FeatureLayout, problem: Problem, initial_readout: Any, objective: ShardedObjective
) -> Start:
    p, dtype = problem.num_features, objective.weights.dtype
    matrix = variance = None
    if initial_readout is not None:
        matrix = layout.place(np.asarray(initial_readout, dtype).T / np.sqrt(p).astype(dtype))
    if problem.readout_std is not None:
        variance = np.asarray(np.asarray(problem.readout_std) ** 2 / p, dtype)
    return Start(matrix, variance)  # pyright: ignore[reportArgumentType]


def _test_weights(problem: Problem) -> Any:
    """(K,) shares of the classes in the population."""
    if isinstance(problem, DatasetProblem):
        return jnp.asarray(sample_counts(problem) / problem.num_samples)
    return jnp.asarray(problem.mixture.class_weights)


def _floor(problem: Problem, final_train_loss: Any) -> tuple[Any, Any]:
    """(K,) Bayes floors, and what they are worth."""
    if isinstance(problem, DatasetProblem):
        found = flow.dataset_floor(problem)
        return found.floor, found.status(final_train_loss)
    return jnp.asarray(bayes_floor(problem.mixture, problem.diffusion_time)), Status.OK
