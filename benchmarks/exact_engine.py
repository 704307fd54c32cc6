"""The exact engine against NumPy and against the machine: one point, a grid, phases.

Every case first checks that the contenders give the same answer and stops if they do not.
"""

from collections.abc import Mapping, Sequence

from benchmarks import problems
from benchmarks.contest import Size, check, costs, measured_limits, peak, point_arrays, running
from benchmarks.limits import best_speeds, limit_rows
from benchmarks.phases import phase_limits
from benchmarks.report import Row, against, measured
from benchmarks.timing import Contender, Sample, Worker, interleave, ratios, seconds

LEAST_SHARE = 0.65
GRID_TARGETS = {512: 1.4, 1024: 1.15}
TWO_DEVICES = 1.8
SLOW_SIZE, SLOW_TIMES = 1024, 128
"""From this size on one core takes a minute and a half per round; with more times two minutes."""


def is_long(size: Size) -> bool:
    """Whether the grid is measured on two cores only, and in fewer rounds."""
    return size.num_features >= SLOW_SIZE and size.count_times > SLOW_TIMES


def machine_limits(size: Size) -> list[Row]:
    """GEMM, eigh, copies and launches of this machine."""
    limits = measured_limits(size.num_features, transport=True)
    return limit_rows(f"machine p={size.num_features}", limits)


def one_point(size: Size) -> list[Row]:
    """One problem, one core each."""
    case = f"one point {size.label}"
    with point_arrays([problems.problem(**size.engine)]) as arrays:
        contenders = {
            "engine": Contender("engine_point", size.engine),
            "numpy": Contender("numpy", {"arrays": arrays, "share": False}),
        }
        with running(contenders) as workers:
            rows = [check(case, workers, "numpy")]
            samples = interleave(workers, size.rounds)
            rows += [peak(case, n, w) for n, w in workers.items()]
    rows += costs(case, samples, points=1)
    faster = ratios(samples["numpy"], samples["engine"], "cpu")
    rows.append(measured(case, "NumPy / engine, CPU", faster))
    members = {"draws": 1, "train": 2, "population": 2}
    return [*rows, _share_of_limit(case, size, samples["engine"], members, points=1)]


def grid(size: Size) -> list[Row]:
    """The grid on one and two cores, against NumPy on as many, with and without sharing."""
    points = problems.grid_problems(size.num_features, size.times, size.quick)
    case = f"{len(points)} points {size.label}"
    with point_arrays(points) as arrays:
        members = _distinct_members(arrays)
        with running(_grid_contenders(arrays, size)) as workers:
            rows = [check(case, workers, "numpy, 2 cores")]
            # the check was the untimed round
            samples = interleave(workers, size.rounds, warm=False)
            rows += [peak(case, n, w) for n, w in workers.items()]
    for cores in ("1 core", "2 cores"):
        part = _part(samples, cores)
        rows += _grid_rows(f"{case}, {cores}", size, part, members, len(points)) if part else []
    if is_long(size):
        return rows
    two = ratios(samples["engine, 1 core"], samples["engine, 2 cores"])
    name = "two host devices / one, wall"
    return [*rows, against(case, name, two, TWO_DEVICES, ratio="devices")]


def _grid_contenders(arrays: str, size: Size) -> dict[str, Contender]:
    contenders = {}
    for cores in (2,) if is_long(size) else (1, 2):
        unit = "core" if cores == 1 else "cores"
        engine = Contender("engine_grid", {**size.engine, "quick": size.quick}, cores)
        contenders[f"engine, {cores} {unit}"] = engine
        # at that size sharing is measured on two cores only, for time
        slow = cores == 1 and size.num_features >= SLOW_SIZE
        for name, share in {"numpy": False, **({} if slow else {"numpy shared": True})}.items():
            arguments = {"arrays": arrays, "share": share, "processes": cores}
            contenders[f"{name}, {cores} {unit}"] = Contender("numpy", arguments, cores)
    return contenders


def _part(samples: Mapping[str, list[Sample]], cores: str) -> dict[str, list[Sample]]:
    ending = f", {cores}"
    return {n.removesuffix(ending): s for n, s in samples.items() if n.endswith(ending)}


def _grid_rows(
    case: str,
    size: Size,
    samples: Mapping[str, list[Sample]],
    members: Mapping[str, int],
    points: int,
) -> list[Row]:
    rows = costs(case, samples, points)
    target = GRID_TARGETS.get(size.num_features, 1.15)
    for clock in ("wall", "cpu"):
        alone = ratios(samples["numpy"], samples["engine"], clock)
        # processor time decides where other work runs beside; both are rows
        key = "grid" if clock == "cpu" else ""
        rows.append(against(case, f"NumPy / engine, {clock}", alone, target, ratio=key))
        if "numpy shared" in samples:
            shared = ratios(samples["numpy shared"], samples["engine"], clock)
            name = f"NumPy with sharing / engine, {clock}"
            rows.append(measured(case, name, shared, ratio=key))
    return [*rows, _share_of_limit(case, size, samples["engine"], members, points)]


def _distinct_members(arrays: str) -> dict[str, int]:
    points = problems.read_arrays(arrays)
    return {
        "draws": len({key[-1] for point in points for key in point.population_keys}),  # seeds
        "train": len({key for point in points for key in point.train_keys}),
        "population": len({key for point in points for key in point.population_keys}),
    }


def _share_of_limit(
    case: str, size: Size, samples: Sequence[Sample], members: Mapping[str, int], points: int
) -> Row:
    """Least CPU seconds (every distinct class covariance once, points one by one) by measured."""
    gflops, eigh = best_speeds(measured_limits(size.num_features))
    phase = phase_limits(size.num_features, size.count_times, gflops, eigh)
    shared = sum(count * phase[name] for name, count in members.items())
    least = shared + points * (phase["combine"] + phase["eigh"])
    shares = [least / value for value in seconds(samples, "cpu")]
    note = f"limit {least:.3g} CPU-s: operations / measured GEMM + measured eigh"
    return against(case, "share of the limit", shares, LEAST_SHARE, note=note, ratio="limit")


def phases(size: Size) -> list[Row]:
    """Every phase of one point against its own limit."""
    case = f"phases {size.label}"
    gflops, eigh = best_speeds(measured_limits(size.num_features))
    with Worker(Contender("phases", size.engine)) as worker:
        found = worker.ready["seconds"]
    least = phase_limits(size.num_features, size.count_times, gflops, eigh)
    found["rotations and curves"] = found["combine"] - found["eigh"]
    least["rotations and curves"] = least.pop("combine")
    rows = []
    for name, value in found.items():
        note = f"{least[name] / value:.2f} of its limit" if name in least else ""
        rows.append(Row(case, name, 1e3 * value, "CPU-ms", note=note))
    return rows
