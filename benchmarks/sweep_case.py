"""What the sweep engine costs: a sweep against a bare compiled loop over the same points.

    python -m benchmarks.sweep_case [--quick] [--json FILE]

One core.  The loop is `jit` of `lax.map` over the stacked problems, results on the host; both are
compiled before.  Answers are compared first.  The cost of a batch is the difference
between sweeps of the same points in many batches and in one; its limit is the launch of a compiled
program, measured in the same run.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.standalone import Disagreement, run

BATCHES = 64


class Case(NamedTuple):
    """A model with a problem, two axes, and how many points lie along each."""

    name: str
    model: Any
    problem: Any
    axes: Mapping[str, tuple[float, float]]
    side: int

    @property
    def over(self) -> dict[str, Any]:
        """The axes of the sweep."""
        import numpy as np

        return {name: np.linspace(*ends, self.side) for name, ends in self.axes.items()}

    @property
    def points(self) -> int:
        """Points of the grid."""
        return self.side**2

    @property
    def batch(self) -> int:
        """Points of one of many batches."""
        return max(1, self.points // BATCHES)

    @property
    def batches(self) -> int:
        """How many these are."""
        return -(-self.points // self.batch)


def cases(quick: bool) -> list[Case]:
    """A model that costs nothing, and the screening of the theory."""
    from benchmarks.one_line_model import Wave, wave
    from diffjax.asymptotics.model import screening
    from diffjax.asymptotics.problem import AsymptoticProblem
    from diffjax.mixture import two_classes

    theory = AsymptoticProblem(two_classes((1.5, 1.0), 1.0), 64.0, 16.0, diffusion_time=0.1)
    return [
        Case("one line", wave, Wave(), {"phase": (0.0, 3.0), "height": (1.0, 2.0)},
             16 if quick else 128),
        Case("screening", screening, theory, {"stds[0]": (0.7, 2.0), "distance": (0.5, 2.0)},
             8 if quick else 32),
    ]  # fmt: skip


def bare_loop(case: Case) -> Callable[[], dict[str, Any]]:
    """The same points in a compiled loop: every output by name, (point, ...), on the host."""
    import jax
    import numpy as np

    from diffjax.sweep.job import prepare
    from diffjax.sweep.program import PointProgram, output_names, read_output

    # the engine's own points, so that the loop sees the same bits
    job = prepare(case.model, case.problem, case.over, None, None, None, (), {}, {})
    (group,) = job.groups
    names = output_names(case.model)
    program = PointProgram(case.model, group, {})

    def point(varying):
        found = case.model.function(program.functions.problem(program.fixed, varying))
        return {name: read_output(case.model, found, name) for name in names}

    compiled = jax.jit(lambda rows: jax.lax.map(point, rows))
    return lambda: {k: np.asarray(v) for k, v in compiled(program.varying).items()}


def check(case: Case, dataset: Any, expected: Mapping[str, Any]) -> float:
    """Largest relative difference between the sweep and the loop; raises Disagreement."""
    import numpy as np

    worst = 0.0
    for name, values in expected.items():
        if case.model.outputs[name].coordinate:
            continue  # labels of the dataset, equal at all points
        found = dataset[name].values.reshape(values.shape)
        finite = np.isfinite(values)
        if not np.array_equal(np.where(finite, 0, values), np.where(finite, 0, found)):
            raise Disagreement(f"{case.name}: {name} is not finite elsewhere")
        scale = np.maximum(np.abs(values), 1e-300)
        worst = max(worst, float(np.max(np.abs(found - values) / scale, where=finite, initial=0)))
    if worst > 1e-9:
        raise Disagreement(f"{case.name}: the sweep and the loop differ by {worst:.1e}")
    return worst


def case_rows(case: Case, rounds: int, launch: list[float]) -> list:
    """Agreement, points per second of both, and the cost of a point, a batch and a call."""
    from benchmarks.report import agreement

    loop = bare_loop(case)
    sweeps = _sweeps(case)
    worst = check(case, sweeps["one batch"](), loop())
    times = _interleaved({"loop": loop, **sweeps}, rounds)
    label = f"sweep of {case.points} points, {case.name}"
    rows = [agreement(label, "largest relative difference from the loop", worst)]
    return rows + _point_rows(label, case, times) + _batch_rows(label, case, times, launch)


def _sweeps(case: Case) -> dict[str, Callable[[], Any]]:
    """Sweeps of the same points, cut and kept differently."""
    from diffjax.sweep.run import sweep

    one, many = case.points, case.batch

    def stored(batch: int) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run"
            return sweep(case.model, case.problem, case.over, path, batch_size=batch)

    def few() -> Any:
        over = {name: values[:2] for name, values in case.over.items()}
        return sweep(case.model, case.problem, over, batch_size=many)

    inside = partial(sweep, case.model, case.problem, case.over)
    return {
        "4 points": few,
        "one batch": lambda: inside(batch_size=one),
        "many batches": lambda: inside(batch_size=many),
        "one batch, stored": lambda: stored(one),
        "many batches, stored": lambda: stored(many),
    }


def _point_rows(label: str, case: Case, times: Mapping[str, list[float]]) -> list:
    from benchmarks.report import measured

    def rate(name: str) -> list[float]:
        return [case.points / seconds for seconds in times[name]]

    pairs = list(zip(times["loop"], times["one batch"], strict=True))
    beyond = [1e6 * (engine - loop) / case.points for loop, engine in pairs]
    return [
        measured(label, "bare loop, points per second", rate("loop"), "1/s"),
        measured(label, "engine, one batch, points per second", rate("one batch"), "1/s"),
        measured(label, f"engine, {case.batches} batches stored, points per second",
                 rate("many batches, stored"), "1/s"),
        measured(label, "engine, beyond the loop per point", beyond, "us"),
        measured(label, "bare loop / engine, CPU", [loop / engine for loop, engine in pairs]),
        measured(label, "engine, call of 4 points", [1e3 * s for s in times["4 points"]], "ms",
                 note="compiled before"),
    ]  # fmt: skip


def _batch_rows(
    label: str, case: Case, times: Mapping[str, list[float]], launch: list[float]
) -> list:
    from benchmarks.report import Row, measured

    rows = []
    for kept, ending in (("in memory", ""), ("stored", ", stored")):
        pairs = zip(times["many batches" + ending], times["one batch" + ending], strict=True)
        cost = [1e6 * (many - one) / (case.batches - 1) for many, one in pairs]
        rows.append(measured(label, f"per further batch, {kept}", cost, "us"))
        value = median(cost) / median(launch)
        rows.append(Row(label, f"batch / launch of a program, {kept}", value))
    return rows


def _interleaved(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of every call in every round, after one round to compile."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    return times


def measure(quick: bool) -> list:
    """All rows, on one core."""
    # before JAX starts its thread pool, which sizes itself by the affinity
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from benchmarks.limits import launch_microseconds
    from benchmarks.report import measured

    launch = launch_microseconds()
    rows = [measured("sweep", "launch of a compiled program", launch, "us")]
    for case in cases(quick):
        rows += case_rows(case, 2 if quick else 7, launch)
    return rows


if __name__ == "__main__":
    sys.exit(run("benchmarks.sweep_case", __doc__, measure, devices=1))
