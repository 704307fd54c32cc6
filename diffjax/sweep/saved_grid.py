"""Grids as JSON, and the union of the grids that were computed into one folder."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from diffjax.sweep.grid import Axis, Column, Grid
from diffjax.sweep.identity import describe_value


def grid_description(grid: Grid) -> list[dict[str, Any]]:
    """The axes as JSON; numbers keep all their bits."""
    return [
        {"name": axis.name, "columns": [_column_description(column) for column in axis.columns]}
        for axis in grid.axes
    ]


def grid_from_description(description: list[dict[str, Any]]) -> Grid:
    """The grid again; values of static fields come back as their descriptions."""
    return Grid(
        tuple(
            Axis(str(axis["name"]), tuple(_column(column) for column in axis["columns"]))
            for axis in description
        )
    )


def united(grids: Iterable[Grid]) -> Grid:
    """The smallest grid that holds all points of grids over the same fields.

    Axes keep the order and names of the first grid. Values that a later grid adds come after the
    known ones, except that numbers stay sorted if they are sorted in every grid.

    Args:
        grids: at least one grid.
    """
    first, *others = grids
    axes = []
    for axis in first.axes:
        same = [a for grid in others for a in grid.axes if a.paths == axis.paths]
        axes.append(_united_axis([axis, *same]))
    return Grid(tuple(axes))


def _column_description(column: Column) -> dict[str, Any]:
    kept = {"label": column.label, "path": column.path, "static": column.static}
    if column.static:
        return {**kept, "values": [describe_value(value) for value in column.values]}
    return {**kept, "dtype": str(column.values.dtype), "values": column.values.tolist()}


def _column(description: dict[str, Any]) -> Column:
    static, values = bool(description["static"]), description["values"]
    held = tuple(values) if static else np.asarray(values, np.dtype(description["dtype"]))
    return Column(str(description["label"]), str(description["path"]), static, held)


def _united_axis(axes: list[Axis]) -> Axis:
    rows: dict[tuple[bytes, ...], list[Any]] = {}
    paths = [column.path for column in axes[0].columns]
    for axis in axes:
        by_path = {column.path: column for column in axis.columns}
        for position, identity in enumerate(axis.identities()):
            rows.setdefault(identity, [by_path[path].values[position] for path in paths])
    kept = _sorted_like(axes, list(rows.values()))
    columns = tuple(
        Column(c.label, c.path, c.static, _held(c, [row[i] for row in kept]))
        for i, c in enumerate(axes[0].columns)
    )
    return Axis(axes[0].name, columns)


def _held(column: Column, values: list[Any]) -> Any:
    return tuple(values) if column.static else np.array(values, column.values.dtype)


def _sorted_like(axes: list[Axis], rows: list[list[Any]]) -> list[list[Any]]:
    if not all(_is_numeric_line(axis) for axis in axes):
        return rows
    steps = [np.diff(np.asarray(axis.columns[0].values, float)) for axis in axes]
    if all((step > 0).all() for step in steps):
        return sorted(rows)
    if all((step < 0).all() for step in steps):
        return sorted(rows, reverse=True)
    return rows


def _is_numeric_line(axis: Axis) -> bool:
    values = axis.columns[0].values
    return len(axis.columns) == 1 and all(
        np.ndim(value) == 0 and isinstance(value, int | float | np.number) for value in values
    )
