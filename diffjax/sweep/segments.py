"""One part of a run on disk: the batches that one session computed for one set of static fields.

A batch is one whole chunk of every array. zarr writes a chunk under a temporary name and renames
it; the chunk of `status`, written last, marks the batch as done. Chunks carry a CRC-32C checksum;
the SHA-256 sums of the metadata lie beside the segment, as ``sha256sum`` writes them.
"""

import contextlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from diffjax.files import folder_identity, lost_run
from diffjax.status import MISSING
from diffjax.sweep.identity import canonical
from diffjax.sweep.model import RESERVED
from diffjax.sweep.segment_metadata import write_sums

_CHECKSUM_ONLY = 4096

Guard = Callable[[], None]
"""Raises OSError if a run is no longer what this process opened."""


@dataclass(frozen=True)
class Part:
    """Finished batches of one session for one set of static fields.

    Attributes:
        attributes: what the session knew: axes, labels of inner dimensions, versions.
        keys: identity of each point, bytes (row, 16).
        status: (row,), MISSING for padding.
        arrays: name to values (row, ...).
    """

    attributes: Mapping[str, Any]
    keys: np.ndarray
    status: np.ndarray
    arrays: Mapping[str, np.ndarray]


class Segment:
    """Writes the batches of one session, one whole chunk per array and batch."""

    def __init__(
        self, path: Path, attributes: Mapping[str, Any], batches: int, *, require_run: Guard
    ):
        self._path, self._batches = path, batches
        self._require_run, self._folders = require_run, self._identities()
        self._attributes = json.loads(canonical(attributes))
        self._arrays: dict[str, zarr.Array] = {}

    def write(self, number: int, keys: np.ndarray, results: Mapping[str, np.ndarray]) -> None:
        """Write one batch; it counts once its status is written.

        Args:
            number: of the batch in this session.
            keys: identity of the points, (row, 16).
            results: outputs and ``status``, each (row, ...); status MISSING for padding.

        Raises:
            OSError: the disk is full or gone, or the run folder is no longer the one that this
                session opened; what was written before stays usable.
        """
        self._require_here()
        rows = len(keys)
        values = {**results, RESERVED: keys}
        values["status"] = values.pop("status")
        writing = self._path
        try:
            if not self._arrays:
                self._arrays = self._create(values)
            for name, array in values.items():
                writing = self._path / name
                self._arrays[name][number * rows : (number + 1) * rows] = array
        except OSError as error:
            self._require_here()  # says more than that a file of it is not there
            raise cannot_write(writing, error) from error
        self._require_here()

    def _require_here(self) -> None:
        """Raise unless run and segment are the folders that they were; leave nothing elsewhere.

        zarr makes the folders that it lacks, so that a batch may have been written to a place
        that is no run any more.
        """
        try:
            self._require_run()
            if self._identities() != self._folders:
                raise lost_run(self._path, "was removed or replaced")
        except OSError:
            if folder_identity(self._path) not in (None, self._folders[-1]):
                remove_orphan(self._path)
            raise

    def _identities(self) -> list[tuple[int, int] | None]:
        """Of the folder of all segments and of this one."""
        return [folder_identity(self._path.parent), folder_identity(self._path)]

    def _create(self, values: Mapping[str, np.ndarray]) -> dict[str, zarr.Array]:
        group = zarr.create_group(self._path, zarr_format=3, attributes=self._attributes)
        made = {name: self._create_array(group, name, array) for name, array in values.items()}
        write_sums(self._path, made)
        return made

    def _create_array(self, group: zarr.Group, name: str, array: np.ndarray) -> zarr.Array:
        small = array.nbytes < _CHECKSUM_ONLY
        return group.create_array(
            name,
            shape=(self._batches * len(array), *array.shape[1:]),
            chunks=tuple(max(size, 1) for size in array.shape),
            dtype=array.dtype,
            fill_value=MISSING if name == "status" else 0,
            compressors=[Crc32cCodec()] if small else [ZstdCodec(level=1), Crc32cCodec()],
            config={"write_empty_chunks": True},
        )


def remove_orphan(segment: Path) -> None:
    """Remove a segment that was written where no run is, and the folders made for it."""
    run = segment.parent.parent
    if any((run / name).exists() for name in ("run.json", "run.json.copy")):
        return
    shutil.rmtree(segment, ignore_errors=True)
    segment.with_name(f"{segment.name}.sha256").unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # they hold something else
        segment.parent.rmdir()
        run.rmdir()


def cannot_write(folder: Path, error: OSError) -> OSError:
    """The error with what it means for the run and what to do."""
    return OSError(
        error.errno,
        f"{error.strerror or error}; finished batches are kept; make room or choose a folder that "
        "can be written, then run the same command again",
        str(error.filename or folder),
    )
