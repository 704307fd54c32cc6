"""Covariances of samples and populations against the slow reference and against sampling."""

import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.numerics.activations import resolve_activation
from diffjax.random_features.covariances import cross_covariance
from diffjax.random_features.features import RandomFeatures
from diffjax.random_features.options import CovarianceOptions
from tests.numerics.test_gaussian_expectations import NAMED
from tests.random_features.compiled import population_covariance, sample_covariances
from tests.reference import covariances as reference
from tests.reference import mixtures, monte_carlo
from tests.reference.gaussian_moments import ACTIVATIONS

DIM, NUM_FEATURES = 12, 16
TIMES = (0.01, 0.3, 1.5)
LABELS = np.array([0, 1, 0, 2, 1, 0, 1])
OPTIONS = CovarianceOptions(train_order=6, population_order=9, nodes=257, block_size=3)


@pytest.fixture(scope="module")
def setting():
    rng = np.random.default_rng(5)
    weights = rng.standard_normal((NUM_FEATURES, DIM))
    biases = 0.8 * rng.standard_normal(NUM_FEATURES)
    centroids = mixtures.centroids_with_gram(np.array([[1.0, 0.3], [0.3, 2.0]]), DIM, rng)
    points = 1.3 * rng.standard_normal((len(LABELS), DIM))
    return weights, biases, centroids, points


def rotated_spread(rng, dim=DIM, exponent=0.8):
    """A full covariance: power-law spectrum in a random basis, mean variance 1."""
    rotation = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    spectrum = np.arange(1, dim + 1.0) ** -exponent
    return rotation * (spectrum / spectrum.mean()) @ rotation.T


def spreads():
    rng = np.random.default_rng(9)
    diagonal = rng.uniform(0.2, 2.0, DIM)
    matrix = rotated_spread(rng)
    return {
        "isotropic": (np.array(0.49), 0.49 * np.eye(DIM)),
        "diagonal": (diagonal, np.diag(diagonal)),
        "rotated": (matrix, matrix),
    }


def population(setting, name, spread, options, diffusion_time):
    weights, biases, centroids, _ = setting
    features = RandomFeatures(jnp.asarray(weights), jnp.asarray(biases))
    activation = resolve_activation(NAMED[name])
    return features, population_covariance(
        features,
        jnp.asarray(centroids[1]),
        jnp.asarray(spread),
        diffusion_time,
        activation,
        options,
    )


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("diffusion_time", TIMES)
def test_samples_agree_with_reference(setting, name, diffusion_time):
    weights, biases, _, points = setting
    features = RandomFeatures(jnp.asarray(weights), jnp.asarray(biases))
    found = sample_covariances(
        features, jnp.asarray(points), jnp.asarray(LABELS), 3, diffusion_time,
        resolve_activation(NAMED[name]), OPTIONS,
    )  # fmt: skip
    expected = reference.sample_covariances(
        ACTIVATIONS[name], weights, biases, points, LABELS, 3, diffusion_time, max_order=6
    )
    for c, exact in enumerate(expected):
        np.testing.assert_allclose(found.feature[c], exact.feature, atol=1e-11)
        np.testing.assert_allclose(found.slope[c], exact.slope, atol=1e-11)
        cross = cross_covariance(features, found.slope[c], diffusion_time)
        np.testing.assert_allclose(cross, exact.cross, atol=1e-11)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("shape", ["isotropic", "diagonal", "rotated"])
def test_populations_agree_with_reference(setting, name, shape):
    weights, biases, centroids, _ = setting
    spread, full = spreads()[shape]
    for diffusion_time in TIMES:
        features, found = population(setting, name, spread, OPTIONS, diffusion_time)
        (exact,) = reference.population_covariances(
            ACTIVATIONS[name], weights, biases, centroids[1:], [full], diffusion_time, max_order=9
        )
        np.testing.assert_allclose(found.feature, exact.feature, atol=1e-11)
        np.testing.assert_allclose(found.slope, exact.slope, atol=1e-11)
        cross = cross_covariance(features, found.slope, diffusion_time)
        np.testing.assert_allclose(cross, exact.cross, atol=1e-11)


@pytest.mark.parametrize("name", NAMED)
def test_high_order_agrees_with_double_quadrature(setting, name):
    """No series on the other side: every entry by iterated quadrature. Six features, order 60."""
    weights, biases, centroids, points = setting
    features = RandomFeatures(jnp.asarray(weights[:6]), jnp.asarray(biases[:6]))
    options = CovarianceOptions(train_order=60, population_order=60, nodes=401)
    activation, phi = resolve_activation(NAMED[name]), ACTIVATIONS[name]
    found = sample_covariances(
        features, jnp.asarray(points[:4]), jnp.asarray(LABELS[:4] % 2), 2, 0.4, activation, options
    )
    expected = reference.sample_covariances(
        phi, weights[:6], biases[:6], points[:4], LABELS[:4] % 2, 2, 0.4
    )
    for c in (0, 1):
        np.testing.assert_allclose(found.feature[c], expected[c].feature, atol=1e-10)
    spread, full = spreads()["rotated"]
    whole = population_covariance(
        features, jnp.asarray(centroids[0]), jnp.asarray(spread), 0.4, activation, options
    )
    (exact,) = reference.population_covariances(
        phi, weights[:6], biases[:6], centroids[:1], [full], 0.4
    )
    np.testing.assert_allclose(whole.feature, exact.feature, atol=2e-9)


def check_z_scores(estimate, exact, upper_half=True):
    z = estimate.z_scores(np.asarray(exact))
    z = z[np.triu_indices(len(z))] if upper_half else z.ravel()
    assert np.abs(z).max() < 4.5
    assert 0.8 < np.sqrt(np.mean(z**2)) < 1.2


@pytest.mark.parametrize("name", NAMED)
def test_samples_agree_with_sampled_noise(name):
    rng = np.random.default_rng(8)
    weights, points = rng.standard_normal((40, 20)), rng.standard_normal((5, 20))
    biases = rng.standard_normal(40)
    features = RandomFeatures(jnp.asarray(weights), jnp.asarray(biases))
    found = sample_covariances(
        features, jnp.asarray(points), jnp.zeros(5, int), 1, 0.2, resolve_activation(NAMED[name])
    )
    feature, cross = monte_carlo.sample_covariances(
        ACTIVATIONS[name], weights, biases, points, 0.2, 60_000, rng
    )
    check_z_scores(feature, found.feature[0])
    check_z_scores(cross, cross_covariance(features, found.slope[0], 0.2), upper_half=False)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("shape", ["isotropic", "diagonal", "rotated"])
def test_populations_agree_with_sampled_points(name, shape):
    rng = np.random.default_rng(100)
    dim, num_features = 20, 40
    diagonal = np.linspace(0.3, 2.0, dim)
    matrix = rotated_spread(rng, dim, exponent=0.5)
    spread, full = {
        "isotropic": (np.array(1.44), 1.44 * np.eye(dim)),
        "diagonal": (diagonal, np.diag(diagonal)),
        "rotated": (matrix, matrix),
    }[shape]
    weights, centroid = rng.standard_normal((num_features, dim)), rng.standard_normal(dim)
    biases = 0.5 * rng.standard_normal(num_features)
    features = RandomFeatures(jnp.asarray(weights), jnp.asarray(biases))
    found = population_covariance(
        features, jnp.asarray(centroid), jnp.asarray(spread), 0.2, resolve_activation(NAMED[name])
    )
    feature, cross = monte_carlo.population_covariances(
        ACTIVATIONS[name], weights, biases, centroid, full, 0.2, 300_000, rng
    )
    check_z_scores(feature, found.feature)
    check_z_scores(cross, cross_covariance(features, found.slope, 0.2), upper_half=False)
