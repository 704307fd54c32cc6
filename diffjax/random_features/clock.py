"""The training clock of a finite system: dA/dtau = -d^2 grad_A L, and its training times."""

import jax.numpy as jnp

from diffjax.diffusion import noise_variance, noisy_variance
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.training_window import default_window
from diffjax.typing import Array, Float


def training_times(problem: RandomFeatureProblem | DatasetProblem) -> Array:
    """(T,) the problem's training times, or the default ones.

    By default 40 per decade over twelve decades from 1e-2/(2 Delta_t d), a hundredth of the fastest
    e-fold of a bounded activation; see `diffjax.training_window` for others.
    """
    if problem.training_times is not None:
        return jnp.asarray(problem.training_times)
    start = 1e-2 / (2.0 * noise_variance(problem.diffusion_time) * problem.dim)
    return default_window(start, problem.activation, _preactivation_variances(problem))


def _preactivation_variances(
    problem: RandomFeatureProblem | DatasetProblem,
) -> Float[Array, " any"]:
    """Over features: of every class, or of every sample with its noise."""
    if isinstance(problem, DatasetProblem):
        points = jnp.concatenate(
            [jnp.asarray(problem.train_samples), jnp.asarray(problem.test_samples)]
        )
        energies = jnp.mean(points**2, axis=1)
    else:
        energies = problem.mixture.variances + jnp.diagonal(problem.mixture.gram)
    return noisy_variance(energies, problem.diffusion_time) + jnp.asarray(problem.bias_std) ** 2
