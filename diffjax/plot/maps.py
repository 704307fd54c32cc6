"""Colour maps over two swept coordinates: of one field, and of the order of two classes."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from diffjax.errors import InputError
from diffjax.plot import labels, layout, style
from diffjax.plot.comparison import log_ratio, zero_lines
from diffjax.plot.decades import set_log_ticks
from diffjax.plot.scales import Scale

NOT_REACHED = "not reached in the training times"
NO_RESULT = "not computed or failed"


@style.styled
def phase_maps(
    ds: xr.Dataset,
    quantity: str | Sequence[str] = "generalization_time",
    *,
    x: str | None = None,
    y: str | None = None,
    panel: str | None = None,
    classes: Sequence[object] | None = None,
    over: str | None = "seed",
    limit: float | None = None,
    axes: Sequence[Axes] | np.ndarray | None = None,
) -> Figure:
    """Which class is first: log10 of the ratio of a per-class time, one panel per distance.

    Colour is shared by all panels of a quantity and centred at zero; the black line is where both
    classes take equally long, interpolated between the points of the grid. Coordinates spaced
    evenly in the logarithm get logarithmic axes.

    Args:
        ds: result of a sweep; besides `class` and `over` it has two or three dimensions of length
            above one.
        quantity: per-class time, or several, which get a colour scale each.
        x: coordinate along the horizontal axis; by default the first that is left.
        y: coordinate along the vertical axis; by default the next that is left.
        panel: coordinate with one panel per value; by default `distance` if it is not on an axis.
        classes: two labels of `class`, or two positions, by default the first two; blue means
            that the first of them comes first.
        over: dimension of realisations; their log ratios are averaged.
        limit: largest magnitude on the colour scale; by default that of the data.
        axes: one per panel, quantity by quantity, to draw into.

    Returns:
        The figure.

    Raises:
        InputError: a variable, class or coordinate is missing, dimensions are left over, or the
            number of axes is not that of the panels.

    Example:
        >>> plane = ds.sel(distance=1.0)
        >>> figure = phase_maps(plane, "memorization_time", x="std_ratio", y="imbalance_ratio")
        >>> png, pdf = dj.plot.save(figure, "figures/memorization")
    """
    if limit is not None and not limit > 0:
        raise InputError(f"limit={limit}", "a positive number", "pass the largest |log10 ratio|")
    quantities = [quantity] if isinstance(quantity, str) else list(quantity)
    fields = [log_ratio(ds, name, classes, over) for name in quantities]
    chosen = [layout.choose(field, x, y, panel) for field in fields]
    blocks, owned = layout.blocks([len(field.panels) for field in chosen], axes)
    for field, block in zip(chosen, blocks, strict=True):
        mesh = _draw_panels(field, block, limit)
        _order_bar(mesh, block, field.field)
    if owned:
        layout.keep_outer_labels(blocks)
    _legend(blocks, owned)
    return style.figure_of(blocks[0][0])


@style.styled
def phase(
    da: xr.DataArray,
    *,
    log: bool = False,
    x: str | None = None,
    y: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Colour map of a field with two dimensions.

    Args:
        da: the field; its first dimension is horizontal unless `x` or `y` says otherwise.
        log: logarithmic colours.
        x: coordinate along the horizontal axis.
        y: coordinate along the vertical axis.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes, with a colour bar at their side.

    Raises:
        InputError: `da` is no DataArray of two dimensions, or `log` meets a number below zero.

    Example:
        >>> times = ds["memorization_time"].sel({"class": 1, "distance": 1.0}).mean("seed")
        >>> png, pdf = dj.plot.save(phase(times, log=True), "figures/memorization-1")
    """
    chosen = layout.choose_two(da, x, y)
    norm = _norm(chosen.panels[0], log)
    owned = ax is None
    ax = style.new_axes(ax)
    mesh = draw_map(ax, chosen.panels[0], chosen.x, chosen.y, style.MAGNITUDE_COLORMAP, norm)
    ax.set_xlabel(labels.long_label(chosen.x_coordinate))
    ax.set_ylabel(labels.long_label(chosen.y_coordinate))
    bar = style.figure_of(ax).colorbar(mesh, ax=ax, label=labels.long_label(da), pad=0.02)
    if log:
        set_log_ticks(bar.ax.yaxis)
    bar.ax.tick_params(direction="out", length=2.5)
    bar.ax.tick_params(which="minor", direction="out", length=1.5)
    _legend([[ax]], owned)
    return ax


def draw_map(
    ax: Axes, values: np.ndarray, x: Scale, y: Scale, colors: str | Colormap, norm: Normalize
) -> QuadMesh:
    """Cells of one panel: coloured where finite, hatched where infinite, grey where nan."""
    borders = x.edges(), y.edges()
    mesh = ax.pcolormesh(
        *borders, np.ma.masked_invalid(values), cmap=colors, norm=norm, rasterized=True
    )
    _cover(ax, borders, np.isnan(values), {"facecolor": style.GAP}, NO_RESULT)
    _cover(ax, borders, np.isinf(values), _HATCHED, NOT_REACHED)
    ax.tick_params(direction="out", length=2.5)
    x.apply(ax.xaxis)
    y.apply(ax.yaxis)
    ax.set_xlim(*borders[0][[0, -1]])
    ax.set_ylim(*borders[1][[0, -1]])
    return mesh


_HATCHED = {"facecolor": "white", "edgecolor": "#8C8C8C", "hatch": "//////", "linewidth": 0}


def _cover(ax: Axes, borders: tuple, where: np.ndarray, look: dict, label: str) -> None:
    rows, columns = np.nonzero(where)
    for row, column in zip(rows, columns, strict=True):
        left, right = borders[0][column : column + 2]
        low, high = borders[1][row : row + 2]
        ax.fill([left, right, right, left], [low, low, high, high], label=label, **look)


def _draw_panels(field: layout.Panels, axes: Sequence[Axes], limit: float | None) -> QuadMesh:
    reach = _reach(field.panels) if limit is None else limit
    norm = Normalize(-reach, reach)
    mesh = None
    for ax, values, title in zip(axes, field.panels, field.titles, strict=True):
        mesh = draw_map(ax, values, field.x, field.y, style.ORDER_COLORMAP, norm)
        for line in zero_lines(values, field.x, field.y):
            ax.plot(*line.T, color="black", linewidth=1.3, label=_EQUAL, scalex=False, scaley=False)
        ax.set_title(title)
        ax.set_xlabel(labels.short_label(field.x_coordinate))
        ax.set_ylabel(labels.short_label(field.y_coordinate))
    assert mesh is not None
    return mesh


_EQUAL = "equal times"


def _order_bar(mesh: QuadMesh, axes: Sequence[Axes], field: xr.DataArray) -> None:
    below, above = _beyond(mesh)
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}
    bar = style.figure_of(axes[0]).colorbar(
        mesh, ax=list(axes), pad=0.015, aspect=18, extend=extend.get((below, above), "both")
    )
    bar.set_label(labels.short_label(field))
    bar.ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    bar.ax.tick_params(direction="out", length=2.5)
    first, second = field.attrs["classes"]
    _name_end(bar.ax, 1, f"{second} first", 12.0 if above else 4.0)
    _name_end(bar.ax, 0, f"{first} first", -14.0 if below else -6.0)


def _name_end(ax: Axes, end: int, text: str, points: float) -> None:
    ax.text(
        0, end, text, va="bottom" if end else "top", ha="left", fontsize=8.0,
        color=style.class_color(end), transform=style.beside(ax, points),
    )  # fmt: skip


def _beyond(mesh: QuadMesh) -> tuple[bool, bool]:
    values = np.ma.compressed(np.ma.asarray(mesh.get_array()))
    low, high = mesh.get_clim()
    assert low is not None and high is not None
    return bool((values < low).any()), bool((values > high).any())


def _reach(panels: Sequence[np.ndarray]) -> float:
    magnitude = np.abs(np.stack(panels))
    known = magnitude[np.isfinite(magnitude)]
    largest = float(known.max()) if known.size else 1.0
    return largest or 1.0


def _norm(values: np.ndarray, log: bool) -> Normalize:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 1.0)
    if not log:
        return Normalize(low, high)
    if low <= 0:
        raise InputError(f"a value of {low:g}", "log=True needs positive values", "pass log=False")
    return LogNorm(low, high)


def _legend(blocks: Sequence[Sequence[Axes]], owned: bool) -> None:
    axes = [ax for block in blocks for ax in block]
    entries = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    named = [name for name in (_EQUAL, NOT_REACHED, NO_RESULT) if name in entries]
    if not named:
        return
    handles = [entries[name] for name in named]
    if owned:
        figure = style.figure_of(axes[0])
        figure.legend(handles, named, loc="outside lower center", ncols=3)  # pyright: ignore[reportArgumentType]
        return
    below = style.beside(axes[0], -30)
    axes[0].legend(handles, named, loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below)
