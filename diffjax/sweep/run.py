"""`sweep`: a grid of problems through a model into a labelled dataset; resumable at any moment."""

import contextlib
import errno
import os
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr

from diffjax.errors import InputError
from diffjax.status import MISSING
from diffjax.sweep.batches import compute_group
from diffjax.sweep.cluster import compute_on_cluster, listening, make_request, open_cluster
from diffjax.sweep.dataset import assemble, failed_points
from diffjax.sweep.grid import check_size
from diffjax.sweep.job import Job, prepare
from diffjax.sweep.model import Model
from diffjax.sweep.other_runs import other_reader
from diffjax.sweep.record import require_same
from diffjax.sweep.saved_grid import grid_from_description, united
from diffjax.sweep.store import MemoryRun, RunFolder

_FAILURES_NAMED = 5


class FailedPointsWarning(RuntimeWarning):
    """Some points of a sweep failed; the others are fine."""


class Progress(Protocol):
    """What a sweep tells while it runs; the engine itself prints nothing."""

    def start(self, total: int, done: int) -> None:
        """The grid has `total` points, of which `done` were computed before."""

    def listening(self, addresses: str) -> None:
        """A cluster computes; its scheduler and dashboard listen at these addresses."""

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
    cluster: Any = None,
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
        cluster: where to compute instead of here, see `diffjax.sweep.cluster.open_cluster`:
            ``"local:4"``, ``"slurm:8"``, a scheduler's address, or a Dask client.

    Returns:
        A dataset of the requested grid: dimensions are the axes in the order of `over`, then
        those of each output; ``status`` says what happened at each point.

    Raises:
        InputError: something cannot be used; the message says what and what to do.
        StoreMismatch: the folder belongs to another run.
        OSError: the folder cannot be written, the disk is full, or the folder was removed or
            replaced meanwhile; finished batches are kept.

    Warns:
        FailedPointsWarning: some points failed; it names them.

    Example:
        >>> over = {"distance": [0.5, 1.0], "seed": range(3)}
        >>> ds = sweep(gradient_flow, problem, over, store="runs/phase-diagram")
        >>> ds["memorization_time"].dims
        ('distance', 'seed', 'class')
    """
    job = prepare(
        model, problem, over, store, devices, batch_size, retry, options or {}, provenance or {}
    )
    with _workers(cluster) as client:
        request = None if client is None else make_request(job, problem, over, store)
        run: Any = MemoryRun(job.record)
        if store is not None:
            run = job.folder or RunFolder.create(store, job.record)
            require_same(run.record, job.record, str(store))
            run.mend()
        try:
            with _reported(job, progress):
                if request is None:
                    _compute(job, run, progress)
                else:
                    if progress is not None:
                        progress.listening(listening(client))
                    compute_on_cluster(job, request, client, progress)
        except InputError:  # such as an option that the model refuses
            if store is not None and job.folder is None:
                run.discard()
            raise
    dataset = assemble(job.grid, run.record, run.parts())
    _require_all_points(dataset, store)
    _warn_of_failures(dataset)
    return dataset


def open_run(path: str | os.PathLike) -> xr.Dataset:
    """The dataset of a run on disk, finished or not.

    It covers every value that any call has swept, in the order of the first call (numbers stay
    sorted if every call gave them sorted). Points that were not computed have status -1. Runs of
    other kinds are opened by their own readers (`diffjax.sweep.other_runs`).

    Args:
        path: folder of the run.

    Raises:
        InputError: there is no run in the folder.

    Example:
        >>> ds = open_run("runs/phase-diagram")
        >>> int((ds["status"] == -1).sum())   # points to go
        0
    """
    reader = other_reader(path)
    if reader is not None:
        return reader(path)
    folder = RunFolder.open(path)
    parts = folder.parts()
    described = [folder.record["axes"], *(part.attributes["axes"] for part in parts)]
    try:
        grid = united(grid_from_description(axes) for axes in described)
        check_size(grid.size)
        return assemble(grid, folder.record, parts)
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(
            f"the run in {path} makes no dataset ({type(error).__name__}: {error!s:.200})",
            "a run folder as the sweep engine writes it",
            "get it again from where it came from, or sweep into a new folder",
        ) from error


def _workers(cluster: Any) -> contextlib.AbstractContextManager[Any]:
    return contextlib.nullcontext() if cluster is None else open_cluster(cluster)


@contextlib.contextmanager
def _reported(job: Job, progress: Progress | None) -> Iterator[None]:
    if progress is not None:
        progress.start(job.grid.size, job.done)
    try:
        yield
    finally:
        if progress is not None:
            progress.finish()


def _compute(job: Job, run: Any, progress: Progress | None) -> None:
    keys = np.concatenate([job.grid.keys(), np.zeros((1, 16), np.uint8)])  # [-1]: padding

    def open_segment(plan: Any, facts: Mapping[str, Any]) -> Any:
        return run.new_segment(facts, len(plan.rows)).write

    for group in job.groups:
        for points, failures in compute_group(job, group, open_segment, keys):
            if progress is not None:
                progress.advance(points, failures)


def _require_all_points(dataset: xr.Dataset, store: str | os.PathLike | None) -> None:
    """Raise if a point that was computed cannot be read: somebody changed the folder meanwhile."""
    missing = int((dataset["status"] == MISSING).sum())
    if missing:
        raise OSError(
            errno.EIO,
            f"{missing} of {dataset['status'].size} points were computed but are not in the run "
            "folder, which was changed meanwhile; run the same command again to compute them",
            str(store),
        )


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
