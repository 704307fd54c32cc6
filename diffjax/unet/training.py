"""Training: a state, a pure step, and a trainer that makes many of them on its devices.

On CPU the steps are a Python loop of compiled steps with donated state, because convolutions in
`lax.scan` are an order of magnitude slower there; on accelerators several steps are one scanned
program, and the images of a batch are spread over the local devices.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from diffjax.errors import InputError
from diffjax.numerics.random_streams import stream
from diffjax.typing import Array, Int
from diffjax.unet.batches import batch_indices
from diffjax.unet.config import NetworkConfig, TrainingConfig
from diffjax.unet.gradient import Predictor, chunked_gradient, gradient
from diffjax.unet.images import ImageSplit
from diffjax.unet.network import UNet, num_parameters
from diffjax.unet.objective import drawn_times

_SCANNED_STEPS = 16


class TrainState(NamedTuple):
    """Everything that a step changes.

    Attributes:
        step: steps that were made.
        parameters: weights that are trained.
        average: their exponential moving average; the weights themselves without one.
        optimizer: state of the optimiser.
    """

    step: Int[Array, ""]
    parameters: Any
    average: Any
    optimizer: Any


class Trainer:
    """Trains one network on one split.

    Args:
        split: the images.
        network: sizes.
        training: settings.
        devices: over which batches are spread; by default all local devices, on CPU one.

    Attributes:
        predict: the network as a function of its parameters.
        num_parameters: how many there are.

    Raises:
        InputError: images that the network cannot halve, or a batch that cannot be spread.

    Example:
        >>> trainer = Trainer(split, NetworkConfig(), TrainingConfig(steps=10))  # doctest: +SKIP
        >>> state = trainer.advance(trainer.initial_state(), 10)                 # doctest: +SKIP
    """

    def __init__(
        self,
        split: ImageSplit,
        network: NetworkConfig,
        training: TrainingConfig,
        devices: Sequence[Any] | None = None,
    ):
        self.training, self.network = training, network
        self.devices = _devices(devices)
        self.batch_size = min(training.batch_size, len(split.train))
        _check_spread(self.batch_size, len(self.devices))
        built = UNet(network, split.size, split.channels, split.num_classes, training.seed)
        self.num_parameters = num_parameters(built)
        definition, self._start = nnx.split(built, nnx.Param)
        self.predict = Predictor(definition, network.class_conditional)
        # what a compiled step does not depend on is left out of its key
        self._settings = replace(training, seed=0, steps=1, evaluations_per_decade=1, save_every=0)
        self._everywhere = _sharding(self.devices, PartitionSpec())
        self._spread = _sharding(self.devices, PartitionSpec(None, "image"))
        data = (split.train, split.train_labels, stream(training.seed, "noise"))
        self._data = jax.device_put(data, self._everywhere)

    def initial_state(self) -> TrainState:
        """The state before the first step."""
        start = jax.tree.map(jnp.array, self._start)
        average = jax.tree.map(jnp.array, start)
        optimizer = _optimizer(self.training).init(start)
        return self.placed(TrainState(jnp.zeros((), jnp.int32), start, average, optimizer))

    def placed(self, state: TrainState) -> TrainState:
        """A state on the devices of this trainer."""
        return jax.device_put(state, self._everywhere)

    def advance(self, state: TrainState, steps: int) -> TrainState:
        """Make some steps; the state that is passed must not be used again."""
        one, many = _compiled(self.predict, self._settings)
        first, images = int(state.step), len(self._data[0])
        indices = batch_indices(self.training.seed, images, self.batch_size, first, steps)
        scanned = 0 if self.devices[0].platform == "cpu" else steps - steps % _SCANNED_STEPS
        for start in range(0, scanned, _SCANNED_STEPS):
            state = many(state, self._put(indices[start : start + _SCANNED_STEPS]), *self._data)
        for start in range(scanned, steps):
            state = one(state, self._put(indices[start : start + 1]), *self._data)
        return state

    def _put(self, indices: Any) -> Array:
        return jax.device_put(indices, self._spread)


@functools.lru_cache(maxsize=8)
def _compiled(predict: Predictor, settings: TrainingConfig) -> tuple[Callable, Callable]:
    """Programs for one step and for several; the state that they take is given up."""
    drawn = jax.jit(functools.partial(_drawn, settings))
    applied = jax.jit(functools.partial(_applied, settings), donate_argnums=0)

    def one(state: TrainState, indices: Array, *data: Array) -> TrainState:
        batch = drawn(state.step, indices[0], *data)
        return applied(state, chunked_gradient(predict, state.parameters, *batch))

    def many(state: TrainState, indices: Array, *data: Array) -> TrainState:
        def step(made, chosen):
            batch = _drawn(settings, made.step, chosen, *data)
            return _applied(settings, made, gradient(predict, made.parameters, *batch)), None

        return jax.lax.scan(step, state, indices)[0]

    return one, jax.jit(many, donate_argnums=0)


def _drawn(
    settings: TrainingConfig,
    step: Array,
    chosen: Array,
    images: Array,
    labels: Array,
    noise_key: Array,
) -> tuple[Array, ...]:
    """The batch of a step: a function of the key and of the number of the step."""
    time_key, key = jax.random.split(jax.random.fold_in(noise_key, step))
    batch = images[chosen]
    times = drawn_times(settings, time_key, len(chosen))
    return batch, times, jax.random.normal(key, batch.shape, jnp.float32), labels[chosen]


def _applied(settings: TrainingConfig, state: TrainState, gradient: Any) -> TrainState:
    """One step of the optimiser and of the average."""
    update, optimizer = _optimizer(settings).update(gradient, state.optimizer, state.parameters)
    parameters = optax.apply_updates(state.parameters, update)
    average = _averaged(state, parameters, settings.ema_decay)
    return TrainState(state.step + 1, parameters, average, optimizer)


def _averaged(state: TrainState, parameters: Any, decay: float) -> Any:
    if decay == 0:
        return parameters
    made = state.step.astype(jnp.float32)
    keep = jnp.minimum(jnp.float32(decay), (1.0 + made) / (10.0 + made))
    return jax.tree.map(lambda a, p: p + keep * (a - p), state.average, parameters)


def _optimizer(config: TrainingConfig) -> optax.GradientTransformation:
    if config.optimizer == "adam":
        return optax.adam(config.learning_rate)
    return optax.sgd(config.learning_rate, config.momentum)


def _devices(devices: Sequence[Any] | None) -> list[Any]:
    if devices is not None:
        return list(devices)
    local = jax.local_devices()
    return local[:1] if local[0].platform == "cpu" else local


def _check_spread(batch_size: int, devices: int) -> None:
    if batch_size % devices:
        raise InputError(
            f"batches of {batch_size} images on {devices} devices",
            "every device gets equally many images",
            f"use a batch size that is a multiple of {devices}, or fewer devices",
        )


def _sharding(devices: list[Any], spec: PartitionSpec) -> NamedSharding:
    return NamedSharding(Mesh(np.array(devices), ("image",)), spec)
