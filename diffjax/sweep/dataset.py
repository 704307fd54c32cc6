"""From the rows of a run to a labelled dataset: points find their place by their identity."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from diffjax.errors import InputError
from diffjax.status import BY_SEVERITY, FAILURES, MISSING, describe
from diffjax.sweep.grid import Axis, Column, Grid
from diffjax.sweep.identity import canonical, describe_value
from diffjax.sweep.model import Output
from diffjax.sweep.record import outputs_of
from diffjax.sweep.segments import Part

_LABELLED_ELEMENTS = 16


def assemble(grid: Grid, record: Mapping[str, Any], parts: Sequence[Part]) -> xr.Dataset:
    """The dataset of a grid from what was computed so far.

    Dimensions are the axes of the grid and then those of each output. Points that were not
    computed have status -1 and NaN in every variable. Where an inner dimension differs between
    points (a static axis that changes a size), shorter ones are filled with NaN at the end, and
    the attribute ``padded_dims`` names it.

    Args:
        grid: which points, in which order.
        record: the record of the run.
        parts: results, oldest first; the newest of a point counts.
    """
    found = _Found(grid, parts)
    outputs = outputs_of(record)
    values = {n: found.values(n) for n in outputs if n != "status" and found.has(n)}
    dims = tuple(axis.name for axis in grid.axes)
    status = found.status.reshape(grid.shape)
    data = {"status": xr.Variable(dims, status, _status_attributes())}
    coords = {n: v for axis in grid.axes for n, v in _axis_coordinates(axis).items()}
    sizes = _inner_sizes(values, outputs)
    for name, array in values.items():
        output = outputs[name]
        label = _common_rows(array, found.status) if output.coordinate else None
        if label is not None and name not in found.padded:
            coords[output.dims[0]] = xr.Variable(output.dims, label, _attributes(output))
        else:
            shaped = array.reshape((*grid.shape, *array.shape[1:]))
            shaped = _widened(shaped, [*grid.shape, *(sizes[d] for d in output.dims)])
            data[name] = xr.Variable((*dims, *output.dims), shaped, _attributes(output))
    for dim, label in _inner_labels(parts, sizes).items():
        coords.setdefault(dim, xr.Variable((dim,), label))
    return xr.Dataset(data, coords, dataset_attributes(record, found.padded_dims(outputs)))


def failed_points(dataset: xr.Dataset) -> list[str]:
    """The failed points of a dataset: their coordinates and what happened, one text each.

    Example:
        >>> status = ds["status"].where(ds["seed"] < 2, int(dj.Status.NON_FINITE))
        >>> spoiled = ds.assign(status=status)
        >>> failed_points(spoiled)[0]
        'distance=0.5, seed=2: nan or inf appeared; its numbers must not be used'
    """
    status = dataset["status"]
    lines = []
    for where in np.argwhere(np.isin(status.values, [int(s) for s in FAILURES])):
        position = dict(zip(status.dims, where.tolist(), strict=True))
        point = status.isel(position)
        numbers = {name: value for name, value in point.coords.items() if value.ndim == 0}
        named = [f"{name}={value.item()}" for name, value in numbers.items()]
        text = ", ".join(named) or "the only point"
        lines.append(f"{text}: {describe(int(point))}")
    return lines


def dataset_attributes(record: Mapping[str, Any], padded_dims: Sequence[str]) -> dict[str, Any]:
    """Provenance as plain texts and numbers, so that any file format can hold them."""
    provenance = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in record.get("provenance", {}).items()
    }
    attributes = {
        "study": "",
        **provenance,
        "model": record["model"],
        "model_version": record["model_version"],
        "problem_type": record["problem_type"],
        "problem": json.dumps(record["problem"]),
        "options": json.dumps(record["options"]),
        "precision": record["precision"],
        "versions": json.dumps(record["versions"]),
        "citations": json.dumps(record.get("citations", [])),
        "created": record["created"],
    }
    if padded_dims:
        attributes["padded_dims"] = ", ".join(padded_dims)
    return attributes


class _Found:
    """The rows of all parts that belong to a grid."""

    def __init__(self, grid: Grid, parts: Sequence[Part]):
        places = {key.tobytes(): place for place, key in enumerate(grid.keys())}
        self._rows = [_rows_of(part, places) for part in parts]
        self._parts = parts
        self.status = np.full(grid.size, MISSING, np.int8)
        self.padded: set[str] = set()
        for part, (rows, where) in zip(parts, self._rows, strict=True):
            self.status[where] = part.status[rows]

    def has(self, name: str) -> bool:
        """Whether any point has this output."""
        return any(len(where) for _, where in self._rows) and name in self._parts[0].arrays

    def values(self, name: str) -> np.ndarray:
        """Values of all points, (point, ...), NaN where there are none."""
        used = self._used(name)
        shapes = [array.shape[1:] for array, _, _ in used]
        shape = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
        if len(set(shapes)) > 1:
            self.padded.add(name)
        complete = len(set(shapes)) == 1 and (self.status != MISSING).all()
        filled = _empty((len(self.status), *shape), used[0][0].dtype, complete)
        for array, rows, where in used:
            filled[(where, *(slice(size) for size in array.shape[1:]))] = array[rows]
        return filled

    def padded_dims(self, outputs: Mapping[str, Output]) -> list[str]:
        """Inner dimensions whose size differs between points."""
        sizes: dict[str, set[int]] = {}
        for name in self.padded:
            for array, _, _ in self._used(name):
                for dim, size in zip(outputs[name].dims, array.shape[1:], strict=True):
                    sizes.setdefault(dim, set()).add(size)
        return sorted(dim for dim, found in sizes.items() if len(found) > 1)

    def _used(self, name: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Values of the parts that have points of the grid, with rows and places."""
        pairs = zip(self._parts, self._rows, strict=True)
        return [(p.arrays[name], rows, where) for p, (rows, where) in pairs if len(where)]


def _rows_of(part: Part, places: Mapping[bytes, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a part that belong to the grid, and their places in it."""
    rows = np.flatnonzero(part.status != MISSING)
    where = np.array([places.get(part.keys[row].tobytes(), -1) for row in rows], int)
    return rows[where >= 0], where[where >= 0]


def _empty(shape: tuple[int, ...], dtype: np.dtype, complete: bool) -> np.ndarray:
    if complete:
        return np.empty(shape, dtype)
    return np.full(shape, np.nan, dtype if dtype.kind in "fc" else np.float64)


def _common_rows(array: np.ndarray, status: np.ndarray) -> np.ndarray | None:
    """The row that all computed points share, if they do."""
    computed = array[status != MISSING]
    same = np.array_equal(computed, np.broadcast_to(computed[:1], computed.shape))
    return computed[0] if same else None


def check_names(grid: Grid, outputs: Mapping[str, Output]) -> None:
    """Refuse names that a dataset would hold twice.

    Raises:
        InputError: an axis or a zipped field has the name of another one, of an output or of a
            dimension of an output.
    """
    taken = {*outputs, "status", *(dim for output in outputs.values() for dim in output.dims)}
    for axis in grid.axes:
        for name in _axis_coordinates(axis):
            if name in taken:
                raise InputError(
                    f"axis {axis.name!r} gives the dataset a second {name!r}",
                    "names of axes, outputs and their dimensions are distinct",
                    "write the dotted name, or use Zipped under another name",
                )
            taken.add(name)


def _axis_coordinates(axis: Axis) -> dict[str, xr.Variable]:
    coords = {axis.name: xr.Variable((axis.name,), np.arange(axis.size))}
    for column in axis.columns:
        coords.update(_column_coordinates(axis, column))
    return coords


def _column_coordinates(axis: Axis, column: Column) -> dict[str, xr.Variable]:
    """One coordinate for a number; for an array one for each element if they are few."""
    attributes = {"field": column.path}
    if column.static:
        return {column.label: xr.Variable((axis.name,), _static_labels(column), attributes)}
    values = column.values
    if values.ndim == 1:
        return {column.label: xr.Variable((axis.name,), values, attributes)}
    if values[0].size > _LABELLED_ELEMENTS:
        return {}
    return {
        f"{column.label}[{','.join(map(str, index))}]": xr.Variable(
            (axis.name,), values[(slice(None), *index)], attributes
        )
        for index in np.ndindex(values.shape[1:])
    }


def _static_labels(column: Column) -> np.ndarray:
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in column.values):
        return np.asarray(column.values)
    return np.asarray([_label(describe_value(value)) for value in column.values], dtype=str)


def _label(described: Any) -> str:
    if isinstance(described, dict) and len(described) == 1:  # {"activation": "erf"}
        (described,) = described.values()
    return described if isinstance(described, str) else canonical(described)


def _inner_sizes(values: Mapping[str, np.ndarray], outputs: Mapping[str, Output]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name, array in values.items():
        for dim, size in zip(outputs[name].dims, array.shape[1:], strict=True):
            sizes[dim] = max(size, sizes.get(dim, 0))
    return sizes


def _widened(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    if array.shape == tuple(shape):
        return array
    wide = np.full(shape, np.nan, array.dtype if array.dtype.kind in "fc" else np.float64)
    wide[tuple(slice(size) for size in array.shape)] = array
    return wide


def _inner_labels(parts: Sequence[Part], sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Labels of inner dimensions, where all sessions agree on them as far as they go."""
    labels: dict[str, Any] = {}
    for part in parts:
        for dim, given in part.attributes.get("coords", {}).items():
            known = labels.get(dim, given)
            longer, shorter = (known, given) if len(known) >= len(given) else (given, known)
            labels[dim] = longer if longer[: len(shorter)] == shorter else []
    return {d: np.asarray(v) for d, v in labels.items() if d in sizes and len(v) == sizes[d]}


def _attributes(output: Output) -> dict[str, str]:
    named = {"long_name": output.description, "units": output.units, "symbol": output.symbol}
    return {name: text for name, text in named.items() if text}


def _status_attributes() -> dict[str, Any]:
    meanings = "; ".join(f"{int(code)}: {describe(code)}" for code in BY_SEVERITY)
    return {"long_name": "outcome of the point", "units": "1", "meanings": meanings}
