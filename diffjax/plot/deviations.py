"""How far finite systems are from the theory, over realisations."""

import xarray as xr

from diffjax.plot import contents

LOSSES = ("train_loss", "test_loss")
_PREFIX = "theory_"
_SYMBOLS = {
    "train_loss": r"\max_\tau|\Delta L^\mathrm{train}|",
    "test_loss": r"\max_\tau|\Delta L^\mathrm{test}|",
}


def largest_deviation(ds: xr.Dataset, quantity: str, over: str | None = "seed") -> contents.Average:
    """Largest deviation over classes and training times of the mean curve from the theory.

    The mean over realisations is taken first: a single system also scatters around it, by a
    draw-dependent part that falls more slowly than the deviation of the mean.  A loss L counts
    relative to max(1, L of the theory).

    Args:
        ds: result of a sweep of `theory_comparison`.
        quantity: `train_loss` or `test_loss`.
        over: dimension of realisations.

    Returns:
        The deviation, and its jackknife standard error over realisations (0 without several).

    Raises:
        InputError: a variable or one of its dimensions is missing.
    """
    dims = [contents.CLASS, "training_time"]
    found = contents.results(ds, quantity, dims)
    theory = contents.results(ds, _PREFIX + quantity, dims)
    # losses of train curves are at most one in theory, so that one rule serves both
    relative = (found - theory) / theory.clip(min=1.0)
    if over is None or over not in relative.dims:
        largest = _largest(relative)
        return contents.Average(_named(largest, quantity), xr.zeros_like(largest))
    count = relative.sizes[over]
    without = [
        _largest(relative.drop_isel({over: index}).mean(over))
        for index in range(count if count > 1 else 0)
    ]
    largest = _largest(relative.mean(over))
    spread = xr.concat(without, over).var(over) if without else xr.zeros_like(largest)
    error = ((count - 1) * spread) ** 0.5
    return contents.Average(_named(largest, quantity), error)


def _largest(relative: xr.DataArray) -> xr.DataArray:
    return abs(relative).max([contents.CLASS, "training_time"])


def _named(largest: xr.DataArray, quantity: str) -> xr.DataArray:
    symbol = _SYMBOLS.get(quantity, "")
    return largest.rename(f"{quantity}_deviation").assign_attrs(symbol=symbol, units="1")
