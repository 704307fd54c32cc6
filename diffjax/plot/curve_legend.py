"""Legends above learning curves: the classes with their times, and what lines and marks mean."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from diffjax.plot import labels, style

DOTTED = (0, (1, 1.2))
LINES = {"train_loss": (0, (3.2, 1.4)), "test_loss": "-", "score_error": "-"}

_WORDS = {"train_loss": "train", "test_loss": "test", "score_error": "score error"}
_MARKERS = {"generalization_time": "o", "memorization_time": "D", "gap_onset_time": "^"}
_LINE_HEIGHT = 14.0


def marker_of(name: str) -> str:
    """Marker of a time."""
    return _MARKERS.get(name, "s")


def add_legends(
    ax: Axes,
    curves: Sequence[str],
    marks: Mapping[str, xr.DataArray],
    classes: Sequence[object],
    floors: bool,
) -> None:
    """Write two legends above the axes: one line per class with its times, then the line styles.

    Args:
        ax: where the curves are.
        curves: names of the variables drawn.
        marks: per-class times by name, dimension `class`.
        classes: names of the classes.
        floors: whether Bayes floors are drawn.
    """
    meanings = [_line_handle(name) for name in curves]
    if floors:
        meanings.append(
            Line2D([], [], color=style.NEUTRAL, linestyle=DOTTED, linewidth=0.9, label="Bayes")
        )
    meanings += [_mark_handle(name, values) for name, values in marks.items()]
    key = ax.legend(
        handles=meanings, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(meanings),
        handlelength=1.4, columnspacing=0.9,
    )  # fmt: skip
    ax.add_artist(key)
    names = [_class_handle(name, position, marks) for position, name in enumerate(classes)]
    ax.legend(
        handles=names, loc="lower center", bbox_to_anchor=(0.5, 1.0), labelspacing=0.2,
        bbox_transform=style.beside(ax, _LINE_HEIGHT),
    )  # fmt: skip


def _line_handle(name: str) -> Line2D:
    return Line2D([], [], color=style.NEUTRAL, linestyle=LINES[name], label=_WORDS[name])


def _mark_handle(name: str, values: xr.DataArray) -> Line2D:
    label = f"${labels.mark(values)}$"
    return Line2D(
        [], [], color=style.NEUTRAL, marker=marker_of(name), linestyle="none", label=label
    )


def _class_handle(name: object, position: int, marks: Mapping[str, xr.DataArray]) -> Line2D:
    times = [_time_text(values, position) for values in marks.values()]
    label = "  ".join([labels.class_label(name), ",  ".join(times)]).rstrip()
    return Line2D([], [], color=style.class_color(position), linewidth=2.5, label=label)


def _time_text(values: xr.DataArray, position: int) -> str:
    time, mark = float(values.values[position]), labels.mark(values)
    return f"${mark}={labels.number(time)}$" if np.isfinite(time) else f"${mark}$ not reached"
