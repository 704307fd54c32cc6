"""Compiled covariance functions: equal static arguments and shapes compile once per session."""

import jax

from diffjax.random_features import covariances

sample_covariances = jax.jit(
    covariances.sample_covariances, static_argnums=(3, 5, 6), static_argnames=("options",)
)
population_covariance = jax.jit(
    covariances.population_covariance, static_argnums=(4, 5), static_argnames=("options",)
)
