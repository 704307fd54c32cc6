"""What a Dask worker does with batches: it computes them on its own devices and writes them itself.

A worker keeps from batch to batch what it has compiled and the shared results that lie on its
devices, and from call to call what it has compiled.
"""

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from diffjax.sweep.batches import Counts, Write, compute_group, session_of, store_batch
from diffjax.sweep.by_name import unpacked
from diffjax.sweep.execute import find_devices
from diffjax.sweep.grid import Grid, make_grid
from diffjax.sweep.held_program import HeldProgram, hold_program
from diffjax.sweep.job import Job
from diffjax.sweep.points import Group
from diffjax.sweep.segments import Segment
from diffjax.sweep.specialize import special_groups
from diffjax.sweep.store import RunFolder


@dataclass(frozen=True)
class Request:
    """What a worker needs to compute any point of a run.

    Attributes:
        token: the same for all batches of one call.
        program: the model, its options and the base problem with zeros for leaves; packed, so
            that a worker knows what it has compiled already.
        leaves: the leaves of the base problem.
        over: the axes.
        store: absolute path of the run folder, seen by all workers.
        x64: whether the caller computes in 64 bits.
    """

    token: str
    program: bytes
    leaves: list[Any]
    over: Mapping[str, Any]
    store: str
    x64: bool


class Batch(NamedTuple):
    """Some points of one group.

    Attributes:
        points: their numbers in the grid, those that share work next to each other.
        size: points of a full batch; the compiled program has as many rows.
        members: how many distinct members each shared stage has in the whole group.
    """

    points: np.ndarray
    size: int
    members: Mapping[str, int]


def compute_batch(request: Request, batch: Batch) -> Counts:
    """Compute a batch on this worker's devices and write it; runs on the worker."""
    with _ONE_AT_A_TIME:
        if request.token not in _SESSIONS:
            jax.config.update("jax_enable_x64", request.x64)
            _SESSIONS.clear()  # an earlier call's
            _SESSIONS[request.token] = _Session(request)
        return _SESSIONS[request.token].compute(batch)


_SESSIONS: dict[str, "_Session"] = {}
"""The request that this worker serves, with its segments."""

_ONE_AT_A_TIME = threading.Lock()
"""A batch has all devices of the worker, however many threads it was given."""


class _Session:
    """One worker's part of one call."""

    def __init__(self, request: Request):
        self._model, self._options, form = unpacked(request.program)
        self._problem = jax.tree.unflatten(jax.tree.structure(form), request.leaves)
        self._grid: Grid = make_grid(self._problem, request.over)
        self._keys = np.concatenate([self._grid.keys(), np.zeros((1, 16), np.uint8)])
        self._folder = RunFolder.open(request.store)
        self._devices = find_devices(None)
        self._segments: dict[Any, _Segments] = {}
        self._held: _Held | None = None
        self._holds = self._model.on == "device"

    def compute(self, batch: Batch) -> Counts:
        """Compute and write the points of a batch."""
        groups = special_groups(self._model, self._problem, self._grid, np.sort(batch.points))
        counts = [counts for group in groups for counts in self._computed(group, batch)]
        return Counts(*(sum(numbers) for numbers in zip(*counts, strict=True)))

    def _computed(self, group: Group, batch: Batch) -> list[Counts]:
        """Points and failures of all parts of a batch."""
        job = self._job(group, batch.size)
        if self._holds:
            try:
                return self._with_held_results(job, group, batch)
            except (jax.errors.JaxRuntimeError, MemoryError):
                self._holds = False  # what follows takes less memory, or meets the error again
        return list(compute_group(job, group, functools.partial(self._open, group), self._keys))

    def _with_held_results(self, job: Job, group: Group, batch: Batch) -> list[Counts]:
        held, self._held = self._held, None  # gone after an error: it may not hold what it thinks
        if held is None or not held.program.serves(group):
            del held  # its memory is free before another one takes some
            held = self._hold(job, group, batch)
        order = np.searchsorted(group.points, batch.points[np.isin(batch.points, group.points)])
        counts = []
        for points, found in held.program.results(group, order):
            counts.append(store_batch(held.write, 0, self._keys, points, found))
        self._held = held
        return counts

    def _hold(self, job: Job, group: Group, batch: Batch) -> "_Held":
        program = hold_program(job, group, batch.members, _memory_limit())
        return _Held(program, self._open(group, program.plan, session_of(job, group)))

    def _job(self, group: Group, batch_size: int) -> Job:
        return Job(
            self._model, self._grid, self._options, self._folder.record, self._folder,
            [group], 0, self._devices, batch_size,
        )  # fmt: skip

    def _open(self, group: Group, plan: Any, facts: Mapping[str, Any]) -> Write:
        """Where batches of this size are written."""
        rows = len(plan.points(0))
        key = (jax.tree.structure(group.problem), rows, "out_of_memory" in facts)
        if key not in self._segments:
            batches = self._grid.size // max(rows, 1) + 2
            make = functools.partial(self._folder.new_segment, facts, batches)
            self._segments[key] = _Segments(make, batches)
        return self._segments[key].write


class _Held(NamedTuple):
    """A program with shared results on the devices, and where its batches are written."""

    program: HeldProgram
    write: Write


def _memory_limit() -> int | None:
    """Bytes beyond which Dask stops this process; None if it sets no limit."""
    from dask.distributed import get_worker

    try:
        return get_worker().memory_manager.memory_limit
    except ValueError:  # this process is no worker
        return None


class _Segments:
    """Segments whose batches are numbered in the order in which they come; made as they fill."""

    def __init__(self, make: Callable[[], Segment], batches: int):
        self._make, self._batches = make, batches
        self._segment: Segment | None = None
        self._count = 0

    def write(self, number: int, keys: np.ndarray, results: Mapping[str, np.ndarray]) -> None:
        """Write the next batch."""
        del number
        if self._segment is None or self._count == self._batches:
            self._segment, self._count = self._make(), 0
        self._segment.write(self._count, keys, results)
        self._count += 1
