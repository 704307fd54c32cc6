"""Learning curves of the theory (lines) with those of finite systems (points) on top."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

from diffjax.errors import InputError
from diffjax.plot import contents, labels, style
from diffjax.plot.curve_frame import set_frame
from diffjax.plot.curve_legend import LINES
from diffjax.plot.deviations import LOSSES

_WORDS = {"train_loss": "train", "test_loss": "test"}
_LINE_HEIGHT = 14.0
_FACES = {"train_loss": "white", "test_loss": None}
_PREFIX = "theory_"


@style.styled
def overlay_curves(
    ds: xr.Dataset,
    theory: xr.Dataset | None = None,
    *,
    over: str | None = "seed",
    points: int = 24,
    log: bool | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Train and test loss of every class: theory as lines, finite systems as points.

    Solid lines and filled points are test losses, dashed lines and open points train losses.
    Points are means over realisations, at evenly spaced logarithms of the training time, with
    bars of one standard error.

    Args:
        ds: one point of a sweep of `theory_comparison` (a dimension `over` may be left), or of
            `gradient_flow` together with `theory`.
        theory: one point of a sweep of `asymptotic_dynamics`; by default the variables
            `theory_train_loss` and `theory_test_loss` of `ds`.
        over: dimension of realisations.
        points: about how many points per curve in the stretch of time that is shown.
        log: logarithmic loss axis; by default if a loss falls below a tenth of its start.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes.

    Raises:
        InputError: a variable is missing, swept dimensions are left, or the point failed.

    Example:
        >>> point = ds.sel(std_ratio=3.0, distance=1.0, imbalance_ratio=1.0)
        >>> png, pdf = dj.plot.save(overlay_curves(point), "figures/overlay")
    """
    if points < 2:
        raise InputError(f"points={points}", "a whole number of at least 2", "raise points")
    lines = {name: _theory(ds, theory, name, over) for name in LOSSES}
    found = {name: _curve(ds, name, over) for name in LOSSES}
    clock = contents.training_times(ds, over)
    theory_clock = clock if theory is None else contents.training_times(theory, over)
    ax = style.new_axes(ax, height=0.9 * style.COLUMN_WIDTH)
    heights = np.concatenate([curve.values for curve in lines.values()])
    for name, curve in lines.items():
        _draw_lines(ax, theory_clock.values, curve.values, name)
    set_frame(ax, theory_clock.values, heights, [], log)
    chosen = _evenly(clock.values, ax.get_xlim(), points)
    for name, (mean, error) in found.items():
        _draw_points(
            ax, clock.values[chosen], mean.values[:, chosen], error.values[:, chosen], name
        )
    ax.set_xlabel(labels.long_label(clock))
    ax.set_ylabel("loss per dimension")
    _add_legends(ax, contents.class_names(ds["test_loss"]))
    return ax


def _theory(ds: xr.Dataset, theory: xr.Dataset | None, name: str, over: str | None) -> xr.DataArray:
    return (
        _curve(ds, _PREFIX + name, over).mean if theory is None else _curve(theory, name, None).mean
    )


def _curve(ds: xr.Dataset, name: str, over: str | None) -> contents.Average:
    dims = [contents.CLASS, "training_time"]
    curve = contents.results(ds, name, dims)
    contents.require_dims(curve, [*dims, *([over] if over else [])])
    contents.require_computed(ds, curve)
    mean, error = contents.average(curve, over)
    return contents.Average(mean.transpose(*dims), error.transpose(*dims))


def _evenly(clock: np.ndarray, limits: tuple[float, float], points: int) -> np.ndarray:
    """Positions of the times nearest to evenly spaced ones between the limits, without doubles."""
    low, high = max(limits[0], clock[0]), min(limits[1], clock[-1])
    wanted = np.linspace(np.log(low), np.log(high), points)
    return np.unique(np.abs(np.log(clock)[:, None] - wanted).argmin(0))


def _draw_lines(ax: Axes, clock: np.ndarray, curves: np.ndarray, name: str) -> None:
    for position, curve in enumerate(curves):
        ax.plot(clock, curve, color=style.class_color(position), linestyle=LINES[name])


def _draw_points(
    ax: Axes, clock: np.ndarray, means: np.ndarray, errors: np.ndarray, name: str
) -> None:
    for position, (mean, error) in enumerate(zip(means, errors, strict=True)):
        color = style.class_color(position)
        ax.errorbar(
            clock, mean, error, color=color, linestyle="none", marker="o", markersize=3.2,
            markerfacecolor=_FACES[name] or color, markeredgewidth=0.7, elinewidth=0.8, capsize=1.5,
        )  # fmt: skip


def _add_legends(ax: Axes, classes: list[object]) -> None:
    """Above the axes: the classes, then what lines and points mean."""
    key = ax.legend(
        handles=[*_line_handles(), _point_handles()],
        labels=[*(f"{word}, theory" for word in _WORDS.values()), "finite systems"],
        handler_map={tuple: HandlerTuple(None, pad=0.6)},
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.4,
        columnspacing=0.9,
    )  # fmt: skip
    ax.add_artist(key)
    names = [
        Line2D([], [], color=style.class_color(i), linewidth=2.5, label=labels.class_label(name))
        for i, name in enumerate(classes)
    ]
    ax.legend(
        handles=names, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(len(classes), 4),
        bbox_transform=style.beside(ax, _LINE_HEIGHT),
    )  # fmt: skip


def _line_handles() -> list[Line2D]:
    return [Line2D([], [], linestyle=LINES[name], color=style.NEUTRAL) for name in LOSSES]


def _point_handles() -> tuple[Line2D, ...]:
    looks = {"color": style.NEUTRAL, "linestyle": "none", "marker": "o", "markersize": 3.2}
    return tuple(
        Line2D([], [], markerfacecolor=_FACES[name] or style.NEUTRAL, **looks) for name in LOSSES
    )
