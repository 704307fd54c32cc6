"""Problems on given data against the mixture they were drawn from, and against sampled noise."""

import math

import numpy as np
import pytest

from diffjax.errors import InputError
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.model import gradient_flow
from tests.random_features.realisation import as_dataset, realise
from tests.random_features.small_problems import TIMES, objective_of, problem_of
from tests.reference import covariances as reference
from tests.reference import gradient_flow as flow
from tests.reference import monte_carlo
from tests.reference.gaussian_moments import ACTIVATIONS


@pytest.fixture(scope="module")
def held_out():
    rng = np.random.default_rng(7)
    return 1.2 * rng.standard_normal((18, 10)) - 0.4, np.arange(18) % 3


def test_same_samples_give_the_same_training_curves(held_out):
    problem = problem_of()
    found, expected = gradient_flow(as_dataset(problem, *held_out)), gradient_flow(problem)
    np.testing.assert_allclose(found.train_loss, expected.train_loss, rtol=1e-12)
    np.testing.assert_allclose(found.total_train_loss, expected.total_train_loss, rtol=1e-12)
    np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, rtol=1e-9)
    np.testing.assert_array_equal(found.sample_counts, expected.sample_counts)


def test_training_set_as_held_out_set_shows_no_gap():
    problem = problem_of()
    drawn = realise(problem)
    found = gradient_flow(as_dataset(problem, drawn.samples, drawn.labels))
    np.testing.assert_allclose(found.test_loss, found.train_loss, rtol=1e-11)
    assert (np.asarray(found.gap_onset_time) == math.inf).all()


def test_many_held_out_samples_approach_the_population():
    """2000 draws per class: test losses within five standard errors of the population's."""
    problem = problem_of()
    drawn, rng = realise(problem), np.random.default_rng(3)
    labels = np.repeat([0, 1, 2], 2000)
    stds = np.array([0.6, 1.0, 1.5])[labels, None]
    points = drawn.centroids[labels] + stds * rng.standard_normal((6000, 10))
    found = gradient_flow(as_dataset(problem, points, labels))
    expected = np.asarray(gradient_flow(problem).test_loss)
    np.testing.assert_allclose(found.test_loss, expected, rtol=0.03)


def test_held_out_losses_agree_with_reference_and_sampled_noise(held_out):
    problem = problem_of()
    points, labels = held_out
    drawn, found = realise(problem), gradient_flow(as_dataset(problem, *held_out))
    objective = objective_of(problem)
    noise, index = float(objective.noise), 27
    readout = flow.readout_by_eigenvectors(
        np.asarray(objective.feature), np.asarray(objective.cross), noise, TIMES[index]
    )
    first_layer = (ACTIVATIONS["tanh"], drawn.weights, drawn.biases)
    exact = reference.sample_covariances(*first_layer, points, labels, 3, 0.2, max_order=10)
    rng = np.random.default_rng(4)
    for c in range(3):
        value = float(found.test_loss[c, index])
        slow = flow.loss(readout, exact[c].feature, exact[c].cross, noise)
        assert value == pytest.approx(slow, rel=1e-10)
        clean = np.repeat(points[labels == c], 40_000, axis=0)
        estimate = monte_carlo.denoising_loss(*first_layer, readout, clean, 0.2, rng)
        assert abs(estimate.z_scores(value)) < 4


def test_given_features_are_used(held_out):
    problem = problem_of(bias_std=0.0)
    drawn = realise(problem)
    given = as_dataset(
        problem, *held_out, num_features=None, feature_weights=drawn.weights, seed=99
    )
    found, expected = gradient_flow(given), gradient_flow(problem)
    np.testing.assert_allclose(found.train_loss, expected.train_loss, rtol=1e-12)


def test_text_labels_name_the_classes():
    rng = np.random.default_rng(0)
    problem = DatasetProblem(
        rng.standard_normal((6, 4)), list("ccaabb"), rng.standard_normal((3, 4)), list("abc"),
        diffusion_time=0.1, num_features=8,
    )  # fmt: skip
    assert problem.class_labels == ("a", "b", "c")
    assert problem.num_samples == 6 and problem.dim == 4 and problem.num_classes == 3


BAD = {
    "nan": ({"train_samples": np.full((6, 4), np.nan)}, "nan"),
    "infinite": ({"test_samples": np.full((3, 4), np.inf)}, "inf"),
    "labels too few": ({"train_labels": [0, 1, 2]}, "train_samples"),
    "unknown class": ({"test_labels": [0, 1, 7]}, "test_labels"),
    "absent class": ({"test_labels": [0, 1, 1]}, "test_labels"),
    "dimensions": ({"test_samples": np.zeros((3, 5))}, "dimension"),
    "flat": ({"train_samples": np.zeros(6)}, "train_samples"),
    "images": ({"train_samples": np.zeros((6, 2, 2))}, "train_samples"),
    "no features": ({"num_features": None}, "num_features"),
    "features disagree": ({"feature_weights": np.ones((5, 4))}, "num_features"),
    "feature width": ({"num_features": None, "feature_weights": np.ones((5, 3))}, "dimension"),
    "time": ({"diffusion_time": 0.0}, "diffusion_time"),
    "weights": ({"class_weights": [0.5, 0.2, 0.2]}, "class_weights"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_is_refused_with_three_parts(case):
    changes, named = BAD[case]
    good = {
        "train_samples": np.ones((6, 4)), "train_labels": [0, 0, 1, 1, 2, 2],
        "test_samples": np.ones((3, 4)), "test_labels": [0, 1, 2],
        "diffusion_time": 0.1, "num_features": 8,
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        DatasetProblem(**(good | changes))
    assert named in str(caught.value)
    assert caught.value.got and caught.value.allowed and caught.value.remedy
