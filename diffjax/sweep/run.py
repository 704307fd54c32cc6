"""`sweep`: a grid of problems through a model into a labelled dataset; resumable at any moment."""

import os
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr

from diffjax.status import FAILURES, MISSING, Status
from diffjax.sweep.dataset import assemble, failed_points
from diffjax.sweep.execute import Executor
from diffjax.sweep.host import HostExecutor, HostPlan
from diffjax.sweep.job import Job, plan_of, prepare
from diffjax.sweep.model import Model
from diffjax.sweep.points import Group
from diffjax.sweep.record import device_facts, require_same, session_facts
from diffjax.sweep.saved_grid import grid_description, grid_from_description, united
from diffjax.sweep.store import MemoryRun, RunFolder

_FAILURES_NAMED = 5


class FailedPointsWarning(RuntimeWarning):
    """Some points of a sweep failed; the others are fine."""


class Progress(Protocol):
    """What a sweep tells while it runs; the engine itself prints nothing."""

    def start(self, total: int, done: int) -> None:
        """The grid has `total` points, of which `done` were computed before."""

    def advance(self, points: int, failures: int) -> None:
        """A batch of `points` was stored, of which `failures` failed."""

    def finish(self) -> None:
        """Called last, also after an error or Ctrl-C."""


def sweep(
    model: Model,
    problem: Any,
    over: Mapping[str, Any],
    store: str | os.PathLike | None = None,
    *,
    devices: int | Sequence[Any] | None = None,
    batch_size: int | None = None,
    retry: str | Collection[str] = (),
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Compute a model at every point of a grid.

    Everything is checked before anything is compiled or written. With a store, a run that was
    interrupted (also by ``kill -9``) is continued by the same call, and a call with more values
    along the same axes computes only what is new.

    Args:
        model: made by the decorator `model`.
        problem: the base problem; fields that are not swept keep its values.
        over: axis name to values, or to `Zipped` for several fields along one dimension. An axis
            is a field of the problem (``distance``), dotted if the name is not unique
            (``mixture.distance``), or an element (``stds[0]``). Static fields cost one compile
            per value.
        store: folder of the run; None keeps the results in memory only.
        devices: None for all devices of this process, a number, or a list of devices.
        batch_size: points that are computed and written together, over all devices; by default
            a few seconds of work.
        retry: ``"failed"`` computes failed points again; names of other statuses work too.
        options: keyword options of the model.
        progress: told what happens, see `Progress`.
        provenance: facts to keep with the results, e.g. ``{"study": text}``.

    Returns:
        A dataset of the requested grid: dimensions are the axes in the order of `over`, then
        those of each output; ``status`` says what happened at each point.

    Raises:
        InputError: something cannot be used; the message says what and what to do.
        StoreMismatch: the folder belongs to another run.
        OSError: the folder cannot be written or the disk is full; finished batches are kept.

    Warns:
        FailedPointsWarning: some points failed; it names them.

    Example:
        >>> ds = sweep(gradient_flow, problem, {"distance": [0.5, 1.0], "seed": range(5)})
        >>> ds["memorization_time"].dims
        ('distance', 'seed', 'class')
    """
    job = prepare(
        model, problem, over, store, devices, batch_size, retry, options or {}, provenance or {}
    )
    run: Any = MemoryRun(job.record)
    if store is not None:
        run = job.folder or RunFolder.create(store, job.record)
        require_same(run.record, job.record, str(store))
    _compute(job, run, progress)
    dataset = assemble(job.grid, run.record, run.parts())
    _warn_of_failures(dataset)
    return dataset


def open_run(path: str | os.PathLike) -> xr.Dataset:
    """The dataset of a run on disk, finished or not.

    It covers every value that any call has swept, in the order of the first call (numbers stay
    sorted if every call gave them sorted). Points that were not computed have status -1.

    Args:
        path: folder of the run.

    Raises:
        InputError: there is no run in the folder.

    Example:
        >>> ds = open_run("runs/phase-diagram")
        >>> int((ds["status"] == -1).sum())   # points to go
        0
    """
    folder = RunFolder.open(path)
    parts = folder.parts()
    described = [folder.record["axes"], *(part.attributes["axes"] for part in parts)]
    grid = united(grid_from_description(axes) for axes in described)
    return assemble(grid, folder.record, parts)


def _compute(job: Job, run: Any, progress: Progress | None) -> None:
    keys = np.concatenate([job.grid.keys(), np.zeros((1, 16), np.uint8)])  # [-1]: padding
    if progress is not None:
        progress.start(job.grid.size, job.done)
    try:
        for group in job.groups:
            _compute_group(job, run, group, keys, progress)
    finally:
        if progress is not None:
            progress.finish()


def _compute_group(job: Job, run: Any, group: Group, keys: np.ndarray, progress: Any) -> None:
    plan = plan_of(job, group)
    segment = run.new_segment(_session(job, group), len(plan.rows))
    on_host = isinstance(plan, HostPlan)
    executor = HostExecutor(plan) if on_host else Executor(plan, job.devices)
    for number in range(len(plan.rows)):
        points = plan.points(number)
        results = _with_status(executor.batch(number), points)
        segment.write(number, keys[points], results)
        if progress is not None:
            failed = np.isin(results["status"], [int(s) for s in FAILURES])
            progress.advance(int((points >= 0).sum()), int(failed.sum()))


def _with_status(results: Mapping[str, np.ndarray], points: np.ndarray) -> dict[str, np.ndarray]:
    """The results with MISSING for padding and NON_FINITE wherever a number is NaN or -inf.

    A model reports its own failures; this is the second line of defence. +inf is allowed, since
    it stands for a time that is not reached.
    """
    status = np.array(results["status"], np.int8)
    for name, values in results.items():
        if name != "status" and values.dtype.kind in "fc":
            rows = values.reshape(len(values), -1)
            bad = (np.isnan(rows) | (rows == -np.inf)).any(axis=1)
            status[bad] = np.maximum(status[bad], np.int8(Status.NON_FINITE))
    status[points < 0] = MISSING
    return {**results, "status": status}


def _session(job: Job, group: Group) -> dict[str, Any]:
    """What a segment remembers of the session that writes it."""
    found = job.model.coords(group.problem) if job.model.coords else {}
    coords = {dim: np.asarray(labels).tolist() for dim, labels in found.items()}
    return {
        "axes": grid_description(job.grid),
        "coords": coords,
        "devices": device_facts(job.devices),
        **session_facts(),
    }


def _warn_of_failures(dataset: xr.Dataset) -> None:
    lines = failed_points(dataset)
    if lines:
        more = len(lines) - _FAILURES_NAMED
        shown = "\n  ".join([*lines[:_FAILURES_NAMED], *([f"and {more} more"] if more > 0 else [])])
        warnings.warn(
            f"{len(lines)} of {dataset['status'].size} points failed:\n  {shown}",
            FailedPointsWarning,
            stacklevel=3,
        )
