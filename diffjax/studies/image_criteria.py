"""Criteria and tables of studies on pairs of image classes: orders, imbalance, predictions.

Class 0 of a pair is the first of its labels.  Orders are those of `diffjax.studies.class_order`.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr

from diffjax.studies.class_order import (
    TIMES,
    log10,
    log_ratio,
    over_seeds,
    seed_scatter,
    settled_order,
    sign,
)
from diffjax.studies.study import Table, Verdict

IMBALANCE = "imbalance_ratio"

PREDICTIONS = {"exact": "random features, exact", "theory": "high-dimensional theory"}
"""Prefix of the predicted times in a dataset to what predicts them."""

PAIRS = {"[8,3]": "bag, dress", "[6,2]": "shirt, pullover"}
"""The coordinate of a pair to the names of its classes, class 0 first."""


def first_class_first(pair: str, variable: str, reason: str) -> Callable[[xr.Dataset], Verdict]:
    """At equal counts class 0 of the pair has the smaller time in every seed."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        ratio = _pair(log_ratio(dataset, variable), pair).sel({IMBALANCE: 1.0}, method="nearest")
        order = float(settled_order(ratio))
        text = f"{TIMES[variable].capitalize()}, {reason}: {_described(ratio)}."
        holds = {-1.0: True, 1.0: False}.get(order)
        return Verdict(holds, {"log10_ratio": _listed(ratio)}, text)

    return criterion


def imbalance_moves(pair: str, variable: str) -> Callable[[xr.Dataset], Verdict]:
    """From 1 : 9 to 9 : 1 the order of a pair moves one way in every seed; does it turn?"""

    def criterion(dataset: xr.Dataset) -> Verdict:
        ratio = _pair(log_ratio(dataset, variable), pair)
        ends = ratio.isel({IMBALANCE: [0, -1]})
        shift = (ends.isel({IMBALANCE: 1}) - ends.isel({IMBALANCE: 0})).values
        orders = settled_order(ends).values
        reverses = orders[0] * orders[1] == -1
        text = (
            f"{TIMES[variable].capitalize()}: log10(time_0/time_1) "
            f"{_described(ends.isel({IMBALANCE: 0}))} at 1 : 9 and "
            f"{_described(ends.isel({IMBALANCE: 1}))} at 9 : 1; the order "
            f"{'reverses' if reverses else 'does not reverse in every seed'}."
        )
        usable = np.isfinite(shift).all() and shift.size > 1
        same = bool((np.sign(shift) == np.sign(shift.flat[0])).all()) if usable else None
        return Verdict(same, {"shift": shift.tolist(), "reverses": bool(reverses)}, text)

    return criterion


def predicted(prefix: str) -> Callable[[xr.Dataset], Verdict]:
    """Where measured and predicted orders are both settled, they agree."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        counts, parts = {"agree": 0, "against": 0, "open": 0}, []
        for variable in TIMES:
            measured = settled_order(log_ratio(dataset, variable))
            theory = settled_order(log_ratio(dataset, f"{prefix}_{variable}"))
            product = (measured * theory).values
            found = [int((product > 0).sum()), int((product < 0).sum())]
            found.append(product.size - sum(found))
            parts.append(f"{TIMES[variable]} {'/'.join(map(str, found))}")
            counts = {k: counts[k] + n for k, n in zip(counts, found, strict=True)}
        text = f"Points that agree/contradict/are open: {', '.join(parts)}."
        decided = counts["agree"] + counts["against"]
        return Verdict(counts["against"] == 0 if decided else None, counts, text)

    return criterion


def order_table(dataset: xr.Dataset) -> Table:
    """Measured log10(time_0/time_1), mean over seeds and their scatter, beside the predictions."""
    rows = []
    for pair in map(str, dataset["classes"].values):
        for imbalance in dataset[IMBALANCE].values:
            at = dataset.sel({"classes": pair, IMBALANCE: imbalance})
            for variable, words in TIMES.items():
                row = (PAIRS.get(pair, pair), f"{imbalance:.3g}", words, _cell(at, variable))
                rows.append((*row, *(_cell(at, f"{prefix}_{variable}") for prefix in PREDICTIONS)))
    columns = ("classes 0, 1", "n0/n1", "time", "U-Net", *PREDICTIONS.values())
    return Table(
        "log10(time of class 0/time of class 1): negative, class 0 is first", columns, tuple(rows)
    )


def time_table(dataset: xr.Dataset) -> Table:
    """Measured times in training steps, geometric means over seeds."""
    rows = []
    for pair in map(str, dataset["classes"].values):
        for imbalance in dataset[IMBALANCE].values:
            at = dataset.sel({"classes": pair, IMBALANCE: imbalance})
            cells = [
                f"{float(10 ** over_seeds(log10(at[name].isel({'class': c})))):.0f}"
                for name in TIMES
                for c in (0, 1)
            ]
            rows.append((PAIRS.get(pair, pair), f"{imbalance:.3g}", *cells))
    columns = [f"{words} {c}" for words in TIMES.values() for c in (0, 1)]
    return Table("Training steps of classes 0 and 1", ("classes", "n0/n1", *columns), tuple(rows))


def statistics_table(dataset: xr.Dataset) -> Table:
    """Variance, norm of the mean and effective dimension of the classes."""
    rows = []
    for pair in map(str, dataset["classes"].values):
        at = dataset.sel({"classes": pair}).isel({IMBALANCE: 0, "seed": 0})
        for c, name in enumerate(PAIRS.get(pair, pair).split(", ")):
            numbers = ("class_variance", "mean_norm", "effective_dimension", "classifier_accuracy")
            rows.append((name, *(f"{float(at[n].isel({'class': c})):.3g}" for n in numbers)))
    columns = ("class", "variance", "|mean|^2/d", "effective dimension", "classifier")
    return Table("Classes, in the scale of their pair", columns, tuple(rows))


def _pair(values: xr.DataArray, pair: str) -> xr.DataArray:
    return values.sel({"classes": pair}, drop=True)


def _listed(ratio: xr.DataArray) -> list[float]:
    return [float(value) for value in ratio.values.ravel()]


def _described(ratio: xr.DataArray) -> str:
    values = ", ".join(f"{value:+.3f}" for value in _listed(ratio))
    return f"{values} (seeds)"


def _cell(at: xr.Dataset, variable: str) -> str:
    ratio = log_ratio(at, variable)
    scatter = seed_scatter(ratio)
    mean = float(over_seeds(ratio))
    if not np.isfinite(mean):
        return {1.0: "1 first", -1.0: "0 first"}.get(float(sign(over_seeds(ratio))), "-")
    return f"{mean:+.3f}" + (f" ± {float(scatter):.3f}" if scatter is not None else "")
