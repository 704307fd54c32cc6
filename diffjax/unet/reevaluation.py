"""A stored network measured again: at any stored step, with other draws, samplers or images."""

import dataclasses
import os
from typing import Any

import jax
import numpy as np
import xarray as xr

from diffjax.errors import InputError
from diffjax.unet.config import EvaluationConfig, NetworkConfig, TrainingConfig, from_json, to_json
from diffjax.unet.evaluation import Evaluator
from diffjax.unet.images import ImageSplit, split_images
from diffjax.unet.labelled_images import LabelledImages
from diffjax.unet.results import step_results
from diffjax.unet.run import run_record
from diffjax.unet.run_dataset import dataset_of
from diffjax.unet.run_folder import TrainingFolder
from diffjax.unet.stored_network import StoredNetwork
from diffjax.unet.training import Trainer
from diffjax.validation import check_count


def evaluate_run(
    run: str | os.PathLike,
    data: LabelledImages,
    *,
    step: int | None = None,
    samples: int | None = None,
    seed: int | None = None,
    method: str | None = None,
    sampling_steps: int | None = None,
) -> xr.Dataset:
    """Measure a stored network, and add the result to ``evaluations.jsonl`` in its folder.

    With the defaults it measures what training measured at that step, to the same bits on the same
    machine.  The metrics of the training are left as they are.

    Args:
        run: folder of the run.
        data: the images that it was trained on.  If they are others, the classes are judged and
            the held-out losses measured on those, in the scale of the run; copies are sought
            among the training images of the run in any case.
        step: an evaluated training step; None for the last.
        samples: generated images, 0 for none; None for as many as in the run.
        seed: of noise and generated images; None for that of the run.
        method: of `diffjax.samplers`; None for that of the run.
        sampling_steps: of the backward process; None for those of the run.

    Returns:
        `train_loss`, `test_loss`, `memorized_fraction` and the others of
        `diffjax.unet.results.PER_STEP` over (class,), those by time over (class, diffusion_time).

    Raises:
        InputError: there is no such run or step, a value is out of range, or the data lacks the
            classes, their images or the size of the run.

    Example:
        >>> data = load_fashion_mnist("data/fashion-mnist")                   # doctest: +SKIP
        >>> evaluate_run("runs/bags", data, samples=512)["class_share"]       # doctest: +SKIP
    """
    network = StoredNetwork(run, step)
    folder = TrainingFolder(run)
    record = folder.record()
    training = from_json(TrainingConfig, record["training"])
    asked = {"samples": samples, "method": method, "sampling_steps": sampling_steps}
    config = dataclasses.replace(
        from_json(EvaluationConfig, record["evaluation"]),
        **{name: value for name, value in asked.items() if value is not None},
    )
    draws = training.seed if seed is None else seed
    check_count("seed", draws, minimum=0)
    split, same = _split(folder, record, training, data)
    sizes = from_json(NetworkConfig, record["network"])
    trainer = Trainer(split, sizes, training, jax.local_devices()[:1])
    found = Evaluator(split, trainer, config, seed=draws).measure(network.parameters).metrics
    facts = {
        "step": network.step,
        "seed": draws,
        "evaluation": to_json(config),
        "own_data": same,
    }
    folder.append_evaluation(facts, found)
    results = {
        "diffusion_times": np.asarray(config.diffusion_times),
        **step_results([network.step], [found]),
    }
    named = dataset_of({**record, **facts}, results, list(split.names))
    return named.isel(training_step=0).assign_attrs(seed=draws, own_data=int(same))


def _split(
    folder: TrainingFolder, record: dict[str, Any], training: TrainingConfig, data: LabelledImages
) -> tuple[ImageSplit, bool]:
    """The images of the run, and whether the data is that of the run."""
    about = record["data"]
    shrink, rest = divmod(data.images.shape[1], about["size"])
    if rest or not shrink:
        raise InputError(
            f"images of {data.images.shape[1]} x {data.images.shape[1]} pixels",
            f"{about['size']} x {about['size']} pixels as in {folder.path}, or a multiple",
            "give the data set that the run was trained on",
        )
    classes, counts = tuple(about["classes"]), tuple(about["counts"])
    split = split_images(data, classes, counts, seed=training.seed, shrink=shrink)
    made = run_record(split, NetworkConfig(), training, EvaluationConfig(), about["source"])
    if all(made["data"][name] == about[name] for name in about if name.endswith("sha256")):
        return split, True
    return _in_scale_of(folder.data(), split), False


def _in_scale_of(stored: dict[str, np.ndarray], split: ImageSplit) -> ImageSplit:
    """Training images, mean image and scale of a run with the other images of a split."""
    mean, scale = stored["mean_image"], float(stored["scale"])
    if mean.shape != split.mean_image.shape:
        raise InputError(
            f"images with {split.channels} channels",
            f"{mean.shape[-1]} as in the run",
            "give the data set that the run was trained on",
        )
    return dataclasses.replace(
        split,
        train=stored["train"],
        train_labels=stored["train_labels"],
        held_out=((split.to_pixels(split.held_out) - mean) / scale).astype(np.float32),
        reserve=((split.to_pixels(split.reserve) - mean) / scale).astype(np.float32),
        mean_image=mean,
        scale=scale,
    )
