"""Resident memory of a point, of the points of a batch, and of the theory.

Every number is that of a process of its own. What its imports take is a row; a run takes what its
largest resident set is beyond that, with the program that it loads from the compilation cache,
which a process before it has filled (not if it is quick).
"""

from benchmarks import problems
from benchmarks.contest import Size, point_arrays
from benchmarks.report import Row
from benchmarks.timing import Contender, Worker

MIB = 2**20
THEORY_POINTS = 1024
BATCHES = (1, 16)


def memory(size: Size) -> list[Row]:
    """One point against NumPy and eigh's own needs; points per batch; the theory."""
    rows = _point_rows(size)
    if size.num_features <= 512:
        rows += _batch_rows(size)
    if size.num_features <= 512 and not size.quick:
        rows += _theory_rows(THEORY_POINTS)
    return rows


def _point_rows(size: Size) -> list[Row]:
    case = f"memory of one point {size.label}"
    with point_arrays([problems.problem(**size.engine)]) as arrays:
        rows = _both(case, "engine", Contender("engine_point", size.engine), size.quick)
        peer = Contender("numpy", {"arrays": arrays, "share": False})
        rows += _both(case, "NumPy", peer, size.quick)
    # LAPACK's divide and conquer: the matrix and work space of twice its size
    least = 3 * 8 * size.num_features**2 / MIB
    return [*rows, Row(case, "eigh alone, by its work space", least, "MiB")]


def _both(case: str, name: str, contender: Contender, quick: bool) -> list[Row]:
    imports, beyond, _ = _measured(contender, quick)
    return [
        Row(case, f"{name}, imports", imports, "MiB"),
        Row(case, f"{name}, beyond the imports", beyond, "MiB"),
    ]


def _batch_rows(size: Size) -> list[Row]:
    """How much one more point in a batch takes, against the plan's own count."""
    few, many = (2, 4) if size.quick else BATCHES
    case, peaks, planned = f"memory of a batch {size.label}", [], []
    rows = []
    for batch in (few, many):
        arguments = {**size.engine, "quick": size.quick, "batch_size": batch}
        _, found, facts = _measured(Contender("engine_grid", arguments), size.quick)
        rows.append(Row(case, f"batch of {batch}, beyond the imports", found, "MiB"))
        peaks.append(found)
        planned.append(facts["device_bytes"] / MIB)
    return [
        *rows,
        Row(case, f"planned for {many}", planned[1], "MiB", note="without a point's work space"),
        Row(case, "per further point", (peaks[1] - peaks[0]) / (many - few), "MiB"),
        Row(case, "planned per further point", (planned[1] - planned[0]) / (many - few), "MiB"),
    ]


def _theory_rows(points: int) -> list[Row]:
    case = f"memory of the theory, {points} points"
    return _both(case, "sweep", Contender("theory_sweep", {"points": points}), quick=False)


def _measured(contender: Contender, quick: bool) -> tuple[float, float, dict]:
    """MiB of the imports and beyond them, in a fresh process, and the job's facts."""
    if not quick:
        with Worker(contender) as worker:
            worker.run()
    with Worker(contender) as worker:
        resident, highest = worker.run_memory()
        return resident, highest - resident, worker.ready
