"""The empirical leg: a U-Net trained on labelled images, measured class by class.

The same forward process, loss and times as in the rest of the package:

    x_t = e^-t x + sqrt(Delta_t) xi,  Delta_t = 1 - e^-2t
    L_c = (1/d) E |eps(x_t, t) - xi|^2 over the images of class c; 1 for eps = 0
    s(x_t, t) = -eps(x_t, t)/sqrt(Delta_t), the score that the samplers use

Images are x = (pixel - mean image of the data set)/scale, with a variance per dimension of 1 on
average over the chosen classes.  The training clock is the step.  Networks compute in explicit
32-bit (or 16-bit) numbers, whatever JAX is set to.

    load_fashion_mnist   the official files, checked       split_images   classes and counts
    LabelledImages       any labelled images               class_statistics   what theory needs
    NetworkConfig, TrainingConfig, EvaluationConfig        settings
    train_run            train into a folder, resumable    open_training_run  its dataset
    evaluate_run         measure a stored network again
    unet_training        one training as a model of the sweep engine
    nearest, find_copies, frechet_distance                 what generated images look like
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffjax.unet.config import EvaluationConfig as EvaluationConfig
    from diffjax.unet.config import NetworkConfig as NetworkConfig
    from diffjax.unet.config import TrainingConfig as TrainingConfig
    from diffjax.unet.fashion_mnist import load_fashion_mnist as load_fashion_mnist
    from diffjax.unet.image_statistics import ClassStatistics as ClassStatistics
    from diffjax.unet.image_statistics import class_statistics as class_statistics
    from diffjax.unet.images import ImageSplit as ImageSplit
    from diffjax.unet.images import counts_from_imbalance as counts_from_imbalance
    from diffjax.unet.images import split_images as split_images
    from diffjax.unet.labelled_images import LabelledImages as LabelledImages
    from diffjax.unet.memorization import find_copies as find_copies
    from diffjax.unet.model import unet_training as unet_training
    from diffjax.unet.neighbours import nearest as nearest
    from diffjax.unet.network import UNet as UNet
    from diffjax.unet.problem import UNetProblem as UNetProblem
    from diffjax.unet.quality import frechet_distance as frechet_distance
    from diffjax.unet.reevaluation import evaluate_run as evaluate_run
    from diffjax.unet.run import train_run as train_run
    from diffjax.unet.run_dataset import open_training_run as open_training_run

_HOMES = {
    "ClassStatistics": "image_statistics",
    "EvaluationConfig": "config",
    "ImageSplit": "images",
    "LabelledImages": "labelled_images",
    "NetworkConfig": "config",
    "TrainingConfig": "config",
    "UNet": "network",
    "UNetProblem": "problem",
    "class_statistics": "image_statistics",
    "counts_from_imbalance": "images",
    "evaluate_run": "reevaluation",
    "find_copies": "memorization",
    "frechet_distance": "quality",
    "load_fashion_mnist": "fashion_mnist",
    "nearest": "neighbours",
    "open_training_run": "run_dataset",
    "split_images": "images",
    "train_run": "run",
    "unet_training": "model",
}
"""Name to module; loaded on first use, since networks and checkpoints take a second to import."""

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
