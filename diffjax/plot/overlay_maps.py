"""Which class is first by the theory (colour), with the boundary of finite systems on top."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from diffjax.errors import InputError
from diffjax.plot import contents, layout, style
from diffjax.plot.comparison import log_ratio, zero_lines
from diffjax.plot.maps import phase_maps

_PREFIX = "theory_"
_MEAN = {"color": "black", "linestyle": "none", "marker": "o", "markersize": 3.6}
_SINGLE = {"color": style.NEUTRAL, "linewidth": 0.7, "linestyle": (0, (3.0, 1.5))}


@style.styled
def overlay_phase_maps(
    ds: xr.Dataset,
    quantity: str = "generalization_time",
    finite: xr.Dataset | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    panel: str | None = None,
    titles: Sequence[str] | None = None,
    classes: Sequence[object] | None = None,
    over: str | None = "seed",
    limit: float | None = None,
    axes: Sequence[Axes] | np.ndarray | None = None,
) -> Figure:
    """The map of `phase_maps` for the theory, with the boundary of finite systems.

    The line is where both classes take equally long in the theory. Discs are where the log ratio
    of the finite systems vanishes in the mean over realisations, dashed lines where it does in
    each of them, both interpolated between the points of their own grid.

    Args:
        ds: result of a sweep of `theory_comparison`, or one of the theory alone.
        quantity: per-class time.
        finite: result of a sweep of `gradient_flow` over the same coordinates, on any grid, for
            one panel; by default `ds` itself if it also holds finite systems.
        x: coordinate along the horizontal axis; by default the first that is left.
        y: coordinate along the vertical axis; by default the next that is left.
        panel: coordinate with one panel per value.
        titles: of the panels, in their order; by default the values of `panel`.
        classes: two labels of `class`, or two positions, by default the first two; blue means
            that the first of them comes first.
        over: dimension of realisations.
        limit: largest magnitude on the colour scale; by default that of the data.
        axes: one per panel, to draw into.

    Returns:
        The figure.

    Raises:
        InputError: a variable, class or coordinate is missing, dimensions are left over, or
            titles, axes or the panels of `finite` are not as many as the panels.

    Example:
        >>> plane = ds.sel(std_ratio=3.0)
        >>> figure = overlay_phase_maps(plane, x="distance", y="imbalance_ratio")
        >>> png, pdf = dj.plot.save(figure, "figures/map")
    """
    contents.present(ds, quantity, [contents.CLASS])
    both = _PREFIX + quantity in ds
    drawn = _PREFIX + quantity if both else quantity
    chosen = layout.choose(log_ratio(ds, drawn, classes, over), x, y, panel)
    names = {"x": str(chosen.x_coordinate.name), "y": str(chosen.y_coordinate.name)}
    titles = _checked_titles(titles, chosen)
    source = finite if finite is not None or not both else ds
    boundaries = _boundaries(source, quantity, names, panel, classes, over, len(titles))
    figure = phase_maps(
        ds, drawn, **names, panel=panel, classes=classes, over=over, limit=limit, axes=axes
    )
    panels = _panels(figure) if axes is None else list(np.ravel(np.asarray(axes, dtype=object)))
    for ax, title in zip(panels, titles, strict=True):
        ax.set_title(title)
    for ax, lines in zip(panels, boundaries, strict=False):
        _draw_boundary(ax, *lines)
    _replace_legend(figure, panels, axes is None, any(len(mean) for mean, _ in boundaries))
    return figure


_Lines = list[np.ndarray]


def _checked_titles(titles: Sequence[str] | None, chosen: layout.Panels) -> list[str]:
    if titles is None:
        return chosen.titles
    if isinstance(titles, str) or len(titles) != len(chosen.titles):
        raise InputError(
            f"titles={titles!r}", f"one for each of {len(chosen.titles)} panels", "pass that many"
        )
    return list(titles)


def _boundaries(
    source: xr.Dataset | None,
    quantity: str,
    names: dict[str, str],
    panel: str | None,
    classes: Sequence[object] | None,
    over: str | None,
    count: int,
) -> list[tuple[_Lines, _Lines]]:
    """Per panel the zero lines of the mean and those of all realisations."""
    if source is None:
        return []
    mean = layout.choose(log_ratio(source, quantity, classes, over), **names, panel=panel)
    if len(mean.panels) != count:
        raise InputError(
            f"finite has {len(mean.panels)} panels and the map {count}",
            "the same panels",
            "select those of one, for example ds.isel(geometry=0)",
        )
    seeds = source.sizes.get(over, 1) if over else 1
    parts = [source.isel({over: [index]}) for index in range(seeds)] if seeds > 1 else []
    single = [
        layout.choose(log_ratio(part, quantity, classes, over), **names, panel=panel)
        for part in parts
    ]
    return [
        (
            zero_lines(mean.panels[at], mean.x, mean.y),
            [line for one in single for line in zero_lines(one.panels[at], one.x, one.y)],
        )
        for at in range(count)
    ]


def _panels(figure: Figure) -> list[Axes]:
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def _draw_boundary(ax: Axes, mean: _Lines, single: _Lines) -> None:
    for line in single:
        ax.plot(*line.T, **_SINGLE, zorder=3, scalex=False, scaley=False)
    for line in mean:
        ax.plot(
            *line.T, **_MEAN, markeredgecolor="white", markeredgewidth=0.5, zorder=4,
            scalex=False, scaley=False,
        )  # fmt: skip


def _replace_legend(figure: Figure, panels: Sequence[Axes], owned: bool, points: bool) -> None:
    handles = [Line2D([], [], color="black", linewidth=1.3, label="equal times, theory")]
    if points:
        handles.append(Line2D([], [], **_MEAN, label="finite systems, mean"))
        handles.append(Line2D([], [], **_SINGLE, label="each realisation"))
    if not owned:
        below = style.beside(panels[0], -30)
        panels[0].legend(
            handles=handles, loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below
        )
        return
    others = list(figure.legends)
    kept = [
        (handle, text.get_text())
        for legend in others
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True)
        if text.get_text() != "equal times"
    ]
    for legend in others:
        legend.remove()
    for handle, text in kept:
        if handle is not None:
            handle.set_label(text)
            handles.append(handle)  # pyright: ignore[reportArgumentType]
    columns = 4 if figure.get_figwidth() > style.COLUMN_WIDTH else 2
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
