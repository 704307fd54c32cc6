"""A stored sweep on one and two devices of a process, and on one and two Dask workers.

Every contender computes the same grid in batches of equal size per device and writes it into a
new run folder. One worker and one device have one core, two have two. Wall seconds count: the
scheduler, the client and the writing are part of what a user waits for.
"""

import sys
from importlib.util import find_spec

from benchmarks import problems
from benchmarks.contest import Size, check, running
from benchmarks.report import Row, measured
from benchmarks.timing import Contender, Sample, interleave, ratios, seconds

SIZES = (256, 512)
QUICK_SIZES = (64,)
BATCH, QUICK_BATCH = 8, 4
"""Points per batch and device."""


def scaling(size: Size) -> list[Row]:
    """All rows, at sizes of its own."""
    if find_spec("distributed") is None:
        print("Dask is not installed: pip install '.[cluster]'", file=sys.stderr)
    rows = []
    for num_features in QUICK_SIZES if size.quick else SIZES:
        rows += _rows(Size(num_features, size.times, size.rounds, size.quick))
    return rows


def _rows(size: Size) -> list[Row]:
    points = len(problems.grid_problems(size.num_features, size.times, size.quick))
    case = f"stored sweep of {points} points {size.label}"
    with running(_contenders(size)) as workers:
        rows = [check(case, workers, "1 device")]
        samples = interleave(workers, size.rounds, warm=False)
    for name, runs in samples.items():
        walls = [points / value for value in seconds(runs)]
        rows.append(measured(case, f"{name}, points per second, wall", walls, "1/s"))
    return rows + _comparisons(case, samples)


def _contenders(size: Size) -> dict[str, Contender]:
    batch = QUICK_BATCH if size.quick else BATCH
    arguments = {**size.engine, "quick": size.quick}
    contenders = {
        f"{n} device{'s' * (n > 1)}": Contender(
            "stored_sweep", {**arguments, "batch_size": n * batch}, cores=n
        )
        for n in (1, 2)
    }
    if find_spec("distributed") is None:
        return contenders
    one_device = {"JAX_NUM_CPU_DEVICES": "1"}
    workers = {
        f"{n} Dask worker{'s' * (n > 1)}": Contender(
            "stored_sweep",
            {**arguments, "batch_size": batch, "cluster": f"local:{n}"},
            cores=n,
            environment=one_device,
        )
        for n in (1, 2)
    }
    return contenders | workers


def _comparisons(case: str, samples: dict[str, list[Sample]]) -> list[Row]:
    rows = [_share(case, "devices", samples["1 device"], samples["2 devices"])]
    if "1 Dask worker" not in samples:
        return rows
    rows.append(_share(case, "Dask workers", samples["1 Dask worker"], samples["2 Dask workers"]))
    for ours, theirs in (("1 device", "1 Dask worker"), ("2 devices", "2 Dask workers")):
        cost = ratios(samples[theirs], samples[ours])
        rows.append(measured(case, f"{theirs} / {ours}, wall", cost))
    return rows


def _share(case: str, what: str, one: list[Sample], two: list[Sample]) -> Row:
    shares = [value / 2 for value in ratios(one, two)]
    return measured(case, f"two {what}, share of twice the speed of one, wall", shares)
