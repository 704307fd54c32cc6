"""The exact engine on labelled data of the user's."""

import warnings
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from diffjax.errors import InputError
from diffjax.labelled_data import (
    check_counts,
    read_labels,
    warn_of_copies,
    warn_of_similar_names,
)
from diffjax.numerics.activations import Activation, resolve_activation
from diffjax.random_features.floor_estimate import FewSamplesWarning
from diffjax.random_features.options import CovarianceOptions
from diffjax.random_features.problem_checks import check_common
from diffjax.spec import Spec
from diffjax.status import Status
from diffjax.typing import Array, ArrayLike, Float, Int
from diffjax.validation import (
    check_count,
    check_finite,
    concrete,
    float_leaf,
    integer_leaf,
    whole_number,
)


class DatasetProblem(Spec):
    """The same dynamics on labelled data of the user's.

    Train losses average over the given samples, test losses over the held-out ones; the noise is
    averaged exactly in both.  Losses are per dimension.  The Bayes floors are estimated from all
    samples of a class; with no more than about d of them the status is FEW_SAMPLES.  Scale the data
    so that a coordinate has a variance of order one, and subtract a common mean: an overall offset
    is one direction of very large variance.

    Args:
        train_samples: (n, d).
        train_labels: (n,) whole numbers or text; the classes are their sorted values.
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
        InputError: shapes that disagree, nan, missing labels, classes without train or test
            samples.

    Warns:
        DataWarning: held-out samples that are training samples, repeated samples, classes whose
            names differ in blanks or capitals only.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> problem = DatasetProblem(rng.normal(size=(40, 8)), np.repeat([3, 8], 20),
        ...                          rng.normal(size=(20, 8)), np.repeat([3, 8], 10),
        ...                          diffusion_time=0.1, num_features=64)
        >>> problem.class_labels
        ('3', '8')
    """

    train_samples: Float[Array, "sample dim"]
    train_labels: Int[Array, " sample"]
    test_samples: Float[Array, "held_out dim"]
    test_labels: Int[Array, " held_out"]
    diffusion_time: Float[Array, ""]
    num_features: int = eqx.field(static=True, converter=whole_number)
    feature_weights: Float[Array, "feature dim"] | None
    activation: Activation = eqx.field(static=True)
    training_times: Float[Array, " training_time"] | None
    seed: Int[Array, ""]
    class_weights: Float[Array, " class"] | None
    bias_std: Float[Array, ""]
    readout_std: Float[Array, ""] | None
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
        self.train_samples = float_leaf(train_samples, "train_samples")
        self.test_samples = float_leaf(test_samples, "test_samples")
        self.train_labels, self.test_labels, self.class_labels = _encode_labels(
            train_labels, test_labels, class_labels
        )
        self.diffusion_time = float_leaf(diffusion_time, "diffusion_time")
        self.num_features = _number_of_features(
            whole_number(num_features), float_leaf(feature_weights, "feature_weights")
        )
        self.feature_weights = float_leaf(feature_weights, "feature_weights")
        self.activation = resolve_activation(activation)
        self.training_times = float_leaf(training_times, "training_times")
        self.seed = integer_leaf(seed)
        self.class_weights = float_leaf(class_weights, "class_weights")
        self.bias_std = float_leaf(bias_std, "bias_std")
        self.readout_std = float_leaf(readout_std, "readout_std")
        self.covariance_options = covariance_options
        self._warn(train_labels, given_codes=class_labels is not None)

    def __check_init__(self):
        check_count("num_features", self.num_features)
        if concrete(self):
            _check_dataset_problem(self)

    def _warn(self, labels: Any, given_codes: bool) -> None:
        """Warn of the data as the user gave them, not again of every copy of the problem."""
        samples = self.train_samples, self.test_samples
        if given_codes or not concrete(samples) or {np.ndim(s) for s in samples} != {2}:
            return
        if samples[0].shape[1] == samples[1].shape[1]:
            warn_of_similar_names(read_labels("train_labels", labels), stacklevel=6)
            warn_of_copies(*map(np.asarray, samples), stacklevel=6)

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


def warn_of_few_samples(problem: DatasetProblem, status: Any) -> None:
    """Say which class has the fewest samples for its floor if that is what the status says."""
    if int(status) != Status.FEW_SAMPLES:
        return
    labels = np.concatenate([np.asarray(problem.train_labels), np.asarray(problem.test_labels)])
    counts = np.bincount(labels, minlength=problem.num_classes)
    fewest = int(counts.argmin())
    warnings.warn(
        f"class {problem.class_labels[fewest]} has {counts[fewest]} samples, train and held-out, "
        f"in {problem.dim} dimensions, too few to be sure of its Bayes floor: memorization_time, "
        "score_error and half_score_error_time are uncertain; give more held-out samples, or "
        "compare half_memorization_time, which needs no floor",
        FewSamplesWarning,
        stacklevel=4,
    )


def _number_of_features(num_features: int | None, feature_weights: Any) -> int:
    if feature_weights is None and num_features is None:
        raise InputError(
            "neither num_features nor feature_weights given",
            "one of them sets the number of features",
            "pass num_features for standard normal weights",
        )
    if feature_weights is not None and np.ndim(feature_weights) != 2:
        raise InputError(
            f"feature_weights has shape {np.shape(feature_weights)}",
            "(number of features, dim)",
            "give one row per feature",
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
        _check_codes(train, test, class_labels)
        return train, test, class_labels
    train, test = read_labels("train_labels", train), read_labels("test_labels", test)
    classes = np.unique(train)
    strange = np.setdiff1d(test, classes)
    absent = np.setdiff1d(classes, test)
    if strange.size or absent.size:
        raise InputError(
            f"test_labels lack {absent.tolist()!s:.200} and have the unknown "
            f"{strange.tolist()!s:.200}",
            f"train and test samples of the same classes {classes.tolist()!s:.200}",
            "select the same classes in both",
        )
    codes = (np.searchsorted(classes, labels).astype(np.int64) for labels in (train, test))
    return *codes, tuple(str(label) for label in classes)


def _check_codes(train: Any, test: Any, class_labels: tuple[str, ...]) -> None:
    """Raise InputError unless both splits hold every code 0..K-1 and no other."""
    wanted = np.arange(len(class_labels))
    for name, labels in (("train_labels", train), ("test_labels", test)):
        if any(isinstance(part, Tracer) for part in jax.tree.leaves(labels)):
            continue
        found = np.unique(np.asarray(labels))
        if found.dtype.kind not in "iu" or not np.array_equal(found, wanted):
            raise InputError(
                f"{name} holds {found.tolist()!s:.100}, class_labels names {len(wanted)} classes",
                f"with class_labels, codes 0 to {len(wanted) - 1}, each of them in both splits",
                "leave class_labels out to have labels of any kind encoded",
            )


def _check_dataset_problem(problem: DatasetProblem) -> None:
    dims = set()
    for name in ("train", "test"):
        samples = np.asarray(getattr(problem, f"{name}_samples"))
        check_counts(f"{name}_", samples, np.asarray(getattr(problem, f"{name}_labels")))
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
    check_common(problem)
