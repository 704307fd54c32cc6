"""What changes around a run: the clock, the hash seed, memory; and points that fail."""

import datetime
import os
import subprocess
import sys
from pathlib import Path

from tests.faults.children import Reporter
from tests.faults.killing import Logging, Raising
from tests.faults.models import FAILED, POINTS, logged_points
from tests.faults.sessions import wrong_points
from tests.faults.tally import Bench, Tally, done_at_start

_YEARS = (1970, 1999, 2038, 2200)
_ROOT = Path(__file__).parents[2]


def clocks(bench: Bench) -> Tally:
    """Half of a run at one time, the other half decades earlier or later; so are the files."""
    tally = Tally("clock that jumps by decades")
    while tally.faults < bench.count(20):
        folder = bench.new()
        years = bench.rng.sample(_YEARS, 2)
        half = bench.session(folder, inject=_Both(_Clock(years[0]), Raising(POINTS // 2)))
        half.wait()
        for path in folder.rglob("*"):
            os.utime(path, (_seconds(years[1]), _seconds(years[1])))
        last = bench.finish(folder, tally, inject=_Clock(years[1]))
        tally.lost += max(0, half.stored() - done_at_start(last))
        tally.faults += 1
    return tally


def hash_seeds(bench: Bench) -> Tally:
    """Sessions of new interpreters, each with another PYTHONHASHSEED, each killed half-way."""
    tally = Tally("PYTHONHASHSEED changed between sessions")
    for _ in range(bench.count(6) // 2):
        folder = bench.new()
        for place in (10, 12):
            seed = bench.rng.randrange(1, 2**32)
            _interpreter(folder, bench.reference(), seed, place)
            tally.faults += 1
        last = bench.finish(folder, tally)
        tally.lost += abs(done_at_start(last) - 22)
    return tally


def memory(bench: Bench) -> Tally:
    """A device that is out of memory for batches above some size: halved, and recorded."""
    tally = Tally("device out of memory (injected)")
    while tally.faults < bench.count(40):
        folder, most = bench.new(), bench.rng.choice((1, 2))
        child = bench.session(folder, "comb", inject=_Exhausted(most, bench.rng.randrange(6)))
        tally.lost += wrong_points(child)
        tally.runs += 1
        halved = [text for text in child.said("end")[0]["warnings"] if "no memory for" in text]
        notes = [p for p in folder.rglob("zarr.json") if "out_of_memory" in p.read_text()]
        if bool(halved) != bool(notes):
            raise RuntimeError(f"halvings {halved}, recorded in {notes}")
        tally.faults += len(halved)
        last = bench.session(folder, "comb")
        tally.lost += wrong_points(last) + POINTS - done_at_start(last)
    tally.notes = "batches halved to 2 or 1, recorded"
    return tally


def failing_points(bench: Bench) -> Tally:
    """Points that overflow or do not converge: kept with their status, others untouched."""
    tally = Tally("points that overflow or do not converge")
    for name in ("ladder", "comb"):
        folder, log = bench.new(), bench.new("log")
        child = bench.finish(folder, tally, name, inject=Logging(log))
        text = "\n".join(child.said("end")[0]["warnings"])
        if f"{FAILED} of {POINTS} points failed" not in text:
            raise RuntimeError(f"failures are not told: {text}")
        again = bench.finish(folder, tally, name, inject=Logging(log), retry="failed")
        tally.lost += abs(done_at_start(again) - (POINTS - FAILED))
        tally.faults += 2 * FAILED
        tally.recomputed += max(0, logged_points(log) - POINTS) if name == "ladder" else FAILED
    tally.notes = "recomputed because retry asks for it"
    return tally


class _Both:
    def __init__(self, *injections):
        self._injections = injections

    def __call__(self, reporter: Reporter) -> None:
        for inject in self._injections:
            inject(reporter)


class _Clock:
    """Another year for everything that the engine writes down."""

    def __init__(self, year: int):
        self._year = year

    def __call__(self, reporter: Reporter) -> None:
        from diffjax.sweep import record

        year = self._year

        class Elsewhere(datetime.datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.datetime(year, 1, 1, tzinfo=tz)

        class Module:
            datetime, UTC = Elsewhere, datetime.UTC

        record.datetime = Module


class _Exhausted:
    """Raise what XLA raises, from some batch on, while batches are larger than `most` points."""

    def __init__(self, most: int, first: int):
        self._most, self._first = most, first

    def __call__(self, reporter: Reporter) -> None:
        import jax

        from diffjax.sweep.execute import Executor

        batch, most, counted, first = Executor.batch, self._most, iter(range(10**6)), self._first

        def exhausted(self, number):
            if next(counted) >= first and len(self._plan.points(number)) > most:
                raise jax.errors.JaxRuntimeError(
                    "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 17179869184 bytes."
                )
            return batch(self, number)

        Executor.batch = exhausted


def _interpreter(folder: Path, reference: Path, seed: int, place: int) -> None:
    """A session in a new interpreter that ends by an exception after some points."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    program = (
        "import os; from pathlib import Path\n"
        "from tests.faults.children import Reporter\n"
        "from tests.faults.killing import Raising\n"
        "from tests.faults.sessions import compute\n"
        "null = Reporter(os.open(os.devnull, os.O_WRONLY))\n"
        f"compute(null, Path({str(folder)!r}), Path({str(reference)!r}), inject=Raising({place}))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        timeout=120,
    )
    if b"injected" not in ended.stderr:
        raise RuntimeError(ended.stderr.decode())


def _seconds(year: int) -> float:
    return datetime.datetime(year, 1, 2, tzinfo=datetime.UTC).timestamp()
