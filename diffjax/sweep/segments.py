"""One part of a run on disk: the batches that one session computed for one set of static fields.

A batch is one whole chunk of every array. zarr writes a chunk under a temporary name and renames
it; the chunk of `status`, written last, marks the batch as done. Chunks carry a CRC-32C checksum.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from diffjax.status import MISSING
from diffjax.sweep.identity import canonical
from diffjax.sweep.model import RESERVED

_CHECKSUM_ONLY = 4096


@dataclass(frozen=True)
class Part:
    """Results of one session for one set of static fields.

    Attributes:
        attributes: what the session knew: axes, labels of inner dimensions, versions.
        keys: identity of each point, bytes (row, 16).
        status: (row,), MISSING where the row holds nothing.
        arrays: name to values (row, ...).
    """

    attributes: Mapping[str, Any]
    keys: np.ndarray
    status: np.ndarray
    arrays: Mapping[str, np.ndarray]


class Segment:
    """Writes the batches of one session, one whole chunk per array and batch."""

    def __init__(self, path: Path, attributes: Mapping[str, Any], batches: int):
        self._path, self._batches = path, batches
        self._attributes = json.loads(canonical(attributes))
        self._arrays: dict[str, zarr.Array] = {}

    def write(self, number: int, keys: np.ndarray, results: Mapping[str, np.ndarray]) -> None:
        """Write one batch; it counts once its status is written.

        Args:
            number: of the batch in this session.
            keys: identity of the points, (row, 16).
            results: outputs and ``status``, each (row, ...); status MISSING for padding.

        Raises:
            OSError: the disk is full or gone; what was written before stays usable.
        """
        rows = len(keys)
        values = {**results, RESERVED: keys}
        values["status"] = values.pop("status")
        try:
            if not self._arrays:
                self._arrays = self._create(values)
            for name, array in values.items():
                self._arrays[name][number * rows : (number + 1) * rows] = array
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def _create(self, values: Mapping[str, np.ndarray]) -> dict[str, zarr.Array]:
        group = zarr.create_group(self._path, zarr_format=3, attributes=self._attributes)
        return {name: self._create_array(group, name, array) for name, array in values.items()}

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


def read_segment(folder: Path, names: list[str], damage: list[str]) -> Part | None:
    """The finished batches of a segment.

    Args:
        folder: the segment.
        names: outputs to read.
        damage: takes a line for each piece that cannot be read; its batch counts as not done.
    """
    wanted = [*names, RESERVED, "status"]
    if _is_unfinished(folder, wanted):
        return None
    try:
        group = zarr.open_group(folder, mode="r", zarr_format=3)
        arrays = {name: _member(group, name) for name in wanted}
    except Exception as error:  # zarr raises many types for broken metadata
        damage.append(f"{folder}: {error}")
        return None
    status = _read_chunks(folder, "status", arrays["status"], damage, None)
    rows = arrays["status"].chunks[0]
    done = (status != MISSING).reshape(-1, rows).any(axis=1)
    values = {}
    for name in [*names, RESERVED]:
        values[name] = _read_chunks(folder, name, arrays[name], damage, done)
    status[~np.repeat(done, rows)] = MISSING
    return Part(dict(group.attrs), values.pop(RESERVED), status, values)


def _is_unfinished(folder: Path, names: list[str]) -> bool:
    """Whether a session died, or is, before its first batch was done."""
    complete = all((folder / name / "zarr.json").exists() for name in names)
    started = (folder / "status" / "c").exists()
    return not started and not (complete and (folder / "zarr.json").exists())


def _member(group: zarr.Group, name: str) -> zarr.Array:
    found = group[name]
    if not isinstance(found, zarr.Array):
        raise TypeError(f"{name} is no array")
    return found


def _read_chunks(
    folder: Path, name: str, array: zarr.Array, damage: list[str], done: np.ndarray | None
) -> np.ndarray:
    """All values; batches whose chunk is damaged or absent are struck off the done ones."""
    rows = array.chunks[0]
    values = np.full(array.shape, array.fill_value, array.dtype)
    for number in range(array.shape[0] // rows):
        if done is not None and not done[number]:
            continue
        chunk = folder / name / "/".join(["c", str(number), *["0"] * (array.ndim - 1)])
        here = slice(number * rows, (number + 1) * rows)
        try:
            if chunk.exists():
                values[here] = array[here]
            elif done is not None:
                raise FileNotFoundError("the chunk is missing")
        except Exception as error:  # a checksum, codec or file error, by zarr's choice of type
            damage.append(f"{chunk}: {error}")
            if done is not None:
                done[number] = False
    return values


def cannot_write(folder: Path, error: OSError) -> OSError:
    """The error with what it means for the run and what to do."""
    return OSError(
        error.errno,
        f"{error.strerror or error}; finished batches are kept; make room or choose a folder that "
        "can be written, then run the same command again",
        str(error.filename or folder),
    )
