"""Any labelled images of equal, square shape."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.validation import check_finite


@dataclass(frozen=True)
class LabelledImages:
    """Any labelled images of equal, square shape.

    Args:
        images: (N, size, size) or (N, size, size, channel), any real numbers.
        labels: (N,) integers.
        test_images: held-out images; None takes a fifth of every class of `images`.
        test_labels: their labels.
        names: of the classes 0, 1, ...; empty to use the numbers.
        source: where they come from, for records.

    Raises:
        InputError: shapes that disagree, images that are not square, nan.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> data = LabelledImages(rng.random((40, 8, 8)), np.repeat([0, 1], 20))
        >>> data.classes
        (0, 1)
    """

    images: Any
    labels: Any
    test_images: Any = None
    test_labels: Any = None
    names: tuple[str, ...] = ()
    source: str = "array"

    def __post_init__(self):
        if (self.test_images is None) != (self.test_labels is None):
            raise InputError(
                "test_images and test_labels", "both or neither", "give the other one, too"
            )
        for kind in ("", "test_"):
            if getattr(self, f"{kind}images") is not None:
                self._check(f"{kind}images", f"{kind}labels")
        if self.test_images is not None and self.test_images.shape[1:] != self.images.shape[1:]:
            raise InputError(
                f"test_images of shape {self.test_images.shape}",
                f"images of shape {self.images.shape[1:]}",
                "crop or resize one of them",
            )

    def _check(self, images: str, labels: str) -> None:
        pixels, classes = np.asarray(getattr(self, images)), np.asarray(getattr(self, labels))
        if pixels.ndim not in (3, 4) or pixels.shape[1] != pixels.shape[2]:
            raise InputError(
                f"{images} has shape {pixels.shape}",
                "(number, size, size) or (number, size, size, channels)",
                "reshape, crop or pad the images",
            )
        if classes.shape != pixels.shape[:1] or classes.dtype.kind not in "iu":
            raise InputError(
                f"{labels} has shape {classes.shape} and type {classes.dtype}",
                f"one integer for each of {len(pixels)} images",
                "encode the classes as 0, 1, ...",
            )
        check_finite(images, pixels)
        object.__setattr__(self, images, pixels)
        object.__setattr__(self, labels, classes.astype(np.int64))

    @property
    def classes(self) -> tuple[int, ...]:
        """Labels that occur."""
        return tuple(np.unique(self.labels).tolist())

    def name(self, label: int) -> str:
        """The name of a class, or its number."""
        return self.names[label] if 0 <= label < len(self.names) else str(label)
