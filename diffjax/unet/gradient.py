"""The network as a pure function, and the gradient of its loss over a batch."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
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
    spread = len(images.sharding.device_set) > 1 if isinstance(images, jax.Array) else False
    chunk = len(images) if spread else _chunk(images.shape)
    # flattened once, since modules are flattened in Python
    leaves, structure = jax.tree.flatten(parameters)
    first, add = _compiled(predict, structure, chunk)
    batch = leaves, images, times, noise, labels
    total = first(np.int32(0), *batch)
    for start in range(chunk, len(images), chunk):
        total = add(total, np.int32(start), *batch)
    return jax.tree.unflatten(structure, total)


def _chunk(shape: tuple[int, ...]) -> int:
    """The largest divisor of the batch with few enough pixels; all of it on accelerators."""
    count, pixels = shape[0], shape[1] * shape[2]
    if jax.default_backend() != "cpu":
        return count
    fitting = [c for c in range(1, count + 1) if count % c == 0 and c * pixels <= _CHUNK_PIXELS]
    return max(fitting, default=1)


@functools.lru_cache(maxsize=8)
def _compiled(predict: Predictor, structure: Any, chunk: int) -> tuple[Callable, Callable]:
    """Programs for a chunk's share of the gradient of a batch: alone, and added to others."""

    def share(start: Array, leaves: list[Array], *batch: Array) -> list[Array]:
        whole = chunk == len(batch[0])
        part = batch if whole else [jax.lax.dynamic_slice_in_dim(a, start, chunk) for a in batch]
        parameters = jax.tree.unflatten(structure, leaves)
        return jax.tree.leaves(gradient(predict, parameters, *part, share=chunk / len(batch[0])))

    def more(total: list[Array], *given: Any) -> list[Array]:
        return [a + b for a, b in zip(total, share(*given), strict=True)]

    return jax.jit(share), jax.jit(more, donate_argnums=0)


def gradient(predict: Predictor, parameters: Any, *batch: Array, share: float = 1.0) -> Any:
    """Gradient of a share of the mean loss of images, diffusion times, noise and labels."""
    images, times, noise, labels = batch

    def loss(weights):
        return share * jnp.mean(denoising_loss(predict, weights, images, times, noise, labels))

    return jax.grad(loss)(parameters)
