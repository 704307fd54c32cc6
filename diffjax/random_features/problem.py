"""What is trained on what: the problems of the exact random-feature engine."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from diffjax.diffusion import noise_variance
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, Mixture, TwoClasses
from diffjax.numerics.activations import Activation, resolve_activation
from diffjax.random_features.options import CovarianceOptions
from diffjax.random_features.sampling import class_counts
from diffjax.typing import Array, ArrayLike, Float, Int
from diffjax.validation import (
    check_count,
    check_finite,
    check_scalar,
    check_vector,
    concrete,
    float_leaf,
    integer_leaf,
)

POINTS_PER_DECADE = 40
DECADES = 12


class RandomFeatureProblem(eqx.Module):
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
        training_times: (T,) increasing training times tau.  Default: 481 times, 40 per decade,
            from 1e-2/(2 Delta_t d), a hundredth of the e-fold time of the fastest possible mode,
            over twelve decades.
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
    dim: int = eqx.field(static=True)
    num_features: int = eqx.field(static=True)
    num_samples: int = eqx.field(static=True)
    diffusion_time: Float[Array, ""] = eqx.field(converter=float_leaf)
    activation: Activation = eqx.field(static=True, converter=resolve_activation, default="tanh")  # pyright: ignore[reportAssignmentType]
    training_times: Float[Array, " training_time"] | None = eqx.field(
        converter=float_leaf, default=None
    )
    seed: Int[Array, ""] = eqx.field(converter=integer_leaf, default=0)  # pyright: ignore[reportAssignmentType]
    class_weights: Float[Array, " class"] | None = eqx.field(converter=float_leaf, default=None)
    bias_std: Float[Array, ""] = eqx.field(converter=float_leaf, default=0.0)  # pyright: ignore[reportAssignmentType]
    readout_std: Float[Array, ""] | None = eqx.field(converter=float_leaf, default=None)
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


class DatasetProblem(eqx.Module):
    """The same dynamics on labelled data of the user's.

    Train losses average over the given samples, test losses over the held-out ones; the noise is
    averaged exactly in both.  Losses are per dimension.  Scale the data so that a coordinate has
    a variance of order one, and subtract a common mean: an overall offset is one direction of
    very large variance.

    Args:
        train_samples: (n, d).
        train_labels: (n,) any integers or text; the classes are their sorted values.
        test_samples: (m, d) held-out samples.
        test_labels: (m,) labels of the same classes.
        diffusion_time: t > 0.
        num_features: p; not needed if `feature_weights` are given.
        feature_weights: (p, d) first-layer weights instead of standard normal draws.
        activation: as in `RandomFeatureProblem`.
        training_times: as in `RandomFeatureProblem`.
        seed: of the feature weights and biases.
        class_weights: (K,) as in `RandomFeatureProblem`, in the order of the sorted labels.
        bias_std: as in `RandomFeatureProblem`.
        readout_std: as in `RandomFeatureProblem`.
        covariance_options: truncation of the exact series, static.

    Raises:
        InputError: shapes that disagree, nan, classes without train or test samples.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> problem = DatasetProblem(rng.normal(size=(40, 8)), np.repeat([3, 8], 20),
        ...                          rng.normal(size=(20, 8)), np.repeat([3, 8], 10),
        ...                          diffusion_time=0.1, num_features=64)
        >>> problem.class_labels
        ('3', '8')
    """

    train_samples: Float[Array, "sample dim"] = eqx.field(converter=float_leaf)
    train_labels: Int[Array, " sample"]
    test_samples: Float[Array, "held_out dim"] = eqx.field(converter=float_leaf)
    test_labels: Int[Array, " held_out"]
    diffusion_time: Float[Array, ""] = eqx.field(converter=float_leaf)
    num_features: int = eqx.field(static=True)
    feature_weights: Float[Array, "feature dim"] | None = eqx.field(converter=float_leaf)
    activation: Activation = eqx.field(static=True, converter=resolve_activation)
    training_times: Float[Array, " training_time"] | None = eqx.field(converter=float_leaf)
    seed: Int[Array, ""] = eqx.field(converter=integer_leaf)
    class_weights: Float[Array, " class"] | None = eqx.field(converter=float_leaf)
    bias_std: Float[Array, ""] = eqx.field(converter=float_leaf)
    readout_std: Float[Array, ""] | None = eqx.field(converter=float_leaf)
    covariance_options: CovarianceOptions = eqx.field(static=True)
    class_labels: tuple[str, ...] = eqx.field(static=True)

    def __init__(
        self,
        train_samples: ArrayLike,
        train_labels: Any,
        test_samples: ArrayLike,
        test_labels: Any,
        diffusion_time: ArrayLike,
        num_features: int | None = None,
        feature_weights: ArrayLike | None = None,
        activation: Any = "tanh",
        training_times: ArrayLike | None = None,
        seed: ArrayLike = 0,
        class_weights: ArrayLike | None = None,
        bias_std: ArrayLike = 0.0,
        readout_std: ArrayLike | None = None,
        covariance_options: CovarianceOptions = CovarianceOptions(),  # noqa: B008
        class_labels: tuple[str, ...] | None = None,
    ):
        self.train_samples, self.test_samples = train_samples, test_samples
        self.train_labels, self.test_labels, self.class_labels = _encode_labels(
            train_labels, test_labels, class_labels
        )
        self.diffusion_time, self.training_times, self.seed = diffusion_time, training_times, seed
        self.feature_weights, self.activation = feature_weights, activation
        self.num_features = _number_of_features(num_features, feature_weights)
        self.class_weights, self.bias_std, self.readout_std = class_weights, bias_std, readout_std
        self.covariance_options = covariance_options

    def __check_init__(self):
        check_count("num_features", self.num_features)
        if concrete(self):
            _check_dataset_problem(self)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_labels)

    @property
    def dim(self) -> int:
        """d."""
        return self.train_samples.shape[1]

    @property
    def num_samples(self) -> int:
        """n."""
        return self.train_samples.shape[0]


def default_training_times(diffusion_time: ArrayLike, dim: int) -> Float[Array, " training_time"]:
    """481 training times, 40 per decade, from 1e-2/(2 Delta_t d) over twelve decades.

    A mode of eigenvalue lambda relaxes as exp(-2 Delta_t lambda tau/psi_p) and no eigenvalue of
    a bounded activation exceeds p, so the first time is a hundredth of the fastest e-fold.
    """
    start = 1e-2 / (2.0 * noise_variance(diffusion_time) * dim)
    exponents = jnp.arange(DECADES * POINTS_PER_DECADE + 1) / POINTS_PER_DECADE
    return start * 10.0**exponents


def training_times(problem: RandomFeatureProblem | DatasetProblem) -> Array:
    """(T,) the problem's training times, or the default ones."""
    if problem.training_times is not None:
        return jnp.asarray(problem.training_times)
    return default_training_times(problem.diffusion_time, problem.dim)


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
    _check_common(problem)
    classes = problem.num_classes
    if problem.dim < classes:
        raise InputError(
            f"dim={problem.dim} with {classes} classes",
            "dim is at least the number of classes, so that any centroid geometry fits",
            "raise dim",
        )
    covariances = problem.mixture.class_covariances if _anisotropic(problem.mixture) else None
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
            f"raise num_samples above {0.5 / weight:.0f}, or the weight of the class",
        )


def _anisotropic(mixture: Mixture) -> bool:
    return isinstance(mixture, GaussianMixture) and mixture.class_covariances is not None


def _check_common(problem: RandomFeatureProblem | DatasetProblem) -> None:
    check_scalar("diffusion_time", problem.diffusion_time, "> 0", low=0.0, strict=True)
    check_scalar("bias_std", problem.bias_std, "at least 0", low=0.0, strict=False)
    check_scalar("seed", problem.seed, "at least 0", low=0, strict=False)
    if problem.readout_std is not None:
        check_scalar("readout_std", problem.readout_std, "at least 0", low=0.0, strict=False)
    if problem.training_times is not None:
        _check_training_times(np.asarray(problem.training_times))
    if problem.class_weights is not None:
        _check_class_weights(np.asarray(problem.class_weights), problem.num_classes)


def _check_training_times(times: np.ndarray) -> None:
    check_vector("training_times", times, positive=True)
    if times.size < 2 or (np.diff(times) <= 0).any():
        raise InputError(
            f"training_times has {times.size} entries and is not increasing"
            if times.size > 1
            else "training_times has one entry",
            "at least two positive, strictly increasing times",
            "sort them, or use numpy.geomspace",
        )


def _check_class_weights(weights: np.ndarray, num_classes: int) -> None:
    check_vector("class_weights", weights, length=num_classes)
    if (weights < 0).any() or abs(weights.sum() - 1) > 1e-6:
        raise InputError(
            f"class_weights={weights.tolist()} (sum {weights.sum():.6g})",
            "non-negative weights that sum to 1",
            "divide them by their sum",
        )


def _number_of_features(num_features: int | None, feature_weights: Any) -> int:
    if feature_weights is None and num_features is None:
        raise InputError(
            "neither num_features nor feature_weights given",
            "one of them sets the number of features",
            "pass num_features for standard normal weights",
        )
    rows = None if feature_weights is None else np.shape(feature_weights)[0]
    if rows is not None and num_features not in (None, rows):
        raise InputError(
            f"num_features={num_features} and {rows} rows of feature_weights",
            "they agree",
            "leave out num_features",
        )
    return rows if rows is not None else num_features  # pyright: ignore[reportReturnType]


def _encode_labels(train: Any, test: Any, class_labels: tuple[str, ...] | None):
    """Integer codes 0..K-1 of both label arrays, and the classes' names in that order."""
    if class_labels is not None:
        return train, test, class_labels
    train, test = np.asarray(train), np.asarray(test)
    for name, labels in (("train_labels", train), ("test_labels", test)):
        if labels.ndim != 1 or labels.size == 0:
            raise InputError(
                f"{name} has shape {labels.shape}", "one label per sample", "flatten it"
            )
        if labels.dtype.kind == "f":
            check_finite(name, labels)
    classes = np.unique(train)
    strange = np.setdiff1d(test, classes)
    absent = np.setdiff1d(classes, test)
    if strange.size or absent.size:
        raise InputError(
            f"test_labels lack {absent.tolist()} and have the unknown {strange.tolist()}",
            f"train and test samples of the same classes {classes.tolist()}",
            "select the same classes in both",
        )
    codes = (np.searchsorted(classes, labels).astype(np.int64) for labels in (train, test))
    return *codes, tuple(str(label) for label in classes)


def _check_dataset_problem(problem: DatasetProblem) -> None:
    dims = set()
    for name in ("train", "test"):
        samples = np.asarray(getattr(problem, f"{name}_samples"))
        labels = np.asarray(getattr(problem, f"{name}_labels"))
        if samples.ndim != 2 or samples.shape[0] != labels.shape[0]:
            raise InputError(
                f"{name}_samples has shape {samples.shape}, {name}_labels {labels.shape}",
                "(number of samples, dim) and one label per sample",
                "flatten images with samples.reshape(len(samples), -1)",
            )
        check_finite(f"{name}_samples", samples)
        dims.add(samples.shape[1])
    if problem.feature_weights is not None:
        check_finite("feature_weights", problem.feature_weights)
        dims.add(np.shape(problem.feature_weights)[1])
    if len(dims) > 1:
        raise InputError(
            f"dimensions {sorted(dims)} among train_samples, test_samples and feature_weights",
            "one dimension d",
            "make the number of columns agree",
        )
    _check_common(problem)
