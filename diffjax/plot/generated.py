"""Generated samples of every class against training time: copies, shares, and their order.

copy_curves  memorised fractions and class shares, one column per example
copy_order   which class is copied first, by both criteria and by the loss
"""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from diffjax.plot import contents, labels, style
from diffjax.plot.curve_legend import DOTTED, marker_of
from diffjax.plot.decades import set_log_ticks
from diffjax.plot.generated_order import place_title

_DASHED = (0, (3.2, 1.4))
_DIMS = (contents.CLASS, "training_time")
_CONTROLS = {"exact score": DOTTED, "fresh samples": _DASHED, "empirical score": "-."}
_ROWS = {
    "ratio": "copies by ratio",
    "distance": "copies by distance",
    "class_share": "share of samples",
}


@style.styled
def copy_curves(
    ds: xr.Dataset,
    *,
    examples: Sequence[Mapping[str, object]] = ({},),
    over: str | None = "seed",
) -> Figure:
    """Memorised fraction by both criteria and share of every class against training time.

    Bars are one standard error over realisations. Horizontal lines are controls: samples of the
    exact and of the empirical score by the same sampler, and fresh samples of the mixture. Marks
    above the columns are times of the losses at the smallest diffusion time, stars on the curves
    half of the plateau.

    Args:
        ds: result of a sweep of `generated_classes`.
        examples: one column each: coordinate to value, the nearest grid point counts.
        over: dimension of realisations.

    Returns:
        The figure.

    Raises:
        InputError: a variable or coordinate is missing, swept dimensions are left, or a point
            failed.

    Example:
        >>> figure = copy_curves(ds, examples=[{"stds[0]": 1.5, "imbalance_ratio": 1.0}])
        >>> png, pdf = dj.plot.save(figure, "figures/copies")
    """
    points = [_select(ds, place) for place in examples]
    for point in points:
        _check(point, over)
    width = style.PAGE_WIDTH if len(points) > 1 else style.COLUMN_WIDTH
    figure = style.new_figure(width, 5.2)
    grid = figure.subplots(len(_ROWS), len(points), sharex=True, sharey="row", squeeze=False)
    for column, (point, place) in enumerate(zip(points, examples, strict=True)):
        for ax, row in zip(grid[:, column], _ROWS, strict=True):
            _draw_panel(ax, point, row, over)
            ax.tick_params(which="both", top=False)
        grid[0, column].set_title(place_title(point, place), pad=18.0)
        grid[-1, column].set_xlabel(labels.long_label(_clock(point, over)))
    for ax, name in zip(grid[:, 0], _ROWS.values(), strict=True):
        ax.set_ylabel(name)
    _legend(figure, points[0])
    return figure


def _select(ds: xr.Dataset, place: Mapping[str, object]) -> xr.Dataset:
    contents.present(ds, "memorized_fraction", _DIMS)
    for name in place:
        contents.dim_of(ds["memorized_fraction"], name)
    return ds.sel(dict(place), method="nearest") if place else ds


def _check(point: xr.Dataset, over: str | None) -> None:
    fraction = contents.results(point, "memorized_fraction", _DIMS)
    contents.require_dims(fraction, ["criterion", *_DIMS, *([over] if over else [])])
    contents.require_computed(point, fraction)


def _clock(point: xr.Dataset, over: str | None) -> xr.DataArray:
    return contents.training_times(point, over)


def _draw_panel(ax: Axes, point: xr.Dataset, row: str, over: str | None) -> None:
    clock = _clock(point, over).values
    share = row == "class_share"
    curves = contents.results(point, row if share else "memorized_fraction")
    controls = contents.results(point, f"control_{'class_share' if share else curves.name}")
    if not share:
        curves, controls = (part.sel(criterion=row) for part in (curves, controls))
    mean, error = (part.transpose(*_DIMS).values for part in contents.average(curves, over))
    for position, (middle, spread) in enumerate(zip(mean, error, strict=True)):
        ax.errorbar(
            clock, middle, spread, color=style.class_color(position), capsize=1.5,
            elinewidth=0.7, capthick=0.7, marker=".", markersize=3.5, zorder=3,
        )  # fmt: skip
        if not share:
            _mark_half(ax, point, row, position, over, (clock, middle))
    _mark_losses(ax, point, over, on_top=row == next(iter(_ROWS)))
    _draw_controls(ax, contents.average(controls, over).mean, share)
    set_log_ticks(ax.xaxis)
    ax.set_xlim(clock[0] / 2, clock[-1] * 2)
    ax.set_ylim(-0.04, 1.08)


def _draw_controls(ax: Axes, controls: xr.DataArray, share: bool) -> None:
    for name, look in _CONTROLS.items():
        values = controls.sel(control=name).values
        colors = [style.class_color(position) for position in range(values.size)]
        if name == "empirical score":  # all copies, in every class; its shares are those of n_c
            values, colors = ([], []) if share else (values[:1], [style.NEUTRAL])
        for value, color in zip(values, colors, strict=True):
            ax.axhline(value, color=color, linestyle=look, linewidth=0.8, alpha=0.8, zorder=1)


def _mark_losses(ax: Axes, point: xr.Dataset, over: str | None, on_top: bool) -> None:
    """Verticals at the times of the losses; marks above the axes, one line per class."""
    for name in ("generalization_time", "memorization_time"):
        for position, time in enumerate(_geometric_mean(point[name], over)):
            if not np.isfinite(time):
                continue
            color = style.class_color(position)
            ax.axvline(time, color=color, linewidth=0.6, alpha=0.7, zorder=0.5)
            if on_top:
                ax.plot(
                    time, 1.05 + 0.08 * position, marker_of(name), color=color, markersize=4.5,
                    transform=ax.get_xaxis_transform(), clip_on=False, zorder=5,
                )  # fmt: skip


def _mark_half(
    ax: Axes,
    point: xr.Dataset,
    criterion: str,
    position: int,
    over: str | None,
    curve: tuple[np.ndarray, np.ndarray],
) -> None:
    time = _geometric_mean(point["half_plateau_time"].sel(criterion=criterion), over)[position]
    if np.isfinite(time):
        height = np.interp(np.log(time), np.log(curve[0]), curve[1])
        ax.plot(
            time, height, "*", color=style.class_color(position), markeredgecolor="white",
            markersize=9.0, markeredgewidth=0.6, zorder=6,
        )  # fmt: skip


def _geometric_mean(times: xr.DataArray, over: str | None) -> np.ndarray:
    return 10.0 ** contents.average_log(times, over).mean.values


def _legend(figure: Figure, point: xr.Dataset) -> None:
    losses = ("generalization_time", "memorization_time")
    meanings = [
        _mark("*", 7.0, "half plateau"),
        *(_mark(marker_of(n), 4.5, f"${labels.mark(point[n])}$ of the loss") for n in losses),
        *(
            Line2D([], [], color=style.NEUTRAL, linestyle=look, linewidth=0.9, label=name)
            for name, look in _CONTROLS.items()
        ),
    ]
    classes = [
        Line2D([], [], color=style.class_color(k), linewidth=2.5, label=labels.class_label(name))
        for k, name in enumerate(contents.class_names(point["class_share"]))
    ]
    wide = figure.get_figwidth() > 1.5 * style.COLUMN_WIDTH
    figure.legend(
        handles=[*classes, *meanings], loc="outside upper center", ncols=4 if wide else 2,
        handlelength=1.5,
    )  # fmt: skip


def _mark(marker: str, size: float, label: str) -> Line2D:
    return Line2D(
        [], [], color=style.NEUTRAL, linestyle="none", marker=marker, markersize=size, label=label
    )
