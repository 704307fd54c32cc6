"""Few dimensions: strongly correlated features, against cubature over the noise itself."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.numerics.activations import resolve_activation
from diffjax.random_features.features import RandomFeatures
from tests.random_features.compiled import population_covariance, sample_covariances

ACTIVATIONS = {
    "tanh": ("tanh", np.tanh),
    "erf": ("erf", lambda x: np.asarray(jax.scipy.special.erf(x))),
    "relu": ("relu", lambda x: np.maximum(x, 0.0)),
    "wave": (lambda x: jnp.sin(2.0 * x) + x, lambda x: np.sin(2.0 * x) + x),
}


def covariance_by_cubature(activation, features, mean, root, spacing):
    """E phi phi^T over x = mean + root z by a grid in the space of z."""
    weights, biases = np.asarray(features.weights), np.asarray(features.biases)
    dim = weights.shape[1]
    line = np.arange(-7.5, 7.5, spacing)
    grid = np.array(list(itertools.product(line, repeat=dim)))
    grid = grid[(grid**2).sum(axis=1) < 56.0]
    share = np.exp(-0.5 * (grid**2).sum(axis=1)) * (spacing / np.sqrt(2.0 * np.pi)) ** dim
    hidden = activation((mean + grid @ root.T) @ weights.T / np.sqrt(dim) + biases)
    return hidden.T @ (share[:, None] * hidden)


def setting(dim, num_features, seed):
    rng = np.random.default_rng(seed)
    weights, biases = rng.standard_normal((num_features, dim)), rng.standard_normal(num_features)
    features = RandomFeatures(jnp.asarray(weights), jnp.asarray(0.5 * biases))
    return features, rng.standard_normal((2, dim)), rng


@pytest.mark.parametrize(
    ("name", "dim", "spacing"),
    [
        *((name, 2, 0.1) for name in ACTIVATIONS),
        pytest.param("tanh", 3, 0.35, marks=pytest.mark.slow),
    ],
)
def test_samples_and_populations_agree_with_cubature(name, dim, spacing):
    features, points, rng = setting(dim, 20, dim)
    own, plain = ACTIVATIONS[name]
    for time in (1e-3, 1.0):
        decay, noise = np.exp(-time), 1.0 - np.exp(-2.0 * time)
        root = np.sqrt(noise) * np.eye(dim)
        found = sample_covariances(
            features, jnp.asarray(points), jnp.zeros(2, int), 1, time, resolve_activation(own)
        )
        parts = [
            covariance_by_cubature(
                plain, features, decay * x, np.sqrt(noise) * np.eye(dim), spacing
            )
            for x in points
        ]
        # the grid of the cubature is what the kink of relu sees
        tolerance = {"relu": 2e-3}.get(name, 1e-9 if dim == 2 else 1e-6)
        np.testing.assert_allclose(found.feature[0], np.mean(parts, axis=0), atol=tolerance)
    rotation = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    covariance = rotation * np.geomspace(0.05, 1.5, dim) @ rotation.T
    whole = population_covariance(
        features, jnp.asarray(points[0]), jnp.asarray(covariance), 0.1, resolve_activation(own)
    )
    root = np.linalg.cholesky(np.exp(-0.2) * covariance + (1.0 - np.exp(-0.2)) * np.eye(dim))
    exact = covariance_by_cubature(plain, features, np.exp(-0.1) * points[0], root, spacing)
    np.testing.assert_allclose(whole.feature, exact, atol=10 * tolerance)
