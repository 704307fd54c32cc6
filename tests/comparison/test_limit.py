"""The limit of a finite problem has its ratios, times, weights and biases."""

import dataclasses

import equinox as eqx
import numpy as np
import pytest

from diffjax.comparison.limit import limit_of
from diffjax.errors import InputError
from diffjax.mixture import two_classes
from diffjax.random_features.clock import training_times
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.problem import RandomFeatureProblem

PROBLEM = RandomFeatureProblem(
    two_classes((1.3, 0.9), 1.0, 0.5), 20, 100, 60, 0.2, activation="erf", bias_std=0.7,
    class_weights=[0.4, 0.6],
)  # fmt: skip


def test_the_limit_keeps_everything_but_the_sizes():
    limit = limit_of(PROBLEM)
    assert (float(limit.features_per_dim), float(limit.samples_per_dim)) == (5.0, 3.0)
    assert limit.mixture is PROBLEM.mixture
    assert limit.activation is PROBLEM.activation
    assert float(limit.diffusion_time) == 0.2
    assert float(limit.bias_std) == 0.7
    np.testing.assert_array_equal(limit.class_weights, [0.4, 0.6])


def test_the_training_times_are_those_of_the_finite_problem():
    np.testing.assert_array_equal(limit_of(PROBLEM).training_times, training_times(PROBLEM))
    own = dataclasses.replace(PROBLEM, training_times=[1.0, 5.0, 9.0])
    np.testing.assert_array_equal(limit_of(own).training_times, [1.0, 5.0, 9.0])


def test_sizes_at_the_same_ratios_have_the_same_limit():
    larger = dataclasses.replace(
        PROBLEM, dim=40, num_features=200, num_samples=120, training_times=[1.0, 2.0]
    )
    smaller = dataclasses.replace(PROBLEM, training_times=[1.0, 2.0])
    assert eqx.tree_equal(limit_of(larger), limit_of(smaller))


def test_what_has_no_limit_is_refused():
    with pytest.raises(InputError, match="zero readout"):
        limit_of(dataclasses.replace(PROBLEM, readout_std=1.0))
    rng = np.random.default_rng(0)
    samples, labels = rng.normal(size=(20, 4)), np.repeat([0, 1], 10)
    data = DatasetProblem(samples, labels, samples, labels, 0.1, num_features=16)
    with pytest.raises(InputError, match="RandomFeatureProblem"):
        limit_of(data)  # pyright: ignore[reportArgumentType]
