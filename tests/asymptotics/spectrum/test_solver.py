"""The solution near the axis against plain iteration, derivatives and published equations."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import simpson
from scipy.optimize import root

from diffjax.asymptotics.deterministic_equivalent import (
    pair_features,
    solve_resolvent,
    update_unknowns,
)
from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.spectrum import newton
from diffjax.asymptotics.spectrum.arcs import arcs_to, follow, from_infinity, small_steps
from diffjax.asymptotics.spectrum.atoms import atom_transform, relative_to_atom, residual_atom
from diffjax.asymptotics.spectrum.compute import concrete_ensemble
from diffjax.asymptotics.spectrum.density import eigenvalue_grid, spectral_density
from diffjax.asymptotics.spectrum.descent import LAST_ANGLE, descend
from diffjax.asymptotics.spectrum.potential import mass_below
from diffjax.mixture import GaussianMixture
from tests.asymptotics.cases import problem_of

linearised = jax.jit(newton.linearised)


@jax.jit
def image_and_derivative(ensemble, points, values, tangent):
    """F and its derivative by forward differentiation."""

    def apply(z, x):
        unknowns = newton.unpacked(x, ensemble.num_classes)
        return newton.packed(update_unknowns(ensemble, pair_features(ensemble), z, unknowns))

    return jax.jvp(apply, (points, values), tangent)


@pytest.mark.parametrize(
    "mixture", ["one", pytest.param("corner", marks=pytest.mark.slow), "three", "directions"]
)
def test_matrix_is_the_derivative_of_the_map(mixture):
    ensemble = concrete_ensemble(problem_of(mixture))
    points = jnp.array([0.03 + 0.02j, 0.4 + 0.5j, 5.0 + 0.3j])
    size = ensemble.num_classes * (ensemble.num_classes + 3) // 2
    draws = np.random.default_rng(0).normal(size=(2, size, 3))
    values = jnp.asarray(draws[0] + 1j * draws[1])
    found = linearised(ensemble, points, values)
    for column, unit in enumerate(np.eye(size)):
        tangent = (jnp.zeros(3, complex), jnp.asarray(unit[:, None] * np.ones((1, 3)), complex))
        value, moved = image_and_derivative(ensemble, points, values, tangent)
        scale = np.abs(moved).max()
        np.testing.assert_allclose(found.jacobian[:, column], moved, atol=1e-12 * scale)
        np.testing.assert_allclose(found.value, value, rtol=1e-12)
    drift = (jnp.ones(3, complex), jnp.zeros((size, 3), complex))
    np.testing.assert_allclose(
        found.drift, image_and_derivative(ensemble, points, values, drift)[1], rtol=1e-11
    )


@pytest.mark.parametrize("mixture", ["centred", pytest.param("corner", marks=pytest.mark.slow)])
def test_newton_agrees_with_plain_iteration(mixture):
    """At an angle of 1e-2, where plain iteration still converges."""
    ensemble = concrete_ensemble(problem_of(mixture))
    eigenvalues = np.geomspace(0.05, 5.0, 9)
    ends = jax.jit(lambda e, x: descend(e, x, 1e-2))(ensemble, eigenvalues)
    options = TheoryOptions(max_steps=20_000, tolerance=1e-13)
    plain = jax.jit(functools.partial(solve_resolvent, options=options))(ensemble, ends.points)
    expected = newton.packed(plain.resolvent.unknowns)
    gap = newton.relative_size(ends.unknowns - expected, expected, ensemble.num_classes)
    assert float(gap.max()) < 1e-10


descended = jax.jit(descend)


@jax.jit
def in_small_steps(ensemble, grid):
    atom = residual_atom(ensemble)
    moved, arcs = relative_to_atom(ensemble, atom), arcs_to(grid, atom)
    return follow(moved, arcs, from_infinity(moved, arcs), small_steps(LAST_ANGLE))


@pytest.mark.parametrize("mixture", ["centred", pytest.param("corner", marks=pytest.mark.slow)])
@pytest.mark.parametrize("time", [0.01, 1.0])
def test_large_steps_end_where_small_ones_do(mixture, time):
    """Whatever the way, the solution is the same: over the whole spectrum, edges included."""
    ensemble = concrete_ensemble(problem_of(mixture, diffusion_time=time))
    grid = eigenvalue_grid(ensemble, 200)
    ends, slow = descended(ensemble, grid), in_small_steps(ensemble, grid)
    gap = newton.relative_size(ends.unknowns - slow.values, slow.values, ensemble.num_classes)
    assert np.asarray(ends.physical).all()
    assert float(gap.max()) < 1e-7


@pytest.mark.parametrize("mixture", ["one", "corner", "three", "directions"])
def test_mass_is_the_integral_of_the_resolvent_around_it(mixture):
    """N = -(1/pi) Im of the integral of m_U along arcs of plain iterations, by Simpson's rule."""
    ensemble = concrete_ensemble(problem_of(mixture))
    eigenvalue, last = 0.4, 0.3
    angles = np.linspace(last, np.pi, 81)
    points = jnp.asarray(eigenvalue * np.exp(1j * angles))
    options = TheoryOptions(max_steps=20_000, tolerance=1e-13)
    plain = jax.jit(functools.partial(solve_resolvent, options=options))(ensemble, points)
    green = np.asarray(ensemble.neuron_average(plain.resolvent.green.T))
    along = simpson(green * np.asarray(points), x=angles)
    found = np.asarray(mass_below(ensemble, plain.resolvent))
    assert found[0] - found[-1] == pytest.approx(-along.real / np.pi, abs=1e-7)
    assert found[-1] == pytest.approx(0.0, abs=1e-12)


def test_one_class_density_solves_the_homogeneous_saddle_point_equations():
    """Bonnaire et al. (arXiv 2505.17638) in q, r, s by a root solver, sigma = 1 and M = 0."""
    psi_p, psi_n, time = 8.0, 4.0, 0.1
    problem = problem_of(GaussianMixture([1.0], [1.0]), features_per_dim=psi_p,
                         samples_per_dim=psi_n, diffusion_time=time)  # fmt: skip
    ensemble = concrete_ensemble(problem)
    slope, v, residual = (float(x[0, 0]) for x in ensemble.constants[1:4])
    b2, a2 = float(ensemble.noise) * slope**2, slope**2 * np.exp(-2 * time)
    grid = np.geomspace(0.05, 4.0, 12)
    found = jax.jit(spectral_density)(ensemble, grid)

    def equations(parts, z):
        q, s = parts[:2] + 1j * parts[2:]
        denominator = 1 + psi_p / psi_n * (a2 * s + v * q)
        first = s * (b2 * psi_p + 1 / q + psi_p * a2 / denominator) - 1
        second = psi_p * (residual - z) + psi_p * v / denominator + (1 - psi_p) / q - s / q**2
        second /= abs(z)
        return np.array([first.real, second.real, first.imag, second.imag])

    for number, eigenvalue in enumerate(grid):
        start = -1 / (eigenvalue * (1 + 1000j)) * np.ones(2)
        parts = np.concatenate([start.real, start.imag])
        for height in np.geomspace(1000.0, 1e-8, 80):
            parts = root(equations, parts, args=(eigenvalue * (1 + 1j * height),), tol=1e-13).x
        assert found.density[number] == pytest.approx(parts[2] / np.pi, abs=1e-6)


def test_mass_below_is_the_integral_of_the_density():
    """With the trapezoid rule on a dense grid; and the first arc encloses nothing."""
    ensemble = concrete_ensemble(problem_of("corner"))
    grid = np.asarray(eigenvalue_grid(ensemble, 2000))
    found = jax.jit(spectral_density)(ensemble, grid)
    cells = 0.5 * (found.density[1:] + found.density[:-1]) * np.diff(grid)
    np.testing.assert_allclose(np.cumsum(cells), found.cumulative[1:], atol=1e-3)
    assert abs(found.cumulative[0]) < 1e-6
    assert found.cumulative[-1] == pytest.approx(1.0, abs=1e-6)
    assert (np.asarray(found.status) == 0).all()
    assert (np.diff(found.cumulative) > -1e-6).all()


def test_atom_is_the_pole_of_the_resolvent():
    """-(z - s^2) m_U at z = s^2, from plain iteration close to the pole."""
    ensemble = concrete_ensemble(problem_of("centred", features_per_dim=9.0))
    atom = residual_atom(ensemble)
    assert float(atom.mass) == pytest.approx(1 - 4 / 9, abs=1e-12)
    offset = 1e-5j * float(atom.location)
    points = jnp.array([float(atom.location) + offset])
    options = TheoryOptions(max_steps=50_000, tolerance=1e-13)
    plain = jax.jit(functools.partial(solve_resolvent, options=options))(ensemble, points)
    pole = -offset * complex(ensemble.neuron_average(plain.resolvent.green.T)[0])
    assert pole.real == pytest.approx(float(atom.mass), abs=1e-4)
    assert complex(atom_transform(atom, points)[0]) == pytest.approx(
        -float(atom.mass) / offset, rel=1e-9
    )


@pytest.mark.parametrize("mixture", ["one", "centred"])
@pytest.mark.parametrize("time", [0.01, 1.0])
def test_nothing_lies_beside_an_atom(mixture, time):
    """Neither in the gap above it, however narrow, nor below."""
    ensemble = concrete_ensemble(problem_of(mixture, diffusion_time=time))
    atom = residual_atom(ensemble)
    grid = float(atom.location) * (1.0 + np.array([-0.5, -0.02, -1e-4, 0.0, 1e-5, 2e-5]))
    found = jax.jit(spectral_density)(ensemble, grid)
    assert (np.asarray(found.status) == 0).all()
    np.testing.assert_allclose(found.density * grid, 0.0, atol=1e-4)
    expected = np.repeat([0.0, float(atom.mass)], 3)
    np.testing.assert_allclose(found.cumulative, expected, atol=1e-6)


def test_compiled_equals_eager():
    ensemble = concrete_ensemble(problem_of("one"))
    grid = jnp.geomspace(0.05, 3.0, 4)
    eager, compiled = spectral_density(ensemble, grid), jax.jit(spectral_density)(ensemble, grid)
    np.testing.assert_allclose(eager.density, compiled.density, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(eager.cumulative, compiled.cumulative, rtol=1e-9)
