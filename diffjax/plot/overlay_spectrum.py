"""Eigenvalues of finite systems (histogram) with the density of the theory, bulk by bulk."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from diffjax.errors import InputError
from diffjax.plot import contents, labels, style
from diffjax.plot.decades import set_log_ticks

_ALL = -1
"""`bulk_class` of a bulk that belongs to no single class."""

_NEGLIGIBLE = 1e-4
_MARGIN = 0.04
_HEADROOM = 3.0
_MEASURED = "#C9CDD3"


@style.styled
def overlay_spectrum(
    ds: xr.Dataset,
    theory: xr.Dataset,
    *,
    quantity: str = "eigenvalues",
    bins: int = 90,
    over: str | None = "seed",
    ax: Axes | None = None,
) -> Axes:
    """Histogram of eigenvalues per decade, and the theory's density with a colour per bulk.

    Both are shares of all eigenvalues per decade, lambda log(10) times the density. Atoms of the
    theory, which have no density, are dashed vertical lines, its outliers triangles. The legend
    gives what a bulk stands for and its mass in the theory.

    Args:
        ds: one point of a sweep of `gradient_flow`, or one with a dimension `over`, whose spectra
            are pooled.
        theory: `Spectrum.to_dataset()` of the same problem: `density` along `eigenvalue`; along
            `bulk` its `bulk_lower`, `bulk_upper`, `bulk_mass` and, if known, `bulk_kind` and
            `bulk_class`; along `atom`, if there are any, `atom_location` and `atom_mass`; along
            `outlier` the isolated eigenvalues `outliers`.
        quantity: the variable of `ds` with the dimension `eigenvalue`.
        bins: number of bins, of equal width in the logarithm.
        over: dimension of realisations.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes, logarithmic in both directions.

    Raises:
        InputError: a variable is missing, swept dimensions are left, the point failed, no
            eigenvalue is positive, or `bins` is not positive.

    Example:
        >>> theory = dj.AsymptoticProblem(dj.GaussianMixture([1.0], [1.0]), 64.0, 8.0, 0.01)
        >>> spectrum = dj.spectrum(theory).to_dataset()
        >>> point = ds.sel(std_ratio=3.0, distance=1.0, imbalance_ratio=1.0)
        >>> png, pdf = dj.plot.save(overlay_spectrum(point, spectrum), "figures/spectrum")
    """
    if bins < 1:
        raise InputError(f"bins={bins}", "a whole number of at least 1", "raise bins")
    values = _eigenvalues(ds, quantity, over)
    density = contents.present(theory, "density", ["eigenvalue"])
    contents.require_dims(density, ["eigenvalue"])
    atoms, outliers = _atoms(theory), _outliers(theory)
    edges = _edges(values, density, [*(place for place, _ in atoms), *outliers], bins)
    ax = style.new_axes(ax, height=0.9 * style.COLUMN_WIDTH)
    heights = _heights(values, edges)
    ax.stairs(heights, edges, fill=True, color=_MEASURED, linewidth=0, label="finite system")
    top = max(_draw_bulks(ax, theory, density), float(heights.max()))
    one = 1 / values.size / np.log10(edges[1] / edges[0])
    _set_axes(ax, edges, 0.5 * one, _HEADROOM * top)
    _mark(ax, atoms, outliers)
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=7.0, handlelength=1.3,
        labelspacing=0.25,
    )  # fmt: skip
    return ax


def _eigenvalues(ds: xr.Dataset, quantity: str, over: str | None) -> np.ndarray:
    spectrum = contents.results(ds, quantity, ["eigenvalue"])
    contents.require_dims(spectrum, ["eigenvalue", *([over] if over else [])])
    contents.require_computed(ds, spectrum)
    values = spectrum.values[np.isfinite(spectrum.values)]
    if not (values > 0).any():
        raise InputError(
            f"none of {values.size} eigenvalues is positive",
            "a spectrum above zero",
            "check the point's status",
        )
    return values


def _atoms(theory: xr.Dataset) -> list[tuple[float, float]]:
    if "atom_mass" not in theory:
        return []
    places, masses = (theory[f"atom_{name}"].values for name in ("location", "mass"))
    return [(float(p), float(m)) for p, m in zip(places, masses, strict=True) if p > 0 and m > 0]


def _outliers(theory: xr.Dataset) -> list[float]:
    """Those that are outside of the bulk: one that is predicted inside is nan."""
    found = theory["outliers"].values if "outliers" in theory else np.zeros(0)
    return [float(place) for place in found if place > 0]


def _edges(values: np.ndarray, density: xr.DataArray, others: list[float], bins: int) -> np.ndarray:
    """Bins that hold all eigenvalues, all of the density that can be seen, atoms and outliers."""
    grid = density["eigenvalue"].values
    heights = grid * density.values
    carried = grid[heights > _NEGLIGIBLE * heights.max()]
    shown = np.concatenate([values[values > 0], carried, others])
    low, high = np.log10([shown.min(), shown.max()])
    margin = _MARGIN * (high - low) + 1e-3
    return np.logspace(low - margin, high + margin, bins + 1)


def _heights(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    counts, _ = np.histogram(values, edges)
    return counts / values.size / np.diff(np.log10(edges))


def _draw_bulks(ax: Axes, theory: xr.Dataset, density: xr.DataArray) -> float:
    """Draw the density and return its largest height."""
    grid = density["eigenvalue"].values
    heights = grid * np.log(10.0) * density.values
    bulks = theory.sizes.get("bulk", 0)
    for index in range(bulks):
        low, high = _ends(theory, index)
        inside = (grid >= low) & (grid <= high)
        color = style.class_color(index)
        ax.plot(grid[inside], heights[inside], color=color, label=_bulk_label(theory, index))
    if not bulks:
        ax.plot(grid, heights, color=style.class_color(0), label="theory")
    return float(np.nanmax(heights))


def _ends(theory: xr.Dataset, index: int) -> tuple[float, float]:
    """Edges of a bulk; residual eigenvalues, which may have none, reach up to the next bulk."""
    low, high = (float(theory[f"bulk_{end}"].values[index]) for end in ("lower", "upper"))
    if np.isnan(high):
        lowers = theory["bulk_lower"].values
        high = float(np.nanmin(lowers)) if not np.isnan(lowers).all() else np.inf
    return (0.0 if np.isnan(low) else low), high


def _mark(ax: Axes, atoms: list[tuple[float, float]], outliers: list[float]) -> None:
    for place, mass in atoms:
        ax.axvline(
            place, color=style.NEUTRAL, linestyle=(0, (3, 1.5)), linewidth=1.1,
            label=f"atom: {_mass(mass)}",
        )  # fmt: skip
    if outliers:
        ax.plot(
            outliers, np.full(len(outliers), 0.06), linestyle="none", marker="v", color="black",
            markersize=4.5, transform=ax.get_xaxis_transform(), label="outliers",
        )  # fmt: skip


def _bulk_label(theory: xr.Dataset, index: int) -> str:
    kind = str(theory["bulk_kind"].values[index]) if "bulk_kind" in theory else "bulk"
    label = int(theory["bulk_class"].values[index]) if "bulk_class" in theory else _ALL
    name = kind.replace("+", " + ") + (f", {labels.class_label(label)}" if label != _ALL else "")
    return f"{name}: {_mass(float(theory['bulk_mass'].values[index]))}"


def _mass(mass: float) -> str:
    return f"{mass:.3g}"


def _set_axes(ax: Axes, edges: np.ndarray, low: float, high: float) -> None:
    set_log_ticks(ax.xaxis)
    set_log_ticks(ax.yaxis)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(low, high)
    ax.set_xlabel(r"eigenvalue $\lambda$")
    ax.set_ylabel(r"share of eigenvalues per decade of $\lambda$")
