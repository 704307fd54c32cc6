"""Batch after batch of one group: computed, judged, written."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from diffjax.status import FAILURES, MISSING, Status
from diffjax.sweep.execute import Executor
from diffjax.sweep.host import HostExecutor, HostPlan
from diffjax.sweep.job import Job
from diffjax.sweep.plan import GroupPlan
from diffjax.sweep.points import Group
from diffjax.sweep.record import device_facts, session_facts
from diffjax.sweep.saved_grid import grid_description

Write = Callable[[int, np.ndarray, Mapping[str, np.ndarray]], None]


def compute_batches(
    job: Job, plan: GroupPlan | HostPlan, write: Write, keys: np.ndarray
) -> Iterator[tuple[int, int]]:
    """Compute the batches of a plan one by one; a batch is written before its counts are yielded.

    Args:
        job: the checked request.
        plan: the batches of one group.
        write: takes number, keys and results of a batch.
        keys: identity of every point of the grid; the last row is that of padding.

    Yields:
        Points and failed points of the batch.
    """
    executor = HostExecutor(plan) if isinstance(plan, HostPlan) else Executor(plan, job.devices)
    for number in range(len(plan.rows)):
        points = plan.points(number)
        results = _with_status(executor.batch(number), points)
        write(number, keys[points], results)
        failed = np.isin(results["status"], [int(s) for s in FAILURES])
        yield int((points >= 0).sum()), int(failed.sum())


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
