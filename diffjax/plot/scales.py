"""Swept coordinates as figure axes: linear, logarithmic or categorical; cell edges and ticks."""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axis import Axis
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    Locator,
    MaxNLocator,
    NullLocator,
)

from diffjax.plot.decades import set_log_scale

_MOST_TICKS = 5
_STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))


@dataclass(frozen=True)
class Scale:
    """How the values of one coordinate are laid out along an axis.

    Attributes:
        values: positions in data units, ascending; 0, 1, 2... for a categorical coordinate.
        logarithmic: spaced evenly in the logarithm.
        names: tick labels of a categorical coordinate, else empty.
    """

    values: np.ndarray
    logarithmic: bool = False
    names: tuple[str, ...] = ()

    def forward(self, values: np.ndarray) -> np.ndarray:
        """To the coordinate in which the axis is straight."""
        return np.log10(values) if self.logarithmic else np.asarray(values, float)

    def inverse(self, values: np.ndarray) -> np.ndarray:
        """Back to data units."""
        return 10.0**values if self.logarithmic else np.asarray(values, float)

    def edges(self) -> np.ndarray:
        """Borders of the cells around the values, half-way between neighbours on the axis."""
        straight = self.forward(self.values)
        if straight.size == 1:
            return self.inverse(
                straight[0] + np.array([-0.5, 0.5]) * (0.1 if self.logarithmic else 1)
            )
        middle = (straight[1:] + straight[:-1]) / 2
        ends = 2 * straight[[0, -1]] - middle[[0, -1]]
        return self.inverse(np.concatenate([ends[:1], middle, ends[1:]]))

    def apply(self, axis: Axis) -> None:
        """Set scale and ticks of a matplotlib axis."""
        if self.logarithmic:
            set_log_scale(axis)
        axis.set_major_locator(self._locator())
        axis.set_minor_locator(NullLocator())
        if self.names:
            axis.set_major_formatter(FuncFormatter(self._category))
        elif self.logarithmic:
            ticks = log_ticks(self.values)
            axis.set_major_formatter(FuncFormatter(_decimal if _are_decimal(ticks) else _ratio))

    def _locator(self) -> Locator:
        if self.names:
            return FixedLocator(list(self.values))
        if self.logarithmic:
            return FixedLocator(list(log_ticks(self.values)))
        return MaxNLocator(_MOST_TICKS, steps=[1, 2, 2.5, 5, 10])

    def _category(self, value: float, _position: int | None = None) -> str:
        return self.names[round(value)] if 0 <= round(value) < len(self.names) else ""


def scale_of(coordinate: xr.DataArray) -> Scale:
    """Scale of a swept coordinate, whose values ascend.

    Values that are positive and spaced more evenly in the logarithm get a logarithmic axis; values
    that are no numbers are categories.
    """
    values = coordinate.values
    if not np.issubdtype(values.dtype, np.number):
        return Scale(
            np.arange(values.size, dtype=float), names=tuple(str(value) for value in values)
        )
    values = values.astype(float)
    return Scale(values, logarithmic=is_geometric(values))


def is_geometric(values: np.ndarray) -> bool:
    """Whether values are positive and spaced more evenly in the logarithm than linearly."""
    if values.size < 3 or values.min() <= 0:
        return False
    return _unevenness(np.log(values)) < _unevenness(values)


def log_ticks(values: np.ndarray) -> np.ndarray:
    """At most five ticks: values that are whole numbers or one over them, else round numbers."""
    for stride in (1, 2, 3, 4):
        chosen = values[::stride]
        if (
            3 <= chosen.size <= _MOST_TICKS
            and chosen[-1] == values[-1]
            and all(map(_is_simple, chosen))
        ):
            return chosen
    return _round_ticks(values.min(), values.max())


def _round_ticks(low: float, high: float) -> np.ndarray:
    powers = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside = np.array([])
    for steps in _STEPS:
        ticks = np.sort(np.outer(powers, steps).ravel())
        inside = ticks[(ticks >= low * (1 - 1e-9)) & (ticks <= high * (1 + 1e-9))]
        if inside.size >= 3:
            break
    inside = inside if inside.size >= 2 else np.array([low, high])
    return inside[:: math.ceil(inside.size / _MOST_TICKS)]


def _unevenness(values: np.ndarray) -> float:
    steps = np.diff(values)
    return float(np.std(steps) / abs(np.mean(steps)))


def _is_simple(value: float) -> bool:
    larger = max(value, 1 / value)
    return larger < 100 and math.isclose(larger, round(larger), rel_tol=1e-6)


def _are_decimal(ticks: np.ndarray) -> bool:
    return all(math.isclose(float(_decimal(tick)), tick, rel_tol=1e-9) for tick in ticks)


def _decimal(value: float, _position: int | None = None) -> str:
    return f"{value:.3g}"


def _ratio(value: float, _position: int | None = None) -> str:
    return f"1/{round(1 / value)}" if value < 1 and _is_simple(value) else _decimal(value)
