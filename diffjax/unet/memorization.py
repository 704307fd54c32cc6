"""Which generated images are copies of training images.

With the distances d_1 <= d_2 to the nearest two training images:

* by ratio: d_1 < d_2/3, much nearer to one image than to any other;
* by distance: d_1 < r_c/3, where r_c is the typical nearest distance between fresh images of its
  class: the median over held-out images of the distance to the nearest other one.

An image is *memorised* if both hold.  The ratio alone overstates copying of sparse classes, whose
second neighbour is far; the distance does not depend on how many images a class has in training.
"""

from typing import NamedTuple

import numpy as np

from diffjax.typing import Bool, Float, Int
from diffjax.unet.images import ImageSplit
from diffjax.unet.neighbours import nearest

THRESHOLD = 1.0 / 3.0


class Copies(NamedTuple):
    """What was found about every generated image.

    Attributes:
        by_ratio: d_1 < d_2/3.
        by_distance: d_1 < r_c/3.
        nearest: position of the nearest training image.
        distance: d_1.
    """

    by_ratio: Bool[np.ndarray, " image"]
    by_distance: Bool[np.ndarray, " image"]
    nearest: Int[np.ndarray, " image"]
    distance: Float[np.ndarray, " image"]

    @property
    def memorized(self) -> np.ndarray:
        """Both criteria."""
        return self.by_ratio & self.by_distance


def fresh_distances(split: ImageSplit) -> Float[np.ndarray, " class"]:
    """r_c: median distance between a held-out image and the nearest other one of its class."""
    return np.array(
        [
            _typical_nearest(split.held_out[split.held_out_labels == position])
            for position in range(split.num_classes)
        ]
    )


def find_copies(
    images: Float[np.ndarray, "image size size channel"],
    classes: Int[np.ndarray, " image"],
    split: ImageSplit,
    typical: Float[np.ndarray, " class"] | None = None,
) -> Copies:
    """Compare images with all training images.

    Args:
        images: generated ones, in the scale of the split.
        classes: the class of each.
        split: whose training images.
        typical: r_c if known.

    Example:
        >>> images = np.random.default_rng(0).normal(size=(60, 8, 8))
        >>> data = dj.unet.LabelledImages(images, np.repeat([0, 1], 30))
        >>> split = dj.unet.split_images(data, classes=(0, 1), counts=(8, 8))
        >>> copies = find_copies(split.train, split.train_labels, split)
        >>> bool(copies.memorized.all())
        True
    """
    typical = fresh_distances(split) if typical is None else typical
    found = nearest(images, split.train, min(2, len(split.train)))
    first = found.distance[:, 0]
    second = found.distance[:, -1] if found.distance.shape[1] > 1 else np.full_like(first, np.inf)
    return Copies(
        first < THRESHOLD * second,
        first < THRESHOLD * np.asarray(typical)[classes],
        found.index[:, 0],
        first,
    )


def _typical_nearest(images: np.ndarray) -> float:
    # the first neighbour of an image is the image itself
    return float(np.median(nearest(images, images, 2).distance[:, 1]))


def class_shares(
    flags: Bool[np.ndarray, " image"], classes: Int[np.ndarray, " image"], num_classes: int
) -> Float[np.ndarray, " class"]:
    """Share of the images of every class that have a flag; 0 for a class without images."""
    counts = np.bincount(classes, minlength=num_classes)
    return np.bincount(classes, weights=flags, minlength=num_classes) / np.maximum(counts, 1)
