"""Losses measured with the same images and the same noise at every step, and what bounds them.

The pairs (image, noise) are functions of seed, class, diffusion time and position, the same for
train and held-out images: curves are smooth in the training step and their gap is paired.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.diffusion import noise_variance, signal_scale
from diffjax.typing import Array, Float
from diffjax.unet.config import EvaluationConfig
from diffjax.unet.images import ImageSplit
from diffjax.unet.objective import Predict, denoising_loss

_BATCH = 128


class PairedLosses:
    """Denoising losses per class and diffusion time on fixed pairs of image and noise.

    Args:
        predict: see `diffjax.unet.objective`.
        split: the images; classes with fewer than `config.images` repeat theirs with other noise.
        config: diffusion times and number of pairs.
        seed: of the noise.
    """

    def __init__(self, predict: Predict, split: ImageSplit, config: EvaluationConfig, seed: int):
        self._shape = (split.num_classes, len(config.diffusion_times), config.images)
        pixels = (split.size, split.size, split.channels)
        draws = np.random.default_rng([seed, 3])
        noise = draws.standard_normal((*self._shape, *pixels), dtype=np.float32)
        self._noise = noise.reshape(-1, *pixels)
        times = np.asarray(config.diffusion_times, np.float32)
        self._times = np.broadcast_to(times[None, :, None], self._shape).reshape(-1)
        labels = np.arange(split.num_classes, dtype=np.int32)
        self._labels = np.broadcast_to(labels[:, None, None], self._shape).reshape(-1)
        self._images = {
            "train": self._chosen(split.train, split.train_labels),
            "test": self._chosen(split.held_out, split.held_out_labels),
        }
        self._training_images = split.train
        self._compiled = _compiled(predict)

    def __call__(self, parameters: Any) -> dict[str, Float[np.ndarray, "class diffusion_time"]]:
        """Mean losses on "train" and "test" images."""
        return {name: self._mean(parameters, images) for name, images in self._images.items()}

    def memorizing_losses(self) -> Float[np.ndarray, "class diffusion_time"]:
        """Train losses of the exact minimiser over all functions, where training would end.

        It is the mean noise given x_t over the empirical distribution of the training images,
        xi = (x_t - e^-t sum_i w_i x_i)/sqrt(Delta), w_i ~ exp(-|x_t - e^-t x_i|^2/(2 Delta)).
        """
        rows = self._noise.reshape(len(self._noise), -1)
        images = self._images["train"].reshape(rows.shape)
        references = self._training_images.reshape(len(self._training_images), -1)
        losses = np.empty(len(rows))
        for start in range(0, len(rows), _BATCH):
            part = slice(start, start + _BATCH)
            losses[part] = _empirical_losses(
                images[part], rows[part], self._times[part], references
            )
        return losses.reshape(self._shape).mean(-1)

    def _mean(self, parameters: Any, images: np.ndarray) -> np.ndarray:
        losses = []
        for start in range(0, len(images), _BATCH):
            part = slice(start, start + _BATCH)
            pieces = [images[part], self._times[part], self._noise[part], self._labels[part]]
            size = len(pieces[0])
            full = [np.resize(piece, (_BATCH, *piece.shape[1:])) for piece in pieces]
            losses.append(np.asarray(self._compiled(parameters, *full))[:size])
        return np.concatenate(losses).astype(float).reshape(self._shape).mean(-1)

    def _chosen(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Images in the order of the noise: (class, diffusion time, pair) in one line."""
        count = self._shape[-1]
        rows = [np.resize(np.flatnonzero(labels == c), count) for c in range(self._shape[0])]
        places = np.broadcast_to(np.stack(rows)[:, None, :], self._shape).reshape(-1)
        return images[places]


@functools.lru_cache(maxsize=8)
def _compiled(predict: Predict) -> Callable[..., Array]:
    return jax.jit(functools.partial(denoising_loss, predict))


@jax.jit
def _empirical_losses(images: Array, noise: Array, times: Array, references: Array) -> Array:
    decay, variance = signal_scale(times)[:, None], noise_variance(times)[:, None]
    seen = decay * images + jnp.sqrt(variance) * noise
    squares = jnp.sum(references**2, axis=1)[None, :]
    logits = (decay * seen @ references.T - 0.5 * decay**2 * squares) / variance
    mean = jax.nn.softmax(logits, axis=1) @ references
    predicted = (seen - decay * mean) / jnp.sqrt(variance)
    return jnp.mean((predicted - noise) ** 2, axis=1)
