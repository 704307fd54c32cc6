"""Batch after batch of one group: computed, judged, written; halved where memory is short."""

import dataclasses
import errno
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from diffjax.collector import spared_collector
from diffjax.status import FAILURES, MISSING, Status, worst
from diffjax.sweep.execute import Executor, on_host
from diffjax.sweep.host import HostExecutor, HostPlan
from diffjax.sweep.job import Job, plan_of
from diffjax.sweep.plan import GroupPlan
from diffjax.sweep.points import Group
from diffjax.sweep.record import device_facts, session_facts
from diffjax.sweep.saved_grid import grid_description

Write = Callable[[int, np.ndarray, Mapping[str, np.ndarray]], None]
OpenSegment = Callable[[GroupPlan | HostPlan, Mapping[str, Any]], Write]


class Counts(NamedTuple):
    """What was stored: points, and those of them that failed."""

    points: int
    failures: int


class SmallerBatchWarning(RuntimeWarning):
    """A device ran out of memory; the sweep goes on with smaller batches."""


def compute_group(
    job: Job, group: Group, open_segment: OpenSegment, keys: np.ndarray
) -> Iterator[Counts]:
    """Compute and write all points of a group.

    A batch for which a device has no memory is cut in halves, and so are all later ones; the
    segment that takes them remembers it under ``out_of_memory``.

    Args:
        job: the checked request.
        group: points with one compiled program.
        open_segment: from a plan and the facts of the session to the function that writes a batch.
        keys: identity of every point of the grid; the last row is that of padding.

    Yields:
        Points and failed points of each batch.

    Raises:
        OSError: ENOMEM, if there is no memory for one point per device.

    Warns:
        SmallerBatchWarning: the batches were halved.
    """
    halvings: list[dict[str, Any]] = []
    while True:
        with spared_collector():
            plan = plan_of(job, group)
        facts = {**session_of(job, group), **({"out_of_memory": halvings} if halvings else {})}
        write, done = open_segment(plan, facts), 0
        try:
            for counts in compute_batches(job, plan, write, keys):
                done += 1
                yield counts
            return
        except (jax.errors.JaxRuntimeError, MemoryError) as error:
            halvings = [*halvings, _halving(job, plan, error)]
        computed = [plan.points(number) for number in range(done)]
        group = _without(group, np.concatenate([*computed, np.zeros(0, int)]))
        job = dataclasses.replace(job, batch_size=halvings[-1]["continued_with"])


def _halving(job: Job, plan: GroupPlan | HostPlan, error: Exception) -> dict[str, Any]:
    """What to remember of a lack of memory; any other error is raised again."""
    if not isinstance(error, MemoryError) and "RESOURCE_EXHAUSTED" not in str(error):
        raise error
    rows, devices = len(plan.points(0)), len(job.devices)
    if rows <= devices or isinstance(plan, HostPlan):
        raise OSError(
            errno.ENOMEM, f"no memory for one point of {job.model.name} on a device ({error})"
        ) from error
    smaller = max(rows // 2, devices)
    warnings.warn(
        f"no memory for {rows} points at a time; going on with {smaller}",
        SmallerBatchWarning,
        stacklevel=3,
    )
    message = str(error).split("\n", 1)[0][:200]
    return {"batch_size": rows, "continued_with": smaller, "message": message}


def _without(group: Group, computed: np.ndarray) -> Group:
    """The group without points that are computed."""
    left = np.flatnonzero(~np.isin(group.points, computed))
    return dataclasses.replace(
        group,
        points=group.points[left],
        varying={name: values[left] for name, values in group.varying.items()},
        problem_at=lambda number: group.problem_at(int(left[number])),
    )


def compute_batches(
    job: Job, plan: GroupPlan | HostPlan, write: Write, keys: np.ndarray
) -> Iterator[Counts]:
    """Compute the batches of a plan one by one; a batch is written before its counts are yielded.

    An accelerator computes the next batch while the host writes the last one.

    Args:
        job: the checked request.
        plan: the batches of one group.
        write: takes number, keys and results of a batch.
        keys: identity of every point of the grid; the last row is that of padding.

    Yields:
        Points and failed points of the batch.
    """
    for number, found in enumerate(_results(job, plan)):
        yield store_batch(write, number, keys, plan.points(number), found)


def store_batch(
    write: Write, number: int, keys: np.ndarray, points: np.ndarray, found: Mapping[str, np.ndarray]
) -> Counts:
    """Judge the results of a batch and write them.

    Args:
        write: takes number, keys and results of a batch.
        number: of the batch.
        keys: identity of every point of the grid; the last row is that of padding.
        points: numbers of the points, (row,), -1 for padding.
        found: outputs and ``status``, each (row, ...).
    """
    results = with_status(found, points)
    write(number, keys[points], results)
    failed = np.isin(results["status"], [int(status) for status in FAILURES])
    return Counts(int((points >= 0).sum()), int(failed.sum()))


def _results(job: Job, plan: GroupPlan | HostPlan) -> Iterator[Mapping[str, np.ndarray]]:
    """The results of all batches in turn."""
    executor = HostExecutor(plan) if isinstance(plan, HostPlan) else Executor(plan, job.devices)
    numbers = range(len(plan.rows))
    # on a CPU a batch that runs ahead would take the cores from the one that is written
    if isinstance(executor, HostExecutor) or job.devices[0].platform == "cpu":
        return (executor.batch(number) for number in numbers)
    return in_flight(executor.start, on_host, numbers, ahead=1)


def in_flight(
    start: Callable[[int], Any], finish: Callable[[Any], Any], numbers: Iterable[int], ahead: int
) -> Iterator[Any]:
    """``finish(start(number))`` of all numbers in order, `ahead` further ones started before.

    Example:
        >>> list(in_flight(lambda n: n, lambda n: 10 * n, range(3), ahead=1))
        [0, 10, 20]
    """
    started: deque[Any] = deque()
    for number in numbers:
        started.append(start(number))
        if len(started) > ahead:
            yield finish(started.popleft())
    while started:
        yield finish(started.popleft())


def session_of(job: Job, group: Group) -> dict[str, Any]:
    """What a segment remembers of the session that writes it."""
    found = job.model.coords(group.problem) if job.model.coords else {}
    coords = {dim: np.asarray(labels).tolist() for dim, labels in found.items()}
    return {
        "axes": grid_description(job.grid),
        "coords": coords,
        "devices": device_facts(job.devices),
        **session_facts(),
    }


def with_status(results: Mapping[str, np.ndarray], points: np.ndarray) -> dict[str, np.ndarray]:
    """The results with MISSING for padding and NON_FINITE wherever a number is NaN or -inf.

    A model reports its own failures; this is the second line of defence. +inf is allowed, since
    it stands for a time that is not reached.
    """
    status = np.array(results["status"], np.int8)
    for name, values in results.items():
        if name != "status" and values.dtype.kind in "fc":
            rows = values.reshape(len(values), -1)
            bad = (np.isnan(rows) | (rows == -np.inf)).any(axis=1)
            status[bad] = worst(status[bad], Status.NON_FINITE)
    status[points < 0] = MISSING
    return {**results, "status": status}
