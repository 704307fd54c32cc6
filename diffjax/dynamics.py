"""Learning dynamics per class, whoever computed them: the common result of all models."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from diffjax.status import Status, worst
from diffjax.timescales import Timescales, timescales
from diffjax.typing import Array, Float, Int


class Label(NamedTuple):
    """How one array of a result is called in datasets and figures.

    Attributes:
        dims: names of its dimensions.
        description: what it is.
        units: its unit.
        symbol: LaTeX without dollar signs.
        coordinate: whether its values label its dimension.
    """

    dims: tuple[str, ...]
    description: str
    units: str = "1"
    symbol: str = ""
    coordinate: bool = False


_CURVE = ("class", "training_time")
_TIME = "training time"

LABELS = {
    "training_times": Label(("training_time",), "training time", _TIME, r"\tau", coordinate=True),
    "train_loss": Label(_CURVE, "train loss per dimension", symbol=r"L^{\mathrm{train}}"),
    "test_loss": Label(_CURVE, "test loss per dimension", symbol=r"L^{\mathrm{test}}"),
    "score_error": Label(_CURVE, "normalised squared score error", symbol="e"),
    "total_train_loss": Label(
        ("training_time",), "training loss per dimension, all classes", symbol=r"L^{\mathrm{train}}"
    ),
    "total_test_loss": Label(
        ("training_time",), "test loss per dimension, all classes", symbol=r"L^{\mathrm{test}}"
    ),
    "eigenvalues": Label(
        ("eigenvalue",), "eigenvalue of the feature covariance p U", symbol=r"\lambda"
    ),
    "generalization_time": Label(("class",), "generalisation time", _TIME, r"\tau_{\mathrm{gen}}"),
    "memorization_time": Label(("class",), "memorisation time", _TIME, r"\tau_{\mathrm{mem}}"),
    "gap_onset_time": Label(("class",), "onset of the gap", _TIME, r"\tau_{\mathrm{gap}}"),
    "half_memorization_time": Label(
        ("class",), "memorisation time without a floor", _TIME, r"\tau_{\mathrm{half}}"
    ),
    "half_score_error_time": Label(
        ("class",), "time of half the score error", _TIME, r"\tau_{1/2}"
    ),
    "bayes_floor": Label(("class",), "Bayes floor of the loss per dimension", symbol="B"),
    "final_train_loss": Label(
        ("class",), "train loss at infinite training time", symbol=r"L^{\mathrm{train}}_\infty"
    ),
    "final_test_loss": Label(
        ("class",), "test loss at infinite training time", symbol=r"L^{\mathrm{test}}_\infty"
    ),
    "sample_counts": Label(("class",), "training samples", "samples", "n"),
    "status": Label((), "status of the point"),
}
"""Labels of the fields of `LearningDynamics`, the same whichever model computed them."""


class LearningDynamics(eqx.Module):
    """Per-class learning curves and times of one problem; losses are per dimension.

    A loss is 1 at zero readout.  Times are training times tau in which a mode of eigenvalue
    lambda of p U relaxes as exp(-2 Delta_t lambda tau/psi_p); inf means not reached within
    `training_times`.

    Attributes:
        training_times: (T,).
        train_loss: (K, T) on the training samples of each class, averaged over the noise.
        test_loss: (K, T) on the population of each class, or on its held-out samples.
        score_error: (K, T) (L_test - B_c)/(1 - B_c): squared score error, 1 at zero readout, 0 at
            the Bayes score.
        total_train_loss: (T,) the loss that training minimises, sum_c omega_c L_c.
        total_test_loss: (T,) sum_c rho_c L_c.
        eigenvalues: (p,) of p U, ascending; the smallest and the largest only where features are
            spread over a mesh; None in infinite dimension.
        generalization_time: (K,) see `diffjax.timescales` for all five.
        memorization_time: (K,).
        gap_onset_time: (K,).
        half_memorization_time: (K,).
        half_score_error_time: (K,).
        bayes_floor: (K,) B_c.
        final_train_loss: (K,) at infinite training time.
        final_test_loss: (K,) at infinite training time.
        sample_counts: (K,) training samples per class; None in infinite dimension.
        status: worst `Status` of the point.
    """

    training_times: Float[Array, " training_time"]
    train_loss: Float[Array, "class training_time"]
    test_loss: Float[Array, "class training_time"]
    score_error: Float[Array, "class training_time"]
    total_train_loss: Float[Array, " training_time"]
    total_test_loss: Float[Array, " training_time"]
    eigenvalues: Float[Array, " eigenvalue"] | None
    generalization_time: Float[Array, " class"]
    memorization_time: Float[Array, " class"]
    gap_onset_time: Float[Array, " class"]
    half_memorization_time: Float[Array, " class"]
    half_score_error_time: Float[Array, " class"]
    bayes_floor: Float[Array, " class"]
    final_train_loss: Float[Array, " class"]
    final_test_loss: Float[Array, " class"]
    sample_counts: Int[Array, " class"] | None
    status: Int[Array, ""]


class ClassShares(NamedTuple):
    """How classes are weighed and counted.

    Attributes:
        train_weights: (K,) omega_c of the training loss.
        test_weights: (K,) rho_c of the population.
        counts: (K,) training samples.
    """

    train_weights: Float[Array, " class"]
    test_weights: Float[Array, " class"]
    counts: Int[Array, " class"]


def learning_dynamics(
    training_times: Float[Array, " training_time"],
    train_loss: Float[Array, "class training_time"],
    test_loss: Float[Array, "class training_time"],
    final_train_loss: Float[Array, " class"],
    final_test_loss: Float[Array, " class"],
    eigenvalues: Float[Array, " eigenvalue"],
    bayes_floor: Float[Array, " class"],
    shares: ClassShares,
    status: Int[Array, ""] | int = Status.OK,
) -> LearningDynamics:
    """Complete curves by totals, score errors, times and status.

    `status` is what the losses themselves are worth, as whoever computed them knows it.
    """
    times = timescales(training_times, train_loss, test_loss, bayes_floor, final_train_loss)
    floor = bayes_floor[:, None]
    return LearningDynamics(
        training_times=training_times,
        train_loss=train_loss,
        test_loss=test_loss,
        score_error=(test_loss - floor) / (1.0 - floor),
        total_train_loss=shares.train_weights @ train_loss,
        total_test_loss=shares.test_weights @ test_loss,
        eigenvalues=eigenvalues,
        **times.times,
        bayes_floor=bayes_floor,
        final_train_loss=final_train_loss,
        final_test_loss=final_test_loss,
        sample_counts=shares.counts,
        status=worst(_status(train_loss, test_loss, times, bayes_floor), status),
    )


def _status(train_loss: Array, test_loss: Array, times: Timescales, floor: Array) -> Array:
    """Worst outcome: numbers, then thresholds."""
    finite = jnp.all(jnp.isfinite(train_loss)) & jnp.all(jnp.isfinite(test_loss))
    finite &= jnp.all(floor < 1.0)  # else the score error is 0/0
    status = times.status
    return jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int8)
