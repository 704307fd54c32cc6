"""Score and class posterior of isotropic Gaussians at given places, and of bare points.

x_t = e x + sqrt(Delta) xi, e = e^(-t), Gamma_c = e^2 v_c + Delta:

    log P(c|x) = log w_c - (d/2) log Gamma_c - |x - e mu_c|^2/(2 Gamma_c) + const
    s(x) = sum_c P(c|x) (e mu_c - x)/Gamma_c

v_c = 0 makes the classes points; the score is then the exact score of a finite data set.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from diffjax.typing import Array, ArrayLike, Float, Int, Key


class IsotropicScore(eqx.Module):
    """Exact score of isotropic Gaussians after diffusion; call it as score(samples, t).

    It computes in the precision of its arrays: `at_precision` gives a copy in 32 bits.

    Attributes:
        weights: (K,) w_c.
        variances: (K,) v_c per dimension, 0 for points.
        centroids: (K, d) mu_c.

    Example:
        >>> score = IsotropicScore(jnp.array([0.5, 0.5]), jnp.ones(2), jnp.eye(2, 8))
        >>> score(jnp.zeros((5, 8)), 0.5).shape, score.posterior(jnp.zeros((5, 8)), 0.0).shape
        ((5, 8), (5, 2))
    """

    weights: Float[Array, " class"]
    variances: Float[Array, " class"]
    centroids: Float[Array, "class dim"]

    def __call__(
        self, samples: Float[Array, "sample dim"], diffusion_time: ArrayLike
    ) -> Float[Array, "sample dim"]:
        """(n, d) scores at diffusion time t > 0."""
        e, noisy = self._scales(diffusion_time)
        shares = self.posterior(samples, diffusion_time) / noisy[None]
        return e * shares @ self.centroids - samples * shares.sum(axis=1, keepdims=True)

    def posterior(
        self, samples: Float[Array, "sample dim"], diffusion_time: ArrayLike
    ) -> Float[Array, "sample class"]:
        """(n, K) probability of each class; t = 0 classifies clean samples."""
        e, noisy = self._scales(diffusion_time)
        places = e * self.centroids
        squares = (samples**2).sum(axis=1, keepdims=True) + (places**2).sum(axis=1)[None]
        distances = squares - 2.0 * samples @ places.T
        prior = jnp.log(self.weights) - 0.5 * samples.shape[1] * jnp.log(noisy)
        return jax.nn.softmax(prior[None] - 0.5 * distances / noisy[None], axis=1)

    def draw(
        self, key: Key[Array, ""], num_samples: int
    ) -> tuple[Float[Array, "sample dim"], Int[Array, " sample"]]:
        """Fresh samples and their classes."""
        class_key, noise_key = jax.random.split(key)
        labels = jax.random.categorical(class_key, jnp.log(self.weights), shape=(num_samples,))
        shape = num_samples, self.centroids.shape[1]
        noise = jax.random.normal(noise_key, shape, self.centroids.dtype)
        return self.centroids[labels] + jnp.sqrt(self.variances)[labels][:, None] * noise, labels

    def at_precision(self, dtype: str) -> "IsotropicScore":
        """The same score with all arrays in another precision, for example "float32"."""
        return jax.tree.map(lambda leaf: jnp.asarray(leaf).astype(dtype), self)

    def _scales(self, diffusion_time: ArrayLike) -> tuple[Array, Array]:
        """e^(-t) and Gamma_c, in the precision of the centroids."""
        time = jnp.asarray(diffusion_time, self.centroids.dtype)
        decay = jnp.exp(-2.0 * time)
        return jnp.exp(-time), decay * self.variances - jnp.expm1(-2.0 * time)


def point_score(points: Float[Array, "sample dim"]) -> IsotropicScore:
    """Exact score of a finite data set; a backward process driven by it ends on the points."""
    count = points.shape[0]
    equal = jnp.full(count, 1.0 / count, points.dtype)
    return IsotropicScore(equal, jnp.zeros_like(equal), points)
