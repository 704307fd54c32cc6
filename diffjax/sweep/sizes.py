"""How many points make a batch, from their work and the memory of the devices."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffjax.errors import InputError
from diffjax.sweep.model import Model

_BATCH_SECONDS = 2.0
_OPERATIONS_PER_SECOND = {"cpu": 2e10}
_ACCELERATOR_OPERATIONS_PER_SECOND = 5e12
_FEWEST_BATCHES = 20
_LARGEST_BATCH = 4096
_BATCH_BYTES = 2**28
_SHARE_OF_MEMORY = 0.25
_WORK_SPACE_MARGIN = 2.0
_MOST_LANES = 1024
_ASSUMED_MEMORY = 8 * 2**30


def default_batch(
    model: Model,
    problem: Any,
    total: int,
    devices: Sequence[Any],
    lanes: int,
    bytes_out: int,
    batch_size: int | None = None,
) -> int:
    """Points per device and batch: a few seconds of work, and few enough to fit into memory.

    It depends on the whole grid and not on what is left of it, so that a resumed run compiles the
    same program. The grid makes about twenty batches at least, for progress and resuming.

    Args:
        model: the model.
        problem: the problem of one of the points.
        total: points of the grid with one program.
        devices: where they run.
        lanes: points that a device computes at a time; a batch fills them if it can.
        bytes_out: memory of one point's outputs.
        batch_size: the user's choice of points per batch over all devices.

    Raises:
        InputError: the user's choice is not a positive whole number.
    """
    most = math.ceil(total / len(devices))
    if batch_size is not None:
        return min(most, math.ceil(checked_batch_size(batch_size) / len(devices)))
    limits = [
        math.ceil(most / _FEWEST_BATCHES),
        _LARGEST_BATCH,
        _BATCH_BYTES // max(bytes_out, 1),
    ]
    if model.flops is not None:
        operations = _BATCH_SECONDS * assumed_rate(devices)
        limits.append(int(operations / max(model.flops(problem), 1.0)))
    return max(1, min(lanes, most), min(limits))


def checked_batch_size(batch_size: Any) -> int:
    """The user's batch size, or `InputError`."""
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InputError(
            f"batch_size={batch_size!r}", "a whole number of at least 1", "or leave it out"
        )
    return batch_size


def assumed_rate(devices: Sequence[Any]) -> float:
    """A fixed guess of one device's operations per second, for cutting batches only."""
    return _OPERATIONS_PER_SECOND.get(devices[0].platform, _ACCELERATOR_OPERATIONS_PER_SECOND)


def largest_lanes(devices: Sequence[Any], batch_size: int | None) -> int:
    """How many points or members a device may take at a time: one on a CPU, else its batch."""
    if devices[0].platform == "cpu":
        return 1
    if batch_size is None:
        return _MOST_LANES
    return min(_MOST_LANES, math.ceil(batch_size / len(devices)))


def lanes_in_memory(bytes_each: int, devices: Sequence[Any]) -> int:
    """How many points or members fit side by side, from the work space of one of them."""
    room = _SHARE_OF_MEMORY * free_memory(devices)
    return max(1, int(room / max(_WORK_SPACE_MARGIN * bytes_each, 1)))


def even_lanes(count: int, most: int) -> int:
    """Lanes that `count` rows fill evenly in as few turns as `most` lanes would take.

    Example:
        >>> even_lanes(20, 16)
        10
    """
    count = max(count, 1)
    return math.ceil(count / math.ceil(count / most))


def slots_in_memory(bytes_each: int, devices: Sequence[Any]) -> int:
    """How many shared results one device may hold."""
    return int(_SHARE_OF_MEMORY * free_memory(devices) / max(bytes_each, 1))


def free_memory(devices: Sequence[Any]) -> int:
    """Bytes to be had on the fullest device; devices of a CPU divide the machine's memory."""
    if devices[0].platform == "cpu":
        return host_memory() // len(devices)
    return min(_free(device) for device in devices)


def _free(device: Any) -> int:
    statistics = device.memory_stats() or {}
    limit = int(statistics.get("bytes_limit", _ASSUMED_MEMORY))
    return max(0, limit - int(statistics.get("bytes_in_use", 0)))


def host_memory() -> int:
    """Memory that this process may use, in bytes: the machine's or its container's."""
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        physical = _ASSUMED_MEMORY
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):
        limit = physical
    return min(physical, limit)
