"""Means over realisations."""

import numpy as np
import xarray as xr

from diffjax.errors import InputError
from diffjax.status import FAILURES, MISSING, worst_along

_UNUSABLE = [MISSING, *(int(status) for status in FAILURES)]


def average(dataset: xr.Dataset, dim: str = "seed") -> xr.Dataset:
    """Mean and standard error of every numeric variable over one dimension.

    Points that failed or were not computed are left out as a whole, and ``num_<dim>`` counts the
    others. Everything else enters as it is: the mean of times of which one was not reached (inf)
    is inf, and so is its standard error. The standard error of a single realisation is NaN.

    Args:
        dataset: from a sweep.
        dim: the dimension to average over.

    Returns:
        A dataset without the dimension, with each mean under its own name, its standard error
        (sample standard deviation over the square root of the count) as ``<name>_standard_error``,
        the count, and as status the most severe one among the points used.

    Raises:
        InputError: there is no such dimension.

    Example:
        >>> mean = average(ds, "seed")
        >>> mean["memorization_time"].dims, "memorization_time_standard_error" in mean
        (('distance', 'class'), True)
    """
    if dim not in dataset["status"].dims:
        raise InputError(
            f"dim={dim!r}",
            f"the dataset has the axes {', '.join(map(str, dataset['status'].dims))}",
            "average over one of these",
        )
    status = dataset["status"]
    used = ~status.isin(_UNUSABLE)
    result = dataset.drop_dims(dim)
    for name, variable in dataset.data_vars.items():
        if dim in variable.dims and name != "status" and variable.dtype.kind in "biuf":
            result[name], result[f"{name}_standard_error"] = _moments(variable, used, dim)
    count = used.sum(dim).astype(np.int64)
    result[f"num_{dim}"] = count.assign_attrs(long_name=f"points averaged over {dim}", units="1")
    result["status"] = _worst(status, used, dim)
    return result.assign_attrs(dataset.attrs, averaged_over=dim)


def _moments(
    variable: xr.DataArray, used: xr.DataArray, dim: str
) -> tuple[xr.DataArray, xr.DataArray]:
    count = used.sum(dim)
    numbers = variable.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = xr.where(used, numbers, 0.0).sum(dim, skipna=False) / count
        squares = xr.where(used, (numbers - mean) ** 2, 0.0).sum(dim, skipna=False)
        error = np.sqrt(squares / (count - 1) / count)
    error = xr.where(np.isinf(mean), np.inf, error)
    inner = [d for d in variable.dims if d != dim]
    text = f"standard error of: {variable.attrs.get('long_name', variable.name)}"
    units = variable.attrs.get("units", "1")
    return (
        mean.transpose(*inner).assign_attrs(variable.attrs),
        error.transpose(*inner).assign_attrs(long_name=text, units=units),
    )


def _worst(status: xr.DataArray, used: xr.DataArray, dim: str) -> xr.DataArray:
    """The most severe status of the points used; of all points where none could be used."""
    among_used = xr.where(used | ~used.any(dim), status, MISSING).transpose(*status.dims)
    found = among_used.reduce(worst_along, dim)
    return found.astype(np.int8).assign_attrs(status.attrs)
