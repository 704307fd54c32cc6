"""Which class comes first: the logarithm of the ratio of a per-class time, and where it is zero."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from contourpy import contour_generator

from diffjax.plot import contents, labels
from diffjax.plot.scales import Scale


def log_ratio(
    ds: xr.Dataset,
    quantity: str = "generalization_time",
    classes: Sequence[object] | None = None,
    over: str | None = "seed",
) -> xr.DataArray:
    """log10 of a time of the first class over that of the second, averaged over realisations.

    Averaging the logarithm is the geometric mean of the ratio: exchanging the classes changes the
    sign and nothing else.

    Args:
        ds: result of a sweep.
        quantity: variable with the dimension `class`.
        classes: two labels of the coordinate `class`, or two positions; by default the first two.
        over: dimension of realisations to average over; one that is absent is ignored.

    Returns:
        Negative where the first class comes first. At points where a time is not reached within
        the training times the value is infinite: -inf if that is the second class alone, else
        +inf; nan where no realisation was computed or all failed.

    Raises:
        InputError: `quantity`, its dimension `class` or one of the classes is missing.

    Example:
        >>> field = log_ratio(ds, "memorization_time")
        >>> round(float((field < 0).mean()), 3)    # class 0 is memorised first
        0.492
    """
    times = contents.results(ds, quantity, [contents.CLASS])
    (first, second), named = contents.class_pair(times, classes)
    logarithms = contents.log10(times)
    one, other = (logarithms.isel({contents.CLASS: at}, drop=True) for at in (first, second))
    neither = (one == np.inf) & (other == np.inf)
    with np.errstate(invalid="ignore"):
        difference = (one - other).where(~neither, np.inf)
    mean = contents.average_reached(difference, over).mean
    return mean.rename(f"log_ratio_{quantity}").assign_attrs(
        symbol=_symbol(times, named),
        long_name="log ratio of times",
        classes=[labels.class_label(name) for name in named],
    )


def zero_lines(values: np.ndarray, x: Scale, y: Scale) -> list[np.ndarray]:
    """Lines along which a field vanishes, interpolated linearly in the straight coordinates.

    Args:
        values: field, (y, x); triangles that touch a nan or inf are left out.
        x: scale of the columns.
        y: scale of the rows.

    Returns:
        One array (point, 2) of x and y in data units per line.
    """
    if min(values.shape) < 2:
        return []
    known = np.ma.masked_invalid(values)
    generator = contour_generator(
        x=x.forward(x.values), y=y.forward(y.values), z=known, corner_mask=True
    )
    return [
        np.column_stack([x.inverse(line[:, 0]), y.inverse(line[:, 1])])
        for line in map(np.asarray, generator.lines(0.0))
    ]


def _symbol(times: xr.DataArray, classes: Sequence[object]) -> str:
    first, second = (labels.of_class(times, name) for name in classes)
    return rf"\log_{{10}}\left({first}/{second}\right)"
