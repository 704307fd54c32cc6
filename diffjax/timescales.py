"""Operational per-class times read off learning curves: one definition for every model.

With the Bayes floor B_c, per class and split:

* generalization: (1 - L_test)/(1 - min L_test) first reaches 0.9;
* memorization: (B_c - L_train)/(B_c - L_train(inf)) first reaches 1/2, the train loss is half way
  below the Bayes floor;
* gap onset: L_test - L_train first reaches 0.05 (1 - B_c);
* half memorization: the train loss is half way from the best test loss to its final value; it
  needs no floor and hence no model of the class;
* half score error: (L_test - B_c)/(1 - B_c) first falls to 1/2.

Curves that were computed are smooth in log(tau): crossings and the minimum of the test loss are
those of the curve between grid points. Measured ones are interpolated linearly.

A time is censored where the training times do not cover it, and the status says so: inf where a
threshold is not reached (NOT_REACHED), which includes times that refer to a test loss that still
falls at the last time; the first training time, an upper bound, where it is reached before
(BEFORE_WINDOW), which includes times that refer to a test loss that is smallest there.

The position of the minimum of the test loss is not among the times: it jumps between flat or double
minima.
"""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from diffjax.errors import InputError
from diffjax.numerics.crossing import (
    Crossing,
    Minimum,
    first_crossing,
    smallest_on_grid,
    smooth_crossing,
    smooth_minimum,
)
from diffjax.status import Status, worst
from diffjax.typing import Array, Float, Int

TIME_TOLERANCE = 1e-2
"""Of a time, relative; a grid of training times that leaves a larger error has status COARSE."""

FALLING = 1e-2
"""A test loss that falls by more, per e-fold of training time and relative to its largest drop, has
not reached its minimum."""

Curves = Literal["smooth", "measured"]


class Timescales(NamedTuple):
    """Training times per class, inf where a threshold is not reached; shape (..., class).

    Attributes:
        generalization_time: (..., K).
        memorization_time: (..., K).
        gap_onset_time: (..., K).
        half_memorization_time: (..., K).
        half_score_error_time: (..., K).
        status: (...) worst outcome: NOT_REACHED if one of the first three is not reached (the
            others have no level that every class must reach), BEFORE_WINDOW if any time lies
            before the first training time, COARSE if they are too far apart to tell it.
    """

    generalization_time: Float[Array, "... class"]
    memorization_time: Float[Array, "... class"]
    gap_onset_time: Float[Array, "... class"]
    half_memorization_time: Float[Array, "... class"]
    half_score_error_time: Float[Array, "... class"]
    status: Int[Array, "..."]

    @property
    def times(self) -> dict[str, Any]:
        """The five times by name."""
        return {name: value for name, value in self._asdict().items() if name != "status"}


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
    curves: Curves = "smooth",
) -> Timescales:
    """Per-class times from per-class losses per dimension (module docstring for definitions).

    Args:
        training_times: increasing. Forty per decade leave an error of about 1e-9 in smooth curves,
            five per decade 1e-3; two or three are too few.
        train_loss: losses on the training samples.
        test_loss: losses on the population or on held-out samples.
        bayes_floor: B_c.
        final_train_loss: train loss at infinite training time.
        generalization_fraction: share of the largest drop of the test loss.
        memorization_fraction: share of the way from the reference to the final train loss.
        gap_fraction: gap in units of 1 - B_c.
        score_error_level: normalised score error.
        curves: "smooth" in log(tau), as computed ones are, or "measured" with noise.

    Returns:
        Timescales with the leading shape of the losses; differentiable in both modes.

    Example:
        >>> tau = jnp.geomspace(0.1, 1e4, 201)
        >>> test = 0.2 + 0.8 * jnp.exp(-tau[None])
        >>> train = test - 0.15 * -jnp.expm1(-tau[None] / 100)
        >>> times = timescales(tau, train, test, jnp.array([0.2]), jnp.array([0.05]))
        >>> float(times.generalization_time[0].round(3)), float(times.memorization_time[0].round(2))
        (2.303, 69.31)
    """
    best = smooth_minimum(training_times, test_loss) if curves == "smooth" else None
    best = smallest_on_grid(test_loss) if best is None else best
    progress = _progress(train_loss, test_loss, bayes_floor, final_train_loss, best.value)
    half = memorization_fraction
    levels = jnp.asarray(
        [generalization_fraction, half, gap_fraction, half, -score_error_level], best.value.dtype
    )
    levels = jnp.broadcast_to(levels, (*best.value.shape, len(progress)))
    # all at once: five searches compile five times as long
    search = smooth_crossing if curves == "smooth" else first_crossing
    found = search(training_times, jnp.stack(progress), jnp.moveaxis(levels, -1, 0))
    unfinished = _still_falling(training_times, test_loss, best) & (curves == "smooth")
    refers = _REFERS_TO_BEST.reshape(-1, *[1] * best.value.ndim)
    time = jnp.where(refers & unfinished[None], jnp.inf, found.time)
    generalization, memorization, gap, half, score_error = time
    return Timescales(
        generalization, memorization, gap, half, score_error, _status(time, found, best)
    )


_REFERS_TO_BEST = np.array([True, False, False, True, False])
"""Which of the times refer to the smallest test loss."""


def _progress(train: Array, test: Array, floor: Array, final: Array, best: Array) -> list[Array]:
    """Curves that rise, in the order of the fields of `Timescales`."""

    def share(reference, loss, end):
        """Progress of a falling loss from a reference to its end; 0 if there is none to go."""
        way = (reference - end)[..., None]
        return jnp.where(way > 0, (reference[..., None] - loss) / jnp.where(way > 0, way, 1.0), 0.0)

    score_error = (test - floor[..., None]) / (1.0 - floor)[..., None]
    return [
        share(jnp.ones_like(best), test, best),
        share(floor, train, final),
        (test - train) / (1.0 - floor)[..., None],
        share(best, train, final),
        -score_error,
    ]


def _still_falling(times: Array, test_loss: Array, best: Minimum) -> Array:
    """Whether the test loss has not reached its minimum at the last time."""
    slope = (test_loss[..., -2] - test_loss[..., -1]) / jnp.log(times[-1] / times[-2])
    return best.last & (slope > FALLING * jnp.abs(1.0 - best.value))


def _status(time: Array, found: Crossing, best: Minimum) -> Array:
    """Worst outcome of all classes."""
    reached = jnp.isfinite(time)
    not_reached = jnp.where(jnp.all(reached[:3], axis=(0, -1)), Status.OK, Status.NOT_REACHED)
    learned = best.first & (best.value < 1.0)
    before = jnp.any(found.before, axis=(0, -1)) | jnp.any(learned, axis=-1)
    early = jnp.where(before, Status.BEFORE_WINDOW, Status.OK)
    unknown = reached & ~found.before & ~(found.error <= TIME_TOLERANCE)
    coarse = jnp.where(jnp.any(unknown, axis=(0, -1)), Status.COARSE, Status.OK)
    return worst(not_reached, early, coarse).astype(jnp.int8)


def dataset_timescales(dataset: Any, **thresholds: Any) -> Any:
    """Times recomputed with other thresholds from a stored sweep, without rerunning it.

    Args:
        dataset: what `diffjax.sweep` or `diffjax.open_run` returned, or one of its points.
        **thresholds: keyword arguments of `timescales`.

    Returns:
        An xarray.Dataset with the variables of `Timescales` over the swept dims and class. Its
        status is that of the times alone.

    Raises:
        InputError: the dataset lacks the curves.

    Example:
        >>> ds = dj.open_run("runs/phase-diagram")
        >>> times = dataset_timescales(ds, generalization_fraction=0.8)
        >>> bool((times["generalization_time"] < ds["generalization_time"]).all())    # 0.9 there
        True
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
    times = timescales(dataset["training_time"].to_numpy(), *map(jnp.asarray, curves), **thresholds)
    coords = {name: dataset.coords[name] for name in (*outer, "class") if name in dataset.coords}
    variables = {k: ((*outer, "class"), np.asarray(v)) for k, v in times.times.items()}
    return xr.Dataset({**variables, "status": (tuple(outer), np.asarray(times.status))}, coords)
