"""Exact score and posterior of a diffused mixture, in d dimensions.

s*(x) = sum_c P(c|x) (e mu_c - x)/Gamma_c,
log P(c|x) = log rho_c - (d/2) log Gamma_c - |x - e mu_c|^2/(2 Gamma_c) + const.
"""

import jax
import jax.numpy as jnp

from diffjax.backward.reduction import ReducedMixture, check_mixture, signal
from diffjax.mixture import Mixture, centroid_coordinates
from diffjax.mixture.score import IsotropicScore
from diffjax.typing import Array, ArrayLike, Float


class MixtureScore(IsotropicScore):
    """The exact score of a mixture of isotropic classes; call it as score(samples, t).

    The centroids lie along the first K coordinates, which is no restriction.

    Args:
        mixture: isotropic classes.
        dim: d, larger than the number of classes.

    Raises:
        InputError: one class, anisotropic classes, or too small a dim.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> score = MixtureScore(two_classes(), 16)
        >>> score(jnp.zeros((5, 16)), 0.5).shape
        (5, 16)
    """

    def __init__(self, mixture: Mixture, dim: int):
        check_mixture(mixture, dim)
        self.weights, self.variances = mixture.class_weights, mixture.variances
        spanned = jnp.sqrt(float(dim)) * centroid_coordinates(mixture.gram)
        self.centroids = jnp.pad(spanned, ((0, 0), (0, dim - mixture.num_classes)))

    def posterior(
        self, samples: Float[Array, "sample dim"], diffusion_time: ArrayLike
    ) -> Float[Array, "sample class"]:
        """(n, K) probability of each class, exact for d up to 10^6 and nearly equal variances."""
        time = jnp.asarray(diffusion_time)
        centroids = signal(time) * self.centroids
        squares = (samples**2).sum(axis=1, keepdims=True)
        distances = squares - 2.0 * samples @ centroids.T + (centroids**2).sum(axis=1)[None]
        return posterior_at(self._reduced, time, distances)

    @property
    def _reduced(self) -> ReducedMixture:
        dim = self.centroids.shape[1]
        return ReducedMixture(
            self.weights, self.variances, self.centroids, jnp.asarray(0.0), jnp.asarray(float(dim))
        )


def posterior_at(
    reduced: ReducedMixture, time: Array, distances: Float[Array, "sample class"]
) -> Float[Array, "sample class"]:
    """P(c|x) from the squared distances |x - e mu_c|^2."""
    noisy = reduced.noisy(time)
    excess = signal(time) ** 2 * (reduced.variances - reduced.variances[0]) / noisy[0]
    # relative to class 0: |x|^2 (1/Gamma_0 - 1/Gamma_c) is kept apart from the distances
    first = distances[:, :1]
    radial = 0.5 * first * (excess / noisy)[None]
    prior = reduced.log_weights - 0.5 * reduced.dim * jnp.log1p(excess)
    return jax.nn.softmax(prior[None] + radial - 0.5 * (distances - first) / noisy[None], axis=1)
