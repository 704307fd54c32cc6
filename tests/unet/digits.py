"""scikit-learn's digits as small images, and tiny settings."""

import functools

import numpy as np
from sklearn.datasets import load_digits

from diffjax.unet.config import EvaluationConfig, NetworkConfig, TrainingConfig
from diffjax.unet.fashion_mnist import CHECKSUMS
from diffjax.unet.idx_files import write_idx
from diffjax.unet.images import ImageSplit, split_images
from diffjax.unet.labelled_images import LabelledImages

NETWORK = NetworkConfig(width=8, multipliers=(1, 2), groups=4, embedding=8)
SMALLEST = NetworkConfig(width=4, multipliers=(1,), groups=2, embedding=4)
TRAINING = TrainingConfig(steps=12, batch_size=8, evaluations_per_decade=3, save_every=5)
EVALUATION = EvaluationConfig(
    diffusion_times=(0.1, 0.5), images=8, samples=8, sampling_steps=3, examples=2
)


@functools.cache
def digit_images() -> LabelledImages:
    """1797 digits of 8 x 8 pixels."""
    data = load_digits()
    return LabelledImages(data.images, data.target.astype(np.int64), source="digits")


@functools.cache
def digit_split(classes=(3, 8), counts=(12, 4), seed=0) -> ImageSplit:
    """Training images of two digits."""
    return split_images(digit_images(), classes, counts, seed=seed)


def write_official_names(folder, size: int = 8, per_class: int = 30) -> None:
    """Four IDX files with the official names, holding three classes of small noisy patterns."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 200, (3, size, size))
    for part, count in (("train", per_class), ("t10k", 6)):
        labels = np.repeat(np.arange(3), count)
        noise = rng.integers(0, 55, (len(labels), size, size))
        images = (patterns[labels] + noise).astype(np.uint8)
        names = [name for name in CHECKSUMS if name.startswith(part)]
        write_idx(folder / names[0], images)
        write_idx(folder / names[1], labels.astype(np.uint8))
