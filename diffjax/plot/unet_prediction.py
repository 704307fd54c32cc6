"""Which class comes first in a network, against what is predicted for the same images."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from diffjax.errors import InputError
from diffjax.plot import contents, style

_TIMES = {
    "generalization_time": "generalisation",
    "memorization_time": "memorisation",
    "gap_onset_time": "gap onset",
}
_PREFIXES = {"exact": "o", "theory": "s"}
_WORDS = {"exact": "random features, exact", "theory": "high-dimensional theory"}
_PAIR, _IMBALANCE = "classes", "imbalance_ratio"
_BORDER = 1.15


@style.styled
def predicted_order(ds: xr.Dataset, *, over: str = "seed") -> Figure:
    """log10(time of class 0/time of class 1): measured against predicted, one panel per time.

    In the shaded quadrants measurement and prediction have the same order. Colours are pairs of
    classes, sizes grow with n_0/n_1, bars are the standard deviation over seeds. A ratio that is
    infinite, since one class never reaches its threshold, stands at the border.

    Args:
        ds: result of a sweep of `image_order`.
        over: dimension of realisations.

    Returns:
        The figure, a page wide.

    Raises:
        InputError: there are no predictions in the dataset.

    Example:
        >>> png, pdf = dj.plot.save(predicted_order(ds), "figures/predicted")
    """
    present = [prefix for prefix in _PREFIXES if f"{prefix}_generalization_time" in ds]
    if not present:
        raise InputError(
            f"the dataset has {contents.listed(ds.data_vars)}",
            "predictions exact_... or theory_... beside the measured times",
            "sweep the model image_order",
        )
    whole = style.new_figure(style.PAGE_WIDTH, 0.42 * style.PAGE_WIDTH)
    for ax, (name, words) in zip(whole.subplots(1, 3), _TIMES.items(), strict=True):
        _draw(ax, ds, name, present, over)
        ax.set_title(words)
        ax.set_xlabel("predicted $\\log_{10}(\\tau_0/\\tau_1)$")
    whole.axes[0].set_ylabel("measured in the U-Net")
    whole.legend(handles=_legend(ds, present), loc="outside upper center", ncols=4)
    return whole


def _draw(ax: Axes, ds: xr.Dataset, name: str, prefixes: list[str], over: str) -> None:
    measured, bars = _ratio(ds, name, over)
    sizes, colors = _looks(measured)
    points = {prefix: _ratio(ds, f"{prefix}_{name}", over)[0] for prefix in prefixes}
    values = np.concatenate([np.ravel(v) for v in (measured.values, *points.values())])
    finite = np.abs(values[np.isfinite(values)])
    limit = _BORDER * max(float(finite.max()) if finite.size else 0.0, 0.1)
    for prefix, predicted in points.items():
        x = np.clip(predicted.values, -0.95 * limit, 0.95 * limit)
        y = np.clip(measured.values, -0.95 * limit, 0.95 * limit)
        for index in np.ndindex(y.shape):
            ax.errorbar(
                x[index], y[index], bars.values[index], color=colors[index], alpha=0.85,
                marker=_PREFIXES[prefix], markersize=sizes[index], linestyle="none",
                elinewidth=0.8, markeredgecolor=colors[index], markeredgewidth=0.8,
                markerfacecolor=colors[index] if prefix == "exact" else "white",
            )  # fmt: skip
    for corner in (-limit, 0.0):
        ax.fill_between([corner, corner + limit], corner, corner + limit, color="#EFEFEF", zorder=0)
    ax.axhline(0.0, color=style.NEUTRAL, linewidth=0.5)
    ax.axvline(0.0, color=style.NEUTRAL, linewidth=0.5)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")


def _ratio(ds: xr.Dataset, name: str, over: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean and standard deviation over seeds, dims (pair, imbalance)."""
    times = contents.results(ds, name, [contents.CLASS])
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = (times.isel({contents.CLASS: c}) for c in (0, 1))
        ratio = contents.log10(first) - contents.log10(second)
        contents.require_dims(ratio, [_PAIR, _IMBALANCE, over])
        mean = ratio.mean(over) if over in ratio.dims else ratio
        spread = ratio.std(over, ddof=1) if ratio.sizes.get(over, 1) > 1 else xr.zeros_like(mean)
    order = [dim for dim in (_PAIR, _IMBALANCE) if dim in mean.dims]
    return mean.transpose(*order), spread.where(np.isfinite(spread), 0.0).transpose(*order)


def _looks(values: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Marker size by imbalance and colour by pair."""
    sizes, colors = np.full(values.shape, 6.0), np.empty(values.shape, object)
    for index in np.ndindex(values.shape):
        at = dict(zip(values.dims, index, strict=True))
        sizes[index] = 4.5 + 2.0 * at.get(_IMBALANCE, 1)
        colors[index] = style.class_color(at.get(_PAIR, 0))
    return sizes, colors


def _legend(ds: xr.Dataset, prefixes: list[str]) -> list[Line2D]:
    pairs = np.atleast_1d(ds[_PAIR].values) if _PAIR in ds.coords else []
    dots = {"linestyle": "none", "markersize": 6.0}
    return [
        *(
            Line2D([], [], marker="o", color=style.class_color(i), label=f"classes {pair}", **dots)
            for i, pair in enumerate(pairs)
        ),
        *(
            Line2D(
                [],
                [],
                marker=_PREFIXES[p],
                color=style.NEUTRAL,
                label=_WORDS[p],
                markerfacecolor=style.NEUTRAL if p == "exact" else "white",
                **dots,
            )
            for p in prefixes
        ),
    ]
