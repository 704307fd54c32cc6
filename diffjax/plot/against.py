"""Per-class times against one swept coordinate."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from diffjax.plot import contents, labels, style
from diffjax.plot.decades import set_log_ticks
from diffjax.plot.scales import Scale, scale_of

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@style.styled
def times_against(
    ds: xr.Dataset,
    axis: str,
    quantity: str = "generalization_time",
    *,
    over: str | None = "seed",
    ax: Axes | None = None,
) -> Axes:
    """A per-class time against one swept coordinate, with error bars over realisations.

    Bars are one standard error of the mean logarithm around the geometric mean. A time that is
    not reached within the training times (in any realisation) is a hollow triangle at the upper
    border; a point that was not computed or failed leaves a gap.

    Args:
        ds: result of a sweep with one swept dimension left besides `over`.
        axis: coordinate along that dimension.
        quantity: variable with the dimension `class`.
        over: dimension of realisations.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes, logarithmic vertically, and horizontally if the coordinate is geometric.

    Raises:
        InputError: a variable or coordinate is missing, or further swept dimensions are left.

    Example:
        >>> line = ds.sel(std_ratio=3.0, distance=0.0)
        >>> png, pdf = dj.plot.save(times_against(line, "imbalance_ratio"), "figures/line")
    """
    times = contents.results(ds, quantity, [contents.CLASS])
    dim = contents.dim_of(times, axis)
    contents.require_dims(times, [dim, contents.CLASS, *([over] if over else [])])
    contents.require_computed(ds, times)
    times = contents.ascending(times, axis)
    mean, error = (
        part.transpose(contents.CLASS, dim).values for part in contents.average_log(times, over)
    )
    scale = scale_of(times[axis])
    ax = style.new_axes(ax)
    for position, name in enumerate(contents.class_names(times)):
        _draw_class(ax, scale, position, mean[position], error[position], labels.class_label(name))
    _set_axes(ax, scale, times, axis)
    unreached = np.isposinf(mean)
    if unreached.any():
        _make_room_above(ax)
    for position, row in enumerate(unreached):
        _draw_unreached(ax, scale, position, row)
    _add_legend(ax, bool(unreached.any()))
    return ax


def _draw_class(
    ax: Axes, scale: Scale, position: int, mean: np.ndarray, error: np.ndarray, label: str
) -> None:
    middle = np.where(np.isfinite(mean), 10.0**mean, np.nan)
    bars = [middle - 10.0 ** (mean - error), 10.0 ** (mean + error) - middle]
    ax.errorbar(
        scale.values, middle, np.nan_to_num(bars), color=style.class_color(position), label=label,
        marker=_MARKERS[position % len(_MARKERS)], capsize=2, elinewidth=0.8, capthick=0.8,
        markeredgecolor="white", markeredgewidth=0.4, markersize=5.0,
    )  # fmt: skip


def _make_room_above(ax: Axes) -> None:
    low, high = ax.get_ylim()
    low, high = (low, high) if low > 0 else (1.0, 10.0)  # nothing was reached: any range will do
    ax.set_ylim(low, high * (high / low) ** 0.2)


def _draw_unreached(ax: Axes, scale: Scale, position: int, where: np.ndarray) -> None:
    if not where.any():
        return
    ax.plot(
        scale.values[where], np.full(where.sum(), 0.95 - 0.06 * position), linestyle="none",
        marker="^", markerfacecolor="white", markeredgecolor=style.class_color(position),
        markersize=5.0, transform=ax.get_xaxis_transform(), scalex=False, scaley=False,
    )  # fmt: skip


def _add_legend(ax: Axes, unreached: bool) -> None:
    handles = ax.get_legend_handles_labels()[0]
    if unreached:
        empty = Line2D([], [], linestyle="none", marker="^", label="not reached")
        empty.set(markerfacecolor="white", markeredgecolor=style.NEUTRAL)
        handles.append(empty)
    ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)


def _set_axes(ax: Axes, scale: Scale, times: xr.DataArray, axis: str) -> None:
    scale.apply(ax.xaxis)
    borders = scale.edges()[[0, -1]]
    ax.set_xlim(*borders)
    set_log_ticks(ax.yaxis)
    ax.set_xlabel(labels.long_label(times[axis]))
    ax.set_ylabel(labels.long_label(times))
