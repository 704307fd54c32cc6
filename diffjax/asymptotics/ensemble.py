"""Everything that the equations of the theory take as given, computed once per problem."""

import equinox as eqx
import jax.numpy as jnp

from diffjax.asymptotics.constants import FeatureConstants, feature_constants, is_odd
from diffjax.asymptotics.neurons import Neurons, neuron_quadrature
from diffjax.asymptotics.problem import AsymptoticProblem, mean_covariance, resolved
from diffjax.diffusion import noise_variance, signal_scale
from diffjax.errors import InputError
from diffjax.typing import Array, Float


class Ensemble(eqx.Module):
    """The limiting random-matrix ensemble of one problem.

    Attributes:
        features_per_dim: psi_p.
        samples_per_dim: psi_n.
        noise: Delta.
        weights: (K,) omega_c, in the training loss.
        emphasis: (K,) omega_c/f_c, f_c the fraction of the samples in class c.
        signals: (K, L) e^(-2t) lambda_cl, the diffused variance along each direction.
        shares: (L,) weight of each direction, summing to one.
        neurons: quadrature over mean pre-activations.
        constants: what the nonlinearity means at its nodes.
    """

    features_per_dim: Float[Array, ""]
    samples_per_dim: Float[Array, ""]
    noise: Float[Array, ""]
    weights: Float[Array, " class"]
    emphasis: Float[Array, " class"]
    signals: Float[Array, "class direction"]
    shares: Float[Array, " direction"]
    neurons: Neurons
    constants: FeatureConstants

    @property
    def num_classes(self) -> int:
        """K."""
        return self.weights.shape[0]

    @property
    def noisy_signals(self) -> Float[Array, "class direction"]:
        """(K, L) Gamma_c(l), the variance of a diffused class along each direction."""
        return self.signals + self.noise

    @property
    def residual_noise(self) -> Float[Array, " neuron"]:
        """(Q,) s^2(m) = sum_c omega_c s_c^2: eigenvalues that nothing else lifts."""
        return self.weights @ self.constants.noise_variance

    def neuron_average(self, values: Array) -> Array:
        """E_m over the last axis."""
        return values @ self.neurons.weights


def make_ensemble(problem: AsymptoticProblem) -> Ensemble:
    """The ensemble of a problem; jit-able and differentiable.

    Raises:
        InputError: class covariances that are not diagonal in a common basis, or a quadrature
            that would be too large.
    """
    problem = resolved(problem)
    options = problem.theory_options
    options.check_cost()
    mixture, time = problem.mixture, problem.diffusion_time
    neurons = neuron_quadrature(
        mean_covariance(problem),
        options.centroid_rank or 0,
        options.centroid_nodes or 0,
        options.quadrature,
        is_odd(problem.activation),
    )
    constants = feature_constants(
        problem.activation, neurons.means, mixture.variances, time, options.field_nodes
    )
    variances = _direction_variances(mixture.covariances)
    weights = problem.training_weights
    return Ensemble(
        features_per_dim=jnp.asarray(problem.features_per_dim),
        samples_per_dim=jnp.asarray(problem.samples_per_dim),
        noise=noise_variance(time),
        weights=weights,
        emphasis=weights / mixture.class_weights,
        signals=signal_scale(time) ** 2 * variances,
        shares=jnp.full((variances.shape[1],), 1.0 / variances.shape[1]),
        neurons=neurons,
        constants=constants,
    )


def _direction_variances(covariances: Array) -> Array:
    """(K, L) variances along the directions of the common basis; one direction if isotropic."""
    if covariances.ndim == 3:
        raise InputError(
            f"class_covariances are matrices of shape {covariances.shape}",
            "the theory takes (K, d) variances in a common basis",
            "rotate to the basis of the pooled covariance and pass the diagonals",
        )
    return covariances.reshape(covariances.shape[0], -1)
