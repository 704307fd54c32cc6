"""All cases in turn: one that fails is named and the others run, and Ctrl-C keeps what is done."""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.contest import Size
from benchmarks.exact_engine import grid, is_long, machine_limits, one_point, phases
from benchmarks.explicit_curve import explicit_training
from benchmarks.first_call import compile_time, start_time
from benchmarks.memory import memory
from benchmarks.report import Row
from benchmarks.scaling import scaling
from benchmarks.standalone import MODULES, Disagreement, rows_of

SIZES = (512, 1024)
QUICK_SIZES = (64,)
ROUNDS = 5
LONG_GRID_ROUNDS = 3

CASES: Mapping[str, Callable[[Size], list[Row]]] = {
    "machine": machine_limits,
    "point": one_point,
    "grid": grid,
    "phases": phases,
    "compile": compile_time,
    "start": start_time,
    "memory": memory,
    "explicit": explicit_training,
    "scaling": scaling,
}
"""Cases of the exact engine and of the package as a whole; `MODULES` has the others."""

ALL = (*CASES, *MODULES)
_EVERY_SIZE = ("machine", "phases", "memory", "explicit")
_ONCE = ("compile", "start", "scaling")


@dataclass(frozen=True)
class Task:
    """A case at a size; a module has none."""

    name: str
    size: Size

    @property
    def label(self) -> str:
        """For messages."""
        return self.name if self.name in (*MODULES, *_ONCE) else f"{self.name} {self.size.label}"

    def run(self) -> list[Row]:
        """Measure."""
        if self.name in MODULES:
            return rows_of(self.name, self.size.quick)
        return CASES[self.name](self.size)


@dataclass
class Outcome:
    """What was measured.

    Attributes:
        rows: of all cases that ended.
        failed: label of a case to what went wrong.
        seconds: label of a case to the wall and CPU seconds that it took.
        interrupted: whether Ctrl-C ended it.
    """

    rows: list[Row] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 if all went well, 1 if a case failed, 130 after Ctrl-C."""
        if self.interrupted:
            return 130
        return 1 if self.failed else 0


def run_all(tasks: Iterable[Task]) -> Outcome:
    """Run all tasks, whatever becomes of one of them."""
    outcome = Outcome()
    for task in tasks:
        print(f"{task.label} ...", file=sys.stderr, flush=True)
        wall, cpu = time.perf_counter(), _cpu_seconds()
        try:
            outcome.rows += task.run()
        except KeyboardInterrupt:
            print(f"interrupted in {task.label}", file=sys.stderr)
            outcome.interrupted = True
            return outcome
        except Disagreement as problem:
            outcome.failed[task.label] = f"stopped before timing: {problem}"
        except Exception as problem:
            traceback.print_exc()
            outcome.failed[task.label] = f"{type(problem).__name__}: {problem}"
        took = {"wall": time.perf_counter() - wall, "cpu": _cpu_seconds() - cpu}
        outcome.seconds[task.label] = {name: round(value, 1) for name, value in took.items()}
    return outcome


def _cpu_seconds() -> float:
    """Of this process and of all that it started and that have ended."""
    times = os.times()
    return sum(times[:4])


def tasks_of(options: argparse.Namespace) -> Iterator[Task]:
    """Cases at their sizes; a case that does not depend on the size or time grid runs once."""
    sizes = options.sizes or (QUICK_SIZES if options.quick else SIZES)
    times = (32,) if options.quick else tuple(t or None for t in options.times)
    for name in options.case or ALL:
        if name in (*MODULES, *_ONCE):
            yield _task(name, sizes[0], times[-1] if name in _ONCE else None, options)
            continue
        for num_features in sizes:
            for count in times[-1:] if name in _EVERY_SIZE else times:
                yield _task(name, num_features, count, options)


def _task(name: str, num_features: int, times: int | None, options: argparse.Namespace) -> Task:
    size = Size(num_features, times, ROUNDS, options.quick)
    return Task(name, Size(num_features, times, options.rounds or _rounds(name, size), size.quick))


def _rounds(name: str, size: Size) -> int:
    """As many as let the whole suite end in about half an hour."""
    if size.quick:
        return 2
    return LONG_GRID_ROUNDS if name == "grid" and is_long(size) else ROUNDS
