"""Training times by default cover the fastest and the slowest rate, whatever the activation."""

import jax.numpy as jnp
import numpy as np
import pytest

import diffjax as dj
from diffjax.errors import InputError
from diffjax.numerics.activations import resolve_activation
from diffjax.status import Status
from diffjax.training_window import check_training_times, default_window


def test_a_bounded_activation_has_the_window_of_its_noise_alone():
    tanh = resolve_activation("tanh")
    one, other = (default_window(jnp.asarray(1e-3), tanh, jnp.array([v])) for v in (1.0, 1e4))
    np.testing.assert_array_equal(one, other)
    assert one.shape == (481,)


def test_an_unbounded_one_starts_earlier_by_its_energy():
    """E relu(sqrt(v) g)^2 = v/2."""
    relu = resolve_activation("relu")
    found = default_window(jnp.asarray(1e-3), relu, jnp.array([1.0, 5000.0]))
    assert found.shape == (641,)
    np.testing.assert_allclose(found[0], 1e-3 / 2500.0, rtol=1e-3)
    np.testing.assert_allclose(np.diff(np.log10(found)), 1 / 40, rtol=1e-9)


@pytest.mark.parametrize("std", [50.0, 8.0])
def test_wide_classes_of_relu_features_are_learned_inside_the_window(std):
    mixture = dj.GaussianMixture([std, 1.0], [0.5, 0.5])
    theory = dj.asymptotic_dynamics(dj.AsymptoticProblem(mixture, 8.0, 4.0, 0.1, "relu"))
    assert (theory.generalization_time > 10 * theory.training_times[0]).all()
    assert int(theory.status) != Status.BEFORE_WINDOW


def test_a_users_window_that_starts_late_says_so():
    mixture = dj.GaussianMixture([1.5, 1.0], [0.5, 0.5])
    settings = {"training_times": np.geomspace(1e3, 1e9, 121)}
    finite = dj.gradient_flow(dj.RandomFeatureProblem(mixture, 8, 16, 16, 0.1, **settings))
    theory = dj.asymptotic_dynamics(dj.AsymptoticProblem(mixture, 8.0, 4.0, 0.1, **settings))
    assert int(theory.status) == Status.BEFORE_WINDOW
    assert int(finite.status) in (Status.BEFORE_WINDOW, Status.COARSE, Status.IMPRECISE)
    np.testing.assert_array_equal(theory.memorization_time, 1e3)


@pytest.mark.parametrize("times", [np.array([]), np.array(3.0), np.array([1.0]), np.ones((2, 2))])
def test_what_is_no_list_of_times_is_refused_by_its_name(times):
    with pytest.raises(InputError, match="training_times has shape"):
        check_training_times(times)
