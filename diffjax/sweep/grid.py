"""Grids over the fields of a problem: products of axes, each of one field or of several zipped.

A point of a grid is identified by the exact bits of its coordinates, under the full names of
their fields, so that its identity depends neither on the order of the axes nor on their lengths.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.fields import Field, find_field
from diffjax.sweep.identity import canonical, describe_value, digest
from diffjax.sweep.values import axis_values

MOST_POINTS = 2**22
"""Points of the largest grid; their identities alone take seconds."""


@dataclass(frozen=True)
class Zipped:
    """Several fields that change together along one dimension.

    Args:
        fields: name of each field and its values, all of one length.

    Example:
        >>> over = {"line": Zipped({"distance": [0.5, 1.0], "cosine": [0.0, -1.0]})}
    """

    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """The values of one field along an axis.

    Attributes:
        label: the name that the user gave it.
        path: the full name of the field, with its element.
        static: whether the program is compiled for its value.
        values: one per position: an array (position, *shape) for leaves, a tuple for static fields.
        field: where it is in the problem; None for a grid that was read from a store.
    """

    label: str
    path: str
    static: bool
    values: Any
    field: Field | None = None

    @property
    def target(self) -> Field:
        """Where it is in the problem; only grids made from a problem know."""
        if self.field is None:
            raise TypeError(f"the axis {self.path} was read from a store")
        return self.field

    def digests(self) -> list[bytes]:
        """The identity of each value: of its bits for a leaf, of its description if static."""
        start = self.path.encode() + b"\0"
        return [digest(start + content) for content in self._contents()]

    def _contents(self) -> list[bytes]:
        if self.static:
            return [canonical(describe_value(value)).encode() for value in self.values]
        start = str(self.values.dtype).encode() + b"\0"
        return [start + value.tobytes() for value in self.values]


@dataclass(frozen=True)
class Axis:
    """One dimension of a grid."""

    name: str
    columns: tuple[Column, ...]

    @property
    def size(self) -> int:
        """Number of positions along the axis."""
        return len(self.columns[0].values)

    @property
    def paths(self) -> frozenset[str]:
        """Full names of the fields that change along it."""
        return frozenset(column.path for column in self.columns)

    def identities(self) -> list[tuple[bytes, ...]]:
        """For each position the identities of its values, ordered by field."""
        columns = sorted(self.columns, key=lambda column: column.path)
        return list(zip(*(column.digests() for column in columns), strict=True))


@dataclass(frozen=True)
class Grid:
    """The product of its axes; points are counted with the last axis fastest."""

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of positions along each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    @property
    def columns(self) -> list[Column]:
        """All columns of all axes."""
        return [column for axis in self.axes for column in axis.columns]

    def keys(self) -> np.ndarray:
        """Identity of every point: bytes of shape (point, 16)."""
        order = sorted(range(len(self.axes)), key=lambda i: sorted(self.axes[i].paths))
        parts = [[b"".join(p) for p in self.axes[i].identities()] for i in order]
        ordered = (digest(b"".join(p)) for p in itertools.product(*parts))
        data = np.frombuffer(b"".join(ordered), np.uint8).reshape(*(len(p) for p in parts), 16)
        back = [order.index(i) for i in range(len(order))]
        return np.ascontiguousarray(data.transpose(*back, len(order))).reshape(-1, 16)

    def positions(self, points: np.ndarray) -> np.ndarray:
        """Positions along the axes, shape (point, axis), of points given by their numbers."""
        if not self.axes:
            return np.zeros((len(points), 0), int)
        return np.stack(np.unravel_index(points, self.shape), axis=1)

    def coordinates(self, point: int) -> str:
        """The coordinates of one point, for messages."""
        position = self.positions(np.array([point]))[0]
        named = [
            f"{column.label}={_short(column.values[index])}"
            for axis, index in zip(self.axes, position, strict=True)
            for column in axis.columns
        ]
        return ", ".join(named) or "the only point"


def make_grid(problem: Any, over: Mapping[str, Any]) -> Grid:
    """The grid that ``over`` describes.

    Args:
        problem: the problem whose fields are swept.
        over: axis name to values, or to `Zipped`; an empty mapping is the one point of the problem.

    Raises:
        InputError: a field is unknown, ambiguous or named twice; an axis is empty, holds a value
            twice, or values that the field cannot take.
    """
    if not isinstance(over, Mapping):
        raise InputError(
            f"over={over!r}", "a mapping from axis names to values", "pass over={'seed': range(5)}"
        )
    axes = tuple(_axis(problem, name, values) for name, values in over.items())
    _refuse_overlaps([column for axis in axes for column in axis.columns])
    grid = Grid(axes)
    check_size(grid.size)
    return grid


def check_size(points: int) -> None:
    """Raise InputError if a grid has too many points."""
    if points > MOST_POINTS:
        raise InputError(
            f"a grid of {points} points",
            f"at most {MOST_POINTS}",
            "sweep parts of it into several folders",
        )


def _axis(problem: Any, name: str, values: Any) -> Axis:
    fields = values.fields if isinstance(values, Zipped) else {name: values}
    if not fields:
        raise InputError(f"axis {name!r} zips no fields", "at least one", "name a field")
    columns = tuple(_column(problem, label, values) for label, values in fields.items())
    lengths = {column.label: len(column.values) for column in columns}
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"axis {name!r} zips fields of lengths {lengths}",
            "zipped fields have one length",
            "make them equal, or use two axes for a product",
        )
    axis = Axis(name, columns)
    _refuse_repetitions(axis)
    return axis


def _column(problem: Any, label: str, values: Any) -> Column:
    field = find_field(problem, label)
    held = axis_values(label, field, values)
    return Column(label, field.name, field.kind == "static", held, field)


def _refuse_repetitions(axis: Axis) -> None:
    first: dict[tuple[bytes, ...], int] = {}
    for position, identity in enumerate(axis.identities()):
        if first.setdefault(identity, position) != position:
            values = ", ".join(f"{c.label}={_short(c.values[position])}" for c in axis.columns)
            raise InputError(
                f"axis {axis.name!r} has {values} at positions {first[identity]} and {position}",
                "each value once",
                "remove the repetition",
            )


def _refuse_overlaps(columns: Sequence[Column]) -> None:
    for one, other in itertools.combinations(columns, 2):
        if one.field and other.field and one.field.overlaps(other.field):
            raise InputError(
                f"{one.label!r} and {other.label!r} both set {one.field.dotted}",
                "a field is swept by one axis",
                "remove one, or name distinct elements of it",
            )


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        inside = ", ".join(_short(item) for item in value.ravel()[:6])
        return f"[{inside}{', ...' if value.size > 6 else ''}]"
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    return getattr(value, "__name__", None) or str(value)
