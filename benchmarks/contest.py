"""What the cases of contenders in processes of their own have in common: sizes, checks, rows.

Every such case first checks that the contenders give the same answer and stops if they do not.
"""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import problems
from benchmarks.jobs import COMPARED
from benchmarks.report import Row, agreement, measured
from benchmarks.standalone import Disagreement
from benchmarks.timing import Contender, Sample, Worker, seconds

AGREEMENT = 1e-6
DEFAULT_TIMES = 481


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


def check(case: str, workers: Mapping[str, Worker], reference: str) -> Row:
    """Compare all answers with one of them; every worker runs once.

    Raises:
        Disagreement: they differ.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, worker in workers.items():
            worker.save(f"{folder}/{name}.npz")
        answers = {name: dict(np.load(f"{folder}/{name}.npz")) for name in workers}
    worst = max(relative_difference(a, answers[reference]) for a in answers.values())
    if not worst <= AGREEMENT:
        raise Disagreement(f"{case}: answers differ by {worst:.3g}, allowed is {AGREEMENT:g}")
    return agreement(case, "largest relative difference of answers", worst)


@contextlib.contextmanager
def running(contenders: Mapping[str, Contender]) -> Iterator[dict[str, Worker]]:
    """Workers of all contenders, ready to run."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(Worker(c)) for name, c in contenders.items()}


@contextlib.contextmanager
def point_arrays(points: list) -> Iterator[str]:
    """The problems as a file of plain arrays."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.pickle"
        problems.write_arrays(points, path)
        yield str(path)


def measured_limits(num_features: int, transport: bool = False) -> dict[str, Any]:
    """One-core speed limits (see limits.py), now."""
    arguments = {"num_features": num_features, "transport": transport}
    with Worker(Contender("limits", arguments)) as worker:
        return worker.ready


def costs(case: str, samples: Mapping[str, Sequence[Sample]], points: int) -> list[Row]:
    """Milliseconds per point of every contender on both clocks."""
    return [
        measured(case, f"{name}, {clock} per point", _per_point(runs, clock, points), "ms")
        for name, runs in samples.items()
        for clock in ("wall", "cpu")
    ]


def _per_point(runs: Sequence[Sample], clock: str, points: int) -> list[float]:
    return [1e3 * value / points for value in seconds(runs, clock)]


def peak(case: str, name: str, worker: Worker) -> Row:
    """The worker's largest resident set so far."""
    return Row(case, f"{name}, peak memory", worker.peak_memory(), "MiB")
