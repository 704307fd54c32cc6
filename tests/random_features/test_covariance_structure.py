"""Structure of the covariances: positivity, truncation, closed linear case, mirror images."""

import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.numerics.activations import resolve_activation
from diffjax.random_features.covariances import cross_covariance
from diffjax.random_features.features import RandomFeatures, draw_features
from diffjax.random_features.options import CovarianceOptions
from tests.numerics.test_gaussian_expectations import NAMED
from tests.random_features.compiled import population_covariance, sample_covariances
from tests.reference.covariances import signal_and_noise

DIM, NUM_FEATURES, NUM_SAMPLES = 40, 96, 60
LABELS = jnp.arange(NUM_SAMPLES) % 3


@pytest.fixture(scope="module")
def setting():
    features = draw_features(4, NUM_FEATURES, DIM)
    rng = np.random.default_rng(4)
    return features, jnp.asarray(rng.standard_normal((NUM_SAMPLES, DIM)))


def covariances(setting, diffusion_time, name="tanh", **options):
    features, points = setting
    return sample_covariances(
        features, points, LABELS, 3, diffusion_time, resolve_activation(NAMED[name]),
        CovarianceOptions(**options),
    )  # fmt: skip


def class_population(setting, diffusion_time, covariance=1.0, name="tanh", **options):
    features, points = setting
    return population_covariance(
        features, points[0], jnp.asarray(covariance), diffusion_time,
        resolve_activation(NAMED[name]), CovarianceOptions(**options),
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("order", [1, 2, 3, 5, 8])
def test_positive_semidefinite_at_every_order(setting, name, order):
    for diffusion_time in (0.01, 0.5):
        found = covariances(setting, diffusion_time, name, train_order=order)
        whole = class_population(setting, diffusion_time, name=name, population_order=order)
        for matrix in (*found.feature, whole.feature):
            assert np.linalg.eigvalsh(matrix)[0] > -1e-12
            np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)


def test_train_truncation_is_as_measured(setting):
    """tanh, d about 50, t=0.1: largest error 4e-5, 2e-6, 2e-7 at orders 2, 3, 4 (factor 4 left)."""
    exact = covariances(setting, 0.1, train_order=14).feature
    for order, stated in ((2, 4e-5), (3, 2e-6), (4, 2e-7), (6, 3e-9)):
        error = np.abs(covariances(setting, 0.1, train_order=order).feature - exact).max()
        assert error < 4 * stated


def test_default_orders_leave_no_visible_error(setting):
    """By rule, the error is below 1e-3 of the smallest eigenvalue up to t=0.5."""
    for diffusion_time in (0.01, 0.1, 0.5):
        exact = covariances(setting, diffusion_time, train_order=16, nodes=201).feature
        error = np.abs(np.linalg.eigvalsh(covariances(setting, diffusion_time).feature - exact))
        assert error.max() < 1e-3 * np.linalg.eigvalsh(exact)[:, 0].min()
        exact = class_population(setting, diffusion_time, population_order=30).feature
        error = class_population(setting, diffusion_time).feature - exact
        assert np.abs(np.linalg.eigvalsh(error)).max() < 1e-3 * np.linalg.eigvalsh(exact)[0]


@pytest.mark.parametrize(("name", "accuracy"), [("relu", 1e-13), ("tanh", 3e-10)])
def test_diagonal_is_exact_at_every_order(setting, name, accuracy):
    """In closed form, or to the accuracy of the quadrature, whose nodes depend on the order."""
    low, high = (covariances(setting, 0.4, name, train_order=k).feature for k in (1, 9))
    diagonals = [np.diagonal(np.asarray(m), axis1=1, axis2=2) for m in (low, high)]
    np.testing.assert_allclose(*diagonals, rtol=accuracy)


@pytest.mark.parametrize("spread", ["isotropic", "rotated"])
def test_linear_activation_in_closed_form(setting, spread):
    """phi(h) = h: U = W C W^T/d + bias terms, V = sqrt(Delta) W/sqrt(d)."""
    drawn, points = setting
    features = RandomFeatures(drawn.weights, 0.3 * jnp.cos(jnp.arange(NUM_FEATURES)))
    weights, biases = np.asarray(features.weights), np.asarray(features.biases)
    e, noise = signal_and_noise(0.3)
    identity = resolve_activation(lambda h: h)
    found = sample_covariances(features, points, LABELS, 3, 0.3, identity)
    noise_part = noise * weights @ weights.T / DIM
    for c in range(3):
        means = e * weights @ np.asarray(points[c::3]).T / np.sqrt(DIM) + biases[:, None]
        expected = means @ means.T / means.shape[1] + noise_part
        np.testing.assert_allclose(found.feature[c], expected, atol=1e-11)
        np.testing.assert_allclose(found.slope[c], 1.0, atol=1e-11)
        cross = cross_covariance(features, found.slope[c], 0.3)
        np.testing.assert_allclose(cross, np.sqrt(noise / DIM) * weights, atol=1e-11)
    root = np.random.default_rng(1).standard_normal((DIM, DIM))
    full = {"isotropic": 0.7 * np.eye(DIM), "rotated": root @ root.T / DIM}[spread]
    given = jnp.asarray(0.7 if spread == "isotropic" else full)
    whole = population_covariance(features, points[0], given, 0.3, identity)
    mean = e * weights @ np.asarray(points[0]) / np.sqrt(DIM) + biases
    expected = np.outer(mean, mean) + e**2 * weights @ full @ weights.T / DIM + noise_part
    np.testing.assert_allclose(whole.feature, expected, atol=1e-10)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("biased", [False, True])
def test_odd_activations_do_not_see_mirror_images(setting, name, biased):
    """x -> -x of any samples: invisible to tanh and erf without biases, visible otherwise."""
    drawn, points = setting
    biases = jnp.ones(NUM_FEATURES) if biased else drawn.biases
    features = RandomFeatures(drawn.weights, biases)
    signs = jnp.where(jnp.arange(NUM_SAMPLES) % 2 == 0, 1.0, -1.0)[:, None]
    activation = resolve_activation(NAMED[name])
    one, other = (
        sample_covariances(features, x, LABELS, 3, 0.1, activation)
        for x in (points, signs * points)
    )
    difference = np.abs(one.feature - other.feature).max()
    if name in ("tanh", "erf") and not biased:
        assert difference < 1e-13 and np.abs(one.slope - other.slope).max() < 1e-13
    else:
        assert difference > 1e-2


def test_pooled_covariance_is_the_average_over_classes(setting):
    features, points = setting
    activation = resolve_activation("tanh")
    per_class = sample_covariances(features, points, LABELS, 3, 0.1, activation)
    pooled = sample_covariances(features, points, 0 * LABELS, 1, 0.1, activation)
    counts = np.bincount(LABELS)
    average = np.einsum("c,cij->ij", counts / NUM_SAMPLES, per_class.feature)
    np.testing.assert_allclose(pooled.feature[0], average, atol=1e-13)


def test_block_size_and_sample_order_change_nothing(setting):
    features, points = setting
    activation, shuffle = resolve_activation("tanh"), np.random.default_rng(0).permutation(60)
    expected = covariances(setting, 0.1)
    for block_size in (1, 7, 60, 100):
        found = covariances(setting, 0.1, block_size=block_size)
        np.testing.assert_allclose(found.feature, expected.feature, atol=1e-13)
    found = sample_covariances(features, points[shuffle], LABELS[shuffle], 3, 0.1, activation)
    np.testing.assert_allclose(found.feature, expected.feature, atol=1e-13)


def test_large_sample_approaches_the_population(setting):
    """n draws of a class: entries approach the population's at rate n^(-1/2)."""
    features, _ = setting
    rng = np.random.default_rng(2)
    centre, activation = np.ones(DIM), resolve_activation("tanh")
    whole = population_covariance(
        features, jnp.asarray(centre), jnp.asarray(0.64), 0.1, activation
    ).feature
    errors = []
    for count in (100, 1600):
        points = jnp.asarray(centre + 0.8 * rng.standard_normal((count, DIM)))
        labels = jnp.zeros(count, int)
        found = sample_covariances(features, points, labels, 1, 0.1, activation).feature[0]
        errors.append(np.sqrt(np.mean((found - whole) ** 2)))
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.2)
