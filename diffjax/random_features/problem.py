"""What is trained on what: random features on samples of a Gaussian mixture."""

import equinox as eqx
import numpy as np

from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, Mixture, TwoClasses
from diffjax.numerics.activations import Activation, resolve_activation
from diffjax.random_features.options import CovarianceOptions
from diffjax.random_features.problem_checks import check_common
from diffjax.random_features.sampling import class_counts
from diffjax.spec import Spec
from diffjax.typing import Array, Float, Int
from diffjax.validation import (
    check_count,
    concrete,
    integer_leaf,
    numbers,
    whole_number,
)


class RandomFeatureProblem(Spec):
    """A score model with random features, trained on samples of a Gaussian mixture.

    s_A(x) = A phi(W x/sqrt(d) + beta)/sqrt(p) learns the score at one diffusion time by gradient
    flow on the denoising loss; W and beta are frozen.

    Args:
        mixture: the data (`two_classes` or `GaussianMixture`).
        dim: d, static.
        num_features: p, static.
        num_samples: n, static; class c gets the whole number of samples nearest to weight_c n.
        diffusion_time: t > 0, the noise level at which the score is learned.
        activation: "tanh", "erf", "relu", an elementwise smooth JAX function, or an `Activation`;
            static.
        training_times: (T,) increasing training times tau.  Default: 40 per decade,
            from 1e-2/(2 Delta_t d), a hundredth of the e-fold time of the fastest possible mode,
            over twelve decades; over sixteen from an earlier time where the activation has no
            bound (`diffjax.training_window`).
        seed: of all draws.  Problems with one seed share the weights W and, sample by sample, the
            Gaussian draws, whatever their other parameters.
        class_weights: (K,) weight of each class's mean loss in the training loss, summing to
            one.  Default: the class's share of the samples, every sample counting equally.
        bias_std: standard deviation of a Gaussian bias on every feature.  **Without biases an odd
            activation (tanh, erf) cannot tell a sample from its mirror image**: covariances,
            curves and times do not change when samples or centroids are reflected through the
            origin, and half of what the model generates lies at -mu_c.  Loss curves of mixtures
            with centroids +-mu are then those of coinciding centroids.
        readout_std: standard deviation of the entries of a random initial readout A, over which
            the losses are averaged exactly.  Default None: A starts at zero.
        covariance_options: truncation of the exact series, static.

    Raises:
        InputError: values out of range, nan, or a class that gets no sample.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> problem = RandomFeatureProblem(two_classes(), dim=32, num_features=128,
        ...                                num_samples=64, diffusion_time=0.1)
        >>> problem.features_per_dim, problem.samples_per_dim
        (4.0, 2.0)
    """

    mixture: Mixture
    dim: int = eqx.field(static=True, converter=whole_number)
    num_features: int = eqx.field(static=True, converter=whole_number)
    num_samples: int = eqx.field(static=True, converter=whole_number)
    diffusion_time: Float[Array, ""] = eqx.field(converter=numbers("diffusion_time"))
    activation: Activation = eqx.field(static=True, converter=resolve_activation, default="tanh")  # pyright: ignore[reportAssignmentType]
    training_times: Float[Array, " training_time"] | None = eqx.field(
        converter=numbers("training_times"), default=None
    )
    seed: Int[Array, ""] = eqx.field(converter=integer_leaf, default=0)  # pyright: ignore[reportAssignmentType]
    class_weights: Float[Array, " class"] | None = eqx.field(
        converter=numbers("class_weights"), default=None
    )
    bias_std: Float[Array, ""] = eqx.field(converter=numbers("bias_std"), default=0.0)  # pyright: ignore[reportAssignmentType]
    readout_std: Float[Array, ""] | None = eqx.field(converter=numbers("readout_std"), default=None)
    covariance_options: CovarianceOptions = eqx.field(static=True, default=CovarianceOptions())

    def __check_init__(self):
        _check_sizes(self)
        if concrete(self):
            _check_random_feature_problem(self)

    @property
    def num_classes(self) -> int:
        """K."""
        return self.mixture.num_classes

    @property
    def features_per_dim(self) -> float:
        """psi_p = p/d."""
        return self.num_features / self.dim

    @property
    def samples_per_dim(self) -> float:
        """psi_n = n/d."""
        return self.num_samples / self.dim


def _check_sizes(problem: RandomFeatureProblem) -> None:
    for name in ("dim", "num_features", "num_samples"):
        check_count(name, getattr(problem, name))
    if not isinstance(problem.mixture, GaussianMixture | TwoClasses):
        raise InputError(
            f"mixture is a {type(problem.mixture).__name__}",
            "a GaussianMixture or the result of two_classes",
            "build one of these",
        )


def _check_random_feature_problem(problem: RandomFeatureProblem) -> None:
    check_common(problem)
    classes = problem.num_classes
    if problem.dim < classes:
        raise InputError(
            f"dim={problem.dim} with {classes} classes",
            "dim is at least the number of classes, so that any centroid geometry fits",
            "raise dim",
        )
    mixture = problem.mixture
    covariances = mixture.class_covariances if isinstance(mixture, GaussianMixture) else None
    if covariances is not None and covariances.shape[1] != problem.dim:
        raise InputError(
            f"class_covariances has shape {covariances.shape} and dim={problem.dim}",
            "the covariances live in dim dimensions",
            "make them agree",
        )
    counts = np.asarray(class_counts(problem.mixture.class_weights, problem.num_samples))
    if counts.min() < 1:
        label, weight = int(counts.argmin()), float(problem.mixture.class_weights[counts.argmin()])
        raise InputError(
            f"class {label} of weight {weight:.4g} gets no sample out of {problem.num_samples}",
            "every class has at least one training sample",
            f"raise num_samples above {0.5 / max(weight, 1e-300):.0f}, or the weight of the class",
        )
