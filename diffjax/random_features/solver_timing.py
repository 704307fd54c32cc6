"""Both solvers timed on this device, so that the faster one can be chosen."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from diffjax.dynamics import LearningDynamics
from diffjax.mixture import two_classes
from diffjax.random_features import gradient_flow as flow
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.solver_choice import SOLVERS, Solver, keep_solver_times
from diffjax.typing import Array

SIZES = (256, 512, 1024, 2048, 4096)

_MOST_LANES = 64
_SQUARES_PER_POINT = 60
_SHARE_OF_MEMORY = 0.3
_ROUNDS = 2


def measure_solvers(
    sizes: Sequence[int] = SIZES, device: Any = None, keep: bool = True
) -> dict[int, dict[str, float]]:
    """Seconds per point of both solvers, given the covariances, as a sweep runs them.

    An accelerator gets as many points at once as it has room for (64 at most), a CPU one.  With
    `keep`, `gradient_flow` chooses by these times from now on, also in later processes.  Takes a
    minute or two, most of it compilation.

    Args:
        sizes: numbers of features p.
        device: where; None for the first device.
        keep: write the times into the user's file of measurements.

    Returns:
        Number of features to solver to seconds.

    Example:
        >>> measure_solvers((256, 1024), keep=False)      # doctest: +SKIP
        {256: {'eigh': 0.00021, 'doubling': 0.00043}, 1024: {...}}
    """
    device = jax.local_devices()[0] if device is None else device
    times: dict[int, dict[str, float]] = {}
    for size in sizes:
        times[size] = time_solvers(size, device)
        if keep:
            keep_solver_times(device, {size: times[size]})
    return times


def time_solvers(num_features: int, device: Any, lanes: int | None = None) -> dict[str, float]:
    """Seconds per point of both solvers at one size.

    Args:
        num_features: p.
        device: where.
        lanes: points at once; None for as many as fit.
    """
    lanes = _lanes(num_features, device) if lanes is None else lanes
    mixture = two_classes(stds=(1.5, 1.0), distance=1.0, cosine=0.0)
    base = RandomFeatureProblem(mixture, num_features // 4, num_features, num_features // 2, 0.1)
    with jax.default_device(device):
        stages = jax.jit(flow.random_feature_stages)(base)
        while True:
            try:
                points = {name: _points(base, name, lanes) for name in SOLVERS}
                return {n: _seconds(points[n], _weights(lanes), stages) for n in SOLVERS}
            except jax.errors.JaxRuntimeError as error:
                if lanes == 1 or "RESOURCE_EXHAUSTED" not in str(error):
                    raise
            lanes //= 2


def _weights(lanes: int) -> Array:
    """Class weights of all points: other weights make other eigenvalue problems."""
    share = jnp.linspace(0.3, 0.7, lanes)
    return jnp.stack([share, 1.0 - share], axis=1)


def _points(base: RandomFeatureProblem, solver: Solver, lanes: int) -> Callable[..., Any]:
    """The jitted function of all points, side by side or in turn."""

    def point(weights: Array, stages: Any) -> LearningDynamics:
        problem = dataclasses.replace(base, class_weights=weights)
        return flow.combine(problem, stages, solver=solver)

    def points(weights: Array, stages: Any) -> LearningDynamics:
        if lanes == 1:
            return point(weights[0], stages)
        return jax.vmap(point, in_axes=(0, None))(weights, stages)

    return jax.jit(points)


def _lanes(num_features: int, device: Any) -> int:
    if device.platform == "cpu":
        return 1
    statistics = device.memory_stats() or {}
    free = statistics.get("bytes_limit", 2**33) - statistics.get("bytes_in_use", 0)
    each = _SQUARES_PER_POINT * num_features**2 * jnp.zeros(()).dtype.itemsize
    return max(1, min(_MOST_LANES, int(_SHARE_OF_MEMORY * free / each)))


def _seconds(function: Callable[..., Any], weights: Array, stages: Any) -> float:
    """Seconds of one point: the fastest of some calls after the one that compiles."""
    jax.block_until_ready(function(weights, stages))
    best = float("inf")
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        jax.block_until_ready(function(weights, stages))
        best = min(best, time.perf_counter() - start)
    return best / len(weights)
