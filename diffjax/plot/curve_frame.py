"""The part of learning curves worth showing: limits of both axes."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes

from diffjax.plot.decades import set_log_ticks

_LOWEST_LINEAR = 0.1
_SETTLED = 0.01
_MARGIN = 10**0.4


def set_frame(
    ax: Axes,
    clock: np.ndarray,
    curves: np.ndarray,
    times: Iterable[float],
    log: bool | None,
) -> None:
    """Set scales and limits of both axes.

    Heights are logarithmic if a curve falls below a tenth of its start. Else they are linear, and
    a curve that rises far beyond its start leaves through the upper border: as far above the
    start is shown as the lowest curve falls below it. Training time covers the stretch in which
    something visible changes, and all marks.

    Args:
        ax: where the curves are.
        clock: training times.
        curves: heights, (curve, training time).
        times: marks; those that are not finite are ignored.
        log: logarithmic heights; None to decide as above.
    """
    start, lowest = float(curves[:, 0].max()), float(curves.min())
    log = 0 < lowest < _LOWEST_LINEAR * start if log is None else log
    if log:
        visible = np.log(np.maximum(curves, np.finfo(float).tiny))
        set_log_ticks(ax.yaxis)
    else:
        top = min(float(curves.max()), 2 * start - lowest)
        visible = np.minimum(curves, top)
        margin = 0.06 * (top - lowest) or 0.5
        ax.set_ylim(lowest - margin, top + margin)
    set_log_ticks(ax.xaxis)
    ax.set_xlim(*_stretch(clock, visible, [time for time in times if np.isfinite(time)]))


def _stretch(clock: np.ndarray, visible: np.ndarray, times: list[float]) -> tuple[float, float]:
    tolerance = _SETTLED * np.ptp(visible)
    started = (np.abs(visible - visible[:, :1]) > tolerance).any(0)
    unsettled = (np.abs(visible - visible[:, -1:]) > tolerance).any(0)
    shown = np.concatenate([clock[started & unsettled], times])
    if not shown.size:
        return float(clock[0]), float(clock[-1])
    low, high = shown.min() / _MARGIN, shown.max() * _MARGIN
    return max(float(clock[0]), low), min(float(clock[-1]), high)
