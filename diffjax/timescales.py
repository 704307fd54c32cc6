"""Operational per-class times read off learning curves: one definition for every model.

With the Bayes floor B_c, per class and split:

* generalization: (1 - L_test)/(1 - min L_test) first reaches 0.9;
* memorization: (B_c - L_train)/(B_c - L_train(inf)) first reaches 1/2, the train loss is half way
  below the Bayes floor;
* gap onset: L_test - L_train first reaches 0.05 (1 - B_c);
* half memorization: the train loss is half way from the best test loss to its final value; it
  needs no floor and hence no model of the class;
* half score error: (L_test - B_c)/(1 - B_c) first falls to 1/2.

The position of the minimum of the test loss is not among them: it jumps between flat or double
minima and is limited by the grid.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from diffjax.errors import InputError
from diffjax.numerics.crossing import first_crossing
from diffjax.typing import Array, Float


class Timescales(NamedTuple):
    """Training times per class, inf where a threshold is not reached; shape (..., class)."""

    generalization_time: Float[Array, "... class"]
    memorization_time: Float[Array, "... class"]
    gap_onset_time: Float[Array, "... class"]
    half_memorization_time: Float[Array, "... class"]
    half_score_error_time: Float[Array, "... class"]


def timescales(
    training_times: Float[Array, " training_time"],
    train_loss: Float[Array, "... class training_time"],
    test_loss: Float[Array, "... class training_time"],
    bayes_floor: Float[Array, "... class"],
    final_train_loss: Float[Array, "... class"],
    *,
    generalization_fraction: float = 0.9,
    memorization_fraction: float = 0.5,
    gap_fraction: float = 0.05,
    score_error_level: float = 0.5,
) -> Timescales:
    """Per-class times from per-class losses per dimension (module docstring for definitions).

    Args:
        training_times: increasing; at least 40 per decade keeps interpolation below 1e-3.
        train_loss: losses on the training samples.
        test_loss: losses on the population or on held-out samples.
        bayes_floor: B_c.
        final_train_loss: train loss at infinite training time.
        generalization_fraction: share of the largest drop of the test loss.
        memorization_fraction: share of the way from the reference to the final train loss.
        gap_fraction: gap in units of 1 - B_c.
        score_error_level: normalised score error.

    Returns:
        Timescales with the leading shape of the losses.

    Example:
        >>> tau = jnp.geomspace(0.1, 1e4, 201)
        >>> test = 0.2 + 0.8 * jnp.exp(-tau)[None]
        >>> train = test - 0.15 * -jnp.expm1(-tau / 100)
        >>> times = timescales(tau, train, test, jnp.array([0.2]), jnp.array([0.05]))
        >>> float(times.generalization_time[0].round(2)), float(times.memorization_time[0].round(1))
        (2.3, 69.3)
    """
    best_test = jnp.min(test_loss, axis=-1)

    def share(reference, loss, end):
        """Progress of a falling loss from a reference to its end; 0 if there is none to go."""
        way = (reference - end)[..., None]
        return jnp.where(way > 0, (reference[..., None] - loss) / jnp.where(way > 0, way, 1.0), 0.0)

    score_error = (test_loss - bayes_floor[..., None]) / (1.0 - bayes_floor)[..., None]
    gap = (test_loss - train_loss) / (1.0 - bayes_floor)[..., None]
    progress = [
        share(jnp.ones_like(best_test), test_loss, best_test),
        share(bayes_floor, train_loss, final_train_loss),
        gap,
        share(best_test, train_loss, final_train_loss),
        -score_error,
    ]
    half = memorization_fraction
    levels = jnp.asarray(
        [generalization_fraction, half, gap_fraction, half, -score_error_level], best_test.dtype
    )
    levels = jnp.broadcast_to(levels, (*best_test.shape, len(progress)))
    # all at once: five searches compile five times as long
    found = first_crossing(training_times, jnp.stack(progress), jnp.moveaxis(levels, -1, 0))
    return Timescales(*found.time)


def dataset_timescales(dataset: Any, **thresholds: float) -> Any:
    """Times recomputed with other thresholds from a stored sweep, without rerunning it.

    Args:
        dataset: what `diffjax.sweep` or `diffjax.open_run` returned, or one of its points.
        **thresholds: keyword arguments of `timescales`.

    Returns:
        An xarray.Dataset with the variables of `Timescales` over the swept dims and class.

    Raises:
        InputError: the dataset lacks the curves.

    Example:
        >>> dataset_timescales(dj.open_run("runs/phase-diagram"),      # doctest: +SKIP
        ...                    generalization_fraction=0.8)
    """
    import xarray as xr

    needed = ("train_loss", "test_loss", "bayes_floor", "final_train_loss")
    lacking = [name for name in (*needed, "training_time") if name not in dataset]
    if lacking:
        raise InputError(
            f"the dataset lacks {', '.join(lacking)}",
            "a sweep of gradient_flow over problems with common training times",
            "pass training_times to the problem if they differ between points",
        )
    outer = [dim for dim in dataset["bayes_floor"].dims if dim != "class"]
    curves = [dataset[name].transpose(*outer, "class", ...).to_numpy() for name in needed]
    times = timescales(dataset["training_time"].to_numpy(), *curves, **thresholds)
    coords = {name: dataset.coords[name] for name in (*outer, "class") if name in dataset.coords}
    return xr.Dataset(
        {k: ((*outer, "class"), np.asarray(v)) for k, v in times._asdict().items()}, coords
    )
