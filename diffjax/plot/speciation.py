"""Speciation of classes in backward diffusion: cloning curves, maps and laws of delay, potential.

    speciation_curves  probability to come back to one's class against diffusion time
    delay_map          how much later one class is told apart than another, over two coordinates
    delay_curves       delay of a class against one coordinate, with its two limiting laws
    potential_ridge    the potential V(q, t) of the backward drift, one curve per diffusion time

Backward time runs towards smaller t, from right to left and from top to bottom.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from diffjax.plot import contents, labels, layout, maps, style
from diffjax.plot.scales import scale_of

CLOCK = "diffusion_time"
_LEVEL = 0.5
_VISIBLE = 0.004
_RIDGES = 13
_LINE_HEIGHT = 14.0
_RISE = 0.3
_TALL = 20.0


@style.styled
def speciation_curves(ds: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Probability of each class to come back to itself against diffusion time.

    The dashed line is the memory of the first split, which all classes share. Discs are where a
    curve crosses one half, squares where the return becomes certain, the solid verticals where
    the class's own basin appears, the dotted one where it would with equal weights.

    Args:
        ds: one point of a sweep of `speciation`.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes.

    Raises:
        InputError: a variable is missing, or swept dimensions are left.

    Example:
        >>> point = ds.isel(distance=0, imbalance_ratio=0)
        >>> png, pdf = dj.plot.save(speciation_curves(point), "figures/curves")
    """
    probability = contents.results(ds, "cloning_probability", [CLOCK, contents.CLASS])
    contents.require_dims(probability, [CLOCK, contents.CLASS, "returned_class"])
    clock = np.asarray(clock_of(ds))
    table = probability.transpose(CLOCK, contents.CLASS, "returned_class").values
    returns = np.diagonal(table, axis1=1, axis2=2).T
    ax = style.new_axes(ax, height=2.75)
    ax.axhline(_LEVEL, color=style.GAP, linewidth=0.8, zorder=0)
    memory = ds["memory"].transpose(CLOCK, "split").values[:, 0]
    ax.plot(clock, memory, color=style.NEUTRAL, linestyle=(0, (3.2, 1.4)))
    for position, curve in enumerate(returns):
        _draw_class(ax, ds, position, clock, curve)
    _vertical(ax, float(ds["balanced_spinodal_time"]), style.NEUTRAL, (0, (1, 1.2)))
    ax.set_xlim(*_stretch(clock, np.vstack([returns, memory[None]])))
    ax.set_ylim(-0.02, 1.04)
    ax.set_xlabel("diffusion time $t$")
    ax.set_ylabel(r"return to own class $\phi_c=\Phi_{cc}$")
    _curve_legends(ax, contents.class_names(probability), returns)
    return ax


def clock_of(ds: xr.Dataset) -> xr.DataArray:
    """The diffusion times of a dataset, however they are stored."""
    found = ds["diffusion_times"] if "diffusion_times" in ds else ds[CLOCK]
    contents.require_dims(found, [CLOCK])
    return found


def _draw_class(
    ax: Axes, ds: xr.Dataset, position: int, clock: np.ndarray, curve: np.ndarray
) -> None:
    color = style.class_color(position)
    ax.plot(clock, curve, color=color)
    for name, marker in (("speciation_time", "o"), ("certain_time", "s")):
        time = float(ds[name].values[position])
        if clock[0] < time < clock[-1]:
            ax.plot(time, np.interp(time, clock, curve), marker, color=color, markersize=4.5)
    _vertical(ax, float(ds["spinodal_time"].values[position]), color, "-")


def _vertical(ax: Axes, time: float, color: str, linestyle) -> None:
    if 0 < time < np.inf:
        ax.axvline(time, color=color, linestyle=linestyle, linewidth=0.9, alpha=0.8, zorder=0.5)


def _stretch(clock: np.ndarray, curves: np.ndarray) -> tuple[float, float]:
    """Where something visible changes."""
    moving = (np.abs(curves - curves[:, :1]) > _VISIBLE).any(0) & (
        np.abs(curves - curves[:, -1:]) > _VISIBLE
    ).any(0)
    if not moving.any():
        return float(clock[0]), float(clock[-1])
    return float(clock[moving][0]) - 0.15, float(clock[moving][-1]) + 0.15


def _curve_legends(ax: Axes, classes: Sequence[object], returns: np.ndarray) -> None:
    meanings = [
        Line2D([], [], color=style.NEUTRAL, linestyle=(0, (3.2, 1.4)), label="memory"),
        Line2D([], [], color=style.NEUTRAL, marker="o", linestyle="none", label="one half"),
        Line2D([], [], color=style.NEUTRAL, marker="s", linestyle="none", label="certain"),
        Line2D([], [], color=style.NEUTRAL, linewidth=0.9, label="basin"),
        Line2D(
            [], [], color=style.NEUTRAL, linewidth=0.9, linestyle=(0, (1, 1.2)),
            label=r"equal $\rho$",
        ),
    ]  # fmt: skip
    key = ax.legend(
        handles=meanings, loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=len(meanings),
        handlelength=1.1, columnspacing=0.7, handletextpad=0.4,
    )  # fmt: skip
    ax.add_artist(key)
    names = [
        Line2D(
            [], [], color=style.class_color(position), linewidth=2.5,
            label=rf"{labels.class_label(name)}, $\rho_{{{position}}}={curve[-1]:.3g}$",
        )
        for position, (name, curve) in enumerate(zip(classes, returns, strict=True))
    ]  # fmt: skip
    ax.legend(
        handles=names, loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2,
        bbox_transform=style.beside(ax, _LINE_HEIGHT),
    )  # fmt: skip


@style.styled
def delay_map(
    ds: xr.Dataset,
    quantity: str = "certain_time",
    *,
    x: str | None = None,
    y: str | None = None,
    panel: str | None = None,
    classes: tuple[object, object] | None = None,
    axes: Sequence[Axes] | np.ndarray | None = None,
) -> Figure:
    """How much later the first class is told apart than the second, over two coordinates.

    Args:
        ds: result of a sweep of `speciation`.
        quantity: per-class diffusion time; the time of the second class minus that of the first
            is drawn, hatched where one of them has no time of its own.
        x: coordinate along the horizontal axis; by default the first that is left.
        y: coordinate along the vertical axis.
        panel: coordinate with one panel per value.
        classes: two labels of `class`, or two positions; by default the first two.
        axes: one per panel to draw into.

    Returns:
        The figure.

    Raises:
        InputError: a variable, class or coordinate is missing, or dimensions are left over.

    Example:
        >>> figure = delay_map(ds, x="imbalance_ratio", y="distance")
        >>> png, pdf = dj.plot.save(figure, "figures/delay")
    """
    field = _delay(contents.results(ds, quantity, [contents.CLASS]), classes)
    chosen = layout.choose(field, x, y, panel)
    (block,), owned = layout.blocks([len(chosen.panels)], axes)
    values = np.stack(chosen.panels)
    known = values[np.isfinite(values)]
    norm = Normalize(min(0.0, known.min(initial=0.0)), known.max(initial=0.0) or 1.0)
    mesh = None
    for ax, panel_values, title in zip(block, chosen.panels, chosen.titles, strict=True):
        mesh = maps.draw_map(ax, panel_values, chosen.x, chosen.y, style.MAGNITUDE_COLORMAP, norm)
        _contours(ax, chosen, panel_values, norm)
        ax.set_title(title)
        ax.set_xlabel(labels.short_label(chosen.x_coordinate))
        ax.set_ylabel(labels.short_label(chosen.y_coordinate))
    assert mesh is not None
    _delay_bar(mesh, block, field)
    if owned:
        layout.keep_outer_labels([block])
        _hatch_legend(block, values)
    return style.figure_of(block[0])


def _delay(times: xr.DataArray, classes: tuple[object, object] | None) -> xr.DataArray:
    positions, named = contents.class_pair(times, classes)
    first, second = (times.isel({contents.CLASS: at}, drop=True) for at in positions)
    # 0 stands for a class that is never told apart, inf for one that always is: no delay exists
    exists = np.isfinite(first) & np.isfinite(second) & (first > 0) & (second > 0)
    delay = (second - first).where(exists, np.inf).where(first.notnull() & second.notnull())
    symbol = "-".join(labels.of_class(times, name) for name in reversed(named))
    words = f"delay of {labels.class_label(named[0])}"
    delay.attrs = {"symbol": symbol, "long_name": words, "units": "1"}
    return delay.rename("delay")


def _hatch_legend(axes: Sequence[Axes], values: np.ndarray) -> None:
    if not np.isinf(values).any():
        return
    hatched = Patch(facecolor="white", edgecolor="#8C8C8C", hatch="//////", linewidth=0)
    hatched.set_label("a class is never, or always, told apart")
    style.figure_of(axes[0]).legend(handles=[hatched], loc="outside upper center")


def _contours(ax: Axes, chosen: layout.Panels, values: np.ndarray, norm: Normalize) -> None:
    """Thin lines at round values, where there is more than one row and column."""
    if min(values.shape) < 2 or not np.isfinite(values).any():
        return
    drawn = ax.contour(
        chosen.x.values, chosen.y.values, np.ma.masked_invalid(values), levels=6,
        colors="white", linewidths=0.6, norm=norm,
    )  # fmt: skip
    ax.clabel(drawn, fontsize=6.5, fmt="%.2g")


def _delay_bar(mesh: QuadMesh, axes: Sequence[Axes], field: xr.DataArray) -> None:
    bar = style.figure_of(axes[0]).colorbar(mesh, ax=list(axes), pad=0.015, aspect=18)
    bar.set_label(f"{field.attrs['long_name']}  ${field.attrs['symbol']}$")
    bar.ax.tick_params(direction="out", length=2.5)


@style.styled
def delay_curves(
    ds: xr.Dataset, axis: str = "imbalance_ratio", *, label: object = 0, ax: Axes | None = None
) -> Axes:
    """Delay of a class in backward time against one coordinate.

    Discs: birth of the class's basin, behind the same mixture with equal weights, and its laws of
    weak and of strong imbalance for two classes of unit variance (lines). Squares: certain return
    of the class, behind that of the first other class.

    Args:
        ds: result of a sweep of `speciation` with one swept dimension left.
        axis: coordinate along that dimension.
        label: the class, by its label or its position.
        ax: where to draw; by default a new figure of one column's width.

    Returns:
        The axes.

    Raises:
        InputError: a variable or coordinate is missing, or further swept dimensions are left.

    Example:
        >>> png, pdf = dj.plot.save(delay_curves(ds.sel(distance=1.0)), "figures/delay")
    """
    parts = {name: _of_class(ds, name, axis, label) for name in (*_LAWS, "spinodal_delay")}
    scale = scale_of(parts["spinodal_delay"][axis])
    ax = style.new_axes(ax, height=2.75)
    for name, look in _LAWS.items():
        ax.plot(scale.values, parts[name].values, color=style.NEUTRAL, **look)
    certain = contents.ascending(contents.results(ds, "certain_time", [contents.CLASS]), axis)
    at = contents.class_position(certain, label)
    others = certain.drop_isel({contents.CLASS: at}).max(contents.CLASS)
    later = others - certain.isel({contents.CLASS: at}, drop=True)
    for delay, color, look in (
        (
            parts["spinodal_delay"],
            style.class_color(0),
            ("o", "birth of the basin"),
        ),
        (later, style.class_color(1), ("s", "certain return")),
    ):
        ax.plot(
            scale.values, delay.where(np.isfinite(delay)).values, linestyle="none", color=color,
            markeredgecolor="white", markeredgewidth=0.4, markersize=5.0,
            marker=look[0], label=look[1],
        )  # fmt: skip
    scale.apply(ax.xaxis)
    ax.set_ylim(bottom=-0.03)
    ax.set_xlabel(labels.long_label(parts["spinodal_delay"][axis]))
    ax.set_ylabel(f"delay of {labels.class_label(label)} in $t$")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


_LAWS = {
    "weak_imbalance_delay": {"linestyle": "-", "label": r"$\frac{1}{2}(3h/2)^{2/3}$"},
    "strong_imbalance_delay": {
        "linestyle": (0, (3.2, 1.4)),
        "label": r"$\frac{1}{2}\log(h+\frac{1}{2}+\frac{1}{2}\log 4h)$",
    },
}


def _of_class(ds: xr.Dataset, name: str, axis: str, label: object) -> xr.DataArray:
    part = contents.results(ds, name, [contents.CLASS])
    dim = contents.dim_of(part, axis)
    contents.require_dims(part, [dim, contents.CLASS])
    at = contents.class_position(part, label)
    return contents.ascending(part.isel({contents.CLASS: at}, drop=True), axis)
