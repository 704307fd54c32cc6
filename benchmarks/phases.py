"""Where the engine's time goes, phase by phase, against matrix product and eigh.

Runs in a worker of its own (one core). Every phase is the engine's own function under `jit`,
timed in CPU seconds with its inputs already on the device.
"""

import functools
import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffjax.sweep.model import Model


class Phases:
    """A job whose facts are the phases' seconds: {"seconds": {phase: s}}.

    `draws` is what the classes have in common; `train` and `population` are one class each;
    `combine` is everything after them and contains `eigh` and, as its remainder, rotations and
    curves.
    """

    def __init__(self, num_features: int, times: int | None, rounds: int = 5):
        import jax

        import diffjax as dj
        from benchmarks.problems import problem

        point, model = problem(num_features, times), dj.gradient_flow
        work, results = stage_work(model, point)
        calls = {
            name: _call(jax.jit(model.stages[name].compute), *inputs)
            for name, inputs in work.items()
        }
        assert model.combine is not None, "the engine's model has shared stages"
        calls["combine"] = _call(jax.jit(model.combine), point, results)
        calls["eigh"] = _call(jax.jit(jax.numpy.linalg.eigh), _covariance(num_features))
        calls["whole point"] = lambda: jax.block_until_ready(dj.gradient_flow(point))
        self.facts = {"seconds": _interleaved(calls, rounds)}
        self.run = lambda: None

    def answer(self, result: None) -> dict:
        """Nothing."""
        return {}


def stage_work(model: "Model", point: Any) -> tuple[dict[str, tuple[Any, ...]], dict[str, Any]]:
    """Arguments of each stage's `compute` for the first member, and the results of all members."""
    import jax

    from diffjax.sweep.program import first_member, stage_results

    results = jax.jit(functools.partial(stage_results, model.stages))(point)
    work = {}
    for name, stage in model.stages.items():
        needed = () if stage.needs is None else (first_member(results[stage.needs]),)
        work[name] = (first_member(jax.jit(stage.split)(point)), *needed)
    return work, results


def _call(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    import jax

    return lambda: jax.block_until_ready(function(*arguments))


def _covariance(size: int):
    import jax

    square = jax.random.normal(jax.random.key(0), (size, size))
    return square @ square.T / size


def _interleaved(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            seconds[name].append(time.process_time() - start)
    return {name: median(values) for name, values in seconds.items()}


def phase_limits(
    num_features: int, times: int, gflops: float, eigh: float, orders: tuple[int, int] = (4, 8)
) -> dict[str, float]:
    """Least seconds of each phase of one point: operations / product speed, plus eigh.

    Symmetric products count half (n p^2 for X X^T) and a congruence O^T U O counts 3 p^3.
    Elementwise work (quadrature, series) counts its arithmetic at the speed of products, so
    it hardly counts: the limit is not meant to be reachable.
    """
    p, n, d = float(num_features), num_features / 2, num_features / 4
    rate = gflops * 1e9
    per_class = n / 2
    draws = p**2 * d
    train = (orders[0] + 1) * p**2 * per_class + 2 * p * per_class * d
    population = 3 * (orders[1] + 1) * p**2
    # P = O^T V, P P^T and W P^T; three congruences (the last train class is free); F M, 4 times
    combine = (2 + 1 + 2) * p**2 * d + 3 * 3 * p**3 + 4 * 2 * p**2 * times
    seconds = {"draws": draws, "train": train, "population": population, "combine": combine}
    return {name: flops / rate for name, flops in seconds.items()} | {"eigh": eigh}
