"""Which class is copied first in generated samples, with the standard error over seeds."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from diffjax.studies.class_order import SEED, log_ratio

HALF_PLATEAU = "half_plateau_time"


def log_mean(times: xr.DataArray) -> xr.DataArray:
    """Mean of the natural logarithm over seeds; inf if a seed never gets there."""
    return xr.apply_ufunc(np.log, times).mean(SEED)


class Order(NamedTuple):
    """Mean over seeds of log(time_0/time_1) and its standard error; negative: class 0 first."""

    mean: float
    error: float

    @property
    def settled(self) -> int:
        """-1 or 1 where the mean is beyond two standard errors, else 0."""
        return int(np.sign(self.mean)) if abs(self.mean) > 2.0 * self.error else 0

    @property
    def text(self) -> str:
        """For example ``-1.24 +- 0.13``."""
        return f"{self.mean:+.2f} +- {self.error:.2f}"


def order_of(dataset: xr.Dataset, criterion: str, at: Mapping[str, float]) -> Order | None:
    """Which class is copied first at one grid point; None without two seeds that say so."""
    return _order(_log_times(dataset, criterion, at))


def difference_of(dataset: xr.Dataset, at: Mapping[str, float]) -> Order | None:
    """Order by ratio minus order by distance, seed by seed."""
    return _order(_log_times(dataset, "ratio", at) - _log_times(dataset, "distance", at))


def _log_times(dataset: xr.Dataset, criterion: str, at: Mapping[str, float]) -> np.ndarray:
    point = dataset.sel(dict(at), method="nearest").sel(criterion=criterion)
    return np.log(10.0) * log_ratio(point, HALF_PLATEAU).transpose(SEED).values


def _order(values: np.ndarray) -> Order | None:
    known = values[np.isfinite(values)]
    if known.size < 2:
        return None
    return Order(float(known.mean()), float(known.std(ddof=1) / np.sqrt(known.size)))
