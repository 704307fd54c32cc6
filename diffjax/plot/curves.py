"""Losses and score errors of every class against training time, with the times marked."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from diffjax.plot import contents, labels, style
from diffjax.plot.curve_frame import set_frame
from diffjax.plot.curve_legend import DOTTED, LINES, add_legends, marker_of

_MARKED_ON = {"memorization_time": "train_loss"}


@style.styled
def learning_curves(
    ds: xr.Dataset,
    *,
    over: str | None = "seed",
    times: Sequence[str] = ("generalization_time", "memorization_time"),
    log: bool | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Train (dashed) and test (solid) loss of every class against training time.

    The marks sit on the curve that defines the time: generalisation on the test loss,
    memorisation on the train loss; a thin line drops to the time axis and the legend gives the
    numbers. Dotted horizontal lines are the Bayes floors. Training times are shown where something
    changes; on a linear loss axis a test loss that diverges leaves through the upper border.

    Args:
        ds: one point of a sweep (no swept dimension left), or one with a dimension `over`.
        over: dimension of realisations: mean and band of one standard error, geometric mean times.
        times: per-class times to mark.
        log: logarithmic loss axis; by default if a loss falls below a tenth of its start.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes.

    Raises:
        InputError: a variable is missing, swept dimensions are left, or the point failed.

    Example:
        >>> point = ds.sel(std_ratio=3.0, distance=1.0, imbalance_ratio=1.0)
        >>> png, pdf = dj.plot.save(learning_curves(point), "figures/curves")
    """
    curves = {name: _curve(ds, name, over) for name in ("train_loss", "test_loss")}
    marks = {name: _times(ds, name, over) for name in times}
    floors = _times(ds, "bayes_floor", over, logarithmic=False) if "bayes_floor" in ds else None
    ax = style.new_axes(ax, height=0.9 * style.COLUMN_WIDTH)
    _draw(ax, contents.training_times(ds, over), curves, marks, log)
    for position, floor in enumerate([] if floors is None else floors.values):
        ax.axhline(
            floor,
            color=style.class_color(position),
            linewidth=0.7,
            linestyle=DOTTED,
            zorder=1,
        )
    ax.set_ylabel("loss per dimension")
    add_legends(ax, list(curves), marks, contents.class_names(ds["test_loss"]), floors is not None)
    return ax


@style.styled
def score_error_curves(
    ds: xr.Dataset,
    *,
    over: str | None = "seed",
    times: Sequence[str] = ("generalization_time", "memorization_time"),
    ax: Axes | None = None,
) -> Axes:
    """Normalised score error of every class: 1 for the untrained model, 0 for the exact score.

    Args:
        ds: as for `learning_curves`, with the variable `score_error`.
        over: dimension of realisations.
        times: per-class times to mark.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes, logarithmic in both directions.

    Raises:
        InputError: as for `learning_curves`.

    Example:
        >>> point = ds.sel(std_ratio=3.0, distance=1.0, imbalance_ratio=1.0)
        >>> png, pdf = dj.plot.save(score_error_curves(point), "figures/score-error")
    """
    curves = {"score_error": _curve(ds, "score_error", over)}
    marks = {name: _times(ds, name, over) for name in times}
    ax = style.new_axes(ax, height=0.9 * style.COLUMN_WIDTH)
    _draw(ax, contents.training_times(ds, over), curves, marks, log=True)
    ax.axhline(1.0, color=style.NEUTRAL, linewidth=0.6, linestyle=DOTTED, zorder=1)
    ax.set_ylabel("normalised score error")
    add_legends(ax, list(curves), marks, contents.class_names(ds["score_error"]), floors=False)
    return ax


def _curve(ds: xr.Dataset, name: str, over: str | None) -> contents.Average:
    dims = [contents.CLASS, "training_time"]
    curve = contents.results(ds, name, dims)
    contents.require_dims(curve, [*dims, *([over] if over else [])])
    contents.require_computed(ds, curve)
    mean, error = contents.average(curve, over)
    return contents.Average(mean.transpose(*dims), error.transpose(*dims))


def _times(ds: xr.Dataset, name: str, over: str | None, logarithmic: bool = True) -> xr.DataArray:
    variable = contents.results(ds, name, [contents.CLASS])
    contents.require_dims(variable, [contents.CLASS, *([over] if over else [])])
    if not logarithmic:
        return contents.average(variable, over).mean
    with xr.set_options(keep_attrs=True):
        return 10.0 ** contents.average_log(variable, over).mean.rename(name)


def _draw(
    ax: Axes,
    training_times: xr.DataArray,
    curves: dict[str, contents.Average],
    marks: dict[str, xr.DataArray],
    log: bool | None,
) -> None:
    clock = training_times.values
    for name, (mean, error) in curves.items():
        for position, (middle, spread) in enumerate(zip(mean.values, error.values, strict=True)):
            color = style.class_color(position)
            ax.plot(clock, middle, color=color, linestyle=LINES[name])
            if spread.any():
                ax.fill_between(
                    clock, middle - spread, middle + spread, color=color, alpha=0.2, linewidth=0
                )
    for name, values in marks.items():
        curve = curves.get(_MARKED_ON.get(name, ""), list(curves.values())[-1]).mean
        _mark(ax, clock, curve.values, values.values, marker_of(name))
    heights = np.concatenate([curve.mean.values for curve in curves.values()])
    set_frame(ax, clock, heights, np.ravel(list(marks.values())), log)
    ax.set_xlabel(labels.long_label(training_times))


def _mark(ax: Axes, clock: np.ndarray, curves: np.ndarray, times: np.ndarray, marker: str) -> None:
    for position, (curve, time) in enumerate(zip(curves, times, strict=True)):
        if not np.isfinite(time):
            continue
        color = style.class_color(position)
        height = np.interp(np.log(time), np.log(clock), curve)
        ax.axvline(time, color=color, linewidth=0.5, alpha=0.6, zorder=1)
        ax.plot(
            time, height, marker=marker, color=color, markeredgecolor="white", markeredgewidth=0.6,
            markersize=5.5, zorder=5, linestyle="none",
        )  # fmt: skip
