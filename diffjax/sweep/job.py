"""A request to the engine, checked completely before anything is compiled or written."""

import dataclasses
import inspect
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.precision import require_float64
from diffjax.status import FAILURES, MISSING, Status
from diffjax.sweep.dataset import check_names
from diffjax.sweep.execute import find_devices, lanes_of
from diffjax.sweep.grid import Grid, make_grid
from diffjax.sweep.host import HostPlan, plan_host
from diffjax.sweep.model import Model
from diffjax.sweep.plan import GroupPlan, plan_group
from diffjax.sweep.points import Group
from diffjax.sweep.record import make_record, require_same
from diffjax.sweep.record_checks import check_record
from diffjax.sweep.segments import Part
from diffjax.sweep.sizes import checked_batch_size
from diffjax.sweep.specialize import special_groups
from diffjax.sweep.store import RunFolder


@dataclasses.dataclass(frozen=True)
class Job:
    """A checked request: what to compute and what is already there."""

    model: Model
    grid: Grid
    options: Mapping[str, Any]
    record: Mapping[str, Any]
    folder: RunFolder | None
    groups: list[Group]
    done: int
    devices: Sequence[Any]
    batch_size: int | None


def prepare(
    model: Model,
    problem: Any,
    over: Mapping[str, Any],
    store: str | os.PathLike | None,
    devices: int | Sequence[Any] | None,
    batch_size: int | None,
    retry: str | Collection[str],
    options: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> Job:
    """Check a request completely, and find which of its points are to be computed."""
    _check_model(model, options)
    _check_store(store)
    chosen = find_devices(devices)
    folder = RunFolder.open(store) if store is not None and RunFolder.exists(store) else None
    if model.settle is not None:
        stored = folder.record["options"] if folder else None
        options = model.settle(problem, options, chosen[0], stored)
    grid = make_grid(problem, over)
    record = make_record(model, problem, grid, options, provenance)
    check_names(grid, model.outputs)
    if store is not None:
        _check_keepable(record)
    if folder is not None:
        require_same(folder.record, record, str(store))
    retried = _retried(retry)
    if batch_size is not None:
        checked_batch_size(batch_size)
    todo = _points_to_do(grid, folder.parts() if folder else [], retried)
    groups = special_groups(model, problem, grid, todo)
    done = grid.size - len(todo)
    return Job(model, grid, options, record, folder, groups, done, chosen, batch_size)


def plan_of(job: Job, group: Group) -> GroupPlan | HostPlan:
    """The batches of one group of a job."""
    if job.model.on == "host":
        return plan_host(job.model, group, job.options)
    lanes = lanes_of(job.devices, job.batch_size)
    return plan_group(job.model, group, job.options, job.devices, lanes, job.batch_size)


def _check_store(store: Any) -> None:
    """Raise unless results may be kept there: a path that is a folder or nothing yet."""
    if store is not None and not isinstance(store, str | os.PathLike):
        raise InputError(f"store={store!r:.80}", "the path of a folder", "pass a text or a Path")
    if store is not None and os.path.exists(store) and not os.path.isdir(store):
        raise InputError(
            f"{os.fspath(store)} is a file",
            "a run is kept in a folder of its own",
            "name an empty or new folder",
        )


def _check_keepable(record: Mapping[str, Any]) -> None:
    """Raise before a folder is made that could not be opened again."""
    try:
        check_record(record)
    except ValueError as error:
        raise InputError(
            str(error), "short printable names, numbers", "rename or change it"
        ) from None


def _points_to_do(grid: Grid, parts: Iterable[Part], retried: set[int]) -> np.ndarray:
    latest: dict[bytes, int] = {}
    for part in parts:
        for row in np.flatnonzero(part.status != MISSING):
            latest[part.keys[row].tobytes()] = int(part.status[row])
    return np.array(
        [
            point
            for point, key in enumerate(grid.keys())
            if latest.get(key.tobytes(), MISSING) in (MISSING, *retried)
        ],
        int,
    )


def _retried(retry: str | Collection[str]) -> set[int]:
    names = [retry] if isinstance(retry, str) else list(retry)
    known = {status.name.lower(): {int(status)} for status in Status}
    known["failed"] = {int(status) for status in FAILURES}
    for name in names:
        if name not in known:
            raise InputError(
                f"retry={name!r}", f"known are {', '.join(known)}", "use 'failed' for all failures"
            )
    return set().union(*(known[name] for name in names))


def _check_model(model: Any, options: Mapping[str, Any]) -> None:
    if not isinstance(model, Model):
        raise InputError(
            f"model is a {type(model).__name__}",
            "a Model as made by the decorator diffjax.model",
            "use find_model(name) for an installed one",
        )
    names = check_options(model, options)
    if model.precision == "float64":
        consent = bool(options.get("allow_float32")) if "allow_float32" in names else None
        require_float64(model.name, consent)


def check_options(model: Model, options: Mapping[str, Any]) -> list[str]:
    """The names of a model's options.

    Raises:
        InputError: an option that it does not have.
    """
    parameters = inspect.signature(model.function).parameters
    names = [
        p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY or p.default != p.empty
    ]
    free = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    unknown = [name for name in options if name not in names and not free]
    if unknown:
        raise InputError(
            f"option {unknown[0]!r} is unknown to model {model.name!r}",
            f"it has {', '.join(names) or 'none'}",
            "remove or rename it",
        )
    return names
