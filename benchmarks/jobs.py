"""What workers run. A job has `run()`, `answer(result)` -> arrays by name, and may have facts.

Imports are inside: a NumPy worker never loads JAX, and the environment is set before.
"""

import importlib
import time
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
CURVES = ("train_loss", "test_loss", "eigenvalues")


def make_job(name: str, **arguments: Any):
    """The job of that name."""
    module, job = JOBS[name].split(":")
    return getattr(importlib.import_module(module), job)(**arguments)


class NumpyPoints:
    """The closed form in NumPy: a loop in one process, or a pool of processes."""

    def __init__(self, arrays: str, share: bool, processes: int = 1):
        from benchmarks.problems import read_arrays

        self.points = read_arrays(arrays)
        self.share = share
        self.children_cpu = 0.0
        self.pool = None
        if processes > 1:
            import multiprocessing

            self.pool = multiprocessing.get_context("spawn").Pool(
                processes, _read_part, [(arrays, processes)]
            )
            self.parts = range(processes)

    def run(self):
        """Curves of every point."""
        from benchmarks.peers.closed_form import solve_grid

        if self.pool is None:
            return solve_grid(self.points, share=self.share)
        parts = self.pool.map(_solve_part, [(i, self.share) for i in self.parts], chunksize=1)
        self.children_cpu += sum(cpu for _, cpu in parts)
        return [curves for part, _ in parts for curves in part]

    def answer(self, result) -> Arrays:
        """Curves stacked over points, and the two times of every class."""
        from benchmarks.peers.times import class_times

        stacked = {name: np.stack([getattr(c, name) for c in result]) for name in CURVES}
        times = [class_times(p, c) for p, c in zip(self.points, result, strict=True)]
        return stacked | {name: np.stack([t[name] for t in times]) for name in times[0]}


_POINTS: list = []


def _read_part(task: tuple[str, int]) -> None:
    from benchmarks.problems import read_arrays

    global _POINTS
    points = read_arrays(task[0])
    size = -(-len(points) // task[1])
    _POINTS = [points[i : i + size] for i in range(0, len(points), size)]


def _solve_part(task: tuple[int, bool]):
    """Contiguous points in one process, so that a cache serves neighbours."""
    from benchmarks.peers.closed_form import solve_grid

    start = time.process_time()
    result = solve_grid(_POINTS[task[0]], share=task[1])
    return result, time.process_time() - start


def _import_what_calls_import() -> None:
    """What the first call would import: with it, a first call is compilation and nothing else.

    jaxlib imports scipy.linalg for its first eigendecomposition and a dialect for the first program
    that it lowers, the engine zarr when it is first asked for, and xarray dask, where installed,
    with the first array.
    """
    import scipy.linalg  # noqa: F401
    import xarray

    import diffjax as dj
    import diffjax.sweep.run

    assert dj.gradient_flow is not None  # loads it

    xarray.DataArray(np.zeros(1), coords={"x": ["label"]}, dims="x").copy()


class EnginePoint:
    """One problem through the public function; more arguments as in `problems.problem`."""

    def __init__(self, num_features: int, times: int | None, **more: Any):
        import jax

        import diffjax as dj
        from benchmarks.problems import problem

        _import_what_calls_import()
        problem_here, wait = problem(num_features, times, **more), jax.block_until_ready
        self.run = lambda: wait(dj.gradient_flow(problem_here))

    def answer(self, result) -> Arrays:
        """As the peer, with a leading point axis of length one."""
        return {name: np.asarray(getattr(result, name))[None] for name in COMPARED}


class EngineSweep:
    """The grid through the public call, which plans and compiles every time."""

    def __init__(self, num_features: int, times: int | None, quick: bool):
        import diffjax as dj
        from benchmarks.problems import axes, problem

        _import_what_calls_import()
        over, base = axes(quick), problem(num_features, times)
        self.run = lambda: dj.sweep(dj.gradient_flow, base, over=over)

    def answer(self, result) -> Arrays:
        """The Dataset's variables with the grid axes flattened."""
        grid = result["status"].shape
        return {
            name: result[name].values.reshape(-1, *result[name].shape[len(grid) :])
            for name in COMPARED
        }


class EngineGrid:
    """The batches of that sweep, planned and compiled before: its run time."""

    def __init__(
        self, num_features: int, times: int | None, quick: bool, batch_size: int | None = None
    ):
        import diffjax as dj
        from benchmarks.problems import axes, problem
        from diffjax.sweep.execute import Executor
        from diffjax.sweep.job import plan_of, prepare
        from diffjax.sweep.plan import GroupPlan

        base = problem(num_features, times)
        job = prepare(dj.gradient_flow, base, axes(quick), None, None, batch_size, (), {}, {})
        plan = plan_of(job, job.groups[0])
        assert isinstance(plan, GroupPlan), "the engine's model runs on devices"
        self.plan = plan
        self.executor = Executor(self.plan, job.devices)
        self.facts = {"device_bytes": self.plan.device_bytes}

    def run(self) -> list[dict[str, np.ndarray]]:
        """All batches, results on the host."""
        return [self.executor.batch(number) for number in range(len(self.plan.rows))]

    def answer(self, result) -> Arrays:
        """Rows of all batches in the order of the grid, padding left out."""
        points = np.concatenate([self.plan.points(i) for i in range(len(self.plan.rows))])
        order = np.argsort(points)[(points < 0).sum() :]
        return {name: np.concatenate([r[name] for r in result])[order] for name in COMPARED}


COMPARED = (*CURVES, "generalization_time", "memorization_time")
JOBS = {
    "numpy": "benchmarks.jobs:NumpyPoints",
    "engine_point": "benchmarks.jobs:EnginePoint",
    "engine_grid": "benchmarks.jobs:EngineGrid",
    "engine_sweep": "benchmarks.jobs:EngineSweep",
    "stored_sweep": "benchmarks.sweep_jobs:StoredSweep",
    "theory_sweep": "benchmarks.sweep_jobs:TheorySweep",
    "limits": "benchmarks.limits:Limits",
    "phases": "benchmarks.phases:Phases",
    "explicit": "benchmarks.explicit_job:Explicit",
}
