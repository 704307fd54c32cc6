"""From a problem of the theory to learning dynamics, in the terms of the common result."""

import jax
import jax.numpy as jnp

from diffjax.asymptotics.ensemble import Ensemble, make_ensemble
from diffjax.asymptotics.learning_curves import LossCurves, loss_curves
from diffjax.asymptotics.problem import AsymptoticProblem, resolved, training_times
from diffjax.dynamics import LearningDynamics
from diffjax.numerics.interpolation import STENCIL, log_resampling
from diffjax.status import Status, worst
from diffjax.timescales import Timescales, timescales
from diffjax.typing import Array

LARGEST_RESIDUAL = 1e-8
LARGEST_ERROR = 1e-3
"""Of the losses, relative to max(1, loss), as quadratures estimate it."""
LARGEST_MASS_ERROR, MASS_LOST = 1e-3, 5e-2
LOWEST_RESOLUTION = 0.7
LARGEST_MISSING = 1e-6
COARSENING = 4
MARGIN = STENCIL // 2


def theory_dynamics(problem: AsymptoticProblem) -> LearningDynamics:
    """Learning dynamics of every class in the limit of infinite dimension."""
    problem = resolved(problem)
    ensemble = jax.lax.optimization_barrier(make_ensemble(problem))
    curves = jax.lax.optimization_barrier(_curves(problem, ensemble))
    times, floor = training_times(problem), ensemble.floor
    found = timescales(times, curves.train, curves.test, floor, curves.final_train)
    return LearningDynamics(
        training_times=times,
        train_loss=curves.train,
        test_loss=curves.test,
        score_error=(curves.test - floor[:, None]) / (1.0 - floor)[:, None],
        total_train_loss=problem.training_weights @ curves.train,
        total_test_loss=problem.mixture.class_weights @ curves.test,
        eigenvalues=None,
        **found.times,
        bayes_floor=floor,
        final_train_loss=curves.final_train,
        final_test_loss=curves.final_test,
        sample_counts=None,
        status=_status(ensemble, curves, found),
    )


def _curves(problem: AsymptoticProblem, ensemble: Ensemble) -> LossCurves:
    """Curves of the classes of the problem; those of sub-classes are averaged."""
    curves = _curves_of_ensemble(problem, ensemble)
    if ensemble.merge.shape[0] == ensemble.num_classes:
        return curves
    names = ("train", "test", "final_train", "final_test")
    merged = {name: ensemble.merge @ getattr(curves, name) for name in names}
    return curves._replace(**merged)


def _curves_of_ensemble(problem: AsymptoticProblem, ensemble: Ensemble) -> LossCurves:
    """Curves at the training times; default times are evaluated at every fourth and resampled.

    As functions of log(tau) the curves are analytic in the strip |Im log(tau)| < pi/2, so that
    ten times per decade determine them.
    """
    times, options = training_times(problem), problem.theory_options
    if problem.training_times is not None:
        return loss_curves(ensemble, times, options)
    coarse = (times.shape[0] - 1) // COARSENING + 1
    steps = jnp.arange(-MARGIN, coarse + MARGIN)
    curves = loss_curves(ensemble, times[0] * (times[COARSENING] / times[0]) ** steps, options)
    resample = jnp.asarray(log_resampling(times.shape[0], COARSENING, margin=MARGIN)).T
    return curves._replace(train=curves.train @ resample, test=curves.test @ resample)


def _status(ensemble: Ensemble, curves: LossCurves, found: Timescales) -> Array:
    """Worst outcome: thresholds, quadratures, convergence, numbers."""
    missed = jnp.abs(curves.mass - 1.0)
    coarse = (curves.error > LARGEST_ERROR) | (missed > LARGEST_MASS_ERROR)
    failed = (curves.residual > LARGEST_RESIDUAL) | (missed > MASS_LOST)
    finite = jnp.all(jnp.isfinite(curves.train)) & jnp.all(jnp.isfinite(curves.test))
    return worst(
        found.status,
        jnp.where(coarse, Status.COARSE, Status.OK),
        jnp.where(failed, Status.NOT_CONVERGED, Status.OK),
        jnp.where(finite, Status.OK, Status.NON_FINITE),
        ensemble_status(ensemble),
    ).astype(jnp.int8)


def ensemble_status(ensemble: Ensemble) -> Array:
    """COARSE if averages over pre-activations are, OUT_OF_RANGE if a centroid is left out."""
    size = jnp.maximum(jnp.sum(ensemble.neurons.means**2), 1e-300)
    coarse = jnp.min(ensemble.constants.resolution) < LOWEST_RESOLUTION
    status = jnp.where(coarse, Status.COARSE, Status.OK)
    missing = ensemble.neurons.missing > LARGEST_MISSING * size
    return jnp.where(missing, Status.OUT_OF_RANGE, status).astype(jnp.int8)
