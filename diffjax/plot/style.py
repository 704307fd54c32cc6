"""The look of every figure: palette, fonts, sizes, saving. Global settings are never changed.

Two widths fit a two-column page: `COLUMN_WIDTH` and `PAGE_WIDTH`, in inches. The fonts (STIX) come
with matplotlib, so a figure looks the same on every machine.
"""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, FigureBase
from matplotlib.transforms import ScaledTranslation, Transform

from diffjax.errors import InputError

COLUMN_WIDTH = 3.35
PAGE_WIDTH = 7.0

CLASS_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, ordered so that the first two classes differ most."""

NEUTRAL = "#4D4D4D"
GAP = "#BDBDBD"

ORDER_COLORMAP = LinearSegmentedColormap.from_list(
    "class_order", ["#08355C", "#0072B2", "#7DB4D8", "#F5F5F2", "#F0A874", "#D55E00", "#6E2A00"]
)
"""Diverging, in the colours of classes 0 (negative) and 1 (positive): blue and orange, which all
common kinds of colour vision tell apart; equal steps of lightness on both sides."""

MAGNITUDE_COLORMAP = "cividis"

_SETTINGS: dict[Any, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "legend.handlelength": 1.7,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.2,
    "legend.borderaxespad": 0.3,
    "axes.linewidth": 0.6,
    "axes.titlepad": 4.0,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "hatch.linewidth": 0.5,
    "figure.dpi": 100.0,
    "savefig.dpi": 300.0,
    "savefig.bbox": None,
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,
}

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def context() -> AbstractContextManager[None]:
    """Settings of all figures, in force inside a `with` block only.

    Example:
        >>> with context():
        ...     figure = new_figure()
    """
    return matplotlib.rc_context(_SETTINGS)


def styled(draw: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Run a drawing function inside `context`."""

    @functools.wraps(draw)
    def inside_context(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with context():
            return draw(*args, **kwargs)

    return inside_context


def class_color(position: int) -> str:
    """Colour of the class at a position; from the eighth class on, colours repeat."""
    return CLASS_COLORS[position % len(CLASS_COLORS)]


def new_figure(width: float = COLUMN_WIDTH, height: float | None = None) -> Figure:
    """An empty figure that pyplot does not know of: nothing to close, safe without a display.

    Args:
        width: inches.
        height: inches; by default 0.75 of the width.
    """
    with context():
        return Figure(
            figsize=(width, 0.75 * width if height is None else height), layout="constrained"
        )


def new_axes(ax: Axes | None, height: float | None = None) -> Axes:
    """The caller's axes, or those of a new figure of one column's width."""
    return new_figure(height=height).subplots() if ax is None else ax


def beside(ax: Axes, points: float) -> Transform:
    """Coordinates of the axes, moved upwards by a length in points."""
    whole = figure_of(ax)
    return ax.transAxes + ScaledTranslation(0, points / 72, whole.dpi_scale_trans)


def save(figure: FigureBase | Axes, path: str | Path) -> tuple[Path, Path]:
    """Write a figure as PNG (300 dpi) and PDF; the same figure gives the same bytes.

    Neither file holds a date. Missing folders are made.

    Args:
        figure: a figure, or axes in it.
        path: where to write, without ending (an ending `.png` or `.pdf` is dropped).

    Returns:
        The two paths, PNG first.

    Raises:
        InputError: `figure` is not a figure.
        OSError: the folder cannot be written.

    Example:
        >>> png, pdf = save(new_figure(), "figures/empty")
        >>> png.name, pdf.name
        ('empty.png', 'empty.pdf')
    """
    whole = figure_of(figure)
    stem = Path(path)
    stem = stem.with_suffix("") if stem.suffix in {".png", ".pdf"} else stem
    png, pdf = stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.pdf")
    stem.parent.mkdir(parents=True, exist_ok=True)
    with context():
        whole.savefig(png, metadata={"Software": None})
        whole.savefig(pdf, metadata={"CreationDate": None})
    return png, pdf


def figure_of(drawn: FigureBase | Axes) -> Figure:
    """The figure that holds axes or a sub-figure.

    Raises:
        InputError: `drawn` is neither.
    """
    whole = drawn.get_figure(root=True) if isinstance(drawn, (FigureBase, Axes)) else None
    if isinstance(whole, Figure):
        return whole
    raise InputError(
        f"figure is a {type(drawn).__name__}",
        "a matplotlib figure or axes",
        "pass what a function of diffjax.plot returned",
    )
