"""Mixture specs: geometry, weights, floors, and every kind of bad input."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.diffusion import bayes_floor, noise_variance, noisy_variance, signal_scale
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, centroid_coordinates, mean_variance, two_classes
from tests.reference import mixtures as reference
from tests.reference.covariances import signal_and_noise

COVARIANCE = np.array([[2.0, 0.4, 0.0], [0.4, 1.0, -0.2], [0.0, -0.2, 0.3]])


@pytest.mark.parametrize("cosine", [-1.0, -0.4, 0.0, 0.7, 1.0])
@pytest.mark.parametrize("norm_ratio", [0.3, 1.5])
def test_two_class_geometry(cosine, norm_ratio):
    gram = np.asarray(two_classes(distance=2.3, cosine=cosine, norm_ratio=norm_ratio).gram)
    np.testing.assert_allclose(gram, reference.two_class_gram(2.3, cosine, norm_ratio), atol=1e-12)


@pytest.mark.parametrize("ratio", [1 / 9, 1.0, 4.0])
def test_imbalance_ratio_sets_the_weights(ratio):
    weights = np.asarray(two_classes(imbalance_ratio=ratio).weights)
    np.testing.assert_allclose(weights, reference.two_class_weights(ratio), rtol=1e-13)


def test_coinciding_centroids_at_distance_zero():
    """cosine=1 with norm_ratio=1 is allowed there: both centroids sit at the origin."""
    gram = two_classes(distance=0.0, cosine=1.0, norm_ratio=1.0).gram
    np.testing.assert_array_equal(gram, np.zeros((2, 2)))
    slope = jax.grad(lambda d: two_classes(distance=d, cosine=0.0).gram.sum())(0.0)
    assert float(slope) == 0.0


def test_general_form_is_the_same_mixture():
    pair = two_classes(stds=(1.2, 0.8), distance=1.5, imbalance_ratio=0.25, cosine=0.0)
    general = pair.general()
    np.testing.assert_allclose(general.weights, [0.2, 0.8], rtol=1e-13)
    np.testing.assert_allclose(general.gram, pair.gram)
    np.testing.assert_allclose(general.covariances, [1.44, 0.64])


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_centroid_coordinates_reproduce_any_gram_matrix(rank):
    root = np.random.default_rng(rank).standard_normal((4, rank))
    gram = root @ root.T
    rows = np.asarray(jax.jit(centroid_coordinates)(jnp.asarray(gram)))
    np.testing.assert_allclose(rows @ rows.T, gram, atol=1e-6 if rank < 4 else 1e-12)
    assert np.allclose(rows, np.tril(rows))


def test_spread_of_every_form():
    diagonal, matrix = np.array([0.5, 1.0, 3.0]), COVARIANCE
    assert float(mean_variance(jnp.asarray(diagonal))) == pytest.approx(1.5)
    assert float(mean_variance(jnp.asarray(matrix))) == pytest.approx(1.1)
    mixture = GaussianMixture(class_covariances=[matrix, np.eye(3)])
    np.testing.assert_allclose(mixture.variances, [1.1, 1.0])
    np.testing.assert_allclose(GaussianMixture([2.0, 0.5]).variances, [4.0, 0.25])


@pytest.mark.parametrize("diffusion_time", [1e-6, 0.1, 2.0])
def test_floors_and_scales(diffusion_time):
    e, noise = signal_and_noise(diffusion_time)
    assert float(signal_scale(diffusion_time)) == pytest.approx(e)
    assert float(noise_variance(diffusion_time)) == pytest.approx(noise, rel=1e-9)
    assert float(noisy_variance(2.0, diffusion_time)) == pytest.approx(2 * e**2 + noise)
    found = bayes_floor(GaussianMixture([0.7, 1.6]), diffusion_time)
    expected = [reference.bayes_floor(s**2 * np.eye(3), diffusion_time) for s in (0.7, 1.6)]
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    for given in ([COVARIANCE, np.eye(3)], [np.linalg.eigvalsh(COVARIANCE), np.ones(3)]):
        found = bayes_floor(GaussianMixture(class_covariances=given), diffusion_time)
        expected = [reference.bayes_floor(s, diffusion_time) for s in (COVARIANCE, np.eye(3))]
        np.testing.assert_allclose(found, expected, rtol=1e-8)


BAD_PAIRS = {
    "std": ({"stds": (1.0, -0.5)}, "stds"),
    "zero std": ({"stds": (0.0, 0.5)}, "stds"),
    "three stds": ({"stds": (1.0, 1.0, 1.0)}, "stds"),
    "nan std": ({"stds": (1.0, math.nan)}, "stds"),
    "distance": ({"distance": -1.0}, "distance"),
    "infinite distance": ({"distance": math.inf}, "distance"),
    "ratio": ({"imbalance_ratio": 0.0}, "imbalance_ratio"),
    "cosine": ({"cosine": 1.01}, "cosine"),
    "norm": ({"norm_ratio": -2.0}, "norm_ratio"),
    "several distances": ({"distance": [1.0, 2.0]}, "distance"),
    "coinciding": ({"cosine": 1.0, "norm_ratio": 1.0, "distance": 1.0}, "cosine"),
    "text": ({"distance": "far"}, "far"),
}
BAD_MIXTURES = {
    "sum": ({"weights": (0.5, 0.6)}, "weights"),
    "negative weight": ({"weights": (1.5, -0.5)}, "weights"),
    "zero weight": ({"weights": (1.0, 0.0)}, "weights"),
    "stds and weights": ({"stds": (1.0, 1.0, 1.0)}, "stds"),
    "gram shape": ({"centroid_gram": np.eye(3)}, "centroid_gram"),
    "gram indefinite": ({"centroid_gram": [[1.0, 2.0], [2.0, 1.0]]}, "centroid_gram"),
    "gram asymmetric": ({"centroid_gram": [[1.0, 0.5], [0.0, 1.0]]}, "centroid_gram"),
    "gram nan": ({"centroid_gram": [[math.nan, 0.0], [0.0, 1.0]]}, "centroid_gram"),
    "both spreads": ({"class_covariances": np.ones((2, 4))}, "class_covariances"),
    "no spread": ({"stds": None}, "stds"),
    "covariance shape": ({"stds": None, "class_covariances": np.ones((2, 3, 4))}, "covariances"),
    "covariance count": ({"stds": None, "class_covariances": np.ones((3, 4))}, "covariances"),
    "covariance sign": ({"stds": None, "class_covariances": -np.ones((2, 4))}, "covariances"),
    "covariance zero": ({"stds": None, "class_covariances": np.zeros((2, 4))}, "covariances"),
}


def refused(build, named):
    with pytest.raises(InputError) as caught:
        build()
    message = str(caught.value)
    assert named in message
    assert message == f"{caught.value.got}; {caught.value.allowed}; {caught.value.remedy}"
    assert min(len(x) for x in (caught.value.got, caught.value.allowed, caught.value.remedy)) > 3


@pytest.mark.parametrize("case", BAD_PAIRS)
def test_bad_two_classes_are_refused(case):
    changes, named = BAD_PAIRS[case]
    refused(lambda: two_classes(**changes), named)


@pytest.mark.parametrize("case", BAD_MIXTURES)
def test_bad_mixtures_are_refused(case):
    changes, named = BAD_MIXTURES[case]
    refused(lambda: GaussianMixture(**({"stds": (1.0, 1.0)} | changes)), named)
