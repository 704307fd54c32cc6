"""The reference against itself: closed forms, series against double quadrature, sampling, expm."""

import math

import numpy as np
import pytest

from tests.reference import covariances as cov
from tests.reference import gaussian_moments as gm
from tests.reference import gradient_flow as flow
from tests.reference import mixtures, monte_carlo, timescales

MEANS = (-2.3, -0.4, 0.0, 1.1)
VARIANCES = (0.02, 0.3, 1.0, 4.0)


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(0)
    dim, num_features = 9, 5
    points = rng.standard_normal((4, dim)) * np.array([1.4, 1.4, 0.6, 0.6])[:, None]
    return {
        "weights": rng.standard_normal((num_features, dim)),
        "biases": 0.7 * rng.standard_normal(num_features),
        "points": points,
        "labels": np.array([0, 0, 1, 1]),
    }


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("variance", VARIANCES)
def test_closed_forms_of_erf_and_relu(mean, variance):
    for order in range(9):
        for closed, phi in ((gm.erf_moment, gm.erf), (gm.relu_moment, gm.relu)):
            numerical = gm.hermite_moment(phi, mean, variance, order)
            assert closed(mean, variance, order) == pytest.approx(numerical, abs=2e-14)
    exact = gm.relu_second_moment(mean, variance)
    assert gm.second_moment(gm.relu, mean, variance) == pytest.approx(exact, abs=1e-13)


def test_hermite_polynomials_are_orthonormal():
    g, w = gm.gaussian_rule(half_width=14.0, panels=60)
    table = np.array([gm.hermite_normalised(k, g) for k in range(13)])
    np.testing.assert_allclose((table * w) @ table.T, np.eye(13), atol=1e-12)


def test_mean_slope_is_the_derivative_of_the_mean():
    step = 1e-4
    for phi in gm.ACTIVATIONS.values():
        up, down = (gm.hermite_moment(phi, 0.3 + s, 0.5, 0) for s in (step, -step))
        assert gm.mean_slope(phi, 0.3, 0.5) == pytest.approx((up - down) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("name", gm.ACTIVATIONS)
def test_series_converges_to_the_double_quadrature(small, name):
    phi = gm.ACTIVATIONS[name]
    exact = cov.sample_covariances(phi, **small, num_classes=2, diffusion_time=0.3)
    errors = []
    for order in (2, 8, 40):
        series = cov.sample_covariances(
            phi, **small, num_classes=2, diffusion_time=0.3, max_order=order
        )
        pairs = zip(series, exact, strict=True)
        errors.append(max(np.abs(one.feature - two.feature).max() for one, two in pairs))
    assert errors[2] < 2e-9 and errors[2] < errors[1] < errors[0]


def test_sampling_agrees_with_the_double_quadrature(small):
    exact = cov.sample_covariances(gm.tanh, **small, num_classes=2, diffusion_time=0.3)[0]
    rng = np.random.default_rng(1)
    feature, cross = monte_carlo.sample_covariances(
        gm.tanh, small["weights"], small["biases"], small["points"][:2], 0.3, 200_000, rng
    )
    assert np.abs(feature.z_scores(exact.feature)).max() < 4
    assert np.abs(cross.z_scores(exact.cross)).max() < 4


@pytest.fixture(scope="module")
def quadratic_loss():
    rng = np.random.default_rng(2)
    root, cross = rng.standard_normal((8, 12)), rng.standard_normal((8, 4))
    return {"feature": root @ root.T / 12 + 0.05 * np.eye(8), "cross": cross, "noise": 0.3}


@pytest.mark.parametrize("with_start", [False, True])
def test_eigenvectors_exponential_and_steps_agree(quadratic_loss, with_start):
    initial = np.random.default_rng(3).standard_normal((4, 8)) if with_start else None
    for tau in (1e-3, 0.7, 30.0):
        by_vectors = flow.readout_by_eigenvectors(
            **quadratic_loss, training_time=tau, initial=initial
        )
        by_exponential = flow.readout_by_exponential(
            **quadratic_loss, training_time=tau, initial=initial
        )
        np.testing.assert_allclose(by_vectors, by_exponential, atol=1e-11)
    errors = []
    for num_steps in (200, 400, 800):
        last = flow.euler_readouts(
            **quadratic_loss, step=0.7 / num_steps, num_steps=num_steps, initial=initial
        )[-1]
        exact = flow.readout_by_eigenvectors(**quadratic_loss, training_time=0.7, initial=initial)
        errors.append(np.abs(last - exact).max())
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.05)


def test_long_flow_reaches_the_linear_solution(quadratic_loss):
    late = flow.readout_by_eigenvectors(**quadratic_loss, training_time=1e5)
    np.testing.assert_allclose(late, flow.stationary_readout(**quadratic_loss), atol=1e-10)


def test_mixture_geometry_and_floors():
    gram = mixtures.two_class_gram(distance=1.7, cosine=-0.3, norm_ratio=2.0)
    assert gram[0, 0] + gram[1, 1] - 2 * gram[0, 1] == pytest.approx(1.7**2)
    assert gram[0, 1] / math.sqrt(gram[0, 0] * gram[1, 1]) == pytest.approx(-0.3)
    assert math.sqrt(gram[1, 1] / gram[0, 0]) == pytest.approx(2.0)
    centroids = mixtures.centroids_with_gram(gram, 7, np.random.default_rng(0))
    np.testing.assert_allclose(centroids @ centroids.T / 7, gram, atol=1e-13)
    noise = 1 - math.exp(-0.4)
    gamma = math.exp(-0.4) * 0.8**2 + noise
    assert mixtures.bayes_floor(0.64 * np.eye(6), 0.2) == pytest.approx(1 - noise / gamma)


def test_crossings_are_linear_in_the_logarithm():
    times = np.geomspace(1.0, 1e4, 5)
    assert timescales.first_crossing(times, [0.0, 0.5, 0.2, 1.0, 0.0], 0.6) == pytest.approx(
        10**2.5
    )
    assert timescales.first_crossing(times, [0.0, 0.1, 0.2, 0.3, 0.4], 0.5) == math.inf
    assert timescales.first_crossing(times, [0.6, 0.7, 0.8, 0.9, 1.0], 0.5) == 1.0
