"""A small classifier of the real images: it tells the class of a generated one, and its features.

It is trained by this package on all images that are not held out, classes in equal shares, and
never sees a generated image.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from diffjax.numerics.random_streams import stream
from diffjax.typing import Array, Float, Int
from diffjax.unet.images import ImageSplit
from diffjax.unet.network_parts import ScaledNormal

NUM_FEATURES = 16

_BATCH = 64
_STEPS = 300
_OPTIMIZER = optax.adam(2e-3)
_NOISE = 0.3
"""Standard deviation of noise on the training images, so that blurred ones are told apart, too."""


class _Network(nnx.Module):
    """Two convolutions with stride 2, a layer of features and one output per class."""

    def __init__(self, size: int, channels: int, classes: int, seed: int):
        made: dict[str, Any] = {
            "kernel_init": ScaledNormal(seed),
            "dtype": jnp.float32,
            "rngs": nnx.Rngs(0),
        }
        self.first = nnx.Conv(channels, 16, (3, 3), strides=2, **made)
        self.second = nnx.Conv(16, 32, (3, 3), strides=2, **made)
        side = -(-size // 4)
        self.features = nnx.Linear(32 * side**2, NUM_FEATURES, **made)
        self.classes = nnx.Linear(NUM_FEATURES, classes, **made)

    def __call__(self, images: Array) -> tuple[Array, Array]:
        hidden = nnx.relu(self.second(nnx.relu(self.first(images))))
        features = jnp.tanh(self.features(hidden.reshape(len(images), -1)))
        return features, self.classes(features)


class Judgement(NamedTuple):
    """What the classifier says about images.

    Attributes:
        classes: (m,) most likely class.
        features: (m, feature) inputs of its last layer, in [-1, 1].
    """

    classes: Int[np.ndarray, " image"]
    features: Float[np.ndarray, "image feature"]


class Classifier:
    """A trained classifier.

    Attributes:
        accuracy: (K,) share of held-out images of every class that it gets right.
    """

    def __init__(self, definition: Any, parameters: Any, split: ImageSplit):
        self._definition, self._parameters = definition, parameters
        told = self(split.held_out).classes == split.held_out_labels
        self.accuracy = np.array(
            [told[split.held_out_labels == c].mean() for c in range(split.num_classes)]
        )

    def __call__(self, images: Float[np.ndarray, "image size size channel"]) -> Judgement:
        """Classes and features of images."""
        features, logits = [], []
        for start in range(0, len(images), _BATCH):
            part = np.asarray(images[start : start + _BATCH], np.float32)
            full = np.resize(part, (_BATCH, *part.shape[1:]))  # one compiled shape
            found = _outputs(self._definition, self._parameters, full)
            features.append(np.asarray(found[0])[: len(part)])
            logits.append(np.asarray(found[1])[: len(part)])
        return Judgement(np.concatenate(logits).argmax(1), np.concatenate(features))


def train_classifier(split: ImageSplit, seed: int = 0, steps: int = _STEPS) -> Classifier:
    """Train a classifier on all images of a split that are not held out.

    Args:
        split: of at least one class.
        seed: of weights and batches.
        steps: of Adam.

    Example:
        >>> train_classifier(split).accuracy.min() > 0.9              # doctest: +SKIP
        True
    """
    definition, parameters = nnx.split(
        _Network(split.size, split.channels, split.num_classes, seed), nnx.Param
    )
    state = _OPTIMIZER.init(parameters)
    images, labels = split.seen
    key = stream(seed, "minibatches")
    for number, chosen in enumerate(_balanced(labels, split.num_classes, seed, steps)):
        noise_key = jax.random.fold_in(key, number)
        batch = images[chosen], labels[chosen]
        parameters, state = _step(definition, parameters, state, *batch, noise_key)
    return Classifier(definition, parameters, split)


@functools.partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def _step(definition: Any, parameters: Any, state: Any, images: Array, labels: Array, key: Array):
    noisy = images + _NOISE * jax.random.normal(key, images.shape, jnp.float32)

    def loss(p):
        logits = nnx.merge(definition, p)(noisy)[1]
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    update, state = _OPTIMIZER.update(jax.grad(loss)(parameters), state, parameters)
    return optax.apply_updates(parameters, update), state


@functools.partial(jax.jit, static_argnums=0)
def _outputs(definition: Any, parameters: Any, images: Array) -> tuple[Array, Array]:
    return nnx.merge(definition, parameters)(images)


def _balanced(labels: np.ndarray, classes: int, seed: int, steps: int) -> np.ndarray:
    """Positions of the images of every step: a random class, then a random image of it."""
    draws = np.random.default_rng([seed, 2])
    chosen_class = draws.integers(classes, size=(steps, _BATCH))
    chosen = np.empty((steps, _BATCH), np.int64)
    for c in range(classes):
        here = chosen_class == c
        chosen[here] = draws.choice(np.flatnonzero(labels == c), size=int(here.sum()))
    return chosen
