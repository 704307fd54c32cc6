"""A network from the folder of a training run, to generate images with."""

import os
from typing import Any

import numpy as np
from flax import nnx

from diffjax.errors import InputError
from diffjax.numerics.random_streams import stream
from diffjax.typing import Float
from diffjax.unet.config import NetworkConfig, TrainingConfig, from_json
from diffjax.unet.gradient import Predictor
from diffjax.unet.network import UNet
from diffjax.unet.run_folder import TrainingFolder
from diffjax.unet.sampling import Generator, backward_times
from diffjax.validation import check_count


class StoredNetwork:
    """The evaluated weights of a run at one step.

    Args:
        run: folder of the run.
        step: an evaluated training step; None for the last.

    Attributes:
        step: the step.
        predict: (parameters, images, diffusion times, labels) to noise.
        parameters: the weights.

    Raises:
        InputError: there is no run, or none of its weights are of that step.

    Example:
        >>> StoredNetwork("runs/bags").generate(16).shape                     # doctest: +SKIP
        (16, 28, 28, 1)
    """

    def __init__(self, run: str | os.PathLike, step: int | None = None):
        self._folder = TrainingFolder(run)
        record = self._folder.record()
        steps = self._folder.weights.steps()
        if not steps:
            raise InputError(
                f"folder {run} has no weights yet",
                "a run that has made its first evaluated step",
                "wait for it, or run the same command again",
            )
        self.step = steps[-1] if step is None else step
        self._data = self._folder.data()
        self._training = from_json(TrainingConfig, record["training"])
        self._classes = len(record["data"]["classes"])
        definition, empty, config = self._described(from_json(NetworkConfig, record["network"]))
        self.predict = Predictor(definition, config.class_conditional)
        self.parameters: Any = self._folder.weights.load(self.step, empty)

    def generate(
        self, count: int, seed: int = 0, method: str = "ddim", sampling_steps: int = 50
    ) -> Float[np.ndarray, "image size size channel"]:
        """Images in the scale of the data set.

        Args:
            count: how many; classes in turn for a class-conditional network.
            seed: of the noise.
            method: of `diffjax.samplers`.
            sampling_steps: steps of the backward process.

        Raises:
            InputError: a value out of range.
        """
        check_count("count", count)
        check_count("sampling_steps", sampling_steps, minimum=2)
        check_count("seed", seed, minimum=0)
        times = backward_times(
            sampling_steps, max(self._training.first_time, 2.0), self._training.last_time
        )
        shape = self._data["train"].shape[1:]
        generator = Generator(self.predict, shape, times, method)
        labels = np.resize(np.arange(self._classes, dtype=np.int32), count)
        told = labels if self.predict.class_conditional else None
        images = generator(self.parameters, count, stream(seed, "samples"), told)
        return images * self._data["scale"] + self._data["mean_image"]

    def _described(self, config: NetworkConfig) -> tuple[Any, Any, NetworkConfig]:
        """Structure and shapes of the network; no weight is drawn."""
        size, channels = self._data["train"].shape[1], self._data["train"].shape[-1]
        built = nnx.eval_shape(lambda: UNet(config, size, channels, self._classes))
        definition, empty = nnx.split(built, nnx.Param)
        return definition, empty, config
