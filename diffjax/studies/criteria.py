"""Criteria of claims: functions that make a pure function from a dataset to a verdict.

Each takes the part of the grid it is about as `at`, axis name to value; the nearest grid point
counts. A dataset that lacks an axis raises KeyError, and the claim stays undecided.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from diffjax.studies.class_order import (
    TIMES,
    Reversal,
    describe_place,
    higher_variance_order,
    log_ratio,
    over_seeds,
    place_of,
    reversals,
    seed_scatter,
    settled_order,
    sign,
    std_ratio,
    tally,
)
from diffjax.studies.study import Verdict

Criterion = Callable[[xr.Dataset], Verdict]

IMBALANCE = "imbalance_ratio"

_MOST_LISTED = 4


def higher_variance_first(variable: str, at: Mapping[str, float]) -> Criterion:
    """The class of larger variance is first wherever the order is settled, and somewhere it is."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        part = dataset.sel(dict(at), method="nearest")
        ratio, expected = log_ratio(part, variable), higher_variance_order(std_ratio(part))
        order = settled_order(ratio)
        counts = tally(order, expected)
        against = _places(over_seeds(ratio), (order == -expected) & (expected != 0))
        text = (
            f"{TIMES[variable].capitalize()}: of {sum(counts)} points higher variance is first at "
            f"{counts.agree}, last at {counts.against}, open at {counts.open}."
        )
        if against:
            text += f" Against it: {_listed(against)}."
        holds = None if not counts.agree + counts.against else counts.against == 0
        return Verdict(holds, {**counts._asdict(), "exceptions": against}, text)

    return criterion


def _places(ratio: xr.DataArray, chosen: xr.DataArray) -> list[dict[str, Any]]:
    """Coordinates and log ratio of the chosen points."""
    ratio, chosen = xr.broadcast(ratio, chosen)
    points = (ratio[tuple(index)] for index in np.argwhere(chosen.values))
    return [{**place_of(point), "log10_ratio": float(point)} for point in points]


def _listed(places: list[dict[str, Any]]) -> str:
    return _joined([f"({describe_place(place)})" for place in places])


def _joined(texts: list[str]) -> str:
    more = len(texts) - _MOST_LISTED
    return "; ".join(texts[:_MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")


def imbalance_reverses(variable: str) -> Criterion:
    """Somewhere, for unequal variances, opposite classes are first at the ends of the imbalance."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        found = unequal_reversals(dataset, variable)
        numbers = {"lines": [reversal._asdict() for reversal in found]}
        start = f"{TIMES[variable].capitalize()}: "
        if not found:
            return Verdict(False, numbers, start + "no line reverses in every seed.")
        places = _joined([describe_reversal(reversal) for reversal in found])
        return Verdict(True, numbers, f"{start}{len(found)} lines reverse in every seed: {places}.")

    return criterion


def unequal_reversals(dataset: xr.Dataset, variable: str) -> tuple[Reversal, ...]:
    """`reversals` on the lines with unequal variances, where there is an order to reverse."""
    return reversals(log_ratio(dataset, variable).where(std_ratio(dataset) != 1.0))


def describe_reversal(reversal: Reversal) -> str:
    """For example ``stds[0]=1.2, distance=5.66 at imbalance ratio 0.41 (seeds 0.26 to 1.3)``."""
    return f"{describe_place(reversal.place)} at imbalance ratio {describe_crossing(reversal)}"


def describe_crossing(reversal: Reversal) -> str:
    """The crossing of the mean, with the range over seeds."""
    low, high = min(reversal.crossings), max(reversal.crossings)
    return f"{reversal.crossing:.2f} (seeds {low:.2f} to {high:.2f})"


def never_reversed(variable: str, at: Mapping[str, float]) -> Criterion:
    """On the selected part, higher variance first at every imbalance."""
    everywhere = higher_variance_first(variable, at)

    def criterion(dataset: xr.Dataset) -> Verdict:
        span = [float(dataset[IMBALANCE].min()), float(dataset[IMBALANCE].max())]
        verdict = everywhere(dataset)
        numbers = {**verdict.numbers, "imbalance_ratios": span}
        text = f"{verdict.text} Imbalance ratios {span[0]:.3g} to {span[1]:.3g}."
        return Verdict(verdict.holds, numbers, text)

    return criterion


def seeds_agree(variable: str) -> Criterion:
    """The median effect exceeds the median scatter over seeds, where the variances differ."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        ratio = log_ratio(dataset, variable).where(std_ratio(dataset) != 1.0)
        scatter = seed_scatter(ratio)
        if scatter is None:
            return Verdict(None, {}, "One seed only: its scatter is unknown.")
        effect, spread = float(abs(over_seeds(ratio)).median()), float(scatter.median())
        signs = sign(ratio).sum("seed", skipna=False)
        same = float((abs(signs) == ratio.sizes["seed"]).sum() / signs.notnull().sum())
        numbers = {"median_effect": effect, "median_scatter": spread, "same_order_share": same}
        text = (
            f"{TIMES[variable].capitalize()}: median |log10(time_0/time_1)| {effect:.3f}, median "
            f"scatter over seeds {spread:.3f}; all seeds give the same order at "
            f"{100 * same:.0f} % of points."
        )
        return Verdict(effect > spread, numbers, text)

    return criterion
