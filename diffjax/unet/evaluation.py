"""Everything that is measured about a network at one training step, per class."""

from typing import Any, NamedTuple

import jax
import numpy as np

from diffjax.numerics.random_streams import stream
from diffjax.typing import Array
from diffjax.unet.classifier import train_classifier
from diffjax.unet.config import EvaluationConfig
from diffjax.unet.images import ImageSplit
from diffjax.unet.memorization import class_shares, find_copies, fresh_distances
from diffjax.unet.quality import class_frechet_distances
from diffjax.unet.reference_losses import PairedLosses
from diffjax.unet.sampling import Generator, backward_times
from diffjax.unet.training import Trainer


class Evaluation(NamedTuple):
    """Measurements at one step.

    Attributes:
        metrics: name to array, see `diffjax.unet.results.PER_STEP`.
        samples: generated images with what was found about each; empty without samples.
    """

    metrics: dict[str, np.ndarray]
    samples: dict[str, np.ndarray]


class Evaluator:
    """Measures networks of one trainer, at every step with the same images, noise and keys.

    Args:
        split: the images.
        trainer: whose networks.
        config: what is measured.
        seed: of noise and generated images; None for that of the training.

    Attributes:
        accuracy: (K,) of the classifier on held-out images.
        final_train_loss: (K,) train loss of the exact minimiser.
        fresh_distance: (K,) typical nearest distance between fresh images.
    """

    def __init__(
        self,
        split: ImageSplit,
        trainer: Trainer,
        config: EvaluationConfig,
        seed: int | None = None,
    ):
        seed = trainer.training.seed if seed is None else seed
        self._split, self._config, self._trainer = split, config, trainer
        self._losses = PairedLosses(trainer.predict, split, config, seed)
        self.final_train_loss = self._losses.memorizing_losses().mean(-1)
        self.fresh_distance = fresh_distances(split)
        self._classifier = train_classifier(split, trainer.training.seed)
        self.accuracy = self._classifier.accuracy
        self._real = self._classifier(split.held_out)
        self._key = jax.random.fold_in(stream(seed, "samples"), 0)
        # trained at one time only, a network is no sampler; its backward process starts there
        first = max(trainer.training.first_time, 2.0)
        times = backward_times(config.sampling_steps, first, trainer.training.last_time)
        shape = (split.size, split.size, split.channels)
        self._generate = Generator(trainer.predict, shape, times, config.method)

    def measure(self, parameters: Any) -> Evaluation:
        """Measure the network with these parameters."""
        losses = self._losses(parameters)
        metrics = {f"{name}_loss": values.mean(-1) for name, values in losses.items()}
        metrics |= {f"{name}_loss_by_time": values for name, values in losses.items()}
        metrics["loss_gap"] = metrics["test_loss"] - metrics["train_loss"]
        if self._config.samples == 0:
            return Evaluation(metrics, {})
        more, samples = self._judged(self.generate(parameters, self._config.samples, self._key))
        return Evaluation(metrics | more, samples)

    def generate(self, parameters: Any, count: int, key: Array) -> np.ndarray:
        """Images from a network; classes in turn if it is class-conditional."""
        labels = np.resize(np.arange(self._split.num_classes, dtype=np.int32), count)
        told = labels if self._trainer.network.class_conditional else None
        return self._generate(parameters, count, key, told)

    def _judged(self, images: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        split, classes = self._split, self._split.num_classes
        judged = self._classifier(images)
        copies = find_copies(images, judged.classes, split, self.fresh_distance)

        def shares(flags):
            return class_shares(flags, judged.classes, classes)

        metrics = {
            "memorized_fraction": shares(copies.memorized),
            "memorized_by_ratio": shares(copies.by_ratio),
            "memorized_by_distance": shares(copies.by_distance),
            "class_share": np.bincount(judged.classes, minlength=classes) / len(images),
            "frechet_distance": class_frechet_distances(
                judged, self._real, split.held_out_labels, classes
            ),
        }
        samples = {
            "images": images,
            "classes": judged.classes.astype(np.int32),
            "nearest": copies.nearest.astype(np.int32),
            "distance": copies.distance.astype(np.float32),
            "memorized": copies.memorized,
        }
        return metrics, samples
