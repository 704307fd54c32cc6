"""The finished batches of a segment, each chunk checked before it is used."""

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from diffjax.status import MISSING, Status
from diffjax.sweep.model import RESERVED
from diffjax.sweep.segment_metadata import Layout, read_metadata
from diffjax.sweep.segments import Part

_ZSTD_RATIO = 2**16
"""No zstd frame unpacks to more than this many times its size."""

_FREE_BYTES = 2**30
_TOTAL_RATIO = 256
_STATUSES = [MISSING, *map(int, Status)]


class Allowance:
    """How much the chunks of a run may unpack to: 1 GiB + 256 times their size on disk."""

    def __init__(self) -> None:
        self._left = _FREE_BYTES

    def spend(self, unpacked: int, packed: int) -> None:
        """Count the chunks of a segment.

        Raises:
            ValueError: they would unpack to more than is allowed.
        """
        self._left += _TOTAL_RATIO * packed - unpacked
        if self._left < 0:
            raise ValueError(
                f"its {packed} bytes on disk claim to be {unpacked} bytes of numbers; a run may "
                f"unpack to {_FREE_BYTES} bytes + {_TOTAL_RATIO} times its size"
            )


def read_segment(
    folder: Path, names: list[str], damage: list[str], allowance: Allowance
) -> Part | None:
    """The finished batches of a segment.

    Args:
        folder: the segment.
        names: outputs to read.
        damage: takes a line for each piece that cannot be read; its batch counts as not done.
        allowance: what may still be unpacked.
    """
    wanted = [*names, RESERVED, "status"]
    try:
        if _is_unfinished(folder, wanted):
            return None
        attributes, layouts = read_metadata(folder, wanted)
        _require_keys(layouts)
        batches = _present_batches(folder, layouts, damage)
        allowance.spend(_unpacked_bytes(layouts, batches), sum(batches.values()))
        group = zarr.open_group(folder, mode="r", zarr_format=3)
        arrays: dict[str, Any] = {name: group[name] for name in wanted}
    except Exception as error:  # zarr raises many types for broken metadata
        damage.append(f"{folder}: {error}")
        return None
    values = _read_batches(folder, list(batches), layouts, arrays, damage)
    return Part(attributes, values.pop(RESERVED), values.pop("status"), values)


def _is_unfinished(folder: Path, names: list[str]) -> bool:
    """Whether a session died, or is, before its first batch was done."""
    complete = all((folder / name / "zarr.json").exists() for name in names)
    started = (folder / "status" / "c").exists()
    return not started and not (complete and (folder / "zarr.json").exists())


def _require_keys(layouts: dict[str, Layout]) -> None:
    keys, status = layouts[RESERVED], layouts["status"]
    if (keys.dtype, keys.inner, status.dtype, status.inner) != (np.uint8, (16,), np.int8, ()):
        raise ValueError("the metadata is not that of a segment: keys or status of another type")


def _present_batches(folder: Path, layouts: dict[str, Layout], damage: list[str]) -> dict[int, int]:
    """Batches whose status was written and whose chunks may be read, with their size on disk."""
    try:
        listed = os.listdir(folder / "status" / "c")
    except FileNotFoundError:
        return {}
    numbers = sorted(int(name) for name in listed if name.isascii() and name.isdigit())
    found = {}
    for number in numbers:
        try:
            sizes = [_chunk_bytes(folder, name, number, at) for name, at in layouts.items()]
            found[number] = sum(sizes)
        except (OSError, ValueError) as error:
            damage.append(str(error))
    return found


def _chunk_bytes(folder: Path, name: str, number: int, layout: Layout) -> int:
    chunk = _chunk(folder, name, number, layout)
    if layout.batch_bytes == 0:  # nothing to write, so nothing was written
        return 0
    if number >= layout.batches:
        raise ValueError(f"{chunk}: there are {layout.batches} batches")
    try:
        found = chunk.lstat()
    except OSError as error:
        raise ValueError(f"{chunk}: the chunk is missing ({error.strerror})") from None
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{chunk}: this is no regular file")
    if not layout.batch_bytes / _ZSTD_RATIO <= found.st_size <= 2 * layout.batch_bytes + 4096:
        raise ValueError(f"{chunk}: {found.st_size} bytes do not hold {layout.batch_bytes}")
    return found.st_size


def _chunk(folder: Path, name: str, number: int, layout: Layout) -> Path:
    return folder / name / "/".join(["c", str(number), *["0"] * len(layout.inner)])


def _unpacked_bytes(layouts: dict[str, Layout], batches: dict[int, int]) -> int:
    return len(batches) * sum(layout.batch_bytes for layout in layouts.values())


def _read_batches(
    folder: Path,
    numbers: list[int],
    layouts: dict[str, Layout],
    arrays: dict[str, Any],
    damage: list[str],
) -> dict[str, np.ndarray]:
    """The values of all batches of which no chunk is damaged."""
    values = {
        name: np.empty((len(numbers) * at.rows, *at.inner), at.dtype)
        for name, at in layouts.items()
    }
    rows, good = layouts["status"].rows, 0
    for number in numbers:
        if _read_batch(folder, number, layouts, arrays, values, good * rows, damage):
            good += 1
    return {name: array[: good * rows] for name, array in values.items()}


def _read_batch(
    folder: Path,
    number: int,
    layouts: dict[str, Layout],
    arrays: dict[str, Any],
    values: dict[str, np.ndarray],
    start: int,
    damage: list[str],
) -> bool:
    """Read all chunks of a batch into `values` from row `start` on; False if one is damaged."""
    for name, layout in layouts.items():
        here = slice(number * layout.rows, (number + 1) * layout.rows)
        into = values[name][start : start + layout.rows]
        try:
            into[...] = arrays[name][here]
            if name == "status" and not np.isin(into, _STATUSES).all():
                raise ValueError("it holds numbers that are no status")
        except Exception as error:  # a checksum, codec or file error, by zarr's choice of type
            damage.append(f"{_chunk(folder, name, number, layout)}: {error}")
            return False
    return True
