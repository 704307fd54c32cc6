"""Full covariance matrices against dense algebra, symmetries and commuting classes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.asymptotics.covariance_blocks import (
    block_traces,
    direction_blocks,
    eigenbasis_of_last,
    times_covariance,
)
from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.options import TheoryOptions
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture
from tests.asymptotics.anisotropic import general_matrices, law, rotation
from tests.asymptotics.cases import problem_of

CURVES = ("train_loss", "test_loss", "final_train_loss", "final_test_loss")
FULL = TheoryOptions(method="matrices", centroid_rank=2)
DIM = 5


def _solved(mixture):
    rank = np.linalg.matrix_rank(np.asarray(mixture.gram))
    options = dataclasses.replace(FULL, centroid_rank=int(rank))
    return asymptotic_dynamics(problem_of(mixture, theory_options=options))


def _agree(one, other, order=slice(None)):
    for name in CURVES:
        left, right = (np.asarray(getattr(x, name)) for x in (one, other))
        np.testing.assert_allclose(left[order], right, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("num_classes", [1, 2, 3])
def test_blocks_are_those_of_the_dense_matrices(num_classes):
    """(K d)^2 inverses without any elimination."""
    rng = np.random.default_rng(4)
    matrices = np.asarray(eigenbasis_of_last(jnp.asarray(general_matrices(num_classes, 4))))
    weights, noise = rng.dirichlet(np.ones(num_classes)), 0.3
    delta = rng.standard_normal((num_classes, 2)) + 1j * rng.uniform(0.1, 1, (num_classes, 2))
    gram = rng.standard_normal((2, num_classes, num_classes)) * (1 + 0.5j)
    gram = np.moveaxis(gram + gram.swapaxes(1, 2), 0, -1)
    arguments = [jnp.asarray(x) for x in (matrices, noise, weights, delta, gram)]
    lift, spread = block_traces(*arguments)
    inverse, signal, dressed = direction_blocks(*arguments)
    for z in range(2):
        kappa = [w * (m / (1 + x) + noise * np.eye(4))
                 for w, m, x in zip(weights, matrices, delta[:, z], strict=True)]  # fmt: skip
        whole = np.zeros((4 * num_classes, 4 * num_classes), complex)
        for c, block in enumerate(kappa):
            whole[4 * c : 4 * c + 4, 4 * c : 4 * c + 4] = block
        h = np.kron(gram[:, :, z], np.eye(4))
        a = np.linalg.inv(np.eye(len(h)) + whole @ h)

        def blocks(x):
            return x.reshape(num_classes, 4, num_classes, 4).swapaxes(1, 2)

        for found, dense in ((inverse, a), (signal, a @ whole), (dressed, h @ a)):
            expected = blocks(dense).reshape(num_classes, num_classes, -1)
            np.testing.assert_allclose(found[..., z], expected, atol=1e-11)
        traces = np.trace(blocks(a @ whole), axis1=2, axis2=3) / 4
        np.testing.assert_allclose(lift[..., z], traces, atol=1e-11)
        own = [np.trace(matrices[c] @ blocks(h @ a)[c, c]) / 4 for c in range(num_classes)]
        np.testing.assert_allclose(spread[:, z], own, atol=1e-11)


def test_products_with_covariances():
    rng = np.random.default_rng(0)
    matrices, blocks = general_matrices(2, 3), rng.standard_normal((2, 2, 9, 4)) + 1j
    square = blocks.reshape(2, 2, 3, 3, 4)
    for side, expected in (
        ("right", np.einsum("acijz,cjk->acikz", square, matrices)),
        ("left", np.einsum("aij,acjkz->acikz", matrices, square)),
    ):
        found = times_covariance(jnp.asarray(blocks), jnp.asarray(matrices), side)
        np.testing.assert_allclose(found, expected.reshape(blocks.shape), atol=1e-13)


def test_commuting_matrices_are_directions():
    """Whatever the common basis is."""
    variances = np.random.default_rng(2).uniform(0.2, 3.0, (2, DIM))
    basis = rotation(DIM)
    turned = _solved(law(np.array([basis @ np.diag(v) @ basis.T for v in variances])))
    options = TheoryOptions(method="commuting", centroid_rank=2)
    _agree(turned, asymptotic_dynamics(problem_of(law(variances), theory_options=options)))


@pytest.mark.slow
def test_isotropic_matrices_are_isotropic_classes():
    variances = np.array([1.3, 0.4])
    one = _solved(law(variances[:, None, None] * np.eye(DIM)))
    mixture = GaussianMixture(np.sqrt(variances), law(variances[:, None]).weights,
                              law(variances[:, None]).gram)  # fmt: skip
    options = TheoryOptions(centroid_rank=2)
    _agree(one, asymptotic_dynamics(problem_of(mixture, theory_options=options)))


def test_classes_can_be_swapped_and_turned():
    """Although the last class is eliminated by hand in its own eigenbasis."""
    matrices, basis = general_matrices(2, DIM), rotation(DIM, 9)
    one = _solved(law(matrices))
    turned = _solved(law(np.einsum("ij,cjk,lk->cil", basis, matrices, basis)))
    _agree(one, turned)
    given = law(matrices)
    swapped = GaussianMixture(weights=given.weights[::-1], centroid_gram=given.gram[::-1, ::-1],
                              class_covariances=matrices[::-1])  # fmt: skip
    _agree(one, _solved(swapped), order=slice(None, None, -1))


@pytest.mark.slow
def test_matrices_are_not_their_diagonals():
    """Replacing covariances that do not commute by diagonals is an error of order one."""
    matrices = general_matrices(2, DIM)
    options = TheoryOptions(method="commuting", centroid_rank=2)
    diagonal = asymptotic_dynamics(problem_of(law(matrices), theory_options=options))
    assert float(np.abs(diagonal.test_loss - _solved(law(matrices)).test_loss).max()) > 0.01


@pytest.mark.slow
def test_a_class_can_be_split_into_identical_halves():
    """Collinear centroids, for which both have the same nodes."""
    matrices, line = general_matrices(2, DIM), np.array([0.7, -0.5])
    last, weights = np.array([0, 1, 1]), (np.array([0.6, 0.4]), np.array([0.6, 0.3, 0.1]))
    one, other = (
        _solved(GaussianMixture(weights=w, centroid_gram=np.outer(m, m), class_covariances=s))
        for w, m, s in zip(weights, (line, line[last]), (matrices, matrices[last]), strict=True)
    )
    for name in CURVES:
        np.testing.assert_allclose(
            np.asarray(getattr(one, name))[last], getattr(other, name), rtol=1e-9, atol=1e-11
        )


@pytest.mark.slow
def test_derivative_with_respect_to_a_size():
    problem = problem_of(law(general_matrices(2, DIM)), theory_options=FULL)

    def final(size):
        moved = dataclasses.replace(problem, samples_per_dim=size)
        return asymptotic_dynamics(moved).final_test_loss

    slope = jax.jacfwd(final)(3.0)
    difference = (final(3.0 + 1e-5) - final(3.0 - 1e-5)) / 2e-5
    np.testing.assert_allclose(slope, difference, rtol=1e-6)


def test_large_matrices_are_refused_with_their_cost():
    large = law(np.tile(np.eye(201), (2, 1, 1)))
    with pytest.raises(InputError, match=r"201 dimensions \(about .* GB and .* s.*commuting"):
        problem_of(large, theory_options=FULL)
