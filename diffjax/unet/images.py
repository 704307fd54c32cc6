"""The choice of classes, counts and splits that a network is trained on.

Pixels become x = (pixel - mean image of the whole data set)/scale with one scale for all, chosen so
that the variance per dimension, averaged over the chosen classes, is 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.typing import Float, Int
from diffjax.unet.labelled_images import LabelledImages
from diffjax.validation import check_count

_HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class ImageSplit:
    """What one network sees: its training images, held-out ones, and the rest of the classes.

    Attributes:
        train: (n, size, size, channel) float32, in the scale of the module docstring.
        train_labels: (n,) positions 0..K-1 in `labels`.
        held_out: images that no part of the program is trained on.
        held_out_labels: their positions.
        reserve: further images of the classes; only classifier and statistics use them.
        reserve_labels: their positions.
        labels: the classes, in the order that was asked for.
        names: their names.
        mean_image: (size, size, channel) pixels that were subtracted.
        scale: by which they were divided.
    """

    train: Float[np.ndarray, "image size size channel"]
    train_labels: Int[np.ndarray, " image"]
    held_out: Float[np.ndarray, "held_out size size channel"]
    held_out_labels: Int[np.ndarray, " held_out"]
    reserve: Float[np.ndarray, "reserve size size channel"]
    reserve_labels: Int[np.ndarray, " reserve"]
    labels: tuple[int, ...]
    names: tuple[str, ...]
    mean_image: Float[np.ndarray, "size size channel"]
    scale: float

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.labels)

    @property
    def counts(self) -> tuple[int, ...]:
        """Training images per class."""
        return tuple(np.bincount(self.train_labels, minlength=self.num_classes).tolist())

    @property
    def size(self) -> int:
        """Height and width."""
        return self.train.shape[1]

    @property
    def channels(self) -> int:
        """1 for grey images."""
        return self.train.shape[-1]

    @property
    def seen(self) -> tuple[np.ndarray, np.ndarray]:
        """All images that are not held out, with their positions."""
        return (
            np.concatenate([self.train, self.reserve]),
            np.concatenate([self.train_labels, self.reserve_labels]),
        )

    def to_pixels(self, images: np.ndarray) -> np.ndarray:
        """Images in the scale of the data set again."""
        return np.asarray(images) * self.scale + self.mean_image


def split_images(
    data: LabelledImages,
    classes: tuple[int, ...],
    counts: tuple[int, ...],
    *,
    seed: int = 0,
    shrink: int = 1,
) -> ImageSplit:
    """Draw training images of some classes.

    With the same seed, more images of a class contain the fewer.

    Args:
        data: all images.
        classes: at least one label.
        counts: training images of each.
        seed: of the draw.
        shrink: average blocks of shrink x shrink pixels.

    Raises:
        InputError: unknown or repeated classes, more images than there are, a shrink that does
            not divide the size.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> data = LabelledImages(rng.random((40, 8, 8)), np.repeat([0, 1], 20))
        >>> split_images(data, (0, 1), (6, 2)).counts
        (6, 2)
    """
    _check_choice(data, classes, counts)
    pool, pool_labels, held_out, held_labels = _held_out(data, seed)
    train, reserve = [], []
    for label, count in zip(classes, counts, strict=True):
        found = np.flatnonzero(pool_labels == label)
        if count > len(found):
            raise InputError(
                f"{count} training images of class {label}",
                f"there are {len(found)}",
                "ask for fewer, or leave the imbalance smaller",
            )
        order = np.random.default_rng([seed, label]).permutation(found)
        train.append(order[:count])
        reserve.append(np.sort(order[count:]))
    shrunk, mean = _shrunk(pool, shrink), _shrunk(data.images.mean(0, dtype=float)[None], shrink)[0]
    places = np.concatenate(train), np.concatenate(reserve)
    kept = np.isin(held_labels, classes)
    _check_held_out(held_labels, classes)
    scale = _scale(shrunk, pool_labels, classes)
    made = [
        ((part - mean) / scale).astype(np.float32)
        for part in (shrunk[places[0]], _shrunk(held_out[kept], shrink), shrunk[places[1]])
    ]
    labels = [
        _positions(values, classes)
        for values in (pool_labels[places[0]], held_labels[kept], pool_labels[places[1]])
    ]
    return ImageSplit(
        made[0], labels[0], made[1], labels[1], made[2], labels[2],
        tuple(classes), tuple(data.name(c) for c in classes), mean, scale,
    )  # fmt: skip


def counts_from_imbalance(num_images: int, imbalance_ratio: float) -> tuple[int, int]:
    """Images of two classes in the ratio n_0 : n_1, at least one of each.

    Raises:
        InputError: fewer than two images or a ratio that is not positive.

    Example:
        >>> counts_from_imbalance(40, 9.0)
        (36, 4)
    """
    check_count("num_images", num_images, minimum=2)
    if not 0 < imbalance_ratio < np.inf:
        raise InputError(f"imbalance_ratio={imbalance_ratio}", "> 0 and finite", "change it")
    first = round(num_images * imbalance_ratio / (1 + imbalance_ratio))
    first = min(max(first, 1), num_images - 1)
    return first, num_images - first


def _check_choice(data: LabelledImages, classes: Any, counts: Any) -> None:
    if not len(classes) or len(set(classes)) < len(classes) or len(counts) != len(classes):
        raise InputError(
            f"classes={tuple(classes)} with counts={tuple(counts)}",
            "different classes, and one count for each",
            "for example classes 1,8 and counts 32,32",
        )
    for label in classes:
        if label not in data.classes:
            raise InputError(
                f"class {label!r} is unknown",
                f"the data has {', '.join(map(str, data.classes))}",
                "choose among these",
            )
    for count in counts:
        check_count("counts", count)


def _check_held_out(labels: np.ndarray, classes: tuple[int, ...]) -> None:
    for label in classes:
        if (found := int((labels == label).sum())) < 2:
            raise InputError(
                f"{found} held-out images of class {label}",
                "at least 2 of every class",
                "give more images, or choose other classes",
            )


def _held_out(data: LabelledImages, seed: int):
    if data.test_images is not None:
        return data.images, data.labels, data.test_images, data.test_labels
    chosen = np.zeros(len(data.labels), bool)
    for label in data.classes:
        found = np.flatnonzero(data.labels == label)
        order = np.random.default_rng([seed, label, 1]).permutation(found)
        chosen[order[: max(1, round(_HELD_OUT_SHARE * len(found)))]] = True
    return data.images[~chosen], data.labels[~chosen], data.images[chosen], data.labels[chosen]


def _shrunk(images: np.ndarray, factor: int) -> np.ndarray:
    """Float images with a channel axis, averaged over blocks of pixels."""
    size = images.shape[1]
    check_count("shrink", factor)
    if size % factor:
        raise InputError(
            f"shrink={factor} for images of {size} x {size}", "a divisor of the size", "change it"
        )
    cells = size // factor
    whole = images.astype(np.float32).reshape(len(images), cells, factor, cells, factor, -1)
    return whole.mean((2, 4))


def _scale(images: np.ndarray, labels: np.ndarray, classes: tuple[int, ...]) -> float:
    variances = [images[labels == label].var(0).mean() for label in classes]
    scale = float(np.sqrt(np.mean(variances)))
    if scale == 0:
        raise InputError(
            "all images of the classes are equal", "images that vary", "use other data"
        )
    return scale


def _positions(labels: np.ndarray, classes: tuple[int, ...]) -> np.ndarray:
    order = np.argsort(classes)
    return order[np.searchsorted(np.asarray(classes)[order], labels)].astype(np.int32)
