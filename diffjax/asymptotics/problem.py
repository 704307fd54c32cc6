"""What the theory is asked: a mixture and the two ratios of features and samples to dimension."""

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from diffjax.asymptotics.options import Method, TheoryOptions
from diffjax.asymptotics.options_by_rule import (
    check_quadrature,
    neuron_covariance,
    options_by_rule,
)
from diffjax.asymptotics.problem_checks import check_values
from diffjax.asymptotics.theory_choice import TheoryChoice, choose
from diffjax.diffusion import noise_variance, noisy_variance
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, Mixture, TwoClasses
from diffjax.numerics.activations import Activation, resolve_activation
from diffjax.spec import Spec
from diffjax.training_window import default_window
from diffjax.typing import Array, ArrayLike, Float
from diffjax.validation import concrete, numbers


class AsymptoticProblem(Spec):
    """The random-feature score model in the limit of infinite dimension.

    Args:
        mixture: the data (`two_classes` or `GaussianMixture`).  Anisotropic classes are given by
            (K, d) variances in a common basis, d being the number of directions that the theory
            resolves, or by (K, d, d) matrices.
        features_per_dim: psi_p = p/d, positive.
        samples_per_dim: psi_n = n/d, positive; class c holds the fraction weight_c of them.
        diffusion_time: t > 0, the noise level at which the score is learned.
        activation: "tanh", "erf", "relu", an elementwise smooth JAX function, or an `Activation`;
            static.
        training_times: (T,) increasing training times tau.  Default: 40 per decade from
            1e-3/Delta_t over twelve decades; over sixteen from an earlier time where the
            activation has no bound (`diffjax.training_window`).
        class_weights: (K,) weight of each class's mean loss in the training loss, summing to one.
            Default: the class's share of the samples.
        bias_std: standard deviation of a Gaussian bias on every feature.  Without biases an odd
            activation cannot tell a centroid from its mirror image.
        theory_options: sizes of quadratures and the treatment of anisotropic classes, static.
        direction_counts: (L,) number of directions that share each column of (K, L) variances,
            see `cluster_directions`.  Default: one each.
        class_centroids: (K, d) centroids in the coordinates of the covariances, with
            centroid_gram = class_centroids @ class_centroids.T / d.  Only sub-classes need them;
            without, centroids are at right angles to the dominant directions.

    Raises:
        InputError: values out of range, nan, shapes that disagree, or centroids of too high a rank
            for the quadrature.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> AsymptoticProblem(two_classes(), 8.0, 4.0, diffusion_time=0.1).num_classes
        2
    """

    mixture: Mixture
    features_per_dim: Float[Array, ""] = eqx.field(converter=numbers("features_per_dim"))
    samples_per_dim: Float[Array, ""] = eqx.field(converter=numbers("samples_per_dim"))
    diffusion_time: Float[Array, ""] = eqx.field(converter=numbers("diffusion_time"))
    activation: Activation = eqx.field(static=True, converter=resolve_activation, default="tanh")  # pyright: ignore[reportAssignmentType]
    training_times: Float[Array, " training_time"] | None = eqx.field(
        converter=numbers("training_times"), default=None
    )
    class_weights: Float[Array, " class"] | None = eqx.field(
        converter=numbers("class_weights"), default=None
    )
    bias_std: Float[Array, ""] = eqx.field(converter=numbers("bias_std"), default=0.0)  # pyright: ignore[reportAssignmentType]
    theory_options: TheoryOptions = eqx.field(static=True, default=TheoryOptions())
    direction_counts: Float[Array, " direction"] | None = eqx.field(
        converter=numbers("direction_counts"), default=None
    )
    class_centroids: Float[Array, "class dim"] | None = eqx.field(
        converter=numbers("class_centroids"), default=None
    )

    def __check_init__(self):
        if not isinstance(self.mixture, GaussianMixture | TwoClasses):
            raise InputError(
                f"mixture is a {type(self.mixture).__name__}",
                "a GaussianMixture or the result of two_classes",
                "build one of these",
            )
        if concrete(self):
            check_values(self)
            check_quadrature(self)

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

    @property
    def choice(self) -> TheoryChoice:
        """How the classes would be treated by rule, why, and with which expected error.

        Example:
            >>> law = GaussianMixture(class_covariances=[np.eye(40), np.diag([9.0] + [1.0] * 39)])
            >>> AsymptoticProblem(law, 8.0, 4.0, 0.1).choice.method
            'commuting'
        """
        return choose(self.mixture, self.diffusion_time, self.direction_counts)

    @classmethod
    def from_data(
        cls,
        samples: ArrayLike,
        labels: Any,
        features_per_dim: ArrayLike,
        samples_per_dim: ArrayLike,
        diffusion_time: ArrayLike,
        method: Method = "auto",
        **settings: Any,
    ) -> "AsymptoticProblem":
        """The theory for Gaussian classes with the measured means and covariances.

        Args:
            samples: (n, d), centred and scaled by `ClassStatistics` before they are measured.
            labels: (n,) any integers or text; the classes are their sorted values.
            features_per_dim: psi_p.
            samples_per_dim: psi_n of the training set in question, not of `samples`, all of which
                serve to measure the classes.
            diffusion_time: t > 0.
            method: of `TheoryOptions`; "auto" takes that of `choice`.
            **settings: `weights` (K,) of the classes (default: shares of the labels); `standardize`
                (default True), whether to centre and scale; fields of `AsymptoticProblem`.

        Raises:
            InputError: as `class_statistics`, or matrices or a quadrature that are too large.

        Example:
            >>> rng = np.random.default_rng(0)
            >>> labels = np.repeat([3, 8], 100)
            >>> samples = rng.normal(size=(200, 12)) * np.where(labels == 8, 2.0, 1.0)[:, None]
            >>> problem = AsymptoticProblem.from_data(samples, labels, 8.0, 4.0, 0.1)
            >>> problem.mixture.covariances.shape
            (2, 12, 12)
        """
        from diffjax.asymptotics.measured import measured_fields

        fields = measured_fields(samples, labels, diffusion_time, method, settings)
        return cls(
            features_per_dim=features_per_dim,  # pyright: ignore[reportArgumentType]
            samples_per_dim=samples_per_dim,  # pyright: ignore[reportArgumentType]
            diffusion_time=diffusion_time,  # pyright: ignore[reportArgumentType]
            **fields,
        )


def training_times(problem: AsymptoticProblem) -> Array:
    """(T,) the problem's training times, or the default ones.

    By default 40 per decade over twelve decades from 1e-3/Delta_t.  The fastest modes relax on
    1/(2 Delta_t Gamma b^2), with Gamma b^2 below one for bounded activations, the slowest ones on
    psi_p/(2 Delta_t s^2); see `diffjax.training_window` for other activations.
    """
    if problem.training_times is not None:
        return jnp.asarray(problem.training_times)
    energies = problem.mixture.variances + jnp.diagonal(problem.mixture.gram)
    variances = noisy_variance(energies, problem.diffusion_time)
    start = 1e-3 / noise_variance(problem.diffusion_time)
    return default_window(start, problem.activation, variances + jnp.asarray(problem.bias_std) ** 2)


def mean_covariance(problem: AsymptoticProblem) -> Float[Array, "class class"]:
    """(K, K) covariance over neurons of the mean pre-activations, e^(-2t) M + s_b^2 1 1^T."""
    return neuron_covariance(problem, problem.mixture.gram)


def resolved(problem: AsymptoticProblem) -> AsymptoticProblem:
    """The problem with every option that is left to a rule replaced by a number.

    The rules look at the numbers if they are there, and are on the safe side inside a trace.
    """
    options = options_by_rule(problem)
    if options == problem.theory_options:
        return problem
    return dataclasses.replace(problem, theory_options=options)


def along_directions(problem: AsymptoticProblem) -> AsymptoticProblem:
    """Its classes taken along common directions, for models that follow those one by one."""
    options = dataclasses.replace(problem.theory_options, method="commuting")
    return dataclasses.replace(problem, theory_options=options)
