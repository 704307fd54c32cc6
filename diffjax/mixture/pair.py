"""Two isotropic classes described by the quantities one sweeps."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from diffjax.errors import InputError
from diffjax.mixture.gaussian import GaussianMixture
from diffjax.spec import Spec
from diffjax.typing import Array, ArrayLike, Float
from diffjax.validation import check_finite, check_vector, concrete, namespace, numbers


class TwoClasses(Spec):
    """Two isotropic classes described by the quantities one sweeps; built by `two_classes`."""

    stds: Float[Array, "2"] = eqx.field(converter=numbers("stds"))
    distance: Float[Array, ""] = eqx.field(converter=numbers("distance"))
    imbalance_ratio: Float[Array, ""] = eqx.field(converter=numbers("imbalance_ratio"))
    cosine: Float[Array, ""] = eqx.field(converter=numbers("cosine"))
    norm_ratio: Float[Array, ""] = eqx.field(converter=numbers("norm_ratio"))

    def __check_init__(self):
        if concrete(self):
            _check_two_classes(self)

    @property
    def num_classes(self) -> int:
        """Always 2."""
        return 2

    @property
    def weights(self) -> Float[Array, "2"]:
        """(2,) class weights; weight_0/weight_1 = imbalance_ratio."""
        ratio = self.imbalance_ratio
        share = ratio / (1.0 + ratio)
        return namespace(ratio).stack([share, 1.0 - share])

    @property
    def class_weights(self) -> Float[Array, "2"]:
        """(2,) weights rho_c."""
        return self.weights

    @property
    def variances(self) -> Float[Array, "2"]:
        """(2,) variance per dimension of each class."""
        return jnp.asarray(self.stds) ** 2

    @property
    def covariances(self) -> Float[Array, "2"]:
        """The variances: both classes are isotropic."""
        return self.variances

    @property
    def gram(self) -> Float[Array, "2 2"]:
        """(2, 2) Gram matrix of the centroids per dimension."""
        r, cosine = jnp.asarray(self.norm_ratio), jnp.asarray(self.cosine)
        squared = 1.0 + r**2 - 2.0 * r * cosine
        first = jnp.where(
            jnp.asarray(self.distance) > 0,
            jnp.asarray(self.distance) ** 2 / jnp.where(squared > 0, squared, 1.0),
            0.0,
        )
        cross = first * r * cosine
        return jnp.stack([jnp.stack([first, cross]), jnp.stack([cross, first * r**2])])

    @property
    def centroid_gram(self) -> Float[Array, "2 2"]:
        """(2, 2) Gram matrix mu_c . mu_c' / d."""
        return self.gram

    def general(self) -> GaussianMixture:
        """The same mixture as a `GaussianMixture`."""
        return GaussianMixture(self.stds, self.weights, self.gram)


def two_classes(
    stds: ArrayLike | Sequence[ArrayLike] = (1.0, 0.5),
    distance: ArrayLike = 1.0,
    imbalance_ratio: ArrayLike = 1.0,
    cosine: ArrayLike = -1.0,
    norm_ratio: ArrayLike = 1.0,
) -> TwoClasses:
    """Two classes whose parameters can be swept by name.

    Args:
        stds: (2,) standard deviation of each class per dimension.
        distance: |mu_0 - mu_1|/sqrt(d), at least 0.
        imbalance_ratio: weight_0/weight_1, positive; 0.25 means one sample of class 0 to four of
            class 1.
        cosine: of the angle between the centroids seen from the origin, in [-1, 1]; -1 puts the
            origin between them, 0 makes them orthogonal.
        norm_ratio: |mu_1|/|mu_0|, positive.

    Returns:
        TwoClasses.  Without feature biases and with an odd activation the learning dynamics do
        not change under mu_1 -> -mu_1, so cosine=-1 and cosine=1 differ through the norms only.

    Raises:
        InputError: values out of range, or cosine=1 with norm_ratio=1 (coinciding centroids) and
            a positive distance.

    Example:
        >>> two_classes(stds=(1.2, 1.0), distance=32**0.5, cosine=0.0).gram.round(6).tolist()
        [[16.0, 0.0], [0.0, 16.0]]
    """
    return TwoClasses(stds, distance, imbalance_ratio, cosine, norm_ratio)


def _check_two_classes(mixture: TwoClasses) -> None:
    check_vector("stds", mixture.stds, positive=True, length=2)
    for name in ("distance", "imbalance_ratio", "cosine", "norm_ratio"):
        value: Any = getattr(mixture, name)
        if np.shape(value) != ():
            raise InputError(
                f"{name} has shape {np.shape(value)}", "it is one number", "sweep over its values"
            )
        check_finite(name, value)
    _check_range("distance", mixture.distance, "at least 0", mixture.distance >= 0)
    _check_range("imbalance_ratio", mixture.imbalance_ratio, "> 0", mixture.imbalance_ratio > 0)
    _check_range("norm_ratio", mixture.norm_ratio, "> 0", mixture.norm_ratio > 0)
    _check_range("cosine", mixture.cosine, "in [-1, 1]", abs(mixture.cosine) <= 1)
    cosine, ratio, distance = (
        float(v) for v in (mixture.cosine, mixture.norm_ratio, mixture.distance)
    )
    if distance > 0 and 1 + ratio**2 - 2 * ratio * cosine < 1e-12:
        raise InputError(
            f"cosine={cosine:g} with norm_ratio={ratio:g} and distance={distance:g}",
            "centroids of the same direction and length coincide, so their distance is 0",
            "set distance=0, or change cosine or norm_ratio",
        )


def _check_range(name: str, value: Any, allowed: str, holds: Any) -> None:
    if not holds:
        meaning = {
            "imbalance_ratio": "weight_0/weight_1",
            "distance": "|mu_0 - mu_1|/sqrt(d)",
            "norm_ratio": "|mu_1|/|mu_0|",
            "cosine": "the cosine of the angle between the centroids",
        }[name]
        raise InputError(f"{name}={float(value):g}", f"{name} is {allowed}", f"it is {meaning}")
