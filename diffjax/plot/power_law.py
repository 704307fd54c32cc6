"""Straight lines through points on doubly logarithmic axes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from diffjax.errors import InputError


class PowerLaw(NamedTuple):
    """values = prefactor * sizes**exponent.

    Attributes:
        exponent: the slope in the logarithms.
        standard_error: of the exponent: from the scatter around the line, or from the errors of
            the values if that is larger.
        prefactor: the value at size one.
    """

    exponent: float
    standard_error: float
    prefactor: float

    def at(self, sizes: ArrayLike) -> np.ndarray:
        """The law at some sizes."""
        return self.prefactor * np.asarray(sizes, float) ** self.exponent


def fit_power_law(sizes: ArrayLike, values: ArrayLike, errors: ArrayLike = 0.0) -> PowerLaw:
    """Least squares in the logarithms.

    Args:
        sizes: (N,) positive, at least two different ones; several values per size are welcome.
        values: (N,) positive; nan is left out.
        errors: (N,) standard errors of the values, not used as weights.

    Raises:
        InputError: fewer than two different sizes are left, or a number is not positive.

    Example:
        >>> round(fit_power_law([10, 20, 40], [0.1, 0.05, 0.025]).exponent, 6)
        -1.0
    """
    given = (np.asarray(array, float) for array in (sizes, values, errors))
    sizes, values, errors = np.broadcast_arrays(*given)
    known = ~np.isnan(values)
    sizes, values, errors = sizes[known], values[known], errors[known]
    if np.unique(sizes).size < 2 or not ((sizes > 0) & (values > 0)).all():
        raise InputError(
            f"values {values.tolist()} at sizes {sizes.tolist()}",
            "positive values at two or more different sizes",
            "leave out points that failed, or sweep more sizes",
        )
    x, y = np.log(sizes), np.log(values)
    slope, start = np.polyfit(x, y, 1)
    lever = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    scatter = ((y - start - slope * x) ** 2).sum() / max(x.size - 2, 1)
    variances = (lever**2).sum() * scatter, (lever**2 * (errors / values) ** 2).sum()
    return PowerLaw(float(slope), float(np.sqrt(max(variances))), float(np.exp(start)))
