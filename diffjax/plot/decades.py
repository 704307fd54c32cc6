"""Ticks of logarithmic axes, from a few per cent to many decades."""

import math

import numpy as np
from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import Formatter, Locator, MaxNLocator, NullFormatter

from diffjax.plot import labels

_MANY = 2.0
_FEW = 0.7
_FINE = [1, 2, 3, 5, 7]


def set_log_ticks(axis: Axis, most: int = 6) -> None:
    """Make an axis logarithmic, with two to `most` labels whatever its range.

    Labels stand at powers of ten over two decades or more, at 1, 2 and 5 (or 1, 2, 3, 5 and 7)
    times powers of ten over less, and at evenly spaced round numbers over less than a factor five.
    """
    if axis.get_scale() == "linear":
        set_log_scale(axis)
    axis.set_major_locator(_LogTicks(most))
    axis.set_major_formatter(_LogTickText())
    axis.set_minor_locator(_MinorLogTicks())
    axis.set_minor_formatter(NullFormatter())


def set_log_scale(axis: Axis) -> None:
    """Make an axis logarithmic, with matplotlib's ticks."""
    assert axis.axes is not None
    (axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale)("log")


def ticks_between(low: float, high: float, most: int = 6) -> np.ndarray:
    """Round numbers between two positive ones, as described in `set_log_ticks`."""
    width = math.log10(high / low)
    if width >= _MANY:
        exponents = np.arange(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        stride = math.ceil(exponents.size / most)
        return 10.0 ** exponents[exponents % stride == 0]
    if width >= _FEW:
        coarse = _inside(_multiples(low, high, [1, 2, 5]), low, high)
        return coarse if coarse.size > 2 else _inside(_multiples(low, high, _FINE), low, high)
    steps = MaxNLocator(most - 1, steps=[1, 2, 2.5, 5, 10])
    return _inside(np.asarray(steps.tick_values(low, high)), low, high)


class _LogTicks(Locator):
    def __init__(self, most: int):
        self.most = most

    def __call__(self) -> np.ndarray:
        return self.tick_values(*_view(self))

    def tick_values(self, vmin: float, vmax: float) -> np.ndarray:
        return ticks_between(vmin, vmax, self.most)


class _MinorLogTicks(Locator):
    """2, 3, ... 9 times powers of ten over few decades, powers of ten over many."""

    def __call__(self) -> np.ndarray:
        return self.tick_values(*_view(self))

    def tick_values(self, vmin: float, vmax: float) -> np.ndarray:
        width = math.log10(vmax / vmin)
        if width < _FEW:
            return np.array([])
        multiples = range(1, 10) if width <= 2 * _MANY else [1]
        return _inside(_multiples(vmin, vmax, multiples), vmin, vmax)


class _LogTickText(Formatter):
    def __call__(self, x: float, pos: int | None = None) -> str:
        low, high = _view(self)
        if math.log10(high / low) >= _MANY:
            return f"$10^{{{round(math.log10(x))}}}$"
        return f"${labels.number(x, digits=6)}$"


def _view(helper: Locator | Formatter) -> tuple[float, float]:
    assert helper.axis is not None
    low, high = sorted(helper.axis.get_view_interval())
    return (float(low), float(high)) if 0 < low < high else (1.0, 10.0)


def _multiples(low: float, high: float, steps) -> np.ndarray:
    exponents = np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return np.outer(10.0**exponents, np.asarray(steps)).ravel()


def _inside(ticks: np.ndarray, low: float, high: float) -> np.ndarray:
    return ticks[(ticks >= low * (1 - 1e-9)) & (ticks <= high * (1 + 1e-9))]
