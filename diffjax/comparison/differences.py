"""How far the curves and times of a problem of finite size are from those of its limit."""

import equinox as eqx
import jax.numpy as jnp

from diffjax.dynamics import LearningDynamics
from diffjax.status import worst
from diffjax.typing import Array, Float, Int


class TheoryComparison(eqx.Module):
    """Curves and times of both derivations for one problem, at the same training times.

    Attributes:
        training_times: (T,).
        train_loss: (K, T) at finite size; so are all names without `theory`.
        test_loss: (K, T).
        theory_train_loss: (K, T) in the limit of infinite dimension.
        theory_test_loss: (K, T).
        train_error: (K,) largest |L_train - L_train,theory| over training time.
        test_error: (K,) largest |L_test - L_test,theory|/max(1, L_test,theory): late test losses
            are many times the loss of the untrained model.
        bayes_floor: (K,) the same for both.
        generalization_time: (K,) see `diffjax.timescales` for these times.
        memorization_time: (K,).
        gap_onset_time: (K,).
        theory_generalization_time: (K,).
        theory_memorization_time: (K,).
        theory_gap_onset_time: (K,).
        generalization_time_log_ratio: (K,) log10(time/time of the theory), inf unless both are
            reached.
        memorization_time_log_ratio: (K,).
        gap_onset_time_log_ratio: (K,).
        status: the worse of both.
    """

    training_times: Float[Array, " training_time"]
    train_loss: Float[Array, "class training_time"]
    test_loss: Float[Array, "class training_time"]
    theory_train_loss: Float[Array, "class training_time"]
    theory_test_loss: Float[Array, "class training_time"]
    train_error: Float[Array, " class"]
    test_error: Float[Array, " class"]
    bayes_floor: Float[Array, " class"]
    generalization_time: Float[Array, " class"]
    memorization_time: Float[Array, " class"]
    gap_onset_time: Float[Array, " class"]
    theory_generalization_time: Float[Array, " class"]
    theory_memorization_time: Float[Array, " class"]
    theory_gap_onset_time: Float[Array, " class"]
    generalization_time_log_ratio: Float[Array, " class"]
    memorization_time_log_ratio: Float[Array, " class"]
    gap_onset_time_log_ratio: Float[Array, " class"]
    status: Int[Array, ""]


TIMES = ("generalization_time", "memorization_time", "gap_onset_time")
"""The times that are compared."""


def compare(finite: LearningDynamics, theory: LearningDynamics) -> TheoryComparison:
    """Put two results for the same classes and training times side by side."""
    test_scale = jnp.maximum(theory.test_loss, 1.0)
    times = {name: getattr(finite, name) for name in TIMES}
    expected = {name: getattr(theory, name) for name in TIMES}
    return TheoryComparison(
        training_times=finite.training_times,
        train_loss=finite.train_loss,
        test_loss=finite.test_loss,
        theory_train_loss=theory.train_loss,
        theory_test_loss=theory.test_loss,
        train_error=_largest(finite.train_loss - theory.train_loss),
        test_error=_largest((finite.test_loss - theory.test_loss) / test_scale),
        bayes_floor=finite.bayes_floor,
        **times,
        **{f"theory_{name}": time for name, time in expected.items()},
        **{f"{name}_log_ratio": _log_ratio(times[name], expected[name]) for name in TIMES},
        status=worst(finite.status, theory.status),
    )


def _largest(difference: Float[Array, "class training_time"]) -> Float[Array, " class"]:
    return jnp.max(jnp.abs(difference), axis=1)


def _log_ratio(time: Float[Array, " class"], expected: Float[Array, " class"]) -> Array:
    reached = jnp.isfinite(time) & jnp.isfinite(expected)
    ratio = jnp.where(reached, time, 1.0) / jnp.where(reached, expected, 1.0)
    return jnp.where(reached, jnp.log10(ratio), jnp.inf)
