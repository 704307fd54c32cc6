"""Which class comes first, measured on datasets with the classes 0 and 1.

The order is expressed by log10(time_0/time_1): negative where class 0 is first. Realisations (the
axis ``seed``) scatter, so an order counts as *settled* only if every seed gives it by at least 5 %.
Seeds share their draws along all other axes: how a ratio changes along an axis scatters much less
than the ratio itself.
"""

import json
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from diffjax.status import FAILURES, MISSING

SEED = "seed"

TIMES = {
    "generalization_time": "generalisation",
    "memorization_time": "memorisation",
    "gap_onset_time": "gap onset",
}
"""The per-class times, in words."""

SMALLEST_DIFFERENCE = float(np.log10(1.05))
"""|log10(time_0/time_1)| below which the order of two times is left open."""


def log_ratio(dataset: xr.Dataset, variable: str) -> xr.DataArray:
    """log10(time_0/time_1) at every point; nan where a time is missing or none was reached."""
    times = dataset[variable]
    if "status" in dataset:
        times = times.where(~dataset["status"].isin([int(MISSING), *map(int, FAILURES)]))
    first, second = (times.isel({"class": index}, drop=True) for index in (0, 1))
    with np.errstate(invalid="ignore"):  # inf - inf where none was reached
        return log10(first) - log10(second)


def log10(values: xr.DataArray) -> xr.DataArray:
    """Decimal logarithm."""
    return xr.apply_ufunc(np.log10, values)


def sign(values: xr.DataArray) -> xr.DataArray:
    """-1, 0 or 1."""
    return xr.apply_ufunc(np.sign, values)


def over_seeds(ratio: xr.DataArray) -> xr.DataArray:
    """The mean over seeds; nan if any of them has none."""
    return ratio.mean(SEED, skipna=False) if SEED in ratio.dims else ratio


def settled_order(ratio: xr.DataArray) -> xr.DataArray:
    """-1 where class 0 is first in every seed, +1 where class 1 is, 0 where that is open."""
    clear = sign(ratio).where(abs(ratio) >= SMALLEST_DIFFERENCE, 0.0)
    if SEED not in clear.dims:
        return clear
    return clear.isel({SEED: 0}, drop=True).where(clear.min(SEED) == clear.max(SEED), 0.0)


def seed_scatter(ratio: xr.DataArray) -> xr.DataArray | None:
    """Standard deviation over seeds; None without at least two of them."""
    return ratio.std(SEED, ddof=1) if ratio.sizes.get(SEED, 1) > 1 else None


def std_ratio(dataset: xr.Dataset) -> xr.DataArray:
    """sigma_0/sigma_1, along an axis or as one number.

    Raises:
        KeyError: the dataset says nothing about one of the standard deviations.
    """
    return _standard_deviation(dataset, 0) / _standard_deviation(dataset, 1)


def _standard_deviation(dataset: xr.Dataset, position: int) -> xr.DataArray:
    """From the axis that sweeps it, else from the problem that the dataset remembers."""
    name = f"stds[{position}]"
    for axis in dataset.coords:
        if axis == name or str(axis).endswith(f".{name}"):
            return dataset[axis]
    for field, values in json.loads(dataset.attrs["problem"]).items():
        if field.split(".")[-1] == "stds" and isinstance(values, list):
            return xr.DataArray(float(values[position]))
    raise KeyError(name)


class Tally(NamedTuple):
    """Points that agree with an expected order, contradict it, or leave it open."""

    agree: int
    against: int
    open: int

    @property
    def text(self) -> str:
        """Agreeing, contradicting and open points, for example ``31/2/3``."""
        return "/".join(map(str, self))


def higher_variance_order(stds: xr.DataArray) -> xr.DataArray:
    """The order in which the class of larger variance is first; 0 where the variances are equal."""
    return sign(1.0 - stds)


def tally(order: xr.DataArray, expected: xr.DataArray) -> Tally:
    """Compare a settled order with the expected one, where one is expected."""
    order, expected = xr.broadcast(order, expected)
    counts = expected != 0
    agree = int((counts & (order == expected)).sum())
    against = int((counts & (order == -expected)).sum())
    return Tally(agree, against, int(counts.sum()) - agree - against)


class Reversal(NamedTuple):
    """A line of the grid at whose ends opposite classes are first.

    Attributes:
        place: coordinates of the line.
        crossing: where the mean over seeds changes sign, linear in the logarithm of the position.
        crossings: the same for each seed.
        lowest: mean log10(time_0/time_1) at the smallest position.
        highest: the same at the largest.
    """

    place: dict[str, Any]
    crossing: float
    crossings: tuple[float, ...]
    lowest: float
    highest: float


def reversals(ratio: xr.DataArray, along: str = "imbalance_ratio") -> tuple[Reversal, ...]:
    """Lines along an axis at whose ends the orders are settled and opposite."""
    ends = settled_order(ratio.isel({along: [0, -1]}))
    reversed_lines = (ends.isel({along: 0}) * ends.isel({along: 1})) == -1
    places = [
        dict(zip(reversed_lines.dims, index, strict=True))
        for index in np.argwhere(reversed_lines.values)
    ]
    return tuple(_reversal(ratio.isel(place), along) for place in places)


def _reversal(line: xr.DataArray, along: str) -> Reversal:
    mean = over_seeds(line)
    log_positions = np.log(mean[along].values.astype(float))
    seeds = line.transpose(..., along).values.reshape(-1, len(log_positions))
    return Reversal(
        place_of(mean),
        crossing_point(log_positions, mean.values),
        tuple(crossing_point(log_positions, values) for values in seeds),
        float(mean[0]),
        float(mean[-1]),
    )


def crossing_point(log_positions: np.ndarray, values: np.ndarray) -> float:
    """Where values change sign, by linear interpolation; the middle one of several, nan if none.

    Nan and exact zeros are skipped; next to an infinite value it is half way.
    """
    usable = ~np.isnan(values) & (values != 0)
    x, y = log_positions[usable], values[usable]
    change = np.flatnonzero(np.sign(y[:-1]) != np.sign(y[1:]))
    if not len(change):
        return float("nan")
    at = change[len(change) // 2]
    below, above = abs(y[at]), abs(y[at + 1])
    finite = np.isfinite(below) and np.isfinite(above)
    share = below / (below + above) if finite else 0.5
    return float(np.exp(x[at] + share * (x[at + 1] - x[at])))


def place_of(selected: xr.DataArray) -> dict[str, Any]:
    """The coordinates that a selection has fixed."""
    fixed = {name: value for name, value in selected.coords.items() if value.ndim == 0}
    return {str(name): value.item() for name, value in fixed.items()}


def describe_place(place: dict[str, Any]) -> str:
    """For example ``stds[0]=1.2, distance=5.66``."""
    shown = {k: f"{v:.3g}" if isinstance(v, float) else str(v) for k, v in place.items()}
    return ", ".join(f"{name}={value}" for name, value in shown.items())
