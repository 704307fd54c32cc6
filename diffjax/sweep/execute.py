"""Run one batch on all devices: shared members first, then the points, each device on its own.

On CPU everything runs one at a time in a loop, one device per core: batched LAPACK deadlocks there
and uses one core only. Accelerators take several points at once, as many as their free memory has
room for. The number of loop turns is a run-time value, so padding costs nothing and one compiled
program serves every batch; results of shared members stay on the device from batch to batch.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from diffjax.collector import spared_collector
from diffjax.errors import InputError
from diffjax.sweep.plan import BatchInputs, GroupPlan
from diffjax.sweep.program import DEVICE_AXIS, KEPT_PROGRAMS, PointFunctions, mesh_of
from diffjax.sweep.sizes import largest_lanes


def find_devices(devices: int | Sequence[Any] | None) -> list[Any]:
    """The devices to compute on.

    Args:
        devices: None for all of this process, a number of them, or the devices themselves.

    Raises:
        InputError: there are not that many.
    """
    present = jax.local_devices()
    if devices is None:
        return present
    if not isinstance(devices, int) and len(devices):
        return list(devices)
    if not isinstance(devices, int) or not 1 <= devices <= len(present):
        raise InputError(
            f"devices={devices}",
            f"this process has {len(present)}",
            "on CPU set  jax.config.update('jax_num_cpu_devices', N)  before JAX is first used",
        )
    return present[:devices]


def lanes_of(devices: Sequence[Any], batch_size: int | None = None) -> int:
    """How many points or members one device may compute at a time; at most its share of a batch."""
    return largest_lanes(devices, batch_size)


class Executor:
    """The compiled program of one group, with the shared results that lie on the devices.

    Args:
        plan: what is computed.
        devices: where.
    """

    def __init__(self, plan: GroupPlan, devices: Sequence[Any]):
        mesh = mesh_of(devices)
        self._split = NamedSharding(mesh, PartitionSpec(DEVICE_AXIS))
        self._same = NamedSharding(mesh, PartitionSpec())
        self._plan = plan
        self._fixed = jax.device_put(plan.program.fixed, self._same)
        self._on_cpu = devices[0].platform == "cpu"
        self._held = jax.tree.map(self._zeros, plan.held_shapes)
        self._run = _batch_program(
            plan.program.functions,
            plan.per_device,
            _Shapes(plan.output_shapes),
            tuple(devices),
            plan.all_lanes,
        )

    def start(self, number: int) -> dict[str, jax.Array]:
        """Begin to compute a batch: outputs and status of shape (row, ...), rows as in the plan.

        Returns at once where the device works by itself; the results set out for the host when
        they are ready.
        """
        inputs = jax.device_put(self._plan.inputs(number), self._split)
        with spared_collector():
            outputs, self._held = self._run(self._fixed, inputs, self._held)
        for values in outputs.values():
            values.copy_to_host_async()
        return outputs

    def batch(self, number: int) -> dict[str, np.ndarray]:
        """Compute one batch and wait for it."""
        return on_host(self.start(number))

    def _zeros(self, shape: jax.ShapeDtypeStruct) -> jax.Array:
        size = (self._split.mesh.size * shape.shape[0], *shape.shape[1:])
        if self._on_cpu:  # nothing to compile, nothing to send
            return jax.device_put(np.zeros(size, shape.dtype), self._split)
        return jnp.zeros(size, shape.dtype, device=self._split)


def on_host(outputs: dict[str, jax.Array]) -> dict[str, np.ndarray]:
    """The results of a batch as NumPy arrays, when they are ready."""
    return {name: np.asarray(values) for name, values in outputs.items()}


class _Shapes(dict):
    """Shapes of one point's outputs, hashable."""

    def __hash__(self):  # pyright: ignore[reportIncompatibleVariableOverride]
        return hash(tuple(sorted((name, s.shape, str(s.dtype)) for name, s in self.items())))


@functools.lru_cache(maxsize=KEPT_PROGRAMS)
def _batch_program(
    functions: PointFunctions,
    per_device: int,
    shapes: _Shapes,
    devices: tuple[Any, ...],
    all_lanes: tuple[tuple[str, int], ...],
) -> Callable[..., Any]:
    """The jitted function of one batch: shared members, then points, on every device."""
    split, same, lanes = PartitionSpec(DEVICE_AXIS), PartitionSpec(), dict(all_lanes)

    def one_device(fixed: Any, inputs: BatchInputs, held: dict[str, Any]):
        for name, compute in functions.stages.items():
            new = inputs.members[name]
            needed = functions.needs[name]
            member = _needing(compute, None if needed is None else held[needed])
            work = (member, new.count[0], (new.inputs, new.parents), new.slots, held[name])
            held[name] = _loop(*work, lanes[name])

        def point(row: Any) -> dict[str, jax.Array]:
            varying, lookup = row
            results = {name: _gathered(held[name], at) for name, at in lookup.items()}
            return functions.point(fixed, varying, results)

        rows = (inputs.varying, inputs.lookup)
        empty = {n: jnp.zeros((per_device, *s.shape), s.dtype) for n, s in shapes.items()}
        places = jnp.arange(per_device, dtype=jnp.int32)
        return _loop(point, inputs.count[0], rows, places, empty, lanes[""]), held

    sharded = jax.shard_map(
        one_device,
        mesh=mesh_of(devices),
        in_specs=(same, split, split),
        out_specs=(split, split),
        check_vma=False,
    )
    return jax.jit(sharded, donate_argnums=2)


def _needing(compute: Callable[..., Any], needed: Any) -> Callable[[Any], Any]:
    """The function of one member's inputs and the place of the result that it needs."""

    def member(row: Any) -> Any:
        inputs, parent = row
        return compute(inputs) if parent is None else compute(inputs, _gathered(needed, parent))

    return member


def _loop(function, count, rows, places, into, lanes: int):
    """``into[places[i]] = function(rows[i])`` for the first `count` rows."""
    if lanes > 1:
        return _lane_loop(function, count, rows, places, into, lanes)

    def turn(i, into):
        result = function(jax.tree.map(lambda x: _row(x, i), rows))
        place = _row(places, i)
        return jax.tree.map(
            lambda a, r: jax.lax.dynamic_update_index_in_dim(a, r, place, 0), into, result
        )

    return jax.lax.fori_loop(0, count, turn, into)


def _lane_loop(function, count, rows, places, into, lanes: int):
    """The same, `lanes` rows at a time; places differ, and those of padding that lie outside are
    dropped."""

    def turn(i, into):
        start = i * lanes
        results = jax.vmap(function)(jax.tree.map(lambda x: _rows(x, start, lanes), rows))
        where = _rows(places, start, lanes)
        return jax.tree.map(
            lambda a, r: a.at[where].set(r, mode="drop", unique_indices=True), into, results
        )

    return jax.lax.fori_loop(0, (count + lanes - 1) // lanes, turn, into)


def _gathered(tree: Any, places: jax.Array) -> Any:
    return jax.tree.map(lambda x: x[places], tree)


def _row(array: jax.Array, i: Any) -> jax.Array:
    return jax.lax.dynamic_index_in_dim(array, i, keepdims=False)


def _rows(array: jax.Array, start: Any, lanes: int) -> jax.Array:
    return jax.lax.dynamic_slice_in_dim(array, start, lanes)
