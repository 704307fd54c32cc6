"""The quadratic training objective and the per-class losses it is judged by.

With a = A/sqrt(p), U = p U and V = sqrt(p) V of `covariances`, the denoising loss per dimension is

    L_c(a) = 1 + (2 sqrt(Delta)/d) Tr(a V_c) + (Delta/d) Tr(a U_c a^T),    L = sum_c omega_c L_c,

1 at zero readout.  Gradient flow dA/dtau = -d^2 grad_A L makes a mode of eigenvalue lambda of
U = sum_c omega_c U_c relax as exp(-rate lambda tau), rate = 2 Delta/psi_p, psi_p = p/d.
"""

from typing import NamedTuple

import jax.numpy as jnp

from diffjax.diffusion import noise_variance
from diffjax.random_features.covariances import FeatureCovariances
from diffjax.random_features.features import RandomFeatures
from diffjax.typing import Array, Float


class Objective(NamedTuple):
    """Everything the learning curves depend on, at one diffusion time.

    Attributes:
        features: W and beta.
        train: per class, averaged over its training samples.
        test: per class, averaged over its population or held-out samples.
        class_weights: (K,) omega_c, weight of each class in the training loss.
        diffusion_time: t.
    """

    features: RandomFeatures
    train: FeatureCovariances
    test: FeatureCovariances
    class_weights: Float[Array, " class"]
    diffusion_time: Float[Array, ""]

    @property
    def feature(self) -> Float[Array, "feature feature"]:
        """(p, p) U = sum_c omega_c U_c of the training loss."""
        return jnp.einsum("c,cij->ij", self.class_weights, self.train.feature)

    @property
    def cross(self) -> Float[Array, "feature dim"]:
        """(p, d) V = sum_c omega_c V_c of the training loss."""
        return self.cross_of(self.class_weights @ self.train.slope)

    @property
    def noise(self) -> Float[Array, ""]:
        """Delta_t."""
        return noise_variance(self.diffusion_time)

    @property
    def dim(self) -> int:
        """d."""
        return self.features.dim

    @property
    def rate(self) -> Float[Array, ""]:
        """2 Delta/psi_p: relaxation rate per unit eigenvalue and training time."""
        return 2.0 * self.noise * self.features.dim / self.features.num_features

    def cross_of(self, slope: Float[Array, " feature"]) -> Float[Array, "feature dim"]:
        """(p, d) V of one class from its mean slope b_c."""
        scale = jnp.sqrt(self.noise / self.features.dim)
        return scale * slope[:, None] * self.features.weights


class LossCurves(NamedTuple):
    """Losses per dimension.

    Attributes:
        train: (K, T).
        test: (K, T).
        final_train: (K,) at infinite training time.
        final_test: (K,) at infinite training time.
    """

    train: Float[Array, "class time"]
    test: Float[Array, "class time"]
    final_train: Float[Array, " class"]
    final_test: Float[Array, " class"]


class InitialReadout(NamedTuple):
    """Where training starts; both None means A = 0.

    Attributes:
        matrix: (d, p) a given A.
        std: standard deviation of independent normal entries, averaged over exactly.
    """

    matrix: Float[Array, "dim feature"] | None = None
    std: Float[Array, ""] | None = None


def losses(
    objective: Objective, readout: Float[Array, "dim feature"]
) -> tuple[Float[Array, " class"], Float[Array, " class"]]:
    """(train, test) losses per class of a given readout A (d, p), straight from the definition.

    Example:
        >>> from diffjax.random_features.gradient_flow import training_objective
        >>> problem = dj.RandomFeatureProblem(dj.two_classes(), 8, 16, 16, diffusion_time=0.1)
        >>> train, test = losses(training_objective(problem), jnp.zeros((8, 16)))
        >>> train.tolist()
        [1.0, 1.0]
    """
    scaled = readout / jnp.sqrt(objective.features.num_features)
    return (
        split_losses(objective, objective.train, scaled),
        split_losses(objective, objective.test, scaled),
    )


def split_losses(
    objective: Objective, covariances: FeatureCovariances, scaled_readout: Array
) -> Float[Array, " class"]:
    """(K,) losses of a = A/sqrt(p) under one set of covariances."""
    dim, noise = objective.features.dim, objective.noise
    # Tr(a V_c) = sqrt(Delta/d) sum_i b_ci (W a)_ii
    overlap = jnp.einsum("ij,ji->i", objective.features.weights, scaled_readout)
    linear = jnp.sqrt(noise / dim) * covariances.slope @ overlap
    quadratic = jnp.stack(
        [jnp.sum((scaled_readout @ feature) * scaled_readout) for feature in covariances.feature]
    )
    return 1.0 + (2.0 * jnp.sqrt(noise) * linear + noise * quadratic) / dim
