"""The network as a pure function, and the gradient of its loss over a batch."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from diffjax.typing import Array
from diffjax.unet.objective import denoising_loss

_CHUNK_PIXELS = 8 * 28**2
"""Pixels whose activations stay in the caches of a core, roughly; measured."""


@dataclass(frozen=True)
class Predictor:
    """The network as a pure function: two of the same sizes are equal and share programs.

    Args:
        definition: structure of the network.
        class_conditional: whether labels are passed on.
    """

    definition: Any
    class_conditional: bool

    def __call__(self, parameters: Any, images: Array, times: Array, labels: Any = None) -> Array:
        """The noise that a network with these parameters finds in images."""
        told = labels if self.class_conditional else None
        return nnx.merge(self.definition, parameters)(images, times, told)


def chunked_gradient(
    predict: Predictor, parameters: Any, images: Array, times: Array, noise: Array, labels: Array
) -> Any:
    """Gradient of the mean loss of a batch, summed over chunks that fit into a cache.

    On CPU that is up to a quarter faster than one program for a large batch.  The batch is one
    chunk where it is spread over devices.
    """
    add = _compiled(predict)
    spread = len(images.sharding.device_set) > 1 if isinstance(images, jax.Array) else False
    chunk = len(images) if spread else _chunk(images.shape)
    total = None
    for start in range(0, len(images), chunk):
        part = (a[start : start + chunk] for a in (images, times, noise, labels))
        total = add(total, parameters, *part)
    return (
        jax.tree.map(lambda g: g * (chunk / len(images)), total) if chunk < len(images) else total
    )


def _chunk(shape: tuple[int, ...]) -> int:
    """The largest divisor of the batch with few enough pixels; all of it on accelerators."""
    count, pixels = shape[0], shape[1] * shape[2]
    if jax.default_backend() != "cpu":
        return count
    fitting = [c for c in range(1, count + 1) if count % c == 0 and c * pixels <= _CHUNK_PIXELS]
    return max(fitting, default=1)


@functools.lru_cache(maxsize=8)
def _compiled(predict: Predictor) -> Callable[..., Any]:
    first = jax.jit(functools.partial(gradient, predict))
    more = jax.jit(
        lambda total, *batch: jax.tree.map(jnp.add, total, gradient(predict, *batch)),
        donate_argnums=0,
    )
    return lambda total, *batch: first(*batch) if total is None else more(total, *batch)


def gradient(predict: Predictor, parameters: Any, *batch: Array) -> Any:
    """Gradient of the mean loss of images, diffusion times, noise and labels."""
    images, times, noise, labels = batch

    def loss(weights):
        return jnp.mean(denoising_loss(predict, weights, images, times, noise, labels))

    return jax.grad(loss)(parameters)
