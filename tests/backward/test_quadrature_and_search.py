"""The numerical methods under speciation: eigenvalues, radial quadrature, multisection."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from diffjax.numerics.jacobi import symmetric_eigenvalues
from diffjax.numerics.multisection import last_zero
from diffjax.numerics.radial_rules import chi_squared_nodes, lattice_rule, product_rule


@pytest.mark.parametrize("size", [1, 2, 5, 12])
def test_eigenvalues_agree_with_lapack(size, rng):
    matrices = rng.standard_normal((4, size, size))
    matrices = matrices + matrices.swapaxes(1, 2)
    found = jax.vmap(symmetric_eigenvalues)(jnp.asarray(matrices))
    np.testing.assert_allclose(found, np.linalg.eigvalsh(matrices)[:, ::-1], atol=1e-12)


def test_eigenvalues_of_a_diagonal_and_a_degenerate_matrix():
    assert symmetric_eigenvalues(jnp.diag(jnp.array([1.0, 3.0, 2.0]))).tolist() == [3, 2, 1]
    np.testing.assert_allclose(symmetric_eigenvalues(jnp.ones((3, 3))), [3, 0, 0], atol=1e-14)


@pytest.mark.parametrize("rest", [1, 2, 7, 100, 10**6])
def test_chi_squared_moments(rest):
    squares, weights = chi_squared_nodes(rest, 0.175)
    assert weights @ squares == pytest.approx(rest, rel=1e-9)
    assert weights @ (squares - rest) ** 2 == pytest.approx(2 * rest, rel=1e-6)
    # mean of log chi^2 = psi(k/2) + log 2, a test of the lower tail
    assert weights @ np.log(squares) == pytest.approx(stats.loggamma(rest / 2).mean() + np.log(2))


def test_no_further_coordinates_is_one_node_at_zero():
    squares, weights = chi_squared_nodes(0, 0.175)
    assert (squares.tolist(), weights.tolist()) == ([0.0], [1.0])


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_product_rule_integrates_polynomials_and_logistics(rank):
    rule = product_rule(rank, 20)
    moments = rule.normal_weights @ rule.normals**4
    np.testing.assert_allclose(moments, 3.0, rtol={1: 1e-8, 2: 1e-5, 3: 1e-3}[rank])
    slope = rule.normals.sum(axis=1) * 2.0
    line = np.linspace(-9, 9, 20_001)
    exact = np.average(1 / np.cosh(line * 2.0 * rank**0.5), weights=stats.norm.pdf(line))
    found = rule.normal_weights @ (1 / np.cosh(slope))
    assert found == pytest.approx(exact, abs={1: 1e-9, 2: 3e-6, 3: 2e-4}[rank])


def test_lattice_points_follow_their_laws():
    rule = lattice_rule(5, 30)
    assert stats.kstest(rule.squares, "chi2", args=(30,)).statistic < 1e-3
    for column in rule.normals.T:
        assert stats.kstest(column, "norm").statistic < 1e-3
    assert np.abs(np.corrcoef(rule.normals.T) - np.eye(5)).max() < 0.02


def test_last_zero_finds_the_last_of_several():
    def margins(x):
        return jnp.stack([jnp.cos(x), 1.0 - x, -1.0 - x, 100.0 - x], axis=1)

    found = last_zero(margins, 0.0, 10.0, conditions=4, points=8, rounds=6)
    np.testing.assert_allclose(found.position[:2], [2.5 * np.pi, 1.0], atol=1e-8)
    assert found.never.tolist() == [False, False, True, False]
    assert found.always.tolist() == [False, False, False, True]
    assert found.position[2:].tolist() == [0.0, np.inf]


def test_windows_between_the_points_of_the_first_grid():
    def margins(x):
        humps = 1e-5 - (x - 7.123) ** 2, 1e-3 - (x - 3.3) ** 2, -1e-5 - (x - 5.0) ** 2
        return jnp.stack([0.3 - x, *humps], axis=1)

    found = last_zero(margins, 0.0, 10.0, conditions=4, points=8, rounds=6)
    expected = [0.3, 7.123 + 1e-5**0.5, 3.3 + 1e-3**0.5, 0.0]
    np.testing.assert_allclose(found.position, expected, atol=1e-7)
    assert found.never.tolist() == [False, False, False, True]
    assert not found.doubt.any()


def test_a_margin_that_touches_zero_is_in_doubt():
    found = last_zero(lambda x: -((x - 5.01) ** 2)[:, None], 0.0, 10.0, points=12)
    assert (bool(found.never[0]), bool(found.doubt[0])) == (True, True)


def test_random_margins_against_a_dense_scan(rng):
    search = jax.jit(
        lambda c, p: last_zero(
            lambda x: (c * jnp.cos(x[:, None] * jnp.arange(4.0)[None] / 2 + p)).sum(1)[:, None],
            0.0,
            10.0,
            points=16,
            rounds=6,
        )
    )
    x = np.linspace(0.0, 10.0, 40_001)
    for _ in range(60):
        c, p = rng.standard_normal((1, 4)), rng.uniform(0, 6, (1, 4))
        holds = (c * np.cos(x[:, None] * np.arange(4.0) / 2 + p)).sum(1) > 0
        last = x[np.flatnonzero(holds)[-1]] if holds.any() else 0.0
        found = float(search(c, p).position[0])
        assert found == pytest.approx(np.inf if last == 10.0 else last, abs=3e-4)
