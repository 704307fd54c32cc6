"""The exact engine against its peers and against the machine: one case per function.

Every case first checks that the contenders give the same answer and stops if they do not.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import problems
from benchmarks.jobs import COMPARED
from benchmarks.phases import phase_limits
from benchmarks.report import Row, against, below
from benchmarks.standalone import Disagreement
from benchmarks.timing import Contender, Sample, Worker, compile_seconds, interleave, median, ratio

AGREEMENT = 1e-6
DEFAULT_TIMES = 481
# where memorisation is studied; the diffusion time of the public code's figures
SMALL_DIFFUSION_TIME = 0.01
GRID_TARGETS = {512: 1.4, 1024: 1.15}


@dataclass(frozen=True)
class Size:
    """One size of the benchmark; `times` None is the engine's default grid of 481."""

    num_features: int
    times: int | None
    rounds: int
    quick: bool = False

    @property
    def count_times(self) -> int:
        """Training times per curve."""
        return DEFAULT_TIMES if self.times is None else self.times

    @property
    def label(self) -> str:
        """For the table."""
        return f"p={self.num_features} T={self.count_times}"

    @property
    def engine(self) -> dict:
        """Arguments of an engine job."""
        return {"num_features": self.num_features, "times": self.times}


def relative_difference(
    answer: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]
) -> float:
    """Largest difference of curves, eigenvalues and times, as a share of the largest value.

    Curves and eigenvalues are compared with the largest of their own point and class; times
    one by one (infinite ones must be infinite in both).
    """
    return max(_difference(name, answer[name], reference[name]) for name in COMPARED)


def _difference(name: str, found: np.ndarray, expected: np.ndarray) -> float:
    if name.endswith("_time"):
        if not np.array_equal(np.isinf(found), np.isinf(expected)):
            return np.inf
        finite = np.isfinite(expected)
        found, expected = found[finite], expected[finite]
        scale = np.abs(expected)
    else:
        scale = np.abs(expected).max(axis=-1, keepdims=True)
    return float(np.max(np.abs(found - expected) / scale, initial=0.0))


def _check(case: str, workers: Mapping[str, Worker], reference: str) -> Row:
    """Compare all answers with one of them."""
    with tempfile.TemporaryDirectory() as folder:
        for name, worker in workers.items():
            worker.save(f"{folder}/{name}.npz")
        answers = {name: dict(np.load(f"{folder}/{name}.npz")) for name in workers}
    worst = max(relative_difference(a, answers[reference]) for a in answers.values())
    if not worst <= AGREEMENT:
        raise Disagreement(f"{case}: answers differ by {worst:.3g}, allowed is {AGREEMENT:g}")
    return Row(case, "largest relative difference of answers", worst)


@contextlib.contextmanager
def _running(contenders: Mapping[str, Contender]) -> Iterator[dict[str, Worker]]:
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(Worker(c)) for name, c in contenders.items()}


def measured_limits(size: Size) -> dict:
    """One-core speed of products and eigh, now."""
    arguments = {"num_features": size.num_features}
    with Worker(Contender("limits", arguments)) as worker:
        return worker.ready


def _speed(limits: dict) -> tuple[float, float]:
    gemm, eigh = limits["gemm_gflops"], limits["eigh_seconds"]
    return max(gemm["xla_float64"], gemm["numpy_float64"]), min(eigh.values())


def machine_limits(size: Size) -> list[Row]:
    """GEMM and eigh of this machine."""
    limits, case = measured_limits(size), f"machine p={size.num_features}"
    rows = [Row(case, f"GEMM {n}", v, "GF/s") for n, v in limits["gemm_gflops"].items()]
    return rows + [Row(case, n, 1e3 * v, "ms") for n, v in limits["eigh_seconds"].items()]


def one_point(size: Size) -> list[Row]:
    """One problem, one core each."""
    case = f"one point {size.label}"
    with _arrays([problems.problem(**size.engine)]) as arrays:
        contenders = {
            "engine": Contender("engine_point", size.engine),
            "numpy": Contender("numpy", {"arrays": arrays, "share": False}),
        }
        with _running(contenders) as workers:
            rows = [_check(case, workers, "numpy")]
            samples = interleave(workers, size.rounds)
            rows += [_memory(case, n, w) for n, w in workers.items()]
    rows += _costs(case, samples, points=1)
    rows.append(Row(case, "NumPy / engine, CPU", ratio(samples["numpy"], samples["engine"], "cpu")))
    gflops, eigh = _speed(measured_limits(size))
    least = _limit(size, gflops, eigh, members={"train": 2, "population": 2}, points=1)
    share = least / median(samples["engine"], "cpu")
    return [*rows, against(case, "share of the limit", share, 0.65, note=_limit_note(least))]


def grid(size: Size) -> list[Row]:
    """The grid on one and two cores, against NumPy on as many, with and without sharing."""
    points = problems.grid_problems(size.num_features, size.times, size.quick)
    case, rows = f"{len(points)} points {size.label}", []
    with _arrays(points) as arrays:
        for cores in (1, 2):
            rows += _grid_on(case, arrays, size, len(points), cores)
    rows.append(_scaling(case, size, len(points)))
    return rows


def _grid_on(case: str, arrays: str, size: Size, points: int, cores: int) -> list[Row]:
    def numpy(share: bool) -> Contender:
        arguments = {"arrays": arrays, "share": share, "processes": cores}
        return Contender("numpy", arguments, cores)

    contenders = {
        "engine": Contender("engine_grid", {**size.engine, "quick": size.quick}, cores),
        "numpy": numpy(share=False),
        "numpy shared": numpy(share=True),
    }
    case = f"{case}, {cores} core{'s' * (cores > 1)}"
    with _running(contenders) as workers:
        rows = [_check(case, workers, "numpy")]
        samples = interleave(workers, size.rounds)
        rows += [_memory(case, n, w) for n, w in workers.items()]
    rows += _costs(case, samples, points)
    target = GRID_TARGETS.get(size.num_features, 1.15)
    for clock in ("wall", "cpu"):
        value = ratio(samples["numpy"], samples["engine"], clock)
        rows.append(against(case, f"NumPy / engine, {clock}", value, target))
        shared = ratio(samples["numpy shared"], samples["engine"], clock)
        rows.append(Row(case, f"NumPy with sharing / engine, {clock}", shared))
    gflops, eigh = _speed(measured_limits(size))
    least = _limit(size, gflops, eigh, _distinct_members(arrays), points)
    share = least / median(samples["engine"], "cpu")
    return [*rows, against(case, "share of the limit", share, 0.65, note=_limit_note(least))]


def _scaling(case: str, size: Size, points: int) -> Row:
    """Two host devices against one, interleaved, on two cores' worth of machine."""
    arguments = {**size.engine, "quick": size.quick}
    contenders = {f"{n}": Contender("engine_grid", arguments, n) for n in (1, 2)}
    with _running(contenders) as workers:
        samples = interleave(workers, size.rounds)
    value = ratio(samples["1"], samples["2"])
    return against(case, "two host devices / one, wall", value, 1.8)


def _distinct_members(arrays: str) -> dict[str, int]:
    points = problems.read_arrays(arrays)
    return {
        "train": len({key for point in points for key in point.train_keys}),
        "population": len({key for point in points for key in point.population_keys}),
    }


def _limit(
    size: Size, gflops: float, eigh: float, members: Mapping[str, int], points: int
) -> float:
    """Least CPU seconds of a grid: every distinct class covariance once, points one by one."""
    phase = phase_limits(size.num_features, size.count_times, gflops, eigh)
    shared = sum(count * phase[name] for name, count in members.items())
    return shared + points * (phase["combine"] + phase["eigh"])


def _limit_note(least: float) -> str:
    return f"limit {least:.3g} CPU-s: operations / measured GEMM + measured eigh"


def phases(size: Size) -> list[Row]:
    """Every phase of one point against its own limit."""
    case = f"phases {size.label}"
    limits = measured_limits(size)
    gflops, eigh = _speed(limits)
    with Worker(Contender("phases", size.engine)) as worker:
        seconds = worker.ready["seconds"]
    least = phase_limits(size.num_features, size.count_times, gflops, eigh)
    seconds["rotations and curves"] = seconds["combine"] - seconds["eigh"]
    least["rotations and curves"] = least.pop("combine")
    rows = []
    for name, value in seconds.items():
        note = f"{least[name] / value:.2f} of its limit" if name in least else ""
        rows.append(Row(case, name, 1e3 * value, "CPU-ms", note=note))
    return rows


def compile_time(size: Size) -> list[Row]:
    """First call beyond a later one, in fresh processes: empty cache and filled cache."""
    rows = []
    jobs = {"one point": size.engine, "sweep of 8 points": {**size.engine, "quick": True}}
    for name, arguments in jobs.items():
        job = "engine_point" if name == "one point" else "engine_sweep"
        seconds = compile_seconds(Contender(job, arguments))
        case = f"compile {name} p={size.num_features}"
        for cache, target in (("cold", 5.0), ("warm", 0.5)):
            rows.append(below(case, f"{cache} cache, wall", seconds[cache].wall, target))
            rows.append(Row(case, f"{cache} cache, CPU", seconds[cache].cpu, "s"))
        rows.append(Row(case, "imports and start", seconds["start"].wall, "s"))
    return rows


def explicit_training(size: Size) -> list[Row]:
    """CPU seconds of a full curve by training against the closed form, by stated counts."""
    case = f"explicit training {size.label} t={SMALL_DIFFUSION_TIME}"
    task = {**size.engine, "diffusion_time": SMALL_DIFFUSION_TIME}
    with _arrays([problems.problem(**task)]) as arrays:
        with Worker(Contender("engine_point", task)) as engine:
            eigenvalues = _eigenvalues(engine)
            samples = interleave({"engine": engine}, size.rounds)["engine"]
        rows = []
        for library in _libraries():
            arguments = {"arrays": arrays, "eigenvalues": eigenvalues, "library": library}
            with Worker(Contender("explicit", arguments)) as worker:
                rows += _explicit_rows(case, library, worker.ready, median(samples, "cpu"))
    return rows


def _explicit_rows(case: str, library: str, facts: dict, engine: float) -> list[Row]:
    cost, counts = facts["cost"], facts["counts"]
    note = (
        f"{counts['epochs']} epochs of {1e3 * cost['epoch']:.3g} ms and {counts['log_points']} "
        f"log points of {1e3 * cost['log_point']:.3g} ms"
    )
    check = Row(case, f"{library} against closed form, 500 epochs", facts["check"])
    total = Row(case, f"{library}, full curve", cost["curve"], "CPU-s", note=note)
    return [check, total, against(case, f"{library} / engine, CPU", cost["curve"] / engine, 3e3)]


def _libraries() -> list[str]:
    from importlib.util import find_spec

    return ["numpy", "torch"] if find_spec("torch") else ["numpy"]


def _eigenvalues(engine: Worker) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        engine.save(f"{folder}/answer.npz")
        values = np.load(f"{folder}/answer.npz")["eigenvalues"][0]
    return float(values[0]), float(values[-1])


@contextlib.contextmanager
def _arrays(points: list) -> Iterator[str]:
    """The problems as a file of plain arrays."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.pickle"
        problems.write_arrays(points, path)
        yield str(path)


def _costs(case: str, samples: Mapping[str, list[Sample]], points: int) -> list[Row]:
    return [
        Row(case, f"{name}, {clock} per point", 1e3 * median(runs, clock) / points, "ms")
        for name, runs in samples.items()
        for clock in ("wall", "cpu")
    ]


def _memory(case: str, name: str, worker: Worker) -> Row:
    return Row(case, f"{name}, peak memory", worker.peak_memory(), "MiB")


CASES: Mapping[str, Callable[[Size], list[Row]]] = {
    "machine": machine_limits,
    "point": one_point,
    "grid": grid,
    "phases": phases,
    "compile": compile_time,
    "explicit": explicit_training,
}
