"""Groups cut further by what models choose from the numbers of a point.

A model may leave a static option to a rule that looks at numbers, as the size of a quadrature.
Inside a compiled program there are no numbers, so the rule runs before, on the host, and a point is
computed as it would be alone.  The identity of a run does not depend on it.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from diffjax.sweep.grid import Grid
from diffjax.sweep.members import padded
from diffjax.sweep.model import Model, Special
from diffjax.sweep.points import Group, make_groups
from diffjax.sweep.program import PointFunctions, PointProgram
from diffjax.sweep.stage_plan import host_device

_KEPT = 32


def special_groups(model: Model, problem: Any, grid: Grid, points: np.ndarray) -> list[Group]:
    """The groups of `make_groups`, cut by the model's own rule."""
    groups = make_groups(problem, grid, points)
    if model.specialize is None:
        return groups
    return [part for group in groups for part in _parts(model, group)]


def _parts(model: Model, group: Group) -> list[Group]:
    assert model.specialize is not None
    return [_part(group, special) for special in model.specialize(_GroupPoints(model, group))]


def _part(group: Group, special: Special) -> Group:
    """The points of a group for which a choice holds."""
    rows = special.rows
    return dataclasses.replace(
        group,
        problem=special.problem,
        points=group.points[rows],
        varying={name: values[rows] for name, values in group.varying.items()},
        problem_at=lambda number: group.problem_at(int(rows[number])),
        model=special.model,
    )


class _GroupPoints:
    """A group as a rule sees it, see `Points`."""

    def __init__(self, model: Model, group: Group):
        self._model, self._group = model, group

    @property
    def problem(self) -> Any:
        return self._group.problem

    @property
    def count(self) -> int:
        return len(self._group.points)

    def problem_at(self, number: int) -> Any:
        return self._group.problem_at(number)

    def values(self, function: Callable[[Any], Any]) -> Any:
        program = PointProgram(self._model, self._group, {})
        size = 2 ** (self.count - 1).bit_length()  # few sizes: few programs
        varying = [padded(values, size) for values in program.varying]
        varying.append(np.zeros(size))  # where nothing else varies
        with jax.default_device(host_device()):
            found = _at_points(program.functions, function)(program.fixed, varying)
        return jax.tree.map(lambda x: np.asarray(x)[: self.count], found)


@functools.lru_cache(maxsize=_KEPT)
def _at_points(functions: PointFunctions, function: Callable[[Any], Any]) -> Callable[..., Any]:
    """The jitted function of all points; equal ones are one, so that it compiles once."""

    def one(fixed: Any, varying: Any) -> Any:
        return function(functions.problem(fixed, varying[:-1]))

    return jax.jit(jax.vmap(one, in_axes=(None, 0)))
