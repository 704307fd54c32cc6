"""Small symmetric relaxations against SciPy, and their derivatives where eigenvalues coincide."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from jax.test_util import check_grads

from diffjax.numerics.jacobi import symmetric_eigensystem
from diffjax.numerics.relaxation import relaxation

DURATIONS = jnp.array([1e-3, 0.4, 3.0, 1e3])


def random_matrix(size: int, seed: int = 0) -> np.ndarray:
    factor = np.random.default_rng(seed).normal(size=(size, size + 1))
    return factor @ factor.T


@pytest.mark.parametrize("size", [1, 2, 5])
def test_states_are_those_of_the_matrix_exponential(size):
    matrix, vector = random_matrix(size), np.arange(1.0, size + 1)
    decay = np.stack([scipy.linalg.expm(-r * matrix) for r in np.asarray(DURATIONS)])
    expected = np.linalg.solve(matrix, (np.eye(size) - decay) @ vector[:, None])[..., 0]
    found = relaxation(jnp.asarray(matrix), jnp.asarray(vector), DURATIONS)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_singular_matrix_lets_the_state_grow_linearly():
    matrix, vector = jnp.diag(jnp.array([0.0, 2.0])), jnp.array([1.0, 1.0])
    found = relaxation(matrix, vector, DURATIONS)
    np.testing.assert_allclose(found[:, 0], DURATIONS, rtol=1e-13)


@pytest.mark.parametrize("gap", [0.0, 1e-6, 3e-4, 1.0])
def test_derivatives_hold_at_and_near_equal_eigenvalues(gap):
    turn = np.linalg.qr(random_matrix(3, seed=1))[0]
    matrix = jnp.asarray(turn @ np.diag([1.0, 1.0 + gap, 4.0]) @ turn.T)
    change = jnp.asarray(random_matrix(3, seed=2))
    vector = jnp.array([1.0, -2.0, 0.5])

    @jax.jit
    def states(amount):
        return relaxation(matrix + amount * change, vector, DURATIONS[:3])

    check_grads(states, (0.0,), order=1, modes=["fwd", "rev"], atol=1e-6, rtol=1e-6)


def test_eigensystem_rebuilds_the_matrix_and_maps():
    matrices = jnp.stack([jnp.asarray(random_matrix(4, seed)) for seed in range(3)])
    system = jax.vmap(symmetric_eigensystem)(matrices)
    rebuilt = (system.vectors * system.values[:, None, :]) @ system.vectors.swapaxes(1, 2)
    np.testing.assert_allclose(rebuilt, matrices, atol=1e-12)
    assert np.allclose(np.sort(system.values[1]), np.linalg.eigvalsh(matrices[1]))
