"""Which dimension of a field goes where, and the axes of a figure with many panels."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from diffjax.errors import InputError
from diffjax.plot import contents, labels, style
from diffjax.plot.scales import Scale, scale_of

_MOST_COLUMNS = 4


@dataclass(frozen=True)
class Panels:
    """A field cut into panels.

    Attributes:
        field: what was cut.
        panels: one array (y, x) per panel.
        titles: of the panels; one empty title if there is one panel only.
        x_coordinate, y_coordinate: the values along the axes, ascending.
    """

    field: xr.DataArray
    panels: list[np.ndarray]
    titles: list[str]
    x_coordinate: xr.DataArray
    y_coordinate: xr.DataArray

    @property
    def x(self) -> Scale:
        """Scale of the columns."""
        return scale_of(self.x_coordinate)

    @property
    def y(self) -> Scale:
        """Scale of the rows."""
        return scale_of(self.y_coordinate)


def choose(field: xr.DataArray, x: str | None, y: str | None, panel: str | None) -> Panels:
    """Cut a field into panels; names that are None are chosen by the order of dimensions.

    Args:
        field: up to three dimensions longer than one.
        x: coordinate or dimension along the horizontal axis.
        y: along the vertical axis.
        panel: with one panel per value.

    Raises:
        InputError: a name is unknown or used twice, or dimensions are too few or left over.
    """
    named = [contents.dim_of(field, name) for name in (x, y, panel) if name is not None]
    if len(set(named)) < len(named):
        raise InputError(
            f"x, y and panel run along {contents.listed(named)}",
            "three different dimensions",
            "name coordinates of different dimensions",
        )
    field = field.squeeze([dim for dim in field.dims if field.sizes[dim] == 1 and dim not in named])
    free = [dim for dim in field.dims if dim not in named]
    if panel is None and len(free) + len(named) > 2:
        panel = _take_distance(free)
    x, y = (str(name) if name is not None else _next(field, free) for name in (x, y))
    panel = panel if panel is not None or not free else str(free.pop(0))
    contents.require_dims(
        field, [contents.dim_of(field, name) for name in (x, y, panel) if name is not None]
    )
    return _cut(field, x, y, panel)


def choose_two(field: xr.DataArray, x: str | None, y: str | None) -> Panels:
    """A field of two dimensions as one panel.

    Raises:
        InputError: `field` is no DataArray or has another number of dimensions.
    """
    if not isinstance(field, xr.DataArray):
        raise InputError(
            f"a {type(field).__name__}",
            "an xarray.DataArray",
            'pass a variable, for example ds["status"]',
        )
    if field.ndim != 2:
        raise InputError(
            f"a field with the dimensions {contents.listed(field.dims)}",
            "two dimensions",
            "choose positions with .sel or average with .mean until two are left",
        )
    free = [
        dim
        for dim in field.dims
        if dim not in {contents.dim_of(field, n) for n in (x, y) if n is not None}
    ]
    x, y = (str(name) if name is not None else _next(field, free) for name in (x, y))
    if contents.dim_of(field, x) == contents.dim_of(field, y):
        raise InputError(f"x={x!r} and y={y!r}", "two different dimensions", "change one of them")
    return _cut(field, x, y, None)


def blocks(
    counts: Sequence[int], axes: Sequence[Axes] | np.ndarray | None
) -> tuple[list[list[Axes]], bool]:
    """Axes for blocks of panels, and whether they are in a figure of our own.

    A single block may wrap; several blocks have a row each.

    Raises:
        InputError: `axes` are not as many as the panels.
    """
    if axes is None:
        return _new_blocks(counts), True
    given = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(given) != sum(counts):
        raise InputError(
            f"{len(given)} axes", f"one for each of {sum(counts)} panels", "pass that many"
        )
    ends = np.cumsum(counts)
    return [given[end - count : end] for count, end in zip(counts, ends, strict=True)], False


def keep_outer_labels(axes: Sequence[Sequence[Axes]]) -> None:
    """Clear the labels of a grid of panels except along its left and lower border."""
    places = {ax: _place(ax) for block in axes for ax in block}
    lowest: dict[int, int] = {}
    for row, column in places.values():
        lowest[column] = max(row, lowest.get(column, 0))
    for ax, (row, column) in places.items():
        if row < lowest[column]:
            ax.set_xlabel("")
            ax.tick_params(labelbottom=False)
        if column > 0:
            ax.set_ylabel("")
            ax.tick_params(labelleft=False)


def _place(ax: Axes) -> tuple[int, int]:
    spec = ax.get_subplotspec()
    assert spec is not None
    return spec.rowspan.start, spec.colspan.start


def _new_blocks(counts: Sequence[int]) -> list[list[Axes]]:
    columns = max(counts) if len(counts) > 1 else min(counts[0], _MOST_COLUMNS)
    heights = [math.ceil(count / columns) for count in counts]
    grid = iter(
        style.new_figure(*_size(sum(heights), columns)).subplots(
            sum(heights), columns, squeeze=False
        )
    )
    made = [list(np.concatenate([next(grid) for _ in range(height)])) for height in heights]
    for block, count in zip(made, counts, strict=True):
        for ax in block[count:]:
            ax.remove()
    return [block[:count] for block, count in zip(made, counts, strict=True)]


def _size(rows: int, columns: int) -> tuple[float, float]:
    width = style.COLUMN_WIDTH if columns == 1 else style.PAGE_WIDTH
    panel = (width - 1.1) / columns
    return width, rows * (min(panel, 2.0) + 0.25) + 0.65


def _cut(field: xr.DataArray, x: str, y: str, panel: str | None) -> Panels:
    names = [name for name in (x, y, panel) if name is not None]
    for name in names:
        field = contents.ascending(field, name)
    rows = field.transpose(*(contents.dim_of(field, name) for name in reversed(names)))
    values = rows.values if panel is not None else rows.values[None]
    titles = _titles(field[panel]) if panel is not None else [""]
    return Panels(field, list(values.astype(float)), titles, field[x], field[y])


def _titles(coordinate: xr.DataArray) -> list[str]:
    name = labels.symbol(coordinate)
    if not np.issubdtype(coordinate.dtype, np.number):
        return [str(value) for value in coordinate.values]
    prefix = f"${name}=" if name else f"{labels.words(coordinate.name)} $= "
    return [f"{prefix}{labels.number(float(value))}$" for value in coordinate.values]


def _take_distance(free: list[Hashable]) -> str | None:
    found = next((dim for dim in free if str(dim).rsplit(".", maxsplit=1)[-1] == "distance"), None)
    if found is not None:
        free.remove(found)
    return None if found is None else str(found)


def _next(field: xr.DataArray, free: list[Hashable]) -> str:
    if not free:
        raise InputError(
            f"a field with the dimensions {contents.listed(field.dims)}",
            "at least two dimensions longer than one besides class and seed",
            "sweep one more coordinate, or draw times_against",
        )
    return str(free.pop(0))
