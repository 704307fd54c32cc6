"""Results on disk: a folder that can be killed at any moment and continued by the same command.

::

    run.json                 what the run is; written once, never changed
    segments/0001.zarr/      one per session that computes and per set of static fields
        <output>             (point, ...), a chunk is a batch
        point_key, status    identity of each point; the status chunk, written last, marks it done

A segment belongs to the process that made its folder, so two
processes may compute into one run. The newest result of a point counts.
"""

import json
import os
import re
import uuid
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.status import MISSING
from diffjax.sweep.identity import canonical
from diffjax.sweep.record import FORMAT, FORMAT_VERSION
from diffjax.sweep.segments import Part, Segment, cannot_write, read_segment

_SEGMENT = re.compile(r"\d{4,9}\.zarr")


class DamagedStoreWarning(UserWarning):
    """Part of a run could not be read; its points count as not computed."""


class RunFolder:
    """A run on disk."""

    def __init__(self, path: Path, record: Mapping[str, Any]):
        self.path, self.record = path, record

    @classmethod
    def open(cls, path: str | os.PathLike) -> "RunFolder":
        """Open an existing run.

        Raises:
            InputError: there is none, or it cannot be read.
        """
        folder = Path(path)
        try:
            record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise _no_run(folder, "has no run.json") from None
        except (UnicodeDecodeError, ValueError) as error:
            raise _no_run(folder, f"has a run.json that is no JSON ({error})") from None
        return cls(folder, _checked(folder, record))

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
            _write_once(folder / "run.json", json.dumps(record, indent=1))
        except OSError as error:
            raise cannot_write(folder, error) from error
        return cls.open(folder)

    def parts(self) -> list[Part]:
        """Everything that was computed, oldest first; warns of what cannot be read."""
        damage: list[str] = []
        names = [name for name in self.record["outputs"] if name != "status"]
        found = [read_segment(folder, names, damage) for folder in self._segments()]
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
        return Segment(self._claim(), attributes, batches)

    def _segments(self) -> list[Path]:
        try:
            entries = sorted(
                (self.path / "segments").iterdir(), key=lambda p: (len(p.name), p.name)
            )
        except FileNotFoundError:
            return []
        return [e for e in entries if _SEGMENT.fullmatch(e.name) and not e.is_symlink()]

    def _claim(self) -> Path:
        """Make the next free segment folder; only one process can make a folder."""
        folder = self.path / "segments"
        try:
            folder.mkdir(exist_ok=True)
            number = 1 + max((int(p.stem) for p in self._segments()), default=0)
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


def _checked(folder: Path, record: Any) -> Mapping[str, Any]:
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise _no_run(folder, "has a run.json of another kind")
    if record.get("format_version") != FORMAT_VERSION:
        raise _no_run(folder, f"has format_version {record.get('format_version')}")
    missing = {"model", "outputs", "axes", "problem", "options"} - set(record)
    bad = [name for name in record.get("outputs", ()) if not str(name).isidentifier()]
    if missing or bad:
        raise _no_run(folder, f"has a run.json without {missing or ''} or with names {bad}")
    return record


def _refuse_foreign(folder: Path) -> None:
    names = [entry.name for entry in folder.iterdir() if not entry.name.startswith("run.json")]
    if names and not (folder / "run.json").exists():
        raise _no_run(folder, "is not empty and has no run.json")


def _write_once(path: Path, text: str) -> None:
    """Write a file whole and durably, or leave alone the one that is already there."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
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
    return InputError(
        f"folder {folder} {why}",
        f"a run of diffjax (format {FORMAT_VERSION}), or for a new sweep an empty or new folder",
        "name another folder",
    )
