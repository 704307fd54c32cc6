"""A training run on disk: streamed, resumable at any moment, readable while it goes on."""

import datetime
import hashlib
import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import jax
import numpy as np
import xarray as xr

from diffjax.errors import InputError
from diffjax.unet.config import EvaluationConfig, NetworkConfig, TrainingConfig, to_json
from diffjax.unet.evaluation import Evaluator
from diffjax.unet.images import ImageSplit
from diffjax.unet.results import class_facts
from diffjax.unet.run_dataset import open_training_run
from diffjax.unet.run_folder import TrainingFolder
from diffjax.unet.training import Trainer, TrainState

_PACKAGES = ("diffjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
_STATES_KEPT = 2
_CHUNK = 25
"""Steps between two reports of the progress."""


class Progress(Protocol):
    """What a run tells while it goes on; the library itself prints nothing."""

    def start(self, total: int, done: int) -> None:
        """Of `total` steps, `done` were made before."""

    def advance(self, steps: int) -> None:
        """So many steps were made."""

    def measured(self, step: int, metrics: Mapping[str, Any]) -> None:
        """The network was measured."""

    def finish(self) -> None:
        """Called last, also after an error or Ctrl-C."""


def train_run(
    split: ImageSplit,
    out: str | os.PathLike,
    *,
    network: NetworkConfig = NetworkConfig(),  # noqa: B008
    training: TrainingConfig = TrainingConfig(),  # noqa: B008
    evaluation: EvaluationConfig = EvaluationConfig(),  # noqa: B008
    source: str = "array",
    devices: Sequence[Any] | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Train a network into a folder; the same call continues what was interrupted.

    After ``kill -9`` at any moment the continued run has the same metrics and weights, bit by bit,
    as one that was not interrupted, on the same kind and number of devices.

    Args:
        split: the images, see `split_images`.
        out: folder of the run.
        network: sizes.
        training: settings; a run may be continued with more steps.
        evaluation: what is measured.
        source: where the images come from, for the record.
        devices: over which batches are spread; by default all local devices, on CPU one.
        progress: told what happens.

    Returns:
        The dataset of the run, see `open_training_run`.

    Raises:
        InputError: the network does not fit the images.
        StoreMismatch: the folder holds a run with other settings or data, the field is named.
        OSError: the folder cannot be written or the disk is full; the last state is intact.

    Example:
        >>> data = load_fashion_mnist("data/fashion-mnist")                   # doctest: +SKIP
        >>> split = split_images(data, (1, 8), (32, 32))                      # doctest: +SKIP
        >>> ds = train_run(split, "runs/bags", training=TrainingConfig(200))  # doctest: +SKIP
        >>> ds["memorized_fraction"].dims                                     # doctest: +SKIP
        ('class', 'training_step')
    """
    trainer = Trainer(split, network, training, devices)
    folder = TrainingFolder(out)
    record = run_record(split, network, training, evaluation, source)
    known = folder.exists()
    if known:
        folder.require_same(record)
    else:
        folder.create({**record, **_session()}, _data(split))
    folder.hold()
    state = _resumed(folder, trainer)
    if training.steps < int(state.step):
        raise InputError(
            f"steps={training.steps} where {int(state.step)} were made",
            "as many as before, or more",
            "raise steps, or choose another folder",
        )
    if known:
        folder.write_json("run.json", {**folder.record(), "training": record["training"]})
    evaluator = Evaluator(split, trainer, evaluation)
    facts = {name: value.tolist() for name, value in class_facts(split, evaluator).items()}
    folder.write_json("facts.json", facts)
    _train(folder, trainer, evaluator, state, progress)
    return open_training_run(out)


def run_record(
    split: ImageSplit,
    network: NetworkConfig,
    training: TrainingConfig,
    evaluation: EvaluationConfig,
    source: str,
) -> dict[str, Any]:
    """What must agree before a run may be continued."""
    return {
        "network": to_json(network),
        "training": to_json(training),
        "evaluation": to_json(evaluation),
        "data": {
            "source": source,
            "classes": list(split.labels),
            "names": list(split.names),
            "counts": list(split.counts),
            "size": split.size,
            "train_sha256": _digest(split.train, split.train_labels),
            "held_out_sha256": _digest(split.held_out, split.held_out_labels),
            "reserve_sha256": _digest(split.reserve, split.reserve_labels),
        },
        "citations": ["arXiv:2605.06367", "arXiv:2505.17638"],
    }


def _train(
    folder: TrainingFolder,
    trainer: Trainer,
    evaluator: Evaluator,
    state: TrainState,
    progress: Progress | None,
) -> None:
    config, done = trainer.training, int(state.step)
    if progress is not None:
        progress.start(config.steps, done)
    try:
        for stop in _stops(config, done):
            state = _advance(trainer, state, stop, progress)
            folder.require_here()
            if stop in config.evaluation_steps():
                found = evaluator.measure(state.average)
                folder.append_metrics(stop, found.metrics)
                folder.save_samples(stop, found.samples)
                folder.weights.save(stop, state.average)
                if progress is not None:
                    progress.measured(stop, found.metrics)
            folder.states.save(stop, state)
            folder.states.remove(folder.states.steps()[:-_STATES_KEPT])
    finally:
        if progress is not None:
            progress.finish()


def _advance(
    trainer: Trainer, state: TrainState, stop: int, progress: Progress | None
) -> TrainState:
    while (done := int(state.step)) < stop:
        steps = min(_CHUNK, stop - done)
        state = jax.block_until_ready(trainer.advance(state, steps))
        if progress is not None:
            progress.advance(steps)
    return state


def _stops(config: TrainingConfig, done: int) -> list[int]:
    """Steps to come after which a state is saved."""
    every = range(config.save_every, config.steps, config.save_every) if config.save_every else ()
    return sorted(step for step in {*config.evaluation_steps(), *every} if step > done)


def _resumed(folder: TrainingFolder, trainer: Trainer) -> TrainState:
    """The latest complete state, with everything after it cut off; or the start."""
    state, steps = trainer.initial_state(), folder.states.steps()
    folder.cut_off(steps[-1] if steps else 0)
    if not steps:
        return state
    return trainer.placed(folder.states.load(steps[-1], state))


def _data(split: ImageSplit) -> dict[str, np.ndarray]:
    return {
        "train": split.train,
        "train_labels": split.train_labels,
        "mean_image": split.mean_image,
        "scale": np.asarray(split.scale),
    }


def _session() -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    found = {package: importlib.metadata.version(package) for package in _PACKAGES}
    return {"created": now.isoformat(timespec="seconds"), "versions": found}


def _digest(*arrays: np.ndarray) -> str:
    content = hashlib.sha256()
    for array in arrays:
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()
