"""From measurements at many steps to labelled curves and times per class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffjax.dynamics import Label
from diffjax.numerics.crossing import first_crossing
from diffjax.status import Status, worst
from diffjax.timescales import timescales
from diffjax.typing import Float
from diffjax.unet.config import EvaluationConfig
from diffjax.unet.evaluation import Evaluation, Evaluator
from diffjax.unet.image_statistics import class_statistics
from diffjax.unet.images import ImageSplit

MODEL_VERSION = 1
"""Raised whenever the numbers change."""

_CURVE = ("class", "training_step")
_BY_TIME = ("class", "diffusion_time", "training_step")
_EXAMPLE = ("class", "training_step", "example")
_STEPS = "steps"

PER_STEP = {
    "train_loss": Label(_CURVE, "train loss per dimension", symbol=r"L^{\mathrm{train}}"),
    "test_loss": Label(_CURVE, "held-out loss per dimension", symbol=r"L^{\mathrm{test}}"),
    "loss_gap": Label(_CURVE, "held-out minus train loss"),
    "train_loss_by_time": Label(_BY_TIME, "train loss at each diffusion time"),
    "test_loss_by_time": Label(_BY_TIME, "held-out loss at each diffusion time"),
    "memorized_fraction": Label(_CURVE, "memorised share of generated images", symbol="f"),
    "memorized_by_ratio": Label(_CURVE, "share with d_1 < d_2/3"),
    "memorized_by_distance": Label(_CURVE, "share with d_1 < r_c/3"),
    "class_share": Label(_CURVE, "share of generated images"),
    "frechet_distance": Label(_CURVE, "Frechet distance in classifier features"),
}
"""Measured at every evaluated step; losses are means over the diffusion times."""

_TIMES = {
    "generalization_time": (r"\tau_{\mathrm{gen}}", "generalisation time"),
    "memorization_time": (r"\tau_{\mathrm{mem}}", "memorisation time"),
    "gap_onset_time": (r"\tau_{\mathrm{gap}}", "onset of the gap"),
    "copying_time": (r"\tau_{\mathrm{copy}}", "half of the samples memorised"),
}
_FACTS = {
    "bayes_floor": "lowest held-out loss reached",
    "final_train_loss": "train loss of the exact minimiser",
    "class_variance": "variance per dimension",
    "mean_norm": "squared norm of the mean per dimension",
    "effective_dimension": "effective dimension",
    "fresh_distance": "typical nearest distance between fresh images",
    "classifier_accuracy": "accuracy of the classifier",
}

LABELS = {
    "training_steps": Label(("training_step",), "training step", _STEPS, r"\tau", coordinate=True),
    "diffusion_times": Label(("diffusion_time",), "diffusion time", symbol="t", coordinate=True),
    **PER_STEP,
    **{name: Label(("class",), words, _STEPS, symbol) for name, (symbol, words) in _TIMES.items()},
    **{name: Label(("class",), words) for name, words in _FACTS.items()},
    "mean_overlap": Label((), "cosine of the first two class means"),
    "sample_counts": Label(("class",), "training images", "images", "n"),
    "example_images": Label((*_EXAMPLE, "row", "column", "channel"), "generated image, pixels"),
    "nearest_images": Label((*_EXAMPLE, "row", "column", "channel"), "nearest training image"),
    "example_memorized": Label(_EXAMPLE, "1 memorised, 0 not, -1 no such image"),
    "status": Label((), "status of the point"),
}
"""Labels of everything a training run results in.

The times are in training steps, and inf if not reached.  `diffjax.timescales` defines them, with
the lowest held-out loss of the run in the place of the Bayes floor, which no one knows for images,
and the loss of the exact minimiser as the train loss at infinite time.
"""


def class_facts(split: ImageSplit, evaluator: Evaluator) -> dict[str, np.ndarray]:
    """What is known about the classes before training."""
    statistics = class_statistics(split)
    pair = statistics.overlap[0, min(1, split.num_classes - 1)]
    return {
        "final_train_loss": evaluator.final_train_loss,
        "class_variance": statistics.variance,
        "mean_norm": statistics.mean_norm,
        "effective_dimension": statistics.effective_dimension,
        "fresh_distance": evaluator.fresh_distance,
        "classifier_accuracy": evaluator.accuracy,
        "mean_overlap": np.asarray(pair),
        "sample_counts": np.asarray(split.counts, np.int64),
    }


def step_results(
    steps: Sequence[int], metrics: Sequence[Mapping[str, Any]]
) -> dict[str, np.ndarray]:
    """Measurements stacked along the training step, which becomes the last axis."""
    stacked = {
        name: np.stack([np.asarray(found[name], float) for found in metrics], axis=-1)
        for name in metrics[0]
        if name in PER_STEP
    }
    return {"training_steps": np.asarray(steps, float), **stacked}


def time_results(
    curves: Mapping[str, np.ndarray], final_train_loss: Float[np.ndarray, " class"]
) -> dict:
    """Times per class and status; see `LABELS` for what stands for the Bayes floor."""
    # Any: NumPy arrays where functions for traced ones are annotated with those of JAX
    steps, train, test = (_any(curves[n]) for n in ("training_steps", "train_loss", "test_loss"))
    floor = test.min(-1)
    times = timescales(steps, train, test, floor, _any(final_train_loss), curves="measured")
    found = {name: np.asarray(getattr(times, name)) for name in _TIMES if name != "copying_time"}
    early = int(Status.OK)
    if "memorized_fraction" in curves:
        copied = first_crossing(steps, _any(curves["memorized_fraction"]), 0.5)
        found["copying_time"] = np.asarray(copied.time)
        early = int(Status.BEFORE_WINDOW if np.any(copied.before) else Status.OK)
    losses = np.concatenate([train.ravel(), test.ravel()])
    reached = all(np.isfinite(value).all() for value in found.values())
    status = worst(int(times.status), int(Status.OK if reached else Status.NOT_REACHED), early)
    if not np.isfinite(losses).all():
        status = Status.NON_FINITE
    return {**found, "bayes_floor": floor, "status": np.int8(status)}


def _any(values: Any) -> Any:
    return np.asarray(values)


def stacked_examples(
    data: Mapping[str, np.ndarray],
    samples: Sequence[Mapping[str, np.ndarray]],
    num_classes: int,
    config: EvaluationConfig,
) -> dict[str, np.ndarray]:
    """The first generated images of every class at every step, beside their nearest ones.

    Args:
        data: `train`, `mean_image` and `scale` of an `ImageSplit`.
        samples: of an `Evaluation`, one per step.
        num_classes: K.
        config: how many are kept.

    Returns:
        Pixels, clipped to the range of the training images; a missing image is black.
    """
    shape = (num_classes, len(samples), config.examples)
    real = data["train"] * data["scale"] + data["mean_image"]
    made = np.zeros((*shape, *real.shape[1:]), np.float32)
    near, flags = np.zeros_like(made), np.full(shape, -1, np.int8)
    for step, found in enumerate(samples):
        for c in range(num_classes):
            chosen = np.flatnonzero(found["classes"] == c)[: config.examples]
            here = (c, step, slice(len(chosen)))
            pixels = found["images"][chosen] * data["scale"] + data["mean_image"]
            made[here] = pixels.clip(real.min(), real.max())
            near[here] = real[found["nearest"][chosen]]
            flags[here] = found["memorized"][chosen]
    return {"example_images": made, "nearest_images": near, "example_memorized": flags}


def all_results(
    split: ImageSplit,
    evaluator: Evaluator,
    steps: Sequence[int],
    evaluations: Sequence[Evaluation],
    config: EvaluationConfig,
) -> dict[str, Any]:
    """Everything in `LABELS` for a run that generated images."""
    facts = class_facts(split, evaluator)
    curves = step_results(steps, [evaluation.metrics for evaluation in evaluations])
    data = {"train": split.train, "mean_image": split.mean_image, "scale": np.asarray(split.scale)}
    samples = [evaluation.samples for evaluation in evaluations]
    return {
        "diffusion_times": np.asarray(config.diffusion_times),
        **curves,
        **facts,
        **time_results(curves, facts["final_train_loss"]),
        **stacked_examples(data, samples, split.num_classes, config),
    }
