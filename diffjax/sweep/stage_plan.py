"""Where the results of the shared stages come from and lie, batch by batch."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from diffjax.sweep.members import Members, find_members, tree_bytes
from diffjax.sweep.model import Model
from diffjax.sweep.program import PointProgram, Traced, traced_on
from diffjax.sweep.sharing import Placement, place_members
from diffjax.sweep.sizes import even_lanes, slots_in_memory


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class NewMembers:
    """Members that the devices compute in one batch, each with its place; padded.

    Attributes:
        inputs: what they are computed from.
        parents: places of the results that they need, or None.
        slots: their own places.
        count: how many there are on each device.
    """

    inputs: Any
    parents: Any
    slots: Any
    count: Any


@dataclasses.dataclass(frozen=True)
class StagePlan:
    """One stage: its members, and for each device and batch where their results lie."""

    members: Members
    traced: Traced
    slots: int
    capacity: int
    lanes: int
    placements: list[list[Placement]]


def all_members(model: Model, program: PointProgram, count: int) -> dict[str, Members]:
    """The members of every stage that the points of a program need, found on the host."""
    if not model.stages:
        return {}
    with jax.default_device(host_device()):
        return find_members(
            program.split, program.fixed, program.varying, count, program.functions.needs
        )


def traced_stages(
    mesh: Mesh, program: PointProgram, members: Mapping[str, Members]
) -> dict[str, Traced]:
    """Shapes and work space of one member of every stage."""
    found: dict[str, Traced] = {}
    for name, some in members.items():
        parent = program.functions.needs[name]
        needed = () if parent is None else (jax.tree.map(_as_held, found[parent].shapes),)
        traced = traced_on(mesh, program.stages[name], _first(some), *needed)
        # where several are computed at a time, each has a copy of what it needs
        found[name] = traced._replace(work_space=traced.work_space + tree_bytes(needed))
    return found


def slots_for(members: Members, rows: list[np.ndarray], result: Any, devices: Sequence[Any]) -> int:
    """Places for shared results on one device, 0 if a batch needs more than there is memory for."""
    per_batch = max(
        len(np.unique(members.index[block[block >= 0]])) for batch in rows for block in batch
    )
    per_device = max(
        len(np.unique(members.index[block[block >= 0]])) for block in np.concatenate(rows, axis=1)
    )
    room = slots_in_memory(tree_bytes(result), devices)
    return min(per_device, room) if room >= per_batch else 0


def stage_plan(members: Members, rows: list, traced: Traced, slots: int, most: int) -> StagePlan:
    """The plan of one stage: who computes which member in which batch, and where it lies."""
    devices = range(len(rows[0]))
    needs = [[members.index[batch[d][batch[d] >= 0]] for batch in rows] for d in devices]
    slots = slots or max(len(np.unique(need)) for device in needs for need in device)
    placements = [place_members(device, slots) for device in needs]
    largest = max(len(p.new) for device in placements for p in device)
    lanes = even_lanes(largest, most)
    capacity = -(-max(largest, 1) // lanes) * lanes
    return StagePlan(members, traced, slots, capacity, lanes, placements)


def new_members(stage: StagePlan, parent: StagePlan | None, number: int) -> NewMembers:
    """The members that all devices compute in one batch."""
    placements = [device[number] for device in stage.placements]
    parents = None
    if parent is not None and stage.members.parents is not None:
        needed = [stage.members.parents[p.new] for p in placements]
        placed = zip((device[number] for device in parent.placements), needed, strict=True)
        parents = [filled(at.slots_of(some), stage.capacity, 0) for at, some in placed]
        parents = np.concatenate(parents).astype(np.int32)
    chosen = np.concatenate([filled(p.new, stage.capacity, 0) for p in placements])
    beyond = stage.slots + np.arange(stage.capacity, dtype=np.int32)
    slots = [np.append(p.new_slots, beyond[len(p.new) :]) for p in placements]
    inputs = jax.tree.map(lambda x: x[chosen], stage.members.inputs)
    count = np.array([len(p.new) for p in placements], np.int32)
    return NewMembers(inputs, parents, np.concatenate(slots), count)


def filled(array: np.ndarray, length: int, value: int) -> np.ndarray:
    """An array with a longer leading axis, filled up with a value."""
    missing = np.full((length - len(array), *array.shape[1:]), value, array.dtype)
    return np.concatenate([array, missing])


def stacked(shape: jax.ShapeDtypeStruct, rows: int) -> jax.ShapeDtypeStruct:
    """The shape of several of these."""
    return jax.ShapeDtypeStruct((rows, *shape.shape), shape.dtype)


def host_device() -> Any:
    """A CPU device, or None (the default device) where JAX was told to have none."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        return None


def _first(members: Members) -> Any:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), members.inputs)


def _as_held(shape: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype)  # without the weak type that it may have
