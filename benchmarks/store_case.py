"""The store: writing, opening and resuming a run, against plain `np.save` and `np.load`.

    python -m benchmarks.store_case [--quick] [--json FILE]

One core, CPU seconds; files lie in the page cache on both sides.  The arrays are learning curves of
the theory, written batch by batch: by the engine as compressed chunks with checksums, by NumPy as
one file per array and batch.  Both are read back first and must give the same bits.  The limits are
the compression of the same chunks without any store, and a copy in memory, in the same run.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.standalone import Disagreement, run

POINTS = 4096
BATCH = 64
QUICK_POINTS = 64
QUICK_BATCH = 16
SEGMENTS = 64


class Results:
    """Computed points of a sweep, and all that is needed to write and read them.

    Args:
        model: what computes them.
        problem: the base problem.
        over: the axes.
        batch: points per batch.
    """

    def __init__(self, model: Any, problem: Any, over: Mapping[str, Any], batch: int):
        from diffjax.sweep.batches import session_of
        from diffjax.sweep.execute import Executor
        from diffjax.sweep.job import plan_of, prepare
        from diffjax.sweep.plan import GroupPlan

        self.model, self.problem, self.over = model, problem, over
        job = prepare(self.model, self.problem, self.over, None, None, batch, (), {}, {})
        plan = plan_of(job, job.groups[0])
        assert isinstance(plan, GroupPlan), "the theory is a model of the device"
        executor = Executor(plan, job.devices)
        keys = job.grid.keys()
        self.record, self.facts = job.record, session_of(job, job.groups[0])
        self.batches = [
            (keys[plan.points(number)], executor.batch(number)) for number in range(len(plan.rows))
        ]

    @property
    def points(self) -> int:
        """How many there are."""
        return sum(len(keys) for keys, _ in self.batches)

    @property
    def megabytes(self) -> float:
        """10^6 bytes of all arrays."""
        arrays = [array for _, results in self.batches for array in results.values()]
        return sum(array.nbytes for array in arrays) / 1e6

    def arrays(self) -> Mapping[str, Any]:
        """All batches joined, by name."""
        import numpy as np

        names = self.batches[0][1]
        return {name: np.concatenate([found[name] for _, found in self.batches]) for name in names}


def theory_results(points: int, batch: int) -> Results:
    """Learning curves of the theory along one axis."""
    import numpy as np

    from benchmarks.theory_case import problem
    from diffjax.asymptotics.model import asymptotic_dynamics

    over = {"imbalance_ratio": np.geomspace(1 / 9, 9.0, points)}
    return Results(asymptotic_dynamics, problem(1), over, batch)


def write_run(results: Results, folder: Path, segments: int = 1) -> None:
    """The run as the engine writes it, spread over some segments."""
    from diffjax.sweep.store import RunFolder

    run_folder = RunFolder.create(folder, results.record)
    share = -(-len(results.batches) // segments)
    for start in range(0, len(results.batches), share):
        part = results.batches[start : start + share]
        segment = run_folder.new_segment(results.facts, len(part))
        for number, (keys, found) in enumerate(part):
            segment.write(number, keys, found)


def write_files(results: Results, folder: Path) -> None:
    """The same arrays by `np.save`."""
    import numpy as np

    folder.mkdir()
    for number, (keys, found) in enumerate(results.batches):
        for name, array in {**found, "point_key": keys}.items():
            np.save(folder / f"{name}-{number}.npy", array)


def read_files(results: Results, folder: Path) -> dict[str, Any]:
    """All batches joined, by name."""
    import numpy as np

    numbers = range(len(results.batches))
    return {
        name: np.concatenate([np.load(folder / f"{name}-{number}.npy") for number in numbers])
        for name in (*results.batches[0][1], "point_key")
    }


def compress(results: Results) -> list[Any]:
    """The chunks of the store, compressed as the store does it."""
    from numcodecs.zstd import Zstd

    codec = Zstd(level=1)
    return [codec.encode(array) for _, found in results.batches for array in found.values()]


def check(results: Results, folder: Path) -> None:
    """Both ways back give the bits that were written; raises Disagreement."""
    import numpy as np

    from diffjax.sweep.run import open_run

    write_run(results, folder / "run")
    write_files(results, folder / "files")
    dataset, files = open_run(folder / "run"), read_files(results, folder / "files")
    for name, expected in results.arrays().items():
        found = [files[name]]
        if name in dataset.data_vars:
            found.append(dataset[name].values)
        if not all(np.array_equal(values, expected, equal_nan=True) for values in found):
            raise Disagreement(f"{name} does not come back as it was written")


def contenders(results: Results, folder: Path, few: int) -> dict[str, Callable[[], Any]]:
    """What is timed, by name; runs to read are written before."""
    from diffjax.sweep.job import prepare
    from diffjax.sweep.run import open_run

    numbers = _numbers()
    write_run(results, folder / "split", segments=few)

    def plan(name: str) -> Any:
        store = folder / name
        return prepare(results.model, results.problem, results.over, store, None, None, (), {}, {})

    if plan("run").groups:
        raise Disagreement("a finished run has points to do")
    return {
        "engine writes": lambda: write_run(results, folder / f"run-{next(numbers)}"),
        "NumPy writes": lambda: write_files(results, folder / f"files-{next(numbers)}"),
        "compression alone": lambda: compress(results),
        "engine opens": lambda: open_run(folder / "run"),
        "NumPy loads": lambda: read_files(results, folder / "files"),
        "engine opens many": lambda: open_run(folder / "split"),
        "engine plans to resume": lambda: plan("run"),
    }


def _numbers() -> Iterator[int]:
    import itertools

    return itertools.count()


def rows_of(results: Results, times: Mapping[str, list[float]], copy: list[float], few: int):
    """Speeds of every contender, and of the engine by its rivals and by the copy."""
    from benchmarks.report import Row, measured

    case = f"store of {results.points} points, {results.megabytes:.3g} MB"
    rows = [measured(case, "copy in memory", [1e3 * v for v in copy], "MB/s")]
    names = ("engine writes", "NumPy writes", "compression alone", "engine opens", "NumPy loads")
    for name in names:
        speeds = [results.megabytes / seconds for seconds in times[name]]
        rows.append(measured(case, name, speeds, "MB/s"))
        rates = [results.points / seconds for seconds in times[name]]
        rows.append(measured(case, f"{name}, points per second", rates, "1/s"))
        # a copy reads and writes, so a byte kept is two bytes moved
        share = 2 * median(speeds) / (1e3 * median(copy))
        rows.append(Row(case, f"{name}, share of the copy", share))
    for theirs, ours in (
        ("NumPy writes", "engine writes"),
        ("compression alone", "engine writes"),
        ("NumPy loads", "engine opens"),
    ):
        pairs = zip(times[theirs], times[ours], strict=True)
        rows.append(measured(case, f"{theirs} / {ours}, CPU", [a / b for a, b in pairs]))
    pairs = zip(times["engine opens many"], times["engine opens"], strict=True)
    more = [1e3 * (many - one) / (few - 1) for many, one in pairs]
    resume = times["engine plans to resume"]
    return [
        *rows,
        measured(case, f"open, per further segment (of {few})", more, "ms"),
        measured(case, "plan to resume a finished run", resume, "s"),
        measured(case, "the same, points per second", [results.points / s for s in resume], "1/s"),
    ]


def disk_rows(results: Results, folder: Path) -> list:
    """Bytes on disk by bytes of the arrays."""
    from benchmarks.report import Row

    case = f"store of {results.points} points, {results.megabytes:.3g} MB"
    sizes = [path.stat().st_size for path in (folder / "run").rglob("*") if path.is_file()]
    share = sum(sizes) / 1e6 / results.megabytes
    return [Row(case, "bytes on disk / bytes of the arrays", share)]


def _interleaved(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of every call in every round, after an untimed round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if number:
                times[name].append(time.process_time() - start)
    return times


def measure(quick: bool) -> list:
    """All rows, on one core."""
    # before JAX starts its thread pool, which sizes itself by the affinity
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from benchmarks.limits import copy_speeds

    copy = copy_speeds()["numpy"]
    results = theory_results(*((QUICK_POINTS, QUICK_BATCH) if quick else (POINTS, BATCH)))
    few = 4 if quick else SEGMENTS
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        check(results, folder)
        times = _interleaved(contenders(results, folder, few), 2 if quick else 5)
        return rows_of(results, times, copy, few) + disk_rows(results, folder)


if __name__ == "__main__":
    sys.exit(run("benchmarks.store_case", __doc__, measure, devices=1))
