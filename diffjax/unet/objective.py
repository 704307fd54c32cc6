"""The loss of the noise prediction, and how diffusion times are drawn for it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from diffjax.diffusion import noise_variance, signal_scale
from diffjax.typing import Array, Float, Key
from diffjax.unet.config import TrainingConfig

Predict = Callable[..., Array]
"""(parameters, images, diffusion times, labels) to the noise in the images."""


def diffused(images: Array, diffusion_times: Array, noise: Array) -> Array:
    """x_t = e^-t x + sqrt(Delta_t) xi; times are per image."""
    times = diffusion_times.reshape(-1, *(1,) * (images.ndim - 1))
    return signal_scale(times) * images + jnp.sqrt(noise_variance(times)) * noise


def denoising_loss(
    predict: Predict,
    parameters: Any,
    images: Float[Array, "image size size channel"],
    diffusion_times: Float[Array, " image"],
    noise: Float[Array, "image size size channel"],
    labels: Array | None = None,
) -> Float[Array, " image"]:
    """(1/d) |eps(x_t, t) - xi|^2 of every image; 1 on average for eps = 0."""
    predicted = predict(
        parameters, diffused(images, diffusion_times, noise), diffusion_times, labels
    )
    return jnp.mean((predicted - noise) ** 2, axis=(1, 2, 3))


def drawn_times(config: TrainingConfig, key: Key[Array, ""], count: int) -> Float[Array, " image"]:
    """Diffusion times of a batch: the fixed one, or uniform in the log signal-to-noise ratio.

    The times of a batch are stratified: their quantiles differ by 1/count.
    """
    if config.diffusion_time is not None:
        return jnp.full(count, config.diffusion_time, jnp.float32)
    offset = jax.random.uniform(key, (), jnp.float32)
    share = (offset + jnp.arange(count, dtype=jnp.float32) / count) % 1.0
    ends = jnp.array([config.first_time, config.last_time], jnp.float32)
    start, stop = -jnp.log(jnp.expm1(2.0 * ends))
    return 0.5 * jnp.log1p(jnp.exp(-(start + (stop - start) * share)))
