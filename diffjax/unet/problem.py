"""One training run as a problem of the sweep engine: images, classes, counts and settings."""

from typing import Any

import equinox as eqx
import numpy as np

from diffjax.errors import InputError
from diffjax.spec import Spec
from diffjax.typing import Array, ArrayLike, Float, Int
from diffjax.unet.config import EvaluationConfig, NetworkConfig, TrainingConfig
from diffjax.unet.images import ImageSplit, counts_from_imbalance, split_images
from diffjax.unet.labelled_images import LabelledImages
from diffjax.validation import (
    check_count,
    check_scalar,
    concrete,
    float_leaf,
    integer_leaf,
    whole_number,
)

FASHION_MNIST = "fashion-mnist"


class UNetProblem(Spec):
    """A U-Net trained on two classes of images.

    Args:
        classes: two labels; class 0 of the result is the first of them.
        num_samples: n, training images of both classes together.
        imbalance_ratio: n_0/n_1.
        seed: of the draw of images, the weights, the noise and the order of the data.
        shrink: average blocks of shrink x shrink pixels.
        network: sizes.
        training: settings; its seed is replaced by `seed`.
        evaluation: what is measured.
        images: (N, size, size) or (N, size, size, channel) images of the user's; None for
            Fashion-MNIST, from the folder or address that `load_fashion_mnist` finds.
        labels: (N,) their labels.

    Raises:
        InputError: values out of range, images without labels.

    Example:
        >>> UNetProblem(classes=(1, 8), num_samples=64, imbalance_ratio=1/9).counts
        (6, 58)
    """

    classes: tuple[int, ...] = eqx.field(static=True)
    num_samples: int = eqx.field(static=True, converter=whole_number)
    imbalance_ratio: Float[Array, ""]
    seed: Int[Array, ""]
    shrink: int = eqx.field(static=True, converter=whole_number)
    network: NetworkConfig = eqx.field(static=True)
    training: TrainingConfig = eqx.field(static=True)
    evaluation: EvaluationConfig = eqx.field(static=True)
    images: Float[Array, "image size size channel"] | None
    labels: Int[Array, " image"] | None

    def __init__(
        self,
        classes: tuple[int, ...] = (8, 3),
        num_samples: int = 64,
        imbalance_ratio: ArrayLike = 1.0,
        seed: ArrayLike = 0,
        shrink: int = 1,
        network: NetworkConfig = NetworkConfig(),  # noqa: B008
        training: TrainingConfig = TrainingConfig(),  # noqa: B008
        evaluation: EvaluationConfig = EvaluationConfig(),  # noqa: B008
        images: ArrayLike | None = None,
        labels: Any = None,
    ):
        self.classes = tuple(int(label) for label in classes)
        self.num_samples = num_samples
        self.imbalance_ratio = float_leaf(imbalance_ratio, "imbalance_ratio")
        self.seed = integer_leaf(seed)
        self.shrink = shrink
        self.network, self.training, self.evaluation = network, training, evaluation
        self.images = float_leaf(images, "images")
        self.labels = None if labels is None else integer_leaf(labels)

    def __check_init__(self):
        if len(self.classes) != 2:
            raise InputError(
                f"classes={self.classes}", "two labels", "use diffjax.unet.train_run for more"
            )
        check_count("num_samples", self.num_samples, minimum=2)
        check_count("shrink", self.shrink)
        if (self.images is None) != (self.labels is None):
            raise InputError("images and labels", "both or neither", "give the other one, too")
        if concrete(self.imbalance_ratio):
            check_scalar("imbalance_ratio", self.imbalance_ratio, "> 0", low=0.0, strict=True)

    @property
    def counts(self) -> tuple[int, int]:
        """Training images of each class."""
        return counts_from_imbalance(self.num_samples, float(self.imbalance_ratio))

    def split(self) -> ImageSplit:
        """The images of this problem.

        Raises:
            InputError: Fashion-MNIST is not at hand, or has no such classes or so many images.
        """
        return split_images(
            self._data(), self.classes, self.counts, seed=int(self.seed), shrink=self.shrink
        )

    def _data(self) -> LabelledImages:
        if self.images is not None:
            return LabelledImages(np.asarray(self.images), np.asarray(self.labels))
        from diffjax.unet.fashion_mnist import load_fashion_mnist

        return load_fashion_mnist()
