"""Fits and verdicts on how fast finite systems approach the theory."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from diffjax.studies.class_order import place_of
from diffjax.studies.criteria import Criterion
from diffjax.studies.study import Table, Verdict

SIZE = "size"
LOSSES = {"train_loss": "train", "test_loss": "test"}
"""Curves that are compared, in words."""


class Scaling(NamedTuple):
    """How one error falls with the dimension.

    Attributes:
        place: coordinates of the line of sizes.
        split: train or test.
        exponent: of the power law, least squares in the logarithms.
        standard_error: of the exponent, from the scatter around the law or over seeds.
        errors: largest deviation of the mean curve over classes and training times, per size.
    """

    place: dict[str, Any]
    split: str
    exponent: float
    standard_error: float
    errors: tuple[float, ...]


def scalings(dataset: xr.Dataset) -> tuple[Scaling, ...]:
    """The fit of every line of sizes, train and test.

    Raises:
        KeyError: the dataset has no axis of sizes or no curves of both derivations.
    """
    from diffjax.plot.deviations import largest_deviation

    for name in ("dim", *LOSSES, *(f"theory_{loss}" for loss in LOSSES)):
        dataset[name]
    return tuple(
        _scaling(values, errors, split)
        for name, split in LOSSES.items()
        for values, errors in _lines(*largest_deviation(dataset, name))
    )


def _lines(
    values: xr.DataArray, errors: xr.DataArray
) -> Iterator[tuple[xr.DataArray, xr.DataArray]]:
    free = [dim for dim in values.dims if dim != SIZE]
    for index in np.ndindex(*(values.sizes[dim] for dim in free)):
        at = dict(zip(free, index, strict=True))
        yield values.isel(at), errors.isel(at)


def _scaling(values: xr.DataArray, errors: xr.DataArray, split: str) -> Scaling:
    from diffjax.plot.power_law import fit_power_law

    law = fit_power_law(values["dim"].values, values.values, errors.values)
    found = tuple(float(value) for value in values.values)
    return Scaling(place_of(values), split, law.exponent, law.standard_error, found)


def falls_as_one_over_dim(tolerance: float, beyond: float = 2.0) -> Criterion:
    """Every exponent is -1 within the tolerance and `beyond` standard errors of its fit."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        found = scalings(dataset)
        far = [
            one for one in found if abs(one.exponent + 1) > tolerance + beyond * one.standard_error
        ]
        exponents = np.array([one.exponent for one in found])
        text = (
            f"Of {len(found)} fitted exponents {len(found) - len(far)} are -1 within "
            f"{tolerance:g} and {beyond:g} standard errors; median {np.median(exponents):.2f}, "
            f"from {exponents.min():.2f} to {exponents.max():.2f}."
        )
        if far:
            text += " Others: " + "; ".join(_described(one) for one in far[:4]) + "."
        return Verdict(not far, {"fits": [one._asdict() for one in found]}, text)

    return criterion


def _described(one: Scaling) -> str:
    place = ", ".join(f"{name}={value}" for name, value in one.place.items())
    return f"{one.split} at {place}: {one.exponent:.2f} +- {one.standard_error:.2f}"


def small_at_the_largest_size(limit: float) -> Criterion:
    """At the largest dimension every error is below a limit."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        found = scalings(dataset)
        largest = max(found, key=lambda one: one.errors[-1])
        dim = int(dataset["dim"].values[-1])
        text = (
            f"At d = {dim} the largest of {len(found)} errors is {largest.errors[-1]:.4f} "
            f"({_described(largest)})."
        )
        numbers = {"dim": dim, "largest": largest.errors[-1], "place": largest.place}
        return Verdict(largest.errors[-1] < limit, numbers, text)

    return criterion


def scaling_table(dataset: xr.Dataset) -> Table:
    """Errors per dimension, and the fitted exponents with their standard errors."""
    found = scalings(dataset)
    places = tuple(name.replace("_", " ") for name in found[0].place)
    dims = tuple(f"d = {int(dim)}" for dim in dataset["dim"].values)
    rows = tuple(
        (
            one.split,
            *(f"{v:g}" if isinstance(v, float) else str(v) for v in one.place.values()),
            *(f"{error:.4f}" for error in one.errors),
            f"{one.exponent:.2f} +- {one.standard_error:.2f}",
        )
        for one in found
    )
    return Table(
        "Largest deviation of the mean curve from theory over training time, worse class",
        ("loss", *places, *dims, "exponent"),
        rows,
    )
