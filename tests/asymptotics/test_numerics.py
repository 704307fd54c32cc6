"""Contour, fixed points, small matrices, nodes and resampling against closed forms and NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.numerics.contour import positive_contour
from diffjax.numerics.fixed_point import fixed_point
from diffjax.numerics.interpolation import log_resampling
from diffjax.numerics.normal_nodes import normal_nodes
from diffjax.numerics.small_matrices import small_inverse, small_product, small_solve


@pytest.mark.parametrize(("ratio", "count", "error"), [(10, 24, 1e-12), (1e4, 40, 1e-6)])
def test_contour_integrates_filters(ratio, count, error):
    z, w = (np.asarray(x) for x in positive_contour(1.0, ratio, count))
    eigenvalues = np.geomspace(1.5, ratio / 2, 30)
    for tau in np.geomspace(1e-3 / ratio, 1e3, 25):
        f = (1.0 - np.exp(-tau * z)) / z
        found = np.imag(np.sum(w * f / (eigenvalues[:, None] - z), axis=1)) / np.pi
        np.testing.assert_allclose(found * eigenvalues, -np.expm1(-tau * eigenvalues), atol=error)


def test_contour_goes_around_the_interval():
    """It crosses the axis midway, in the sense of the map, to 0 and to infinity."""
    z, _ = positive_contour(0.2, 3000.0, 4000)
    assert abs(z[0]) == pytest.approx(0.2 / np.sqrt(2), rel=1e-3)
    assert abs(z[-1]) == pytest.approx(3000.0 * np.sqrt(2), rel=1e-3)
    assert bool((z.real > 0).all()) and bool((z.imag > 0).all())


def _largest(x, y):
    return jnp.max(jnp.abs(x - y))


def _complex_root(p):
    """x = exp(-p x)(1 + i)/2 + i x^2/10."""
    return fixed_point(
        lambda x: jnp.exp(-p * x) * (0.5 + 0.5j) + 0.1j * x * x,
        jnp.array([0.3 + 0.0j]),
        _largest,
        tolerance=1e-13,
        max_steps=300,
    )


def test_fixed_point_and_its_derivatives():
    def norm(p):
        return jnp.sum(jnp.abs(_complex_root(p).value) ** 2)

    root = _complex_root(0.7)
    assert float(root.residual) <= 1e-13 and 5 < int(root.steps) < 300
    x = root.value
    np.testing.assert_allclose(x, jnp.exp(-0.7 * x) * (0.5 + 0.5j) + 0.1j * x * x, atol=1e-13)
    difference = (norm(0.7 + 1e-6) - norm(0.7 - 1e-6)) / 2e-6
    np.testing.assert_allclose(jax.grad(norm)(0.7), difference, rtol=1e-8)
    np.testing.assert_allclose(jax.jvp(norm, (0.7,), (1.0,))[1], difference, rtol=1e-8)
    second = (jax.grad(norm)(0.7 + 1e-5) - jax.grad(norm)(0.7 - 1e-5)) / 2e-5
    np.testing.assert_allclose(jax.hessian(norm)(0.7), second, rtol=1e-7)


def test_fixed_point_reports_a_spent_budget():
    found = fixed_point(
        lambda x: 2.0 * x + 1.0, jnp.ones(()), _largest, tolerance=1e-9, max_steps=7
    )
    assert int(found.steps) == 7 and float(found.residual) > 1.0


@pytest.mark.parametrize("size", [1, 2, 3, 5, 24])
def test_small_matrices_agree_with_lapack(size):
    rng = np.random.default_rng(size)
    parts = rng.standard_normal((4, 2, 7, size, size))
    matrix = np.eye(size) * 3.0 * size**0.5 + parts[0, 0] + 1j * parts[0, 1]
    other = parts[1, 0] + 1j * parts[1, 1]
    first = np.moveaxis(matrix, 0, -1), np.moveaxis(other, 0, -1)
    for found, expected in (
        (small_inverse(first[0]), np.linalg.inv(matrix)),
        (small_solve(*first), np.linalg.solve(matrix, other)),
        (small_product(*first), matrix @ other),
    ):
        np.testing.assert_allclose(np.moveaxis(found, -1, 0), expected, atol=1e-12)


@pytest.mark.parametrize("size", [3, 6])
def test_small_solutions_can_be_differentiated(size):
    """d x = -A^-1 dA x, forwards and backwards, where the elimination is unrolled and in a loop."""
    rng = np.random.default_rng(size)
    matrix = np.eye(size)[:, :, None] * 3.0 + rng.normal(size=(size, size, 40))
    right, change = rng.normal(size=(size, 1, 40)), rng.normal(size=(size, size, 40))
    solution, found = jax.jvp(lambda a: small_solve(a, right), (matrix,), (change,))
    first, moved, values = (np.moveaxis(x, -1, 0) for x in (matrix, change, solution))
    expected = -np.linalg.solve(first, moved @ values)
    np.testing.assert_allclose(np.moveaxis(found, -1, 0), expected, rtol=1e-9, atol=1e-12)
    gradient = jax.grad(lambda a: small_solve(a, right).sum())(matrix)
    assert jnp.sum(gradient * change) == pytest.approx(expected.sum(), rel=1e-9)


@pytest.mark.parametrize(("rank", "rule", "count"), [(1, "product", 24), (2, "product", 20),
                                                     (4, "lattice", 4096)])  # fmt: skip
@pytest.mark.parametrize("even", [False, True])
def test_nodes_average_even_functions(rank, rule, count, even):
    nodes, weights = normal_nodes(rank, count, rule, even)[:2]
    assert weights.sum() == pytest.approx(1.0)
    slope = np.arange(1.0, rank + 1) / 3
    found = weights @ np.cos(slope @ nodes)
    assert found == pytest.approx(np.exp(-0.5 * slope @ slope), abs=2e-3 if rank > 2 else 3e-4)


def test_halving_the_nodes_changes_no_even_average():
    for rank, count in ((1, 24), (2, 20), (2, 7), (3, 6)):
        full, half = normal_nodes(rank, count), normal_nodes(rank, count, even=True)
        for power in (2, 4):
            left = full.weights @ full.nodes.T**power
            np.testing.assert_allclose(left, half.weights @ half.nodes.T**power, rtol=1e-12)


def test_resampling_keeps_relaxation_curves():
    times = np.geomspace(1e-3, 1e9, 481)
    for rate in (1e-6, 1e-2, 30.0):
        curve = -np.expm1(-rate * times)
        np.testing.assert_allclose(log_resampling(481, 4) @ curve[::4], curve, atol=3e-8)
