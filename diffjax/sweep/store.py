"""Results on disk: a folder that can be killed at any moment and continued by the same command.

::

    run.json                 what the run is, with its SHA-256 sum; written once, never changed
    run.json.copy            the same, should run.json be damaged
    segments/0001.zarr.sha256
    segments/0001.zarr/      one per session that computes and per set of static fields
        <output>             (point, ...), a chunk is a batch
        point_key, status    identity of each point; the status chunk, written last, marks it done

A segment belongs to the process that made its folder, so two
processes may compute into one run. The newest result of a point counts.

A folder may come from a stranger: everything in it is data. Reading it runs nothing, follows no
link inside it and writes nothing; what this engine does not write itself is refused.
"""

import contextlib
import hashlib
import json
import os
import re
import uuid
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.files import folder_identity, lost_run, parse_json, read_regular
from diffjax.status import MISSING
from diffjax.sweep.identity import canonical
from diffjax.sweep.older_descriptions import current, current_keys
from diffjax.sweep.record import FORMAT, FORMAT_VERSION
from diffjax.sweep.record_checks import check_axes, check_labels, check_record
from diffjax.sweep.segment_reading import Allowance, read_segment
from diffjax.sweep.segments import Part, Segment, cannot_write

_RECORD, _COPY = "run.json", "run.json.copy"
_SUM = "sha256"
_SEGMENT = re.compile(r"\d{4,9}\.zarr")


class DamagedStoreWarning(UserWarning):
    """Part of a run could not be read; its points count as not computed."""


class RunFolder:
    """A run on disk."""

    def __init__(self, path: Path, record: Mapping[str, Any], content: bytes):
        self.path, self.record, self._content = path, record, content
        self._folder, self._record_file = folder_identity(path, follow_links=True), None

    @staticmethod
    def exists(path: str | os.PathLike) -> bool:
        """Whether the folder says that it is a run."""
        return any((Path(path) / name).exists() for name in (_RECORD, _COPY))

    @classmethod
    def open(cls, path: str | os.PathLike) -> "RunFolder":
        """Open an existing run.

        Raises:
            InputError: there is none, or it cannot be read.

        Warns:
            DamagedStoreWarning: run.json is damaged and its copy is used.
        """
        folder = Path(path)
        if not cls.exists(folder):
            raise _no_run(folder, f"has no {_RECORD}")
        faults = []
        for name in (_RECORD, _COPY):
            try:
                content = read_regular(folder / name)
                record = _verified(content)
            except (OSError, ValueError) as error:
                faults.append(f"has a {name} that cannot be used ({error})")
                continue
            if faults:
                warnings.warn(f"{folder} {faults[0]}", DamagedStoreWarning, stacklevel=2)
            return cls(folder, _checked(folder, record), content)
        raise _no_run(folder, faults[0])

    @classmethod
    def create(cls, path: str | os.PathLike, record: Mapping[str, Any]) -> "RunFolder":
        """Make the folder of a new run, or open the one that another process made just now.

        Raises:
            InputError: the folder holds something else.
            OSError: it cannot be written.
        """
        folder = Path(path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _refuse_foreign(folder)
            summed = {**record, _SUM: _sum_of(record)}
            _write_once(folder / _RECORD, json.dumps(summed, indent=1).encode())
        except OSError as error:
            raise cannot_write(folder, error) from error
        made = cls.open(folder)
        made.mend()
        return made

    def mend(self) -> None:
        """Make run.json and its copy equal to what was read.

        Raises:
            OSError: they cannot be written.
        """
        try:
            for name in (_RECORD, _COPY):
                file = self.path / name
                if not _holds(file, self._content):
                    file.unlink(missing_ok=True)
                    _write_once(file, self._content)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def discard(self) -> None:
        """Remove a run of which nothing was computed; one that holds anything stays."""
        segments = self.path / "segments"
        with contextlib.suppress(OSError):
            for folder in self._segments():
                folder.rmdir()
            if segments.exists():
                segments.rmdir()
            for name in (_RECORD, _COPY):
                (self.path / name).unlink(missing_ok=True)
            self.path.rmdir()

    def parts(self) -> list[Part]:
        """Everything that was computed, oldest first; warns of what cannot be read."""
        damage: list[str] = []
        names = [name for name in self.record["outputs"] if name != "status"]
        allowance = Allowance()
        found = [read_segment(folder, names, damage, allowance) for folder in self._segments()]
        found = [_believed(part, self.record, damage) for part in found if part is not None]
        if damage:
            listed = "\n  ".join(damage[:10])
            warnings.warn(
                f"{len(damage)} damaged pieces in {self.path}, whose points count as not computed "
                f"(run the same sweep again to compute them):\n  {listed}",
                DamagedStoreWarning,
                stacklevel=3,
            )
        return [part for part in found if part is not None]

    def new_segment(self, attributes: Mapping[str, Any], batches: int) -> "Segment":
        """A place for the batches of one session and one set of static fields."""
        self.require_here()
        return Segment(self._claim(), attributes, batches, require_run=self.require_here)

    def require_here(self) -> None:
        """Raise unless the folder is the one that was opened and run.json is what was read.

        Raises:
            OSError: it was removed, renamed or replaced, or holds another run.
        """
        if folder_identity(self.path, follow_links=True) != self._folder:
            gone = not self.path.exists()
            raise lost_run(self.path, "was removed" if gone else "was replaced by another folder")
        for name in (_RECORD, _COPY):  # the second one only if the first was damaged
            found = _file_state(self.path / name)
            if found is not None and found == self._record_file:
                return
            if _holds(self.path / name, self._content):
                self._record_file = found
                return
        raise lost_run(self.path, "lost its run.json or holds another one")

    def _segments(self) -> list[Path]:
        folder = self.path / "segments"
        if folder.is_symlink():
            raise _no_run(self.path, "has a link instead of the folder segments")
        try:
            entries = sorted(folder.iterdir(), key=lambda p: (len(p.name), p.name))
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            raise _no_run(self.path, "has a file instead of the folder segments") from None
        return [e for e in entries if _SEGMENT.fullmatch(e.name) and not e.is_symlink()]

    def _claim(self) -> Path:
        """Make the next free segment folder; only one process can make a folder."""
        folder = self.path / "segments"
        try:
            number = 1 + max((int(p.stem) for p in self._segments()), default=0)
            folder.mkdir(exist_ok=True)
            while True:
                try:
                    (folder / f"{number:04d}.zarr").mkdir()
                    return folder / f"{number:04d}.zarr"
                except FileExistsError:
                    number += 1
        except OSError as error:
            raise cannot_write(folder, error) from error


class MemoryRun:
    """The same interface without a folder: results stay in memory."""

    def __init__(self, record: Mapping[str, Any]):
        self.record = record
        self._segments: list[_MemorySegment] = []

    def parts(self) -> list[Part]:
        """Everything that was computed."""
        return [segment.part() for segment in self._segments if segment.batches]

    def new_segment(self, attributes: Mapping[str, Any], batches: int) -> "_MemorySegment":
        """A place for the batches of one set of static fields."""
        del batches
        self._segments.append(_MemorySegment(attributes))
        return self._segments[-1]


class _MemorySegment:
    def __init__(self, attributes: Mapping[str, Any]):
        self._attributes = json.loads(canonical(attributes))
        self.batches: list[tuple[np.ndarray, Mapping[str, np.ndarray]]] = []

    def write(self, number: int, keys: np.ndarray, results: Mapping[str, np.ndarray]) -> None:
        """Keep one batch, without its padding."""
        del number
        kept = results["status"] != MISSING
        self.batches.append((keys[kept], {name: values[kept] for name, values in results.items()}))

    def part(self) -> Part:
        """All batches as one part."""
        keys, results = zip(*self.batches, strict=True)
        arrays = {name: np.concatenate([r[name] for r in results]) for name in results[0]}
        return Part(self._attributes, np.concatenate(keys), arrays.pop("status"), arrays)


def _file_state(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _verified(content: bytes) -> Any:
    """The record in a file; ValueError if it is no JSON or not what was written."""
    record = parse_json(content)
    if isinstance(record, dict) and record.pop(_SUM, None) not in (None, _sum_of(record)):
        raise ValueError("its SHA-256 sum differs")
    return record


def _sum_of(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(record).encode()).hexdigest()


def _holds(file: Path, content: bytes) -> bool:
    try:
        return read_regular(file) == content
    except (OSError, ValueError):
        return False


def _checked(folder: Path, record: Any) -> Mapping[str, Any]:
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise _no_run(folder, "has a run.json of another kind")
    if record.get("format_version") != FORMAT_VERSION:
        raise _no_run(folder, f"has format_version {record.get('format_version')!r:.40}")
    try:
        check_record(record)
    except ValueError as error:
        raise _no_run(folder, f"has a run.json that describes no run ({error})") from None
    return {**record, **{name: current(record[name]) for name in ("problem", "options", "axes")}}


def _believed(part: Part, record: Mapping[str, Any], damage: list[str]) -> Part | None:
    """The part, if its attributes and shapes fit the record."""
    try:
        check_axes(part.attributes.get("axes"), record["axes"])
        check_labels(part.attributes.get("coords", {}))
        for name, array in part.arrays.items():
            if array.ndim - 1 != len(record["outputs"][name]["dims"]):
                raise ValueError(f"{name} has {array.ndim - 1} inner dimensions")
    except ValueError as error:
        damage.append(f"a segment of {len(part.status)} rows: {error}")
        return None
    axes = part.attributes["axes"]
    attributes = {**part.attributes, "axes": current(axes)}
    return replace(part, attributes=attributes, keys=current_keys(axes, part.keys))


def _refuse_foreign(folder: Path) -> None:
    names = [entry.name for entry in folder.iterdir() if not entry.name.startswith(_RECORD)]
    if names and not RunFolder.exists(folder):
        raise _no_run(folder, "is not empty and has no run.json")


def _write_once(path: Path, content: bytes) -> None:
    """Write a file whole and durably, or leave alone the one that is already there."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # unlike a rename it fails if another process was faster
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _no_run(folder: Path, why: str) -> InputError:
    if not folder.exists():
        why = "does not exist"
    return InputError(
        f"folder {folder} {why}",
        f"a run of diffjax (format {FORMAT_VERSION}), or for a new sweep an empty or new folder",
        "name another folder",
    )
