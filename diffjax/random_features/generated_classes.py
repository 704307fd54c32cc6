"""From a generative model to what its samples look like, class by class, beside its controls."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.dynamics import LearningDynamics
from diffjax.mixture.score import IsotropicScore, point_score
from diffjax.random_features.generated_samples import (
    CopyTimes,
    SampleSummary,
    copy_times,
    summarize,
)
from diffjax.random_features.generator import (
    SAMPLING_PRECISION,
    backward,
    exact_score,
    generate,
    generation_key,
    readout_grid,
    training_set,
)
from diffjax.random_features.generator_problem import (
    GeneratorProblem,
    clock_rate,
    clock_times,
    diffusion_times,
)
from diffjax.random_features.gradient_flow import random_feature_dynamics
from diffjax.random_features.sampling import class_counts
from diffjax.status import Status, worst
from diffjax.typing import Array, Float, Int, Key

CONTROLS = ("exact score", "empirical score", "fresh samples")


class GeneratedClasses(NamedTuple):
    """Samples of a trained generative model, class by class and training time by training time.

    Times are values of the problem's clock (tau, or Delta_t tau), inf where not reached.  Controls
    are "exact score" and "empirical score", sampled in the same way with the same noise, and
    "fresh samples" of the mixture.

    Attributes:
        training_times: (T,) values of the clock.
        class_share: (K, T) share of the samples that the exact posterior gives to each class.
        memorized_fraction: (2, K, T) copies among them, by ratio and by distance.
        mean_error: (K, T) distance of the class mean from mu_c, divided by that of the exact
            score's samples; inf for a class without samples.
        variance_ratio: (K, T) class variance divided by that of the exact score's samples, so
            that 1 is the best this sampler can do; inf for a class without samples.
        plateau: (2, K) largest memorised fraction.
        half_copied_time: (2, K) memorised fraction one half.
        half_plateau_time: (2, K) half of the plateau.
        generalization_time: (K,) of the losses at the smallest diffusion time.
        memorization_time: (K,) of the losses at the smallest diffusion time.
        control_class_share: (3, K).
        control_memorized_fraction: (2, 3, K).
        control_mean_error: (3, K) |mean - mu_c|/(sigma_c sqrt(d)).
        control_variance: (3, K) in units of sigma_c^2.
        sample_counts: (K,) training samples.
        status: NOT_REACHED if a class is nowhere copied by half, by either criterion; NON_FINITE if
            samples are; else that of the losses at the smallest diffusion time.
    """

    training_times: Float[Array, " training_time"]
    class_share: Float[Array, "class training_time"]
    memorized_fraction: Float[Array, "criterion class training_time"]
    mean_error: Float[Array, "class training_time"]
    variance_ratio: Float[Array, "class training_time"]
    plateau: Float[Array, "criterion class"]
    half_copied_time: Float[Array, "criterion class"]
    half_plateau_time: Float[Array, "criterion class"]
    generalization_time: Float[Array, " class"]
    memorization_time: Float[Array, " class"]
    control_class_share: Float[Array, "control class"]
    control_memorized_fraction: Float[Array, "criterion control class"]
    control_mean_error: Float[Array, "control class"]
    control_variance: Float[Array, "control class"]
    sample_counts: Int[Array, " class"]
    status: Int[Array, ""]


@functools.partial(jax.jit)
def describe_generated(problem: GeneratorProblem) -> GeneratedClasses:
    """Train at all diffusion times, sample at all training times, and describe the samples."""
    key = generation_key(problem.seed)
    samples = generate(
        readout_grid(problem), problem.activation, problem.num_generated, key, problem.sampler
    )
    law = exact_score(problem).at_precision(SAMPLING_PRECISION)
    training_samples = training_set(problem).samples.astype(SAMPLING_PRECISION)
    found = jax.vmap(lambda chosen: summarize(chosen, law, training_samples))(samples)
    controls = _controls(problem, law, training_samples, key)
    return _assemble(problem, _wide(found), _wide(controls))


def _controls(
    problem: GeneratorProblem,
    law: IsotropicScore,
    training_samples: Float[Array, "training_sample dim"],
    key: Key[Array, ""],
) -> SampleSummary:
    """Summaries of the control samples, stacked in the order of `CONTROLS`."""
    times = diffusion_times(problem).astype(SAMPLING_PRECISION)
    sets = [
        backward(score, times, problem.dim, problem.num_generated, key, problem.sampler)
        for score in (law, point_score(training_samples))
    ]
    sets.append(law.draw(jax.random.fold_in(key, 1), problem.num_generated)[0])
    return jax.vmap(lambda chosen: summarize(chosen, law, training_samples))(jnp.stack(sets))


def _wide(summary: SampleSummary) -> SampleSummary:
    """In the default precision."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.result_type(float)), summary)


def _assemble(
    problem: GeneratorProblem, found: SampleSummary, controls: SampleSummary
) -> GeneratedClasses:
    clock = clock_times(problem)
    memorized = jnp.moveaxis(found.memorized_fraction, 0, -1)
    times = copy_times(clock, memorized)
    last = diffusion_times(problem)[-1]
    losses, rate = random_feature_dynamics(problem.at(last)), clock_rate(problem, last)
    own_mean, own_variance = controls.mean_error[0], controls.variance[0]
    return GeneratedClasses(
        training_times=clock,
        class_share=found.class_share.T,
        memorized_fraction=memorized,
        mean_error=(found.mean_error / own_mean[None]).T,
        variance_ratio=(found.variance / own_variance[None]).T,
        plateau=times.plateau,
        half_copied_time=times.half_copied_time,
        half_plateau_time=times.half_plateau_time,
        generalization_time=losses.generalization_time * rate,
        memorization_time=losses.memorization_time * rate,
        control_class_share=controls.class_share,
        control_memorized_fraction=jnp.moveaxis(controls.memorized_fraction, 0, 1),
        control_mean_error=controls.mean_error,
        control_variance=controls.variance,
        sample_counts=class_counts(problem.mixture.class_weights, problem.num_samples),
        status=_status(times, memorized, found, losses),
    )


def _status(
    times: CopyTimes, memorized: Array, found: SampleSummary, losses: LearningDynamics
) -> Array:
    """Worst outcome: of the losses, of the samples' numbers, of the thresholds."""
    broken = jnp.isnan(found.mean_error).any() | jnp.isnan(found.variance).any()
    reached = jnp.isfinite(times.half_copied_time).all()
    half = jnp.where(times.plateau > 0, 0.5 * times.plateau, jnp.inf)
    early = (memorized[..., 0] >= jnp.minimum(half, 0.5)).any()
    return worst(
        jnp.where(reached, int(Status.OK), int(Status.NOT_REACHED)),
        jnp.where(early, int(Status.BEFORE_WINDOW), int(Status.OK)),
        jnp.where(broken, int(Status.NON_FINITE), int(Status.OK)),
        losses.status,
    )
