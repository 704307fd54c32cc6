"""Deviation of finite systems from the theory against their size, with fitted power laws."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from diffjax.plot import contents, labels, layout, style
from diffjax.plot.decades import set_log_ticks
from diffjax.plot.deviations import LOSSES, largest_deviation
from diffjax.plot.power_law import fit_power_law

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_BEYOND = 1.15


@style.styled
def error_scaling(
    ds: xr.Dataset,
    quantity: str | Sequence[str] = LOSSES,
    *,
    x: str = "dim",
    line: str | None = "diffusion_time",
    panel: str | None = "activation",
    over: str | None = "seed",
    axes: Sequence[Axes] | np.ndarray | None = None,
) -> Figure:
    """Deviation from the theory against the size, with fitted lines and their exponents.

    A point is the largest deviation, over classes and training times, of the curve averaged over
    realisations; its bar is one jackknife standard error. Test losses above one count relatively.

    Args:
        ds: result of a sweep of `theory_comparison`.
        quantity: `train_loss`, `test_loss` or both, one row of panels each.
        x: coordinate along the axis of sizes.
        line: coordinate with one line per value; None where there is one.
        panel: coordinate with one column of panels per value; None where there is one.
        over: dimension of realisations.
        axes: one per panel, row by row, to draw into.

    Returns:
        The figure.

    Raises:
        InputError: a variable or coordinate is missing, dimensions are left over, a line has
            fewer than two sizes, or the number of axes is not that of the panels.

    Example:
        >>> figure = error_scaling(ds, line=None, panel=None)
        >>> png, pdf = dj.plot.save(figure, "figures/error")
    """
    names = [quantity] if isinstance(quantity, str) else list(quantity)
    deviations = [_deviation(ds, name, (x, line, panel), over) for name in names]
    rows = [_along(deviation, panel) for deviation in deviations]
    blocks, owned = layout.blocks([len(parts) for parts in rows], axes)
    for parts, block in zip(rows, blocks, strict=True):
        for ax, (part, title) in zip(block, parts, strict=True):
            _draw(ax, part, x, line)
            ax.set_title(title)
        _share_heights(block)
    if owned:
        layout.keep_outer_labels(blocks)
        for ax in [ax for block in blocks[1:] for ax in block]:
            ax.set_title("")
    return style.figure_of(blocks[0][0])


def _deviation(
    ds: xr.Dataset, name: str, axes: tuple[str | None, ...], over: str | None
) -> contents.Average:
    found = largest_deviation(ds, name, over)
    known = [contents.dim_of(found.mean, axis) for axis in axes if axis is not None]
    contents.require_dims(found.mean, known)
    contents.require_computed(ds, found.mean)
    return found


def _along(field: contents.Average, name: str | None) -> list[tuple[contents.Average, str]]:
    """The parts of a field along a coordinate, each with its value in words."""
    if name is None:
        return [(field, "")]
    dim, coordinate = contents.dim_of(field.mean, name), field.mean[name]
    symbol = labels.symbol(coordinate) or labels.words(name)
    parts = []
    for index, value in enumerate(coordinate.values):
        number = isinstance(value, np.number)
        text = f"${symbol}={labels.number(float(value))}$" if number else str(value)
        parts.append((contents.Average(*(one.isel({dim: index}) for one in field)), text))
    return parts


def _draw(ax: Axes, field: contents.Average, x: str, line: str | None) -> None:
    sizes = field.mean[x].values.astype(float)
    for position, (part, text) in enumerate(_along(field, line)):
        _draw_line(ax, sizes, part, position, f"{text}  ", labels.symbol(field.mean[x]) or "x")
    set_log_ticks(ax.xaxis)
    ax.set_xticks(sizes)
    ax.xaxis.set_major_formatter(lambda value, _position: f"{value:g}")
    ax.xaxis.set_minor_locator(NullLocator())
    set_log_ticks(ax.yaxis)
    ax.set_xlabel(labels.short_label(field.mean[x]))
    ax.set_ylabel(labels.short_label(field.mean))
    ax.legend(loc="lower left", fontsize=7.0, handlelength=1.0, labelspacing=0.25)


def _draw_line(
    ax: Axes, sizes: np.ndarray, part: contents.Average, position: int, start: str, symbol: str
) -> None:
    color = style.class_color(position)
    bars = np.nan_to_num(part.standard_error.values)
    law = fit_power_law(sizes, part.mean.values, bars)
    power = rf"$\propto {symbol}^{{\,{law.exponent:.2f}\pm{law.standard_error:.2f}}}$"
    ax.errorbar(
        sizes, part.mean.values, bars, color=color, linestyle="none",
        marker=_MARKERS[position % len(_MARKERS)], markersize=4.5, capsize=2, elinewidth=0.8,
        label=start + power,
    )  # fmt: skip
    ends = np.array([sizes.min() / _BEYOND, sizes.max() * _BEYOND])
    ax.plot(ends, law.at(ends), color=color, linewidth=0.9, zorder=1)


def _share_heights(block: Sequence[Axes]) -> None:
    """One range for a row, with room below for the legends."""
    low = min(ax.get_ylim()[0] for ax in block)
    high = max(ax.get_ylim()[1] for ax in block)
    for ax in block:
        ax.set_ylim(low / (high / low) ** 0.45, high)
