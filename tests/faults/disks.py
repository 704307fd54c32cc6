"""Full disks: real ones (a small tmpfs, a limit on the size of files), and injected ENOSPC."""

import contextlib
import errno
import os
import resource
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.faults.children import Child, Reporter
from tests.faults.sessions import REFUSED, wrong_points
from tests.faults.tally import Bench, Tally, done_at_start

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def full(bench: Bench) -> Tally:
    """A file system that runs out of files or of blocks, then gets room; the same command again."""
    tally = Tally("full disk (tmpfs)")
    bench.reference()
    files = Counter()
    while tally.faults < bench.count(90):
        limit = _limit(bench, tally.faults)
        with _mounted(bench.new("disk"), limit) as disk:
            if disk is None:
                tally.notes = "not possible here: mounting needs root"
                return tally
            child = bench.session(disk / "run")
            _count_refusal(child, files)
            tally.faults += child.code == REFUSED
            _mount(disk, "remount,size=64m,nr_inodes=100000")
            _finish(bench, disk / "run", child, tally)
    tally.notes = _stopped_at(files)
    return tally


def limited(bench: Bench) -> Tally:
    """RLIMIT_FSIZE: no file may grow beyond some bytes, as with a quota."""
    tally = Tally("limit on the size of files (RLIMIT_FSIZE)")
    files = Counter()
    while tally.faults < bench.count(40):
        folder = bench.new()
        child = bench.session(folder, inject=_Limited(bench.rng.randrange(1, 2500)))
        _count_refusal(child, files)
        tally.faults += child.code == REFUSED
        _finish(bench, folder, child, tally)
    tally.notes = _stopped_at(files)
    return tally


def injected(bench: Bench) -> Tally:
    """ENOSPC from the write to a file that is open already, at a random call."""
    tally = Tally("ENOSPC at a random write (injected)")
    files = Counter()
    while tally.faults < bench.count(40):
        folder = bench.new()
        child = bench.session(folder, inject=_Failing(bench.rng.randrange(200)))
        _count_refusal(child, files)
        tally.faults += child.code == REFUSED
        _finish(bench, folder, child, tally)
    tally.notes = _stopped_at(files)
    return tally


class _Limited:
    def __init__(self, size: int):
        self._size = size

    def __call__(self, reporter: Reporter) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._size))


class _Failing:
    """Let the n-th chunk or metadata file of zarr be cut short by a full disk."""

    def __init__(self, place: int):
        self._place = place

    def __call__(self, reporter: Reporter) -> None:
        from zarr.storage import _local

        write, counted = _local._put, iter(range(10**6))

        def failing(path, value, *rest, **settings):
            if next(counted) == self._place:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.with_suffix(".half.partial").write_bytes(bytes(value.as_buffer_like())[:7])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            return write(path, value, *rest, **settings)

        _local._put = failing


def _finish(bench: Bench, folder: Path, child: Child, tally: Tally) -> None:
    last = bench.session(folder)
    tally.lost += wrong_points(last) + max(0, child.stored() - done_at_start(last))
    tally.runs += 1


def _count_refusal(child: Child, files: Counter) -> None:
    """A session that finds no room says so, by name, and ends."""
    if child.wait() == 0:
        return
    said = child.said("refused")
    if child.code != REFUSED or not said or said[0]["number"] not in _FULL:
        raise RuntimeError(f"a full disk ended a session with {child.code}:\n{child.output}")
    if "run the same command again" not in said[0]["error"]:
        raise RuntimeError(f"a full disk without a remedy: {said[0]['error']}")
    files[_kind(said[0]["file"])] += 1


def _kind(file: str) -> str:
    """What was being written: run.json, metadata of a segment, the status of a batch, an output."""
    inside = file.partition(".zarr")
    if not inside[1]:
        return "run.json"
    if not inside[2] or inside[2].endswith((".json", ".sha256")):
        return "metadata"
    return "status" if "/status" in inside[2] else "chunks"


def _stopped_at(files: Counter) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(files.items()))


def _limit(bench: Bench, number: int) -> str:
    """Files or blocks: every kind of file is hit, since creating a run makes about 25 files."""
    if number % 2:
        return f"nr_inodes={bench.rng.randrange(2, 60)},size=64m"
    return f"size={4 * bench.rng.randrange(1, 100)}k,nr_inodes=100000"


@contextlib.contextmanager
def _mounted(folder: Path, limit: str) -> Iterator[Path | None]:
    folder.mkdir()
    if not _mount(folder, limit):
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)


def _mount(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
