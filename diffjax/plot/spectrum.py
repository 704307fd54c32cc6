"""Spectrum of the feature covariance: where the bulks lie, and how fast each relaxes."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from diffjax.errors import InputError
from diffjax.plot import contents, labels, style
from diffjax.plot.decades import set_log_ticks


@style.styled
def eigenvalue_histogram(
    ds: xr.Dataset,
    *,
    quantity: str = "eigenvalues",
    bins: int = 60,
    time_scale: float | None = None,
    log: bool = True,
    over: str | None = "seed",
    ax: Axes | None = None,
) -> Axes:
    """Density of eigenvalues per decade, in bins of equal width in the logarithm.

    Eigenvalues at or below zero have no place on the axis; how many there are is written into the
    figure. The density is normalised by all eigenvalues, so the bars then sum to less than one.

    Args:
        ds: one point of a sweep, or one with a dimension `over`, whose spectra are pooled.
        quantity: the variable, with the dimension `eigenvalue`.
        bins: number of bins.
        time_scale: adds an upper axis with the e-fold time time_scale / eigenvalue. For gradient
            flow that is psi_p / (2 Delta), psi_p = num_features / dim, Delta = 1 - exp(-2 t).
        log: logarithmic density, which shows bulks of a few eigenvalues.
        over: dimension of realisations.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes.

    Raises:
        InputError: no spectrum, swept dimensions are left, the point failed, no eigenvalue is
            positive, or `bins` or `time_scale` is not positive.

    Example:
        >>> point = ds.sel(std_ratio=3.0, distance=1.0, imbalance_ratio=1.0)
        >>> png, pdf = dj.plot.save(eigenvalue_histogram(point), "figures/spectrum")
    """
    spectrum = contents.results(ds, quantity, ["eigenvalue"])
    contents.require_dims(spectrum, ["eigenvalue", *([over] if over else [])])
    contents.require_computed(ds, spectrum)
    values = spectrum.values[np.isfinite(spectrum.values)]
    edges = _edges(values, bins)
    if time_scale is not None and not time_scale > 0:
        raise InputError(f"time_scale={time_scale}", "a positive number", "pass psi_p / (2 Delta)")
    ax = style.new_axes(ax)
    counts, _ = np.histogram(values, edges)
    density = counts / values.size / np.diff(np.log10(edges))
    ax.stairs(density, edges, fill=True, color=style.class_color(5), linewidth=0)
    ax.stairs(density, edges, color=style.class_color(0), linewidth=0.8)
    _set_axes(ax, spectrum, edges, values.size, log)
    _note_nonpositive(ax, int((values <= 0).sum()), values.size)
    if time_scale is not None:
        _add_time_axis(ax, time_scale)
    return ax


def _edges(values: np.ndarray, bins: int) -> np.ndarray:
    if bins < 1:
        raise InputError(f"bins={bins}", "a whole number of at least 1", "raise bins")
    positive = values[values > 0]
    if not positive.size:
        raise InputError(
            f"none of {values.size} eigenvalues is positive",
            "a spectrum above zero",
            "check the point's status",
        )
    low, high = np.log10([positive.min(), positive.max()])
    margin = 0.02 * (high - low) + 1e-3
    return np.logspace(low - margin, high + margin, bins + 1)


def _set_axes(ax: Axes, spectrum: xr.DataArray, edges: np.ndarray, count: int, log: bool) -> None:
    set_log_ticks(ax.xaxis)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xlabel(labels.long_label(spectrum))
    mark = labels.symbol(spectrum) or r"\lambda"
    ax.set_ylabel(rf"density per decade of ${mark}$")
    if log:
        set_log_ticks(ax.yaxis)
        one = 1 / count / np.log10(edges[1] / edges[0])
        ax.set_ylim(bottom=0.5 * one)
    else:
        ax.set_ylim(bottom=0)


def _note_nonpositive(ax: Axes, left_out: int, count: int) -> None:
    if left_out:
        ax.text(
            0.03,
            0.96,
            f"{left_out} of {count} not above 0",
            transform=ax.transAxes,
            va="top",
            fontsize=8.0,
        )


def _add_time_axis(ax: Axes, time_scale: float) -> None:
    def exchange(values: ArrayLike) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return time_scale / np.asarray(values, float)

    upper = ax.secondary_xaxis("top", functions=(exchange, exchange))
    set_log_ticks(upper.xaxis)
    upper.set_xlabel(r"e-fold time $\tau_\lambda$")
