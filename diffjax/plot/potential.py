"""The effective potential of backward diffusion as a ridge plot, one curve per diffusion time."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from diffjax.plot import contents, labels, style
from diffjax.plot.speciation import CLOCK, clock_of

_RIDGES = 13
_LINE_HEIGHT = 14.0
_RISE = 0.3
_TALL = 20.0


@style.styled
def potential_ridge(ds: xr.Dataset, *, num_curves: int = _RIDGES, ax: Axes | None = None) -> Axes:
    """The potential of the backward drift as a ridge plot, from noise (top) to data (bottom).

    A curve stands at its diffusion time with its lowest point. Heights are log(1 + V - min V), so
    that a shallow basin is seen beside a deep one. Discs are the minima in which a class can
    settle: the majority's is there from the start, the minority's appears later.

    Args:
        ds: one point of a sweep of `speciation`.
        num_curves: diffusion times shown, evenly spaced around the speciation.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes.

    Raises:
        InputError: a variable is missing, or swept dimensions are left.

    Example:
        >>> point = ds.isel(distance=0, imbalance_ratio=0)
        >>> png, pdf = dj.plot.save(potential_ridge(point), "figures/ridge")
    """
    potential = contents.results(ds, "potential", [CLOCK, "overlap"])
    contents.require_dims(potential, [CLOCK, "overlap"])
    clock, overlap = np.asarray(clock_of(ds)), ds["overlap"].values
    times = _ridge_times(ds, clock, num_curves)
    table = potential.transpose(CLOCK, "overlap").values
    curves = np.array([[np.interp(t, clock, column) for column in table.T] for t in times])
    heights = np.log1p(curves - curves.min(axis=1, keepdims=True))
    ax = style.new_axes(ax, height=3.9)
    unit = _RISE * (times[-1] - times[0]) / np.log1p(_TALL)
    for order, (time, height) in enumerate(zip(times, unit * heights, strict=True)):
        _draw_ridge(ax, overlap, time, height, len(times) - order)
    ax.set_xlim(overlap[0], overlap[-1])
    ax.set_ylim(times[0] - 0.04 * np.ptp(times), times[-1] + 0.12 * np.ptp(times))
    ax.set_xlabel("overlap $q/(e^{-t}m)$ with the centroids")
    ax.set_ylabel("diffusion time $t$")
    names = contents.class_names(ds["spinodal_time"])
    _name_births(ax, ds, names)
    minima = [
        Line2D(
            [], [], color=style.class_color(position), marker="o", linestyle="none", markersize=3.6,
            label=labels.class_label(name),
        )
        for position, name in ((1, names[1]), (0, names[0]))
    ]  # fmt: skip
    ax.legend(handles=minima, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def _name_births(ax: Axes, ds: xr.Dataset, names: Sequence[object]) -> None:
    """Ticks on the right border at the births of basins."""
    births = {r"equal $\rho$": float(ds["balanced_spinodal_time"])}
    for name, time in zip(names, ds["spinodal_time"].values, strict=True):
        births[labels.class_label(name)] = float(time)
    known = {name: time for name, time in births.items() if 0 < time < np.inf}
    border = ax.secondary_yaxis("right")
    border.set_yticks(
        list(known.values()), [f"{name}\n${time:.2f}$" for name, time in known.items()]
    )
    border.tick_params(direction="out", length=4.0)
    border.set_ylabel("birth of a basin")


def _ridge_times(ds: xr.Dataset, clock: np.ndarray, count: int) -> np.ndarray:
    marks = np.concatenate(
        [ds["spinodal_time"].values, np.ravel(ds["balanced_spinodal_time"].values)]
    )
    known = marks[np.isfinite(marks) & (marks > 0)]
    if not known.size:
        return np.linspace(clock[0], clock[-1], count)
    low, high = known.min() - 0.7, known.max() + 0.5
    return np.linspace(max(low, clock[0]), min(high, clock[-1]), count)


def _draw_ridge(ax: Axes, overlap: np.ndarray, time: float, height: np.ndarray, order: int) -> None:
    base = np.full_like(height, time)
    ax.fill_between(overlap, base, time + height, color="white", zorder=order, linewidth=0)
    ax.plot(overlap, time + height, color=style.NEUTRAL, linewidth=0.9, zorder=order + 0.1)
    inner = slice(1, -1)
    lowest = (height[inner] < height[:-2]) & (height[inner] < height[2:])
    for index in np.flatnonzero(lowest) + 1:
        color = style.class_color(0 if overlap[index] > 0 else 1)
        ax.plot(
            overlap[index], time + height[index], "o", color=color, markersize=3.6,
            markeredgecolor="white", markeredgewidth=0.4, zorder=order + 0.2,
        )  # fmt: skip
