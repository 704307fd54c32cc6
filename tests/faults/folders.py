"""A run folder that changes while a sweep computes into it: removed, renamed, replaced, locked."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.faults.children import Child, Reporter
from tests.faults.models import POINTS
from tests.faults.sessions import REFUSED
from tests.faults.tally import Bench, Tally, done_at_start

NOBODY = 65534


def _removed(folder: Path, aside: Path) -> None:
    folder.rename(aside)  # in one step, then for good
    shutil.rmtree(aside)


def _renamed(folder: Path, aside: Path) -> None:
    folder.rename(aside)


def _replaced(folder: Path, aside: Path) -> None:
    folder.rename(aside)
    shutil.copytree(aside, folder)


def _emptied(folder: Path, aside: Path) -> None:
    folder.rename(aside)
    folder.mkdir()


def _without_segments(folder: Path, aside: Path) -> None:
    (folder / "segments").rename(aside)


def _linked_segments(folder: Path, aside: Path) -> None:
    (folder / "segments").rename(aside)
    (folder / "segments").symlink_to(aside)


def _other_record(folder: Path, aside: Path) -> None:
    for name in ("run.json", "run.json.copy"):
        (folder / name).write_text("{}")


WAYS: dict[str, Callable[[Path, Path], None]] = {
    "removed": _removed,
    "renamed": _renamed,
    "replaced": _replaced,
    "emptied": _emptied,
    "segments gone": _without_segments,
    "segments a link": _linked_segments,
    "run.json changed": _other_record,
}


def changed(bench: Bench) -> Tally:
    """The folder changes after a batch: the session ends in words, and writes nothing elsewhere."""
    tally, seen = Tally("run folder removed, renamed, replaced, emptied, linked"), Counter()
    while tally.faults < bench.count(140):
        way = list(WAYS)[tally.faults % len(WAYS)]
        folder, aside = bench.new(), bench.new("aside")
        record = bench.reference()  # made before, so that the fork below is quick
        del record
        child = bench.session(folder, inject=Changing(way, aside, bench.rng.randrange(1, 9)))
        _require_refusal(child, way)
        _require_no_orphan(folder, way)
        kept = _restore(folder, aside, way, child)
        last = bench.finish(folder, tally)
        tally.lost += max(0, kept - done_at_start(last))
        tally.recomputed += max(0, POINTS - done_at_start(last) - (POINTS - child.stored()))
        tally.faults += 1
        seen[way] += 1
    tally.notes = ", ".join(f"{way} {count}" for way, count in seen.items())
    return tally


def locked(bench: Bench) -> Tally:
    """Permissions are taken from a session that is not root's; given back, it goes on."""
    tally = Tally("permissions taken away")
    if os.geteuid() != 0:
        tally.notes = "needs root"
        return tally
    bench.scratch.chmod(0o755)
    while tally.faults < bench.count(20):
        folder = bench.new()
        child = bench.session(folder, inject=Locking(bench.rng.randrange(1, 9)))
        _require_refusal(child, "locked")
        last = bench.finish(folder, tally)
        tally.lost += max(0, child.stored() - done_at_start(last))
        tally.faults += 1
    return tally


class Changing:
    """Change the folder of this very session after some batches."""

    def __init__(self, way: str, aside: Path, after: int):
        self._way, self._aside, self._after = way, aside, after

    def __call__(self, reporter: Reporter) -> None:
        from diffjax.sweep.segments import Segment

        write, counted = Segment.write, iter(range(1, 10**6))

        def writing(segment, *arguments, **settings):
            write(segment, *arguments, **settings)
            if next(counted) == self._after:
                WAYS[self._way](segment._path.parent.parent, self._aside)

        Segment.write = writing


class Locking:
    """Become nobody after some batches, who may read the folder and not write it."""

    def __init__(self, after: int):
        self._after = after

    def __call__(self, reporter: Reporter) -> None:
        from diffjax.sweep.segments import Segment

        write, counted = Segment.write, iter(range(1, 10**6))

        def writing(segment, *arguments, **settings):
            write(segment, *arguments, **settings)
            if next(counted) == self._after:
                os.setegid(NOBODY)
                os.seteuid(NOBODY)

        Segment.write = writing


def _require_refusal(child: Child, way: str) -> None:
    said = child.said("refused") if child.wait() == REFUSED else []
    if not said or "run the same command again" not in said[0]["error"]:
        raise RuntimeError(f"{way}: a session ended with {child.code}:\n{child.output}")


def _require_no_orphan(folder: Path, way: str) -> None:
    """Nothing was written into what has no run.json."""
    if way in ("removed", "renamed") and folder.exists():
        raise RuntimeError(f"{way}: the folder came back with {sorted(folder.rglob('*'))[:3]}")
    if way == "emptied" and any(folder.iterdir()):
        raise RuntimeError(f"{way}: something was written into the empty folder")


def _restore(folder: Path, aside: Path, way: str, child: Child) -> int:
    """Put back what can be put back; how many points must be found again."""
    if way == "removed":
        return 0
    if way in ("renamed", "emptied", "replaced"):
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    if way in ("segments gone", "segments a link"):
        (folder / "segments").unlink(missing_ok=True)
        aside.rename(folder / "segments")
    if way == "run.json changed":
        shutil.rmtree(folder)
        return 0
    return child.stored()
