"""What the theory is asked: a mixture and the two ratios of features and samples to dimension."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.options import TheoryOptions
from diffjax.diffusion import noise_variance
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, Mixture, TwoClasses
from diffjax.numerics.activations import Activation, resolve_activation
from diffjax.typing import Array, ArrayLike, Float
from diffjax.validation import check_class_weights, check_scalar, check_vector, concrete, float_leaf

POINTS_PER_DECADE = 40
DECADES = 12
RANK_TOLERANCE = 1e-9


class AsymptoticProblem(eqx.Module):
    """The random-feature score model in the limit of infinite dimension.

    Args:
        mixture: the data (`two_classes` or `GaussianMixture`).  Anisotropic classes are given by
            (K, d) variances in a common basis; d is then the number of directions that the theory
            resolves.
        features_per_dim: psi_p = p/d, positive.
        samples_per_dim: psi_n = n/d, positive; class c holds the fraction weight_c of them.
        diffusion_time: t > 0, the noise level at which the score is learned.
        activation: "tanh", "erf", "relu", an elementwise smooth JAX function, or an `Activation`;
            static.
        training_times: (T,) increasing training times tau.  Default: 481 times, 40 per decade,
            from 1e-3/Delta_t over twelve decades.
        class_weights: (K,) weight of each class's mean loss in the training loss, summing to one.
            Default: the class's share of the samples.
        bias_std: standard deviation of a Gaussian bias on every feature.  Without biases an odd
            activation cannot tell a centroid from its mirror image.
        theory_options: sizes of quadratures, static.

    Raises:
        InputError: values out of range, nan, covariance matrices that are not diagonal in a
            common basis, or centroids of too high a rank for the quadrature.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> AsymptoticProblem(two_classes(), 8.0, 4.0, diffusion_time=0.1).num_classes
        2
    """

    mixture: Mixture
    features_per_dim: Float[Array, ""] = eqx.field(converter=float_leaf)
    samples_per_dim: Float[Array, ""] = eqx.field(converter=float_leaf)
    diffusion_time: Float[Array, ""] = eqx.field(converter=float_leaf)
    activation: Activation = eqx.field(static=True, converter=resolve_activation, default="tanh")  # pyright: ignore[reportAssignmentType]
    training_times: Float[Array, " training_time"] | None = eqx.field(
        converter=float_leaf, default=None
    )
    class_weights: Float[Array, " class"] | None = eqx.field(converter=float_leaf, default=None)
    bias_std: Float[Array, ""] = eqx.field(converter=float_leaf, default=0.0)  # pyright: ignore[reportAssignmentType]
    theory_options: TheoryOptions = eqx.field(static=True, default=TheoryOptions())

    def __check_init__(self):
        if not isinstance(self.mixture, GaussianMixture | TwoClasses):
            raise InputError(
                f"mixture is a {type(self.mixture).__name__}",
                "a GaussianMixture or the result of two_classes",
                "build one of these",
            )
        if concrete(self):
            _check_problem(self)

    @property
    def num_classes(self) -> int:
        """K."""
        return self.mixture.num_classes

    @property
    def training_weights(self) -> Float[Array, " class"]:
        """(K,) omega_c: weights of the classes in the training loss."""
        if self.class_weights is None:
            return self.mixture.class_weights
        return jnp.asarray(self.class_weights)


def default_training_times(diffusion_time: ArrayLike) -> Float[Array, " training_time"]:
    """481 training times, 40 per decade, from 1e-3/Delta_t over twelve decades.

    The fastest modes relax on 1/(2 Delta_t Gamma b^2), with Gamma b^2 below one for bounded
    activations, the slowest ones on psi_p/(2 Delta_t s^2).
    """
    exponents = jnp.arange(DECADES * POINTS_PER_DECADE + 1) / POINTS_PER_DECADE
    return 1e-3 / noise_variance(diffusion_time) * 10.0**exponents


def training_times(problem: AsymptoticProblem) -> Array:
    """(T,) the problem's training times, or the default ones."""
    if problem.training_times is not None:
        return jnp.asarray(problem.training_times)
    return default_training_times(problem.diffusion_time)


def mean_covariance(problem: AsymptoticProblem) -> Float[Array, "class class"]:
    """(K, K) covariance over neurons of the mean pre-activations, e^(-2t) M + s_b^2 1 1^T."""
    decay = jnp.exp(-2.0 * jnp.asarray(problem.diffusion_time))
    return decay * problem.mixture.gram + jnp.asarray(problem.bias_std) ** 2


def resolved(problem: AsymptoticProblem) -> AsymptoticProblem:
    """The problem with every option that is left to a rule replaced by a number.

    The rules look at the numbers of the problem if they are there, and are on the safe side
    inside a trace, where they are not.
    """
    options = _resolved_options(problem)
    if options == problem.theory_options:
        return problem
    return dataclasses.replace(problem, theory_options=options)


def _resolved_options(problem: AsymptoticProblem) -> TheoryOptions:
    rank = problem.num_classes
    if problem.theory_options.centroid_rank is None and concrete(problem):
        rank = _numerical_rank(np.asarray(mean_covariance(problem)))
    return problem.theory_options.resolve(rank)


def _numerical_rank(covariance: np.ndarray) -> int:
    values = np.linalg.eigvalsh(covariance)
    return int((values > RANK_TOLERANCE * max(values[-1], 1e-300)).sum())


def _check_problem(problem: AsymptoticProblem) -> None:
    for name in ("features_per_dim", "samples_per_dim", "diffusion_time"):
        check_scalar(name, getattr(problem, name), "> 0", low=0.0, strict=True)
    check_scalar("bias_std", problem.bias_std, "at least 0", low=0.0, strict=False)
    if problem.training_times is not None:
        _check_training_times(np.asarray(problem.training_times))
    if problem.class_weights is not None:
        check_class_weights(np.asarray(problem.class_weights), problem.num_classes)
    _check_rank(problem)


def _check_training_times(times: np.ndarray) -> None:
    check_vector("training_times", times, positive=True)
    if times.size < 2 or (np.diff(times) <= 0).any():
        raise InputError(
            f"training_times has {times.size} entries, or is not increasing",
            "at least two positive, strictly increasing times",
            "sort them, or use numpy.geomspace",
        )


def _check_rank(problem: AsymptoticProblem) -> None:
    """Refuse what would be wrong or too large; the usual case is settled without arithmetic."""
    allowed, classes = problem.theory_options.centroid_rank, problem.num_classes
    if allowed is not None and allowed < classes:
        rank = _numerical_rank(np.asarray(mean_covariance(problem)))
        if rank > allowed:
            raise InputError(
                f"the centroids (and biases) have rank {rank} and centroid_rank={allowed}",
                "centroid_rank is at least the rank of e^(-2t) centroid_gram + bias_std^2",
                f"set TheoryOptions(centroid_rank={rank}), or leave it out",
            )
    if allowed is not None or classes > 2:
        _resolved_options(problem).check_cost()
