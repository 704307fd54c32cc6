"""Times per class from a few modes per direction: a screening of the theory without its contour.

Losses are those of `diffjax.asymptotics.reduced_losses`, right to first order in 1/psi_p and
1/(psi_n f_c).  What is left out moves a time the more, the flatter its curve is where it crosses
the threshold; this product is bounded.  Outside of the bounds the status is OUT_OF_RANGE.  Inside
times were within 50 % of the full theory on random problems, in the median within 3 %.

Spectral proxies are e-fold times 1/(2 Delta omega_c Gamma_c E_cc) and psi_p/(2 Delta lambda_c) with
the memorisation eigenvalue
lambda_c = (Delta/Gamma_c) (psi_p/psi_n) (omega_c/f_c) E_m[gamma_c^2] + E_m[s^2] of well separated
classes.  They are what these formulas say, not estimates of the other times.
"""

import equinox as eqx
import jax.numpy as jnp

from diffjax.asymptotics.ensemble import Ensemble, make_ensemble
from diffjax.asymptotics.problem import AsymptoticProblem, training_times
from diffjax.asymptotics.reduced_losses import (
    Moments,
    neuron_moments,
    reduced_losses,
    residual,
    samples_per_class,
)
from diffjax.numerics.crossing import first_crossing
from diffjax.numerics.interpolation import log_resampling
from diffjax.status import Status, worst
from diffjax.timescales import timescales
from diffjax.typing import Array, Float, Int

LARGEST_GENERALIZATION_CHANGE, GENERALIZATION_BY_SAMPLES = 0.032, 0.2
LARGEST_MEMORIZATION_CHANGE, MEMORIZATION_BY_SAMPLES = 0.228, 0.3
FEWEST_SAMPLES_PER_CLASS = 0.5
LARGEST_SAMPLE_SHARE = 0.7
SMALLEST_DESCENT = 0.05
LONG = 600.0
COARSENING, MARGIN = 4, 5


class Screening(eqx.Module):
    """Learning curves and times per class of the reduced model.

    Attributes:
        training_times: (T,).
        train_loss: (K, T).
        test_loss: (K, T).
        generalization_time: (K,) see `diffjax.timescales`.
        memorization_time: (K,).
        half_score_error_time: (K,) no status covers its error.
        spectral_generalization_time: (K,) e-fold time of the class's own generalisation mode.
        spectral_memorization_time: (K,) e-fold time of its memorisation mode.
        bayes_floor: (K,).
        final_train_loss: (K,).
        generalization_status: OUT_OF_RANGE where generalisation times may be more than 50 % off.
        memorization_status: the same of memorisation times.
        status: the worse one of both.
    """

    training_times: Float[Array, " training_time"]
    train_loss: Float[Array, "class training_time"]
    test_loss: Float[Array, "class training_time"]
    generalization_time: Float[Array, " class"]
    memorization_time: Float[Array, " class"]
    half_score_error_time: Float[Array, " class"]
    spectral_generalization_time: Float[Array, " class"]
    spectral_memorization_time: Float[Array, " class"]
    bayes_floor: Float[Array, " class"]
    final_train_loss: Float[Array, " class"]
    generalization_status: Int[Array, ""]
    memorization_status: Int[Array, ""]
    status: Int[Array, ""]


def screened(problem: AsymptoticProblem) -> Screening:
    """The reduced model of a problem whose classes are taken along common directions."""
    ensemble = make_ensemble(problem)
    moments, floor = neuron_moments(ensemble), ensemble.floor
    times = training_times(problem)
    long = LONG * ensemble.features_per_dim / (2.0 * ensemble.noise * residual(ensemble, moments))
    if problem.training_times is None:
        losses = _resampled_losses(ensemble, moments, times, long)
    else:
        losses = reduced_losses(ensemble, moments, jnp.append(times, long))
    train, test = jnp.split(losses, 2)
    found = timescales(times, train[:, :-1], test[:, :-1], floor, train[:, -1])
    statuses = _statuses(ensemble, times, train, test)
    coarse = jnp.where(found.status == Status.COARSE, Status.COARSE, Status.OK)
    generalizes = worst(statuses[0], coarse, _reach(times, found.generalization_time))
    memorizes = worst(statuses[1], coarse, _reach(times, found.memorization_time))
    return Screening(
        training_times=times,
        train_loss=train[:, :-1],
        test_loss=test[:, :-1],
        generalization_time=found.generalization_time,
        memorization_time=found.memorization_time,
        half_score_error_time=found.half_score_error_time,
        spectral_generalization_time=spectral_generalization_times(ensemble),
        spectral_memorization_time=spectral_memorization_times(ensemble),
        bayes_floor=floor,
        final_train_loss=train[:, -1],
        generalization_status=generalizes,
        memorization_status=memorizes,
        status=worst(generalizes, memorizes),
    )


def _resampled_losses(ensemble: Ensemble, moments: Moments, times: Array, long: Array) -> Array:
    """Losses at default times, computed at every fourth, and at the long one."""
    coarse = (times.shape[0] - 1) // COARSENING + 1
    steps = jnp.arange(-MARGIN, coarse + MARGIN)
    sampled = times[0] * (times[COARSENING] / times[0]) ** steps
    losses = reduced_losses(ensemble, moments, jnp.append(sampled, long))
    resample = log_resampling(times.shape[0], COARSENING, 2 * MARGIN, MARGIN)
    return jnp.append(losses[:, :-1] @ jnp.asarray(resample).T, losses[:, -1:], axis=1)


def spectral_generalization_times(ensemble: Ensemble) -> Float[Array, " class"]:
    """(K,) 1/(2 Delta omega_c Gamma_c E_cc), Gamma_c of the class's mean variance."""
    own = jnp.diagonal(neuron_moments(ensemble).slopes)
    return 1.0 / (2.0 * ensemble.noise * ensemble.weights * _mean_gamma(ensemble) * own)


def spectral_memorization_times(ensemble: Ensemble) -> Float[Array, " class"]:
    """(K,) psi_p/(2 Delta lambda_c); module docstring for lambda_c."""
    moments, psi_p = neuron_moments(ensemble), ensemble.features_per_dim
    sample = psi_p / ensemble.samples_per_dim * ensemble.emphasis * moments.sample
    eigenvalue = ensemble.noise / _mean_gamma(ensemble) * sample + residual(ensemble, moments)
    return psi_p / (2.0 * ensemble.noise * eigenvalue)


def _mean_gamma(ensemble: Ensemble) -> Array:
    return ensemble.noisy_signals @ ensemble.shares


def _statuses(ensemble: Ensemble, times: Array, train: Array, test: Array) -> Array:
    """(2,) statuses of generalisation and memorisation times."""
    floor, final = ensemble.floor, train[:, -1]
    drop, descent = 1.0 - jnp.min(test, axis=1), floor - final
    learned = (1.0 - test[:, :-1]) / drop[:, None]
    below = jnp.where(descent > 0, descent, jnp.inf)
    memorized = (floor[:, None] - train[:, :-1]) / below[:, None]
    levels = jnp.asarray([0.87, 0.93, 0.4, 0.6])[:, None]
    curves = jnp.stack([learned, learned, memorized, memorized])
    found = first_crossing(times, curves, jnp.broadcast_to(levels, curves.shape[:2]))
    log_times = jnp.log(jnp.where(found.reached, found.time, jnp.inf))
    many = jnp.min(samples_per_class(ensemble))
    share = ensemble.samples_per_dim / ensemble.features_per_dim
    size = 1.0 / ensemble.features_per_dim + GENERALIZATION_BY_SAMPLES / many
    change = size * (log_times[1] - log_times[0])
    generalizes = jnp.all(change < LARGEST_GENERALIZATION_CHANGE)
    # of a class whose loss stays above its floor it is enough to know that
    length = jnp.where(descent > 0, log_times[3] - log_times[2], 0.0)
    change = (share + MEMORIZATION_BY_SAMPLES / many) * length
    clear = jnp.abs(descent) > SMALLEST_DESCENT * (1.0 - floor)
    memorizes = jnp.all(clear & (change < LARGEST_MEMORIZATION_CHANGE))
    memorizes &= (many > FEWEST_SAMPLES_PER_CLASS) & (share < LARGEST_SAMPLE_SHARE)
    held = jnp.stack([generalizes, memorizes])
    status = jnp.where(held, Status.OK, Status.OUT_OF_RANGE)
    finite = jnp.stack([jnp.all(jnp.isfinite(test)), jnp.all(jnp.isfinite(train))])
    return jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int8)


def _reach(times: Array, found: Array) -> Array:
    """Whether the training times cover the times that were found."""
    late = jnp.where(jnp.all(jnp.isfinite(found)), Status.OK, Status.NOT_REACHED)
    return worst(late, jnp.where(jnp.any(found <= times[0]), Status.BEFORE_WINDOW, Status.OK))
