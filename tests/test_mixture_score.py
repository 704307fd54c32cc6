"""The isotropic score: against automatic derivatives, scipy, and the score in a reduced frame."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from diffjax.backward.collapse import empirical_score
from diffjax.backward.score import MixtureScore
from diffjax.mixture import two_classes
from diffjax.mixture.score import IsotropicScore, point_score

WEIGHTS, VARIANCES = np.array([0.2, 0.5, 0.3]), np.array([0.5, 1.0, 2.0])
CENTROIDS = np.random.default_rng(1).standard_normal((3, 6)) * 1.5
LAW = IsotropicScore(*map(jnp.asarray, (WEIGHTS, VARIANCES, CENTROIDS)))


def log_parts(samples, time):
    """log w_c N(x; e mu_c, Gamma_c) by scipy, (n, K)."""
    e = np.exp(-time)
    parts = [
        np.log(w) + multivariate_normal(e * m, e**2 * v + 1 - e**2).logpdf(samples)
        for w, v, m in zip(WEIGHTS, VARIANCES, CENTROIDS, strict=True)
    ]
    return np.stack(parts, axis=1)


@pytest.mark.parametrize("time", [0.0, 0.3, 2.0])
def test_posterior_against_scipy(time, rng):
    samples = 2.0 * rng.standard_normal((40, 6))
    parts = log_parts(samples, time)
    expected = np.exp(parts - np.logaddexp.reduce(parts, axis=1, keepdims=True))
    np.testing.assert_allclose(LAW.posterior(jnp.asarray(samples), time), expected, atol=1e-12)


@pytest.mark.parametrize("time", [0.05, 0.7, 3.0])
def test_score_is_the_gradient_of_the_log_density(time, rng):
    e = np.exp(-time)

    def log_density(x):
        noisy = e**2 * VARIANCES + 1 - e**2
        squares = ((x[None] - e * CENTROIDS) ** 2).sum(axis=1)
        return jax.nn.logsumexp(np.log(WEIGHTS) - 3.0 * jnp.log(noisy) - squares / (2 * noisy))

    samples = jnp.asarray(2.0 * rng.standard_normal((40, 6)))
    np.testing.assert_allclose(
        LAW(samples, time), jax.vmap(jax.grad(log_density))(samples), rtol=1e-9, atol=1e-11
    )


def test_a_rotation_leads_to_the_reduced_frame(rng):
    mixture = two_classes((1.3, 0.7), distance=2.0, imbalance_ratio=0.3, cosine=0.2)
    reduced = MixtureScore(mixture, 6)
    rotation = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    law = IsotropicScore(reduced.weights, reduced.variances, reduced.centroids @ rotation)
    samples = rng.standard_normal((30, 6)) * 2
    np.testing.assert_allclose(
        law(jnp.asarray(samples @ rotation), 0.4),
        reduced(jnp.asarray(samples), jnp.asarray(0.4)) @ rotation,
        atol=1e-11,
    )


def test_points_have_the_empirical_score(rng):
    points, samples = rng.standard_normal((12, 5)), jnp.asarray(rng.standard_normal((20, 5)))
    found = point_score(jnp.asarray(points))(samples, 0.1)
    expected = empirical_score(points)(samples, jnp.asarray(0.1))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


def test_draws_have_the_moments_of_the_mixture():
    samples, labels = LAW.draw(jax.random.key(0), 20_000)
    for label in range(3):
        own = np.asarray(samples)[np.asarray(labels) == label]
        share, count = len(own) / 20_000, len(own)
        spread = np.sqrt(WEIGHTS[label] * (1 - WEIGHTS[label]) / 20_000)
        assert abs(share - WEIGHTS[label]) < 4 * spread
        error = np.sqrt(VARIANCES[label] / count)
        assert np.abs(own.mean(axis=0) - CENTROIDS[label]).max() < 4.5 * error
        assert own.var(axis=0).mean() == pytest.approx(VARIANCES[label], rel=4 / np.sqrt(3 * count))


def test_32_bits_stay_32_bits(rng):
    samples = rng.standard_normal((30, 6)).astype(np.float32)
    narrow = LAW.at_precision("float32")
    assert narrow(samples, 0.1).dtype == jnp.float32
    assert narrow.draw(jax.random.key(0), 4)[0].dtype == jnp.float32
    np.testing.assert_allclose(
        narrow(samples, 0.1), LAW(jnp.asarray(samples, float), 0.1), rtol=1e-4, atol=1e-4
    )
