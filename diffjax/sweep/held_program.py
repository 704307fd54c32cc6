"""A compiled program for batches that nobody knows in advance, with shared results that stay.

A plan of all batches knows which batch needs a shared result last (`plan`, `sharing`). A worker of
a cluster does not know what it gets next: here a result stays until its place is needed and every
other result was used later.
"""

import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from diffjax.collector import spared_collector
from diffjax.sweep.execute import Executor
from diffjax.sweep.identity import digest
from diffjax.sweep.job import Job, plan_of
from diffjax.sweep.members import Members, tree_bytes
from diffjax.sweep.plan import GroupPlan
from diffjax.sweep.points import Group
from diffjax.sweep.program import canonical_array
from diffjax.sweep.sharing import SlotTable
from diffjax.sweep.sizes import slots_in_memory
from diffjax.sweep.stage_plan import StagePlan, all_members

_SHARE_OF_WORKER_MEMORY = 0.1


class HeldProgram(Executor):
    """The program of one group on the devices of a worker.

    Args:
        plan: of the first batch, with as many places for shared results as there shall be.
        devices: where it runs.

    Attributes:
        plan: the same.
    """

    def __init__(self, plan: GroupPlan, devices: Sequence[Any]):
        super().__init__(plan, devices)
        self.plan, self._devices = plan, devices
        self._structure = jax.tree.structure(plan.group.problem)
        self._tables = {
            name: [SlotTable(stage.slots) for _ in devices] for name, stage in plan.stages.items()
        }

    def serves(self, group: Group) -> bool:
        """Whether the points of a group are computed by this program."""
        same = jax.tree.structure(group.problem) == self._structure
        return same and group.model is self.plan.group.model

    def results(
        self, group: Group, order: np.ndarray
    ) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Compute points of a group.

        Args:
            group: the points.
            order: their places in the group, those that share work next to each other.

        Yields:
            Numbers in the grid, (row,), -1 for padding, and the results.

        Raises:
            MemoryError: they need more shared results at a time than there are places.
        """
        program = copy.copy(self.plan.program)  # compiled functions and fixed leaves stay
        program.varying = [canonical_array(values) for values in group.varying.values()]
        members = all_members(program.functions.model, program, len(group.points))
        keys: dict[str, list[bytes]] = {}
        for name, needed in program.functions.needs.items():
            keys[name] = _keys(members[name], keys.get(needed or ""))
        devices = len(self._devices)
        full = devices * self.plan.per_device
        for start in range(0, len(order), full):
            rows = _shares(order[start : start + full], devices, self.plan.per_device)
            stages = {
                name: self._stage(name, found, keys[name], rows) for name, found in members.items()
            }
            self._plan = dataclasses.replace(
                self.plan, group=group, program=program, rows=[rows], stages=stages
            )
            yield self._plan.points(0), self.batch(0)

    def _stage(
        self, name: str, members: Members, keys: Sequence[bytes], rows: np.ndarray
    ) -> StagePlan:
        needs = [members.index[row[row >= 0]] for row in rows]
        placed = zip(self._tables[name], needs, strict=True)
        placements = [[table.place(keys, need)] for table, need in placed]
        return dataclasses.replace(self.plan.stages[name], members=members, placements=placements)


def hold_program(
    job: Job, group: Group, distinct: Mapping[str, int], memory: int | None
) -> HeldProgram:
    """The program of a group, with as many places for shared results as memory allows.

    Args:
        job: the request; its batch size is that of a full batch.
        group: the points of the first batch.
        distinct: how many members each stage has in all batches together.
        memory: bytes that this worker may use; None for those of the machine.

    Raises:
        MemoryError: there is no room for the shared results of one batch.
    """
    with spared_collector():
        plan = plan_of(job, group)
    assert isinstance(plan, GroupPlan), "models on the host have no program"
    stages = {
        name: _with_places(stage, plan.per_device, distinct[name], job.devices, memory)
        for name, stage in plan.stages.items()
    }
    return HeldProgram(dataclasses.replace(plan, stages=stages), job.devices)


def _with_places(
    stage: StagePlan, per_device: int, distinct: int, devices: Sequence[Any], memory: int | None
) -> StagePlan:
    """A stage whose shapes are the same whatever batch comes."""
    size = tree_bytes(stage.traced.shapes)
    room = slots_in_memory(size, devices)
    if memory is not None and devices[0].platform == "cpu":
        room = min(room, int(_SHARE_OF_WORKER_MEMORY * memory / len(devices) / max(size, 1)))
    batch = min(per_device * stage.members.index.shape[1], distinct)
    if room < batch:
        raise MemoryError(f"no room for {batch} shared results")
    capacity = -(-max(batch, 1) // stage.lanes) * stage.lanes
    return dataclasses.replace(stage, slots=min(distinct, room), capacity=capacity)


def _shares(order: np.ndarray, devices: int, per_device: int) -> np.ndarray:
    """Rows of one batch, (device, per_device), -1 for padding: a run of the order each."""
    rows = np.full((devices, per_device), -1)
    for row, share in zip(rows, np.array_split(order, devices), strict=True):
        row[: len(share)] = share
    return rows


def _keys(members: Members, needed: list[bytes] | None) -> list[bytes]:
    """The identity of each member: equal ones have equal bits and need equal results."""
    leaves = [np.ascontiguousarray(leaf) for leaf in jax.tree.leaves(members.inputs)]
    bits = [b"".join(leaf[i].tobytes() for leaf in leaves) for i in range(members.distinct)]
    if needed is not None and members.parents is not None:
        bits = [own + needed[parent] for own, parent in zip(bits, members.parents, strict=True)]
    return [digest(content) for content in bits]
