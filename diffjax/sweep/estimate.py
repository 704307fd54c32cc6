"""`explain`: what a sweep would cost, before it computes anything."""

import functools
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from diffjax.sweep.host import HostPlan
from diffjax.sweep.job import Job, plan_of, prepare
from diffjax.sweep.members import tree_bytes
from diffjax.sweep.model import Model
from diffjax.sweep.plan import GroupPlan
from diffjax.sweep.program import stage_results
from diffjax.sweep.sizes import default_batch, even_lanes, lanes_in_memory, largest_lanes
from diffjax.sweep.work_space import work_space

_PROBE_SIZE = 512
_PROBE_ROUNDS = 4
_SHARE_OF_PEAK = 0.5


@dataclass(frozen=True)
class Explanation:
    """The cost of a sweep.

    Attributes:
        points: points of the grid.
        already_done: those that the store holds.
        compiles: programs to compile, one per set of static fields.
        batches: batches to be computed; one is lost at most when the run is cut short.
        batch_size: points per batch of the largest batches, over all devices.
        lanes: points that a device computes at a time, at most; one on a CPU.
        devices: number and kind of devices.
        members: of each shared stage, how many members are computed and how many the points need.
        peak_memory: bytes of inputs, shared results and outputs on all devices, and of the dataset
            if the devices share the host's memory; work space inside points is not included.
        work_space: a guess of the bytes in which all devices together compute their points.
        dataset_bytes: size of the dataset; 0 for a model on the host, whose sizes are not known.
        seconds: estimated time without compilation and sharing; None if the model does not say
            how many operations a point takes.
    """

    points: int
    already_done: int
    compiles: int
    batches: int
    batch_size: int
    lanes: int
    devices: str
    members: Mapping[str, tuple[int, int]]
    peak_memory: int
    work_space: int
    dataset_bytes: int
    seconds: float | None

    def __str__(self) -> str:
        rows = [
            ("points", f"{self.points} ({self.already_done} already computed)"),
            ("compiles", str(self.compiles)),
            ("batches", f"{self.batches} of up to {self.batch_size} points{self._at_once}"),
            ("devices", self.devices),
            *((f"shared: {n}", f"{m} computed for {t} uses") for n, (m, t) in self.members.items()),
            ("memory", f"{_bytes(self.peak_memory)}, and {_bytes(self.work_space)} to compute in"),
            ("dataset", _bytes(self.dataset_bytes) if self.dataset_bytes else "unknown"),
            ("time", _time(self.seconds)),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)

    @property
    def _at_once(self) -> str:
        return f", {self.lanes} at once on a device" if self.lanes > 1 else ""


def explain(
    model: Model,
    problem: Any,
    over: Mapping[str, Any],
    store: str | os.PathLike | None = None,
    *,
    devices: int | Sequence[Any] | None = None,
    batch_size: int | None = None,
    retry: str | Collection[str] = (),
    options: Mapping[str, Any] | None = None,
) -> Explanation:
    """Say what `sweep` with the same arguments would do; it computes no point and writes nothing.

    The whole grid is checked as in `sweep`. The time rests on the model's operation count and on
    a matrix product that is timed here, at half of whose speed points are assumed to run.

    Args:
        model: see `sweep`, as for the other arguments.
        problem: the base problem.
        over: the axes.
        store: folder of the run.
        devices: devices to use.
        batch_size: points per batch.
        retry: statuses to compute again.
        options: options of the model.

    Raises:
        InputError: as in `sweep`.

    Example:
        >>> print(explain(gradient_flow, problem, {"distance": [0.5, 1.0], "seed": range(5)}))
        points              10 (0 already computed)
        compiles            1
        ...
    """
    job = prepare(model, problem, over, store, devices, batch_size, retry, options or {}, {})
    plans = [plan_of(job, group) for group in job.groups]
    on_device = [plan for plan in plans if isinstance(plan, GroupPlan)]
    dataset_bytes = _dataset_bytes(job, on_device)
    held = max((plan.device_bytes for plan in on_device), default=0) * len(job.devices)
    shares_host = job.devices[0].platform == "cpu"
    return Explanation(
        points=job.grid.size,
        already_done=job.done,
        compiles=len(on_device),
        batches=sum(len(plan.rows) for plan in plans),
        batch_size=max((_batch_size(plan, len(job.devices)) for plan in plans), default=0),
        lanes=max((plan.lanes for plan in on_device), default=1),
        devices=f"{len(job.devices)} x {job.devices[0].device_kind}",
        members=_members(on_device),
        peak_memory=held + (dataset_bytes if shares_host else 0),
        work_space=max((p.work_space for p in on_device), default=0) * len(job.devices),
        dataset_bytes=dataset_bytes,
        seconds=_seconds(job),
    )


def planned_batch(
    model: Model, problem: Any, points: int, devices: Sequence[Any]
) -> tuple[int, int]:
    """How a sweep over that many such points would run here; nothing is compiled.

    Returns:
        Points that a device computes at a time, and points per batch over all devices.
    """
    model = model.for_problem(problem)
    results = jax.eval_shape(functools.partial(stage_results, model.stages), problem)
    combine = model.combine or (lambda problem, _: model.function(problem))
    traced, shapes = jax.make_jaxpr(combine, return_shape=True)(problem, results)
    most = largest_lanes(devices, None)
    lanes = most if most == 1 else min(most, lanes_in_memory(work_space(traced), devices))
    batch = default_batch(model, problem, points, devices, lanes, tree_bytes(shapes))
    return even_lanes(batch, lanes), batch * len(devices)


def measured_rate(devices: Sequence[Any]) -> float:
    """Operations per second of a matrix product on all devices at once, in JAX's precision."""
    matrix = np.ones((_PROBE_SIZE, _PROBE_SIZE))
    placed = [jax.device_put(matrix, device) for device in devices]
    product = jax.jit(lambda x: x @ x)
    jax.block_until_ready([product(x) for x in placed])
    start = time.perf_counter()
    for _ in range(_PROBE_ROUNDS):
        jax.block_until_ready([product(x) for x in placed])
    seconds = time.perf_counter() - start
    return _PROBE_ROUNDS * len(devices) * 2 * _PROBE_SIZE**3 / seconds


def _seconds(job: Job) -> float | None:
    if job.model.flops is None:
        return None
    operations = sum(job.model.flops(group.problem) * len(group.points) for group in job.groups)
    return operations / (_SHARE_OF_PEAK * measured_rate(job.devices)) if operations else 0.0


def _dataset_bytes(job: Job, plans: Sequence[GroupPlan]) -> int:
    """Inner sizes are the largest of all groups, as in the dataset."""
    per_point = max((tree_bytes(plan.output_shapes) for plan in plans), default=0)
    return per_point * job.grid.size


def _batch_size(plan: GroupPlan | HostPlan, devices: int) -> int:
    return plan.per_device * devices if isinstance(plan, GroupPlan) else 1


def _members(plans: Sequence[GroupPlan]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for plan in plans:
        for name, stage in plan.stages.items():
            new = sum(len(p.new) for device in stage.placements for p in device)
            before = counts.get(name, (0, 0))
            counts[name] = (before[0] + new, before[1] + stage.members.index.size)
    return counts


def _bytes(count: int) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "unknown: the model gives no operation count"
    if seconds < 120:
        return f"about {seconds:.2g} s, and the compiles"
    if seconds < 7200:
        return f"about {seconds / 60:.0f} min, and the compiles"
    return f"about {seconds / 3600:.1f} h, and the compiles"
