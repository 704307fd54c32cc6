"""One point of one group as a JAX function of arrays: what is fixed, what varies, what is shared.

The result of a point is a dictionary of its outputs and its status; the problem is put together
from its leaves inside the trace, so that no check of the problem runs there.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from diffjax.errors import InputError
from diffjax.status import Status
from diffjax.sweep.model import Model, SharedStage
from diffjax.sweep.points import Group, leaf_numbers
from diffjax.sweep.work_space import work_space

DEVICE_AXIS = "device"

KEPT_PROGRAMS = 16
"""Compiled programs that a process keeps for later sweeps."""


def mesh_of(devices: Sequence[Any]) -> Mesh:
    """The devices in a row."""
    return Mesh(np.array(devices), (DEVICE_AXIS,))


class Traced(NamedTuple):
    """What is known of a function without compiling it.

    Attributes:
        shapes: of its result.
        work_space: bytes, see `work_space`.
    """

    shapes: Any
    work_space: int


def traced_on(mesh: Mesh, function: Callable[..., Any], *arguments: Any) -> Traced:
    """Trace a function as the batch program will trace it, so that it traces once."""
    everywhere = jax.shard_map(
        function,
        mesh=mesh,
        in_specs=PartitionSpec(),
        out_specs=PartitionSpec(),
        check_vma=False,
    )
    jaxpr, shapes = jax.make_jaxpr(everywhere, return_shape=True)(*arguments)
    return Traced(shapes, work_space(jaxpr))


@dataclass(frozen=True, eq=False)
class PointFunctions:
    """What is compiled for a group: it knows the structure of its problems, not their numbers.

    Equal ones are one object (`_point_functions`), so that a second sweep in the same process
    finds what the first one compiled.

    Attributes:
        model: the model.
        structure: of the problem's tree, static fields included.
        numbers: which leaves vary.
        others: which do not.
        constants: leaves that are no numbers, with their place.
        options: keyword options of the model.
    """

    model: Model
    structure: Any
    numbers: tuple[int, ...]
    others: tuple[int, ...]
    constants: tuple[tuple[int, Any], ...]
    options: tuple[tuple[str, Any], ...]

    @functools.cached_property
    def point(self) -> Callable[..., dict[str, Any]]:
        """From fixed leaves, varying leaves and results of stages to the outputs of one point."""
        return jax.jit(self._point)

    @functools.cached_property
    def stages(self) -> dict[str, Callable[[Any], Any]]:
        """Name to the function of one member (and of the result that it needs)."""
        return {name: jax.jit(stage.compute) for name, stage in self.model.stages.items()}

    @property
    def needs(self) -> dict[str, str | None]:
        """Name of a stage to that of the stage whose result it needs, if any."""
        return {name: stage.needs for name, stage in self.model.stages.items()}

    @functools.cached_property
    def split(self) -> Callable[..., dict[str, Any]]:
        """From fixed and varying leaves to the inputs of all members of every stage, by name."""
        return self._split

    def _split(self, fixed: Sequence[Any], varying: Sequence[Any]) -> dict[str, Any]:
        problem = self.problem(fixed, varying)
        return {name: stage.split(problem) for name, stage in self.model.stages.items()}

    def problem(self, fixed: Sequence[Any], varying: Sequence[Any]) -> Any:
        """The problem with these leaves; nothing is checked."""
        leaves = dict(self.constants)
        leaves.update(zip(self.others, fixed, strict=True))
        leaves.update(zip(self.numbers, varying, strict=True))
        return jax.tree.unflatten(self.structure, [leaves[i] for i in range(len(leaves))])

    def _point(self, fixed: Sequence[Any], varying: Sequence[Any], results: Mapping[str, Any]):
        problem, options = self.problem(fixed, varying), dict(self.options)
        if self.model.combine is None:
            found = self.model.function(problem, **options)
        else:
            found = self.model.combine(problem, results, **options)
        names = output_names(self.model)
        outputs = {name: jnp.asarray(read_output(self.model, found, name)) for name in names}
        return {**outputs, "status": _status(self.model, found)}


@functools.lru_cache(maxsize=KEPT_PROGRAMS)
def _point_functions(*parts: Any) -> PointFunctions:
    return PointFunctions(*parts)


class PointProgram:
    """The function that computes one point of a group, with the numbers of the group.

    Args:
        model: the model.
        group: the points with one set of static fields.
        options: keyword options of the model, static.

    Attributes:
        functions: what is compiled.
        fixed: leaves that are the same at all points of the group.
        varying: leaves with a leading point axis.
    """

    def __init__(self, model: Model, group: Group, options: Mapping[str, Any]):
        leaves, structure = jax.tree.flatten(group.problem)
        named = leaf_numbers(group.problem)
        numbers = tuple(named[name] for name in group.varying)
        others = [i for i in range(len(leaves)) if i not in numbers]
        constants = tuple((i, leaves[i]) for i in others if not _is_numeric(leaves[i]))
        others = tuple(i for i in others if _is_numeric(leaves[i]))
        parts = (model, structure, numbers, others, constants, tuple(sorted(options.items())))
        try:
            self.functions = _point_functions(*parts)
        except TypeError:  # an option or a static field that cannot be hashed
            self.functions = PointFunctions(*parts)
        self._model = model
        self.fixed = [canonical_array(leaves[i]) for i in others]
        self.varying = [canonical_array(values) for values in group.varying.values()]
        self.point = self.functions.point
        self.stages = self.functions.stages
        self.split = self.functions.split

    def traced_point(self, mesh: Mesh, results: Mapping[str, Any]) -> Traced:
        """Shapes and types of the outputs of one point, and its work space.

        Args:
            mesh: the devices that will compute it.
            results: shapes of the stages' results, stacked over members.

        Raises:
            InputError: the outputs disagree with the model's labels.
        """
        one = [jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in self.varying]
        traced = traced_on(mesh, self.point, self.fixed, one, results)
        for name, shape in traced.shapes.items():
            check_rank(self._model, name, len(shape.shape))
        return traced


def stage_results(stages: Mapping[str, SharedStage], problem: Any) -> dict[str, Any]:
    """What `combine` takes, computed for one problem alone.

    Example:
        >>> from diffjax.sweep.model import SharedStage
        >>> double = SharedStage(lambda x: x, lambda member: 2 * member)
        >>> stage_results({"double": double}, jnp.arange(2.0))["double"].tolist()
        [0.0, 2.0]
    """
    results: dict[str, Any] = {}
    for name, stage in stages.items():
        needed = () if stage.needs is None else (first_member(results[stage.needs]),)
        members = stage.split(problem)
        results[name] = jax.lax.map(lambda one, s=stage, n=needed: s.compute(one, *n), members)
    return results


def first_member(stacked: Any) -> Any:
    """The result of the only member of a stage that others need."""
    return jax.tree.map(lambda leaf: leaf[0], stacked)


def output_names(model: Model) -> list[str]:
    """Names of a model's outputs other than the status."""
    return [name for name in model.outputs if name != "status"]


def read_output(model: Model, result: Any, name: str) -> Any:
    """One output of a model's result, which has it as an item or as an attribute.

    Raises:
        InputError: the result has neither.
    """
    missing = object()
    is_mapping = isinstance(result, Mapping)
    value = result.get(name, missing) if is_mapping else getattr(result, name, missing)
    if value is missing:
        raise InputError(
            f"the result of model {model.name!r} has no {name!r}",
            "it has every declared output as an attribute or item",
            "mend the model's outputs",
        )
    return value


def check_rank(model: Model, name: str, rank: int) -> None:
    """Raise `InputError` unless an output has as many dimensions as its labels say."""
    dims = () if name == "status" else model.outputs[name].dims
    if rank != len(dims):
        raise InputError(
            f"output {name!r} of model {model.name!r} has {rank} dimensions",
            f"its labels are {dims}",
            "mend the model's outputs",
        )


def canonical_array(value: Any) -> np.ndarray:
    """A NumPy array of the type that JAX would give it."""
    array = np.asarray(value)
    return array.astype(jax.dtypes.canonicalize_dtype(array.dtype), copy=False)


def _is_numeric(leaf: Any) -> bool:
    return isinstance(leaf, bool | int | float | complex) or hasattr(leaf, "dtype")


def _status(model: Model, result: Any) -> jax.Array:
    if "status" not in model.outputs:
        return jnp.asarray(int(Status.OK), jnp.int8)
    return jnp.asarray(read_output(model, result, "status")).astype(jnp.int8)
