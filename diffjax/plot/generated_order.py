"""Which class is copied first in generated samples, at every grid point."""

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from diffjax.plot import contents, labels, style

_ORDERS = {
    "ratio": ("half_plateau_time", "o", "copies by ratio"),
    "distance": ("half_plateau_time", "s", "copies by distance"),
    "loss": ("memorization_time", "D", "train loss at small noise"),
}


@style.styled
def copy_order(
    ds: xr.Dataset,
    *,
    classes: tuple[object, object] | None = None,
    over: str = "seed",
    ax: Axes | None = None,
) -> Axes:
    """Which of two classes is copied first at every grid point, and how surely.

    Points left of the line: the first class comes first. Bars are two standard errors over
    realisations of log(time_0/time_1), of the times of half the plateau by both criteria and of
    the memorisation time of the loss.

    Args:
        ds: result of a sweep of `generated_classes`.
        classes: two labels of `class`, or two positions; by default the first two.
        over: dimension of realisations.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes.

    Raises:
        InputError: a variable or class is missing.

    Example:
        >>> png, pdf = dj.plot.save(copy_order(ds), "figures/order")
    """
    contents.results(ds, "half_plateau_time", [contents.CLASS, "criterion", over])
    loss = contents.results(ds, "memorization_time", [contents.CLASS, over])
    swept = [str(dim) for dim in loss.dims if dim not in (contents.CLASS, over)]
    names = [place_title(point, swept) for point in _points(ds, swept)]
    ax = style.new_axes(ax, height=0.75 + 0.55 * len(names))
    for lane, (name, (variable, marker, text)) in enumerate(_ORDERS.items()):
        times = contents.results(ds, variable)
        times = times if name == "loss" else times.sel(criterion=name)
        ratio = _log_ratio(times, classes)
        mean, error = contents.average(ratio, over)
        heights = np.arange(len(names)) + 0.22 * (lane - 1)
        ax.errorbar(
            _flat(mean, swept), heights, xerr=2.0 * _flat(error, swept), linestyle="none",
            marker=marker, color=style.CLASS_COLORS[2:][lane], capsize=2, elinewidth=0.8,
            label=text,
        )  # fmt: skip
    ax.axvline(0.0, color=style.GAP, linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    _, named = contents.class_pair(loss, classes)
    first, second = (labels.class_label(name) for name in named)
    one, other = (labels.subscript(name) for name in named)
    ax.set_xlabel(rf"$\log(\tau_{{{one}}}/\tau_{{{other}}})$")
    ax.set_title(rf"$\leftarrow$ {first} first          {second} first $\rightarrow$")
    style.figure_of(ax).legend(loc="outside lower center", ncols=1)
    return ax


def _log_ratio(times: xr.DataArray, classes: tuple[object, object] | None) -> xr.DataArray:
    positions, _ = contents.class_pair(times, classes)
    first, second = (times.isel({contents.CLASS: k}, drop=True) for k in positions)
    # nan, and so left out, where one of the times is not reached
    ratio = contents.log10(first.where(np.isfinite(first))) - contents.log10(
        second.where(np.isfinite(second))
    )
    return np.log(10.0) * ratio


def _points(ds: xr.Dataset, swept: Sequence[str]) -> list[xr.Dataset]:
    """Every grid point, the last of the swept dimensions varying slowest."""
    if not swept:
        return [ds]
    stacked = ds.stack(place=list(reversed(swept)))
    return [stacked.isel(place=index) for index in range(stacked.sizes["place"])]


def _flat(values: xr.DataArray, swept: Sequence[str]) -> np.ndarray:
    return values.transpose(*reversed(swept)).values.ravel()


def place_title(point: xr.Dataset, place: Iterable[str]) -> str:
    """Values of some coordinates in one line, ``$\\sigma_0=1.5$,  $d=8$``."""
    parts = []
    for name in place:
        coordinate = point[name]
        symbol = labels.symbol(coordinate)
        value = labels.number(float(coordinate))
        parts.append(f"${symbol or labels.words(name)}={value}$")
    return ",  ".join(parts)
