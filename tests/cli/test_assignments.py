"""field=value on the command line."""

import jax
import numpy as np
import pytest

from diffjax.cli.assignments import assigned, parse_value
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.random_features.problem import RandomFeatureProblem


@pytest.fixture
def problem():
    return RandomFeatureProblem(
        two_classes(stds=(1.0, 0.5)), dim=8, num_features=32, num_samples=16, diffusion_time=0.1
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("3.0", 3.0),
        ("1e-2", 0.01),
        ("erf", "erf"),
        ("none", None),
        ("1.5,1", [1.5, 1]),
        ("1,0;0,1", [[1, 0], [0, 1]]),
    ],
)
def test_values(text, value):
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_fields_by_unique_name_dotted_name_and_element(problem):
    got = assigned(problem, ["distance=2", "mixture.stds=1.5,1", "dim=9", "seed=4"])
    assert float(got.mixture.distance) == 2.0
    np.testing.assert_array_equal(got.mixture.stds, [1.5, 1.0])
    assert (got.dim, int(got.seed)) == (9, 4)
    both = assigned(problem, ["stds[0]=3", "mixture.stds[1]=2"])
    np.testing.assert_array_equal(both.mixture.stds, [3.0, 2.0])
    np.testing.assert_array_equal(problem.mixture.stds, [1.0, 0.5])


def test_a_field_that_was_none_and_a_named_activation(problem):
    got = assigned(problem, ["class_weights=0.25,0.75", "activation=erf"])
    np.testing.assert_array_equal(got.class_weights, [0.25, 0.75])
    assert got.activation.name == "erf"
    assert assigned(got, ["class_weights=none"]).class_weights is None


def test_options_of_a_nested_static_description(problem):
    assert assigned(problem, ["train_order=4"]).covariance_options.train_order == 4


def test_a_matrix(problem):
    mixture = GaussianMixture(stds=[1.0, 1.0], weights=[0.5, 0.5], centroid_gram=np.eye(2))
    start = RandomFeatureProblem(
        mixture, dim=8, num_features=32, num_samples=16, diffusion_time=0.1
    )
    got = assigned(start, ["centroid_gram=2,1;1,2"])
    np.testing.assert_array_equal(got.mixture.centroid_gram, [[2, 1], [1, 2]])


def test_fields_are_checked_together_not_one_by_one(problem):
    # cosine=1 alone would make the centroids coincide
    got = assigned(problem, ["cosine=1", "norm_ratio=2"])
    assert float(got.mixture.cosine) == 1.0


def test_nothing_assigned_is_the_same_problem(problem):
    assert jax.tree.structure(assigned(problem, [])) == jax.tree.structure(problem)


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["dimm=3"], "did you mean 'dim'"),
        (["dim"], "field=value"),
        (["dim="], "field=value"),
        (["dim=x"], "whole number"),
        (["dim=3", "dim=4"], "sets dim again"),
        (["stds=wide"], "cannot be read as numbers"),
        (["stds=1,2,3"], "2 numbers"),
        (["stds=-1,1"], "positive"),
        (["stds[5]=1"], "counted from 0"),
        (["stds[0]=1,2"], "an element is one number"),
        (["cosine=1"], "coincide"),
        (["activation=foo"], "tanh, erf, relu"),
        (["imbalance_ratio=0.0001"], "gets no sample"),
        (["diffusion_time=nan"], "finite"),
    ],
)
def test_bad_assignments_are_refused(problem, assignments, message):
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        assigned(problem, assignments)
