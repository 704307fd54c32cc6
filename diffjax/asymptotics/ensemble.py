"""Everything that the equations of the theory take as given, computed once per problem."""

import equinox as eqx
import jax.numpy as jnp

from diffjax.asymptotics.class_law import ClassLaw, class_law
from diffjax.asymptotics.constants import FeatureConstants, feature_constants, is_odd
from diffjax.asymptotics.covariance_blocks import check_block_cost, times_covariance
from diffjax.asymptotics.hermite_closure import closed_constants
from diffjax.asymptotics.neurons import Neurons, neuron_quadrature
from diffjax.asymptotics.options_by_rule import neuron_covariance
from diffjax.asymptotics.problem import AsymptoticProblem, resolved
from diffjax.diffusion import bayes_floor, noise_variance, noisy_variance, signal_scale
from diffjax.typing import Array, Float


class Ensemble(eqx.Module):
    """The limiting random-matrix ensemble of one problem.

    Sub-classes count as classes here; `merge` leads back to the classes of the problem.

    Attributes:
        features_per_dim: psi_p.
        samples_per_dim: psi_n.
        noise: Delta.
        weights: (K,) omega_c, in the training loss.
        emphasis: (K,) omega_c/f_c, f_c the fraction of the samples in class c.
        signals: (K, L) e^(-2t) lambda_cl, the diffused variance along each direction; for
            matrices the eigenvalues of each class, which have no directions in common.
        shares: (L,) weight of each direction, summing to one.
        neurons: quadrature over mean pre-activations.
        constants: what the nonlinearity means at its nodes.
        merge: (classes of the problem, K) averages losses of sub-classes; the identity without.
        floor: (classes of the problem,) Bayes floors B_c, from the full covariances if given.
        matrices: (K, d, d) e^(-2t) Sigma_c in the eigenbasis of the last class, or None if the
            classes have directions in common.
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
    merge: Array
    floor: Array
    matrices: Float[Array, "class dim dim"] | None = None

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

    @property
    def trace_shares(self) -> Array:
        """(L,) weights with which E_l sums over directions, or over the entries of a block."""
        if self.matrices is None:
            return self.shares
        dim = self.matrices.shape[-1]
        return jnp.eye(dim).reshape(-1) / dim

    @property
    def pair_shares(self) -> Array:
        """(L,) likewise for products of two blocks, X_ij Y_ij summed."""
        if self.matrices is None:
            return self.shares
        dim = self.matrices.shape[-1]
        return jnp.full((dim * dim,), 1.0 / dim)

    def before_signal(self, blocks: Array) -> Array:
        """X_ac lambda_c for (K, K, L, z) blocks."""
        if self.matrices is None:
            return blocks * self.signals[None, :, :, None]
        return times_covariance(blocks, self.matrices, "right")

    def after_signal(self, blocks: Array) -> Array:
        """lambda_a X_a.. for (K, L, z) or (K, K, L, z) blocks."""
        if self.matrices is None:
            shape = (self.num_classes,) + (1,) * (blocks.ndim - 3) + (-1, 1)
            return blocks * self.signals.reshape(shape)
        return times_covariance(blocks, self.matrices, "left")

    def neuron_average(self, values: Array) -> Array:
        """E_m over the last axis."""
        return values @ self.neurons.weights


def make_ensemble(problem: AsymptoticProblem) -> Ensemble:
    """The ensemble of a problem; jit-able and differentiable.

    Raises:
        InputError: a quadrature or matrices that would be too large.
    """
    problem = resolved(problem)
    options = problem.theory_options
    options.check_cost()
    law = class_law(problem.mixture, options, problem.direction_counts, problem.class_centroids)
    time = problem.diffusion_time
    if law.matrices is not None:
        num_classes, dim = law.matrices.shape[:2]
        check_block_cost(num_classes, dim, options.contour_nodes, options.largest_matrix)
    neurons = neuron_quadrature(
        neuron_covariance(problem, law.gram),
        options.centroid_rank or 0,
        options.centroid_nodes or 0,
        options.quadrature,
        is_odd(problem.activation),
    )
    constants = feature_constants(
        problem.activation, neurons.means, law.variances, time, options.field_nodes
    )
    if options.hermite_closure and problem.mixture.covariances.ndim > 1:
        constants = closed_constants(
            constants, problem.activation, neurons.means, law, time, options.field_nodes
        )
    return _assembled(problem, law, neurons, constants)


def _assembled(
    problem: AsymptoticProblem, law: ClassLaw, neurons: Neurons, constants: FeatureConstants
) -> Ensemble:
    decay = signal_scale(problem.diffusion_time) ** 2
    weights = problem.training_weights @ law.merge
    return Ensemble(
        features_per_dim=jnp.asarray(problem.features_per_dim),
        samples_per_dim=jnp.asarray(problem.samples_per_dim),
        noise=noise_variance(problem.diffusion_time),
        weights=weights,
        emphasis=weights / (problem.mixture.class_weights @ law.merge),
        signals=decay * law.directions,
        shares=law.counts / jnp.sum(law.counts),
        neurons=neurons,
        constants=constants,
        merge=law.merge,
        floor=_floor(problem, law),
        matrices=None if law.matrices is None else decay * law.matrices,
    )


def _floor(problem: AsymptoticProblem, law: ClassLaw) -> Array:
    """(K,) 1 - E_l[Delta/(e^(-2t) lambda_c + Delta)] over the eigenvalues of every class."""
    if problem.mixture.covariances.ndim == 3:
        return bayes_floor(problem.mixture, problem.diffusion_time)
    noise = noise_variance(problem.diffusion_time)
    noisy = noisy_variance(law.directions, problem.diffusion_time)
    return law.merge @ (1.0 - (noise / noisy) @ (law.counts / jnp.sum(law.counts)))
