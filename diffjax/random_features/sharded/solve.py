"""Learning curves on a mesh: six chains of doublings, one after another, and what lies between."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from diffjax.errors import InputError
from diffjax.numerics.interpolation import local_weights
from diffjax.random_features.doubling import CHAINS, FIRST_STEP, MAX_OCTAVES, STENCIL
from diffjax.random_features.loss_errors import LossErrors, errors_from_samples
from diffjax.random_features.objective import LossCurves
from diffjax.random_features.sharded.chain import ChainPlan, Start, run_chain, taylor_order
from diffjax.random_features.sharded.layout import FeatureLayout
from diffjax.random_features.sharded.losses import ShardedObjective, covariance_errors
from diffjax.random_features.sharded.spectrum import training_spectrum
from diffjax.typing import Array, Float

SLOWEST_STEPS = 8
"""Products per octave that follow the slowest mode, in the first chain only."""


class SamplingClock(NamedTuple):
    """Times s = rate tau in units of the first step.

    Attributes:
        first: s of the first sample of the first chain.
        octaves: doublings from there to beyond the last time.
        position: (T,) the wanted times on the grid of samples.
    """

    first: float
    octaves: int
    position: np.ndarray


def solve_on_mesh(
    layout: FeatureLayout,
    objective: ShardedObjective,
    start: Start,
    scaled_times: Float[np.ndarray, " time"],
) -> tuple[LossCurves, Float[Array, " extreme"], LossErrors]:
    """Curves at any increasing times, smallest and largest eigenvalue of U, errors of the losses.

    Args:
        layout: where the features are.
        objective: covariances and weights, spread out.
        start: the readout at time zero, spread out.
        scaled_times: (T,) s = rate tau.

    Raises:
        InputError: the times need more doublings than there is room for.
    """
    scaled_times = np.asarray(scaled_times, np.float64)
    largest = training_spectrum(layout, objective)
    clock = sampling_clock(scaled_times, float(largest.bound))
    dtype = objective.weights.dtype
    samples, final, smallest = _samples(layout, objective, start, clock, float(largest.bound))
    nodes, weights = local_weights(clock.position, samples.shape[0], STENCIL)
    curves = jnp.asarray(np.einsum("ts,tsc->ct", weights, samples[nodes]), dtype)
    eigenvalues = jnp.asarray([max(smallest, 0.0), float(largest.estimate)], dtype)
    finals = jnp.split(jnp.asarray(final, dtype), 2)
    errors = _errors(objective, clock, samples, final, float(largest.bound))
    return LossCurves(*jnp.split(curves, 2), *finals), eigenvalues, errors


def _errors(
    objective: ShardedObjective,
    clock: SamplingClock,
    samples: np.ndarray,
    final: np.ndarray,
    bound: float,
) -> LossErrors:
    truncation, moment_error = covariance_errors(objective)
    steps = np.arange(len(samples)) / CHAINS
    return errors_from_samples(
        jnp.asarray(clock.first * 2.0**steps),
        jnp.asarray(samples.reshape(len(samples), 2, -1)),
        jnp.asarray(final.reshape(2, -1)),
        jnp.asarray(np.asarray(objective.class_weights)),
        truncation,
        moment_error,
        jnp.asarray(float(jnp.finfo(objective.weights.dtype).eps) * bound),
        objective.weights.shape[1],
    )


def sampling_clock(scaled: Float[np.ndarray, " time"], bound: float) -> SamplingClock:
    """Samples from before the first time to beyond the last, with room for the stencil.

    Args:
        scaled: (T,) increasing s = rate tau.
        bound: no eigenvalue of U is larger; 0 while that is not known.

    Raises:
        InputError: the times need more doublings than there is room for.
    """
    margin = 2.0 ** (STENCIL / CHAINS)
    first = min(FIRST_STEP / bound if bound else math.inf, scaled[0] / margin)
    octaves = math.ceil(math.log2(scaled[-1] / first * margin)) + 1
    if octaves > MAX_OCTAVES:
        raise InputError(
            f"the training times need {octaves} doublings of the first step",
            f"at most {MAX_OCTAVES}",
            "leave out the smallest or the largest times",
        )
    return SamplingClock(first, octaves, np.log2(scaled / first) * CHAINS)


def _samples(
    layout: FeatureLayout,
    objective: ShardedObjective,
    start: Start,
    clock: SamplingClock,
    bound: float,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Losses at equal steps of log s, at infinite time, and the smallest eigenvalue.

    Chain after chain takes a sixth of the memory of all at a time.
    """
    dtype = objective.weights.dtype
    num_losses = len(objective.covariances)
    samples = np.zeros((MAX_OCTAVES, CHAINS, num_losses))
    final, smallest = np.zeros(num_losses), 0.0
    for index in range(CHAINS):
        step = clock.first * 2.0 ** (index / CHAINS)
        order = taylor_order(step * bound, float(jnp.finfo(dtype).eps))
        # the first chain goes on until nothing moves: the losses at infinite time
        octaves, power_steps = (clock.octaves, 0) if index else (MAX_OCTAVES, SLOWEST_STEPS)
        counts = (np.asarray(count) for count in (order, octaves, power_steps))
        plan = ChainPlan(np.asarray(step, dtype), *counts)  # pyright: ignore[reportArgumentType]
        record = run_chain(layout, objective, start, plan)
        recorded = int(record.recorded)
        losses = np.asarray(record.losses)[:recorded]
        if index == 0:
            final, smallest = losses[-1], float(record.smallest_eigenvalue)
        samples[:recorded, index] = losses
        samples[recorded:, index] = final
    return samples.reshape(-1, num_losses), final, smallest
