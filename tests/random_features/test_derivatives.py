"""Derivatives of losses and times at finite size: forward mode, reverse mode, differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffjax as dj
from diffjax.random_features.gradient_flow import random_feature_dynamics
from tests.derivatives import assert_derivatives_agree

NAMES = ("generalization_time", "memorization_time", "gap_onset_time", "half_memorization_time")


def logs(std=1.5, share=0.3, norm=1.0, time=0.1, bias=0.5, solver="eigh"):
    """Logarithms of four times and the late test losses of two classes."""
    mixture = dj.GaussianMixture(
        jnp.stack([jnp.asarray(std), jnp.asarray(1.0)]),
        jnp.stack([jnp.asarray(share), 1.0 - jnp.asarray(share)]),
        norm * jnp.eye(2),
    )
    problem = dj.RandomFeatureProblem(mixture, 6, 16, 20, time, bias_std=bias, seed=1)
    found = random_feature_dynamics(problem, solver=solver)
    times = [getattr(found, name) for name in NAMES]
    return jnp.log(jnp.concatenate([*times, found.final_test_loss]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time", 0.1),
        pytest.param("std", 1.5, marks=pytest.mark.slow),
        pytest.param("norm", 1.0, marks=pytest.mark.slow),
        pytest.param("bias", 0.5, marks=pytest.mark.slow),
    ],
)
def test_both_modes_and_differences_agree(name, value):
    slopes = assert_derivatives_agree(jax.jit(lambda x: logs(**{name: x})), value)
    assert np.abs(slopes).min() > 1e-4


@pytest.mark.slow
def test_doubling_has_the_derivatives_of_the_eigenbasis_in_forward_mode():
    one, other = (
        jax.jit(lambda x, s=solver: jax.jvp(lambda y: logs(std=y, solver=s), (x,), (1.0,))[1])(1.5)
        for solver in ("eigh", "doubling")
    )
    np.testing.assert_allclose(one, other, rtol=1e-6)
