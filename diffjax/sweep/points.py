"""From grid points to problems: every point is built and checked on the host, with plain NumPy.

Points that share all static fields form a group: one program is compiled for it, and the fields
that vary inside it become arrays with a leading point axis.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from diffjax.errors import InputError
from diffjax.fields import replaced, value_at
from diffjax.sweep.grid import Column, Grid


@dataclass(frozen=True)
class Group:
    """Points that one compiled program can compute.

    Attributes:
        problem: the problem of the first of them.
        points: their numbers in the grid, shape (point,).
        varying: full name of each varying field to its values, shape (point, *shape).
        total: how many points of the whole grid belong to it, also those not to be computed.
        problem_at: from the place of a point in the group to its problem.
        model: that computes them, where it is not that of the sweep.
    """

    problem: Any
    points: np.ndarray
    varying: Mapping[str, np.ndarray]
    total: int
    problem_at: Callable[[int], Any]
    model: Any = None


def make_groups(problem: Any, grid: Grid, points: np.ndarray) -> list[Group]:
    """Build and check the problems of the given points, and group them.

    Args:
        problem: the base problem.
        grid: the whole grid.
        points: numbers of the points to be computed, ascending.

    Raises:
        InputError: a point is no valid problem; the message names its coordinates.
    """
    labels = _static_labels(grid)
    totals = np.bincount(labels, minlength=1)
    builder = _Builder(problem, grid)
    return [
        _group(builder, grid, points[labels[points] == label], int(totals[label]))
        for label in _in_order_of_appearance(labels[points])
    ]


def leaf_numbers(problem: Any) -> dict[str, int]:
    """Dotted name of every leaf of a problem and its number among `jax.tree.leaves`."""
    entries, _ = jax.tree_util.tree_flatten_with_path(problem)
    return {_dotted(path): number for number, (path, _) in enumerate(entries)}


def _dotted(path: tuple[Any, ...]) -> str:
    return ".".join(str(getattr(entry, "name", entry)) for entry in path)


def _static_labels(grid: Grid) -> np.ndarray:
    """A number for each point that is the same for points with the same static fields."""
    labels = np.zeros(grid.shape, int)
    for number, axis in enumerate(grid.axes):
        columns = [column.digests() for column in axis.columns if column.static]
        if columns:
            distinct: dict[tuple[bytes, ...], int] = {}
            rows = zip(*columns, strict=True)
            along = np.array([distinct.setdefault(row, len(distinct)) for row in rows])
            shape = [-1 if i == number else 1 for i in range(len(grid.axes))]
            labels = labels * len(distinct) + along.reshape(shape)
    return labels.ravel()


def _in_order_of_appearance(labels: np.ndarray) -> np.ndarray:
    values, first = np.unique(labels, return_index=True)
    return values[np.argsort(first)]


def _group(builder: "_Builder", grid: Grid, points: np.ndarray, total: int) -> Group:
    names = sorted({column.target.dotted for column in grid.columns if _is_leaf(column)})
    paths = [tuple(name.split(".")) for name in names]
    first, collected = None, [[] for _ in names]
    positions = grid.positions(points).tolist()
    for point, position in zip(points.tolist(), positions, strict=True):
        built = builder.build(point, position)
        first = built if first is None else first
        for values, path in zip(collected, paths, strict=True):
            values.append(value_at(built, path))
    varying = {name: np.stack(values) for name, values in zip(names, collected, strict=True)}

    def problem_at(number: int) -> Any:
        return builder.build(points[number], positions[number])

    return Group(first, points, varying, total, problem_at)


def _is_leaf(column: Column) -> bool:
    return not column.static


class _Builder:
    """Builds the problem of a point; parts of a problem that points share are built once."""

    def __init__(self, problem: Any, grid: Grid):
        self._grid = grid
        self._root = _Part(problem)
        for number, axis in enumerate(grid.axes):
            for column in axis.columns:
                self._root.add(column.target.path, number, column)

    def build(self, point: int, position: list[int]) -> Any:
        try:
            return self._root.made(position)
        except InputError as error:
            where = f"at {self._grid.coordinates(point)}: {error.got}"
            raise InputError(where, error.allowed, error.remedy) from None
        except (ValueError, TypeError) as error:
            raise InputError(
                f"at {self._grid.coordinates(point)}: {error}",
                "every point of the grid is a valid problem",
                "change or remove these values",
            ) from error


@dataclass
class _Part:
    """A spec inside the problem, and which of its fields are swept by which axes."""

    spec: Any
    parts: dict[str, "_Part"] = field(default_factory=dict)
    columns: dict[str, list[tuple[int, Column]]] = field(default_factory=dict)
    built: dict[tuple[int, ...], Any] = field(default_factory=dict)
    axes: set[int] = field(default_factory=set)

    def add(self, path: tuple[str, ...], axis: int, column: Column) -> None:
        """Register that an axis changes the field at the path below this part."""
        self.axes.add(axis)
        if len(path) == 1:
            self.columns.setdefault(path[0], []).append((axis, column))
        else:
            part = self.parts.setdefault(path[0], _Part(getattr(self.spec, path[0])))
            part.add(path[1:], axis, column)

    def made(self, position: list[int]) -> Any:
        """This spec with the values at the position along the axes."""
        changes = {name: part.remembered(position) for name, part in self.parts.items()}
        for name, columns in self.columns.items():
            changes[name] = _field_value(getattr(self.spec, name), columns, position)
        return replaced(self.spec, changes) if changes else self.spec

    def remembered(self, position: list[int]) -> Any:
        """The same, built once for all points that agree on its own axes."""
        key = tuple(position[axis] for axis in sorted(self.axes))
        if key not in self.built:
            self.built[key] = self.made(position)
        return self.built[key]


def _field_value(base: Any, columns: list[tuple[int, Column]], position: list[int]) -> Any:
    axis, column = columns[0]
    if not column.target.element:
        return column.values[position[axis]]
    array = np.array(base)
    for axis, column in columns:
        array[column.target.element] = column.values[position[axis]]
    return array
