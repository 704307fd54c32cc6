"""From points to batches: an order that shares work, a share for each device, cuts of equal size.

Every device gets one run of consecutive points in the sharing order and works through it batch by
batch, so that results which the next batch needs as well are already where they are needed.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from diffjax.sweep.members import Members, tree_bytes
from diffjax.sweep.model import Model
from diffjax.sweep.points import Group
from diffjax.sweep.program import PointProgram, Traced, mesh_of
from diffjax.sweep.sharing import sharing_order
from diffjax.sweep.sizes import default_batch, even_lanes, lanes_in_memory
from diffjax.sweep.stage_plan import (
    NewMembers,
    StagePlan,
    all_members,
    filled,
    new_members,
    slots_for,
    stacked,
    stage_plan,
    traced_stages,
)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class BatchInputs:
    """What the compiled program takes; the leading axes hold one block of rows per device."""

    varying: list[Any]
    lookup: dict[str, Any]
    members: dict[str, NewMembers]
    count: Any


@dataclasses.dataclass(frozen=True)
class GroupPlan:
    """All batches of one group.

    Attributes:
        group: its points.
        program: the function of one point.
        per_device: points per device and batch.
        lanes: points that a device computes at a time.
        rows: for every batch the points by their place in the group, (device, per_device), -1
            where there is none.
        stages: plan of each shared stage.
        traced: shapes of one point's outputs, and its work space.
    """

    group: Group
    program: PointProgram
    per_device: int
    lanes: int
    rows: list[np.ndarray]
    stages: dict[str, StagePlan]
    traced: Traced

    @property
    def output_shapes(self) -> dict[str, jax.ShapeDtypeStruct]:
        """Shapes of one point's outputs."""
        return self.traced.shapes

    @property
    def all_lanes(self) -> tuple[tuple[str, int], ...]:
        """How many members of each stage a device computes at a time, then how many points."""
        return (*((name, stage.lanes) for name, stage in self.stages.items()), ("", self.lanes))

    @property
    def work_space(self) -> int:
        """A guess of the memory in which a device computes, beyond `device_bytes`."""
        stages = (stage.lanes * stage.traced.work_space for stage in self.stages.values())
        return max(self.lanes * self.traced.work_space, *stages, 0)

    @property
    def held_shapes(self) -> dict[str, Any]:
        """Shapes of the shared results on one device."""
        return {
            name: jax.tree.map(lambda s, n=stage.slots: stacked(s, n), stage.traced.shapes)
            for name, stage in self.stages.items()
        }

    @property
    def device_bytes(self) -> int:
        """Memory of shared results, inputs and outputs on one device."""
        rows = self.per_device * (tree_bytes(self.output_shapes) + _row_bytes(self.program.varying))
        return tree_bytes(self.held_shapes) + rows + tree_bytes(self.program.fixed)

    def points(self, number: int) -> np.ndarray:
        """Numbers in the grid of the points of a batch, (row,), -1 for padding."""
        rows = self.rows[number].ravel()
        return np.where(rows >= 0, self.group.points[rows], -1)

    def inputs(self, number: int) -> BatchInputs:
        """Arguments of the compiled program for one batch."""
        rows = self.rows[number]
        some = np.maximum(rows, 0).ravel()
        return BatchInputs(
            [values[some] for values in self.program.varying],
            {name: self._lookup(stage, number) for name, stage in self.stages.items()},
            {name: self._new_members(name, number) for name in self.stages},
            (rows >= 0).sum(axis=1).astype(np.int32),
        )

    def _new_members(self, name: str, number: int) -> NewMembers:
        stage, parent = self.stages[name], self.program.functions.needs[name]
        return new_members(stage, None if parent is None else self.stages[parent], number)

    def _lookup(self, stage: StagePlan, number: int) -> np.ndarray:
        blocks = [filled(device[number].lookup, self.per_device, 0) for device in stage.placements]
        return np.concatenate(blocks)


def plan_group(
    model: Model,
    group: Group,
    options: Mapping[str, Any],
    devices: Sequence[Any],
    lanes: int,
    batch_size: int | None,
) -> GroupPlan:
    """Plan the batches of a group.

    Args:
        model: the model.
        group: its points that are to be computed.
        options: options of the model.
        devices: where it will run.
        lanes: points that a device computes at a time if it has the memory.
        batch_size: points per batch, over all devices; None for a default.
    """
    model = (group.model or model).for_problem(group.problem)
    program = PointProgram(model, group, options)
    members = all_members(model, program, len(group.points))
    mesh = mesh_of(devices)
    one = traced_stages(mesh, program, members)
    point = program.traced_point(mesh, {n: _all_of(m, one[n]) for n, m in members.items()})
    wide = _lanes(lanes, point, devices)
    sizes = (devices, wide, tree_bytes(point.shapes), batch_size)
    per_device = default_batch(model, group.problem, group.total, *sizes)
    order = np.arange(len(group.points))
    if members:
        order = sharing_order([m.index for m in members.values()], len(devices))
    while True:
        rows = _cut(order, len(devices), per_device)
        places = {n: slots_for(m, rows, one[n].shapes, devices) for n, m in members.items()}
        if per_device == 1 or all(places.values()):
            break
        per_device //= 2
    wide = even_lanes(per_device, wide)
    per_device = -(-per_device // wide) * wide  # full width: every call compiles one program
    rows = [filled(block.T, per_device, -1).T for block in rows]
    stages = {
        name: stage_plan(m, rows, one[name], places[name], _lanes(lanes, one[name], devices))
        for name, m in members.items()
    }
    return GroupPlan(group, program, per_device, wide, rows, stages, point)


def _lanes(most: int, traced: Traced, devices: Sequence[Any]) -> int:
    return most if most == 1 else min(most, lanes_in_memory(traced.work_space, devices))


def _all_of(members: Members, traced: Traced) -> Any:
    """Shapes of a stage's results, stacked over the members of one point."""
    return jax.tree.map(lambda s: stacked(s, members.index.shape[1]), traced.shapes)


def _cut(order: np.ndarray, devices: int, per_device: int) -> list[np.ndarray]:
    """Batches of shape (device, points): each device takes a run of the order, cut evenly."""
    batches = -(-len(order) // (devices * per_device))
    pieces = np.array_split(order, devices * batches)
    width = max(len(piece) for piece in pieces)
    padded = np.stack([filled(piece, width, -1) for piece in pieces])
    return list(padded.reshape(devices, batches, width).transpose(1, 0, 2))


def _row_bytes(arrays: Sequence[np.ndarray]) -> int:
    return sum(array[:1].nbytes for array in arrays)
