"""What a figure takes from a dataset, checked before anything is drawn."""

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from diffjax.errors import InputError
from diffjax.status import FAILURES, MISSING, describe

CLASS = "class"


class Average(NamedTuple):
    """Mean over realisations and its standard error (0 where there is one realisation)."""

    mean: xr.DataArray
    standard_error: xr.DataArray


def results(ds: xr.Dataset, name: str, dims: Sequence[str] = ()) -> xr.DataArray:
    """A variable with the numbers of failed and missing points replaced by nan.

    Raises:
        InputError: `ds` is no dataset, has no such variable, or the variable lacks one of `dims`.
    """
    variable = present(ds, name, dims)
    if "status" not in ds or not set(ds["status"].dims) <= set(variable.dims):
        return variable
    with xr.set_options(keep_attrs=True):
        return variable.where(~ds["status"].isin([MISSING, *sorted(FAILURES)]))


def present(ds: xr.Dataset, name: str, dims: Sequence[str] = ()) -> xr.DataArray:
    """A variable of a dataset, with the dimensions that a figure needs.

    Raises:
        InputError: as for `results`.
    """
    if not isinstance(ds, xr.Dataset):
        raise InputError(
            f"a {type(ds).__name__}",
            "an xarray.Dataset",
            "pass the result of a sweep, or a point of it",
        )
    if name not in ds:
        raise InputError(
            f"the dataset has no variable {name!r}",
            f"it has {listed(ds.variables)}",
            "name one of them, or open a run of a model that computes it",
        )
    lacking = [dim for dim in dims if dim not in ds[name].dims]
    if lacking:
        raise InputError(
            f"{name!r} has the dimensions {listed(ds[name].dims)}",
            f"this figure needs {listed(dims)}",
            f"keep {listed(lacking)}: select a range, not one position",
        )
    return ds[name]


def require_dims(variable: xr.DataArray, allowed: Iterable[str]) -> None:
    """Refuse dimensions that a figure cannot show.

    Raises:
        InputError: names the surplus dimensions and how to choose a position along them.
    """
    allowed = list(allowed)
    surplus = [str(dim) for dim in variable.dims if dim not in allowed]
    if surplus:
        chosen = ", ".join(f"{dim!r}: 0" for dim in surplus)
        raise InputError(
            f"{variable.name!r} also runs along {listed(surplus)}",
            f"this figure shows {listed(allowed)}",
            f"choose one position along each, for example ds.isel({{{chosen}}})",
        )


def dim_of(variable: xr.DataArray, name: str) -> str:
    """The dimension along which a coordinate runs; a dimension without coordinate names itself.

    Raises:
        InputError: there is no such coordinate.
    """
    if name in variable.dims:
        return name
    if name in variable.coords and variable[name].ndim == 1:
        return str(variable[name].dims[0])
    known = [*variable.dims, *(c for c in variable.coords if variable[c].ndim == 1)]
    raise InputError(
        f"there is no coordinate {name!r}",
        f"the swept ones are {listed(dict.fromkeys(known))}",
        "name one of them",
    )


def ascending(variable: xr.DataArray, name: str) -> xr.DataArray:
    """Sorted along a coordinate of numbers; other coordinates keep their order."""
    return variable.sortby(name) if np.issubdtype(variable[name].dtype, np.number) else variable


def require_computed(ds: xr.Dataset, variable: xr.DataArray) -> None:
    """Refuse a point without a usable number.

    Raises:
        InputError: names the status of the point.
    """
    if bool(variable.notnull().any()):
        return
    codes = np.unique(ds["status"].values) if "status" in ds else []
    reasons = "; ".join(describe(code) for code in codes) or "all numbers are nan"
    raise InputError(
        f"{variable.name!r} has no usable number here ({reasons})",
        "a point that was computed",
        "choose another point, or run the sweep again so that it computes this one",
    )


def training_times(ds: xr.Dataset, over: str | None = None) -> xr.DataArray:
    """Training times of the curves: a coordinate, or a variable where they differ between points.

    Raises:
        InputError: there are none, or they differ along a dimension other than their own.
    """
    name = "training_time" if "training_time" in ds.coords else "training_times"
    times = present(ds, name, ["training_time"])
    if over in times.dims:
        first = times.isel({over: 0}, drop=True)
        times = first if bool((times == first).all()) else times
    require_dims(times, ["training_time"])
    return times


def class_names(variable: xr.DataArray) -> list[object]:
    """Labels of the classes: the coordinate `class`, or positions."""
    labels = variable[CLASS].values if CLASS in variable.coords else range(variable.sizes[CLASS])
    return [label.item() if isinstance(label, np.generic) else label for label in labels]


def class_position(variable: xr.DataArray, name: object) -> int:
    """Position of a class along the dimension `class`, from its label or its position.

    Raises:
        InputError: there is no such class.
    """
    return _positions(class_names(variable), [name])[0]


def class_pair(
    variable: xr.DataArray, classes: Sequence[object] | None
) -> tuple[tuple[int, int], tuple[object, object]]:
    """Positions and labels of two classes to compare.

    Args:
        variable: has the dimension `class`.
        classes: two labels; or two positions, where no class has these labels; None for the
            first two classes.

    Raises:
        InputError: there are no two classes, or these are not two of them.
    """
    names = class_names(variable)
    if len(names) < 2:
        raise InputError(
            f"the dataset has the only class {names}",
            "two classes to compare",
            "draw times_against",
        )
    given = range(2) if classes is None else classes
    if isinstance(given, str) or len(given) != 2:
        raise InputError(f"classes={classes!r}", f"two of {names}", "name two classes")
    first, second = range(2) if classes is None else _positions(names, given)
    if first == second:
        raise InputError(f"classes={classes!r}", f"two different ones of {names}", "change one")
    return (first, second), (names[first], names[second])


def _positions(names: list[object], wanted: Sequence[object]) -> list[int]:
    """Positions of labels; labels of text may be given as numbers, and places as numbers."""
    texts: list[object] = [str(name) for name in names]
    plain = [name.item() if isinstance(name, np.generic) else name for name in wanted]
    for known, asked in ((names, plain), (texts, [str(name) for name in plain])):
        if all(name in known for name in asked):
            return [known.index(name) for name in asked]
    places = [p for p in plain if type(p) is int and 0 <= p < len(names)]
    if len(places) == len(plain):
        return places
    unknown = next(p for p in plain if str(p) not in texts and p not in places)
    raise InputError(
        f"class {unknown!r}",
        f"the classes are {names}",
        "name classes by these labels, or by their positions from 0",
    )


def average(variable: xr.DataArray, over: str | None) -> Average:
    """Mean and standard error over realisations; failed ones (nan) are left out."""
    if over is None or over not in variable.dims:
        return Average(variable, xr.zeros_like(variable))
    count = variable.notnull().sum(over)
    with xr.set_options(keep_attrs=True), np.errstate(invalid="ignore"):
        spread = (
            variable.std(over, ddof=1) if variable.sizes[over] > 1 else variable.isel({over: 0})
        )
        error = xr.where(count > 1, spread / np.sqrt(count.clip(min=1)), 0.0)
        return Average(variable.mean(over), error)


def average_log(variable: xr.DataArray, over: str | None) -> Average:
    """Mean of log10 and its standard error; inf if any realisation is inf."""
    return average_reached(log10(variable), over)


def log10(variable: xr.DataArray) -> xr.DataArray:
    """Logarithm with name and attributes kept; inf of inf, -inf of 0."""
    with np.errstate(divide="ignore"):
        return variable.copy(data=np.log10(variable.values.astype(float)))


def average_reached(variable: xr.DataArray, over: str | None) -> Average:
    """As `average`, but one realisation at +-inf makes the mean infinite (+inf if both occur)."""
    infinite = abs(variable) == np.inf
    mean, error = average(variable.where(~infinite), over)
    if over is None or over not in variable.dims:
        return Average(variable, error)
    highest = variable.where(infinite).max(over)
    return Average(mean.where(~infinite.any(over), highest), error)


def listed(names: Iterable[Hashable]) -> str:
    """Names in one line."""
    return ", ".join(str(name) for name in names) or "none"
