"""What a kind of fault did, and the table of all of them."""

import dataclasses
import random
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.faults.children import Child, start
from tests.faults.models import POINTS
from tests.faults.sessions import compute, wrong_points


@dataclasses.dataclass
class Tally:
    """One row of the table.

    Attributes:
        kind: of the fault.
        runs: that were begun and finished.
        faults: that were injected.
        lost: points that are missing, differ from the reference in a bit, or were stored and had
            to be computed again although nothing damaged them.
        recomputed: points that were computed more often than once.
        notes: what else was seen.
        seconds: spent.
    """

    kind: str
    runs: int = 0
    faults: int = 0
    lost: int = 0
    recomputed: int = 0
    notes: str = ""
    seconds: float = 0.0


@dataclasses.dataclass
class Bench:
    """Where faults are tried: scratch space, references, a source of chance.

    Attributes:
        scratch: a folder that is removed at the end.
        rng: of the moments and places of faults.
        quick: a tenth of the faults.
    """

    scratch: Path
    rng: random.Random
    quick: bool

    def count(self, full: int) -> int:
        """How many faults to inject."""
        return max(2, full // 10) if self.quick else full

    def new(self, name: str = "run") -> Path:
        """A path that does not exist."""
        return self.scratch / f"{name}-{uuid.uuid4().hex}"

    def start(self, task: Any, *arguments: Any, **settings: Any) -> Child:
        """A child that runs a task."""
        return start(task, *arguments, scratch=self.scratch, **settings)

    def session(self, folder: Path, name: str = "ladder", **settings: Any) -> Child:
        """A child that sweeps into a folder."""
        return self.start(compute, folder, self.reference(name), name=name, **settings)

    def finish(self, folder: Path, tally: Tally, name: str = "ladder", **settings: Any) -> Child:
        """Sweep until the end and count what is wrong."""
        child = self.session(folder, name, **settings)
        tally.lost += wrong_points(child)
        tally.runs += 1
        return child

    def reference(self, name: str = "ladder") -> Path:
        """The numbers of an undisturbed run in memory."""
        file = self.scratch / f"reference-{name}.npz"
        if not file.exists() and self.start(compute, None, file, name=name).wait() != 0:
            raise RuntimeError("the reference could not be computed")
        return file


@contextmanager
def bench(seed: int, quick: bool) -> Iterator[Bench]:
    """A bench with scratch space of its own."""
    scratch = Path(tempfile.mkdtemp(prefix="diffjax-faults-"))
    try:
        yield Bench(scratch, random.Random(seed), quick)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def done_at_start(child: Child) -> int:
    """Points that the session found already stored."""
    return child.said("start")[0]["done"]


def recomputed_points(child: Child) -> int:
    """Points that a session computed, where all had been computed before."""
    return POINTS - done_at_start(child)


def table(rows: list[Tally]) -> str:
    """The rows as a Markdown table with their sum."""
    total = Tally("all")
    for row in rows:
        for name in ("runs", "faults", "lost", "recomputed", "seconds"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
    head = "| fault | runs | faults | points lost | points recomputed | seconds | |"
    lines = [head, "|---|--:|--:|--:|--:|--:|---|"]
    lines += [
        f"| {row.kind} | {row.runs} | {row.faults} | {row.lost} | {row.recomputed} "
        f"| {row.seconds:.0f} | {row.notes} |"
        for row in (*rows, total)
    ]
    return "\n".join(lines)
