"""Random features phi(W x/sqrt(d) + beta) with frozen Gaussian weights."""

import equinox as eqx
import jax.numpy as jnp

from diffjax.numerics.random_streams import (
    Rows,
    draw_rows,
    first_rows,
    streams,
)
from diffjax.typing import Array, ArrayLike, Float, Int, Key


class RandomFeatures(eqx.Module):
    """Frozen first layer of the score model s_A(x) = A phi(W x/sqrt(d) + beta)/sqrt(p).

    Attributes:
        weights: (p, d) W, standard normal entries.
        biases: (p,) beta.
    """

    weights: Float[Array, "feature dim"]
    biases: Float[Array, " feature"]

    @property
    def num_features(self) -> int:
        """p."""
        return self.weights.shape[0]

    @property
    def dim(self) -> int:
        """d."""
        return self.weights.shape[1]

    @property
    def squared_norms(self) -> Float[Array, " feature"]:
        """(p,) |W_i|^2/d: variance of a pre-activation per unit variance of its input."""
        return jnp.sum(self.weights**2, axis=1) / self.dim

    @property
    def correlation(self) -> Float[Array, "feature feature"]:
        """(p, p) correlation of two pre-activations under isotropic noise; 1 on the diagonal."""
        unit = self.weights / jnp.sqrt(self.dim * self.squared_norms)[:, None]
        return unit @ unit.T

    def preactivation_means(self, points: Float[Array, "point dim"]) -> Array:
        """(p, point) W x/sqrt(d) + beta."""
        return self.weights @ points.T / jnp.sqrt(self.dim) + self.biases[:, None]


def draw_features(
    seed: Int[Array, ""] | int, num_features: int, dim: int, bias_std: ArrayLike = 0.0
) -> RandomFeatures:
    """Standard normal weights and biases of standard deviation `bias_std` from a seed.

    Feature i is the same for every `num_features` above i.

    Example:
        >>> draw_features(0, num_features=8, dim=2).weights.shape
        (8, 2)
    """
    weights_key, biases_key = streams(seed, *FEATURES)
    weights, biases = draw_rows(*feature_rows(weights_key, biases_key, num_features, dim))
    return RandomFeatures(weights, jnp.asarray(bias_std) * biases[:, 0])


FEATURES = ("weights", "biases")
"""Streams of the first layer."""


def feature_rows(
    weights: Key[Array, ""], biases: Key[Array, ""], num_features: int, dim: int
) -> tuple[Rows, Rows]:
    """What is drawn for weights and biases, from the keys of their streams."""
    return first_rows(weights, num_features, dim), first_rows(biases, num_features, 1)
