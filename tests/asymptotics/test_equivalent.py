"""The deterministic equivalent and the two-resolvent kernels against published identities."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.asymptotics import deterministic_equivalent, ensemble, learning_curves, linear_response
from diffjax.asymptotics.deterministic_equivalent import direction_average
from diffjax.asymptotics.linear_response import (
    PairAverages,
    _Parts,
    pair_index,
)
from diffjax.asymptotics.options import TheoryOptions
from diffjax.numerics.small_matrices import small_solve
from tests.asymptotics.cases import problem_of

OPTIONS = TheoryOptions(tolerance=1e-14)
make_ensemble = jax.jit(ensemble.make_ensemble)
loss_kernels = jax.jit(linear_response.loss_kernels)
spectral_contour = jax.jit(learning_curves.spectral_contour, static_argnums=1)

POINTS = jnp.array([0.03 + 0.02j, 0.4 + 0.5j, 5.0 + 0.3j, -0.2 + 0.1j])
NODES = 12  # of contours and other lists of points: one program for each kind of mixture


def _weighted(mixture, **changes):
    """A problem whose class weights differ from the sample shares, if it has several classes."""
    weights = {"one": [1.0], "three": [0.2, 0.5, 0.3], "matrices": [0.2, 0.5, 0.3]}
    options = TheoryOptions(method="matrices" if mixture == "matrices" else "auto")
    changes |= {"class_weights": weights.get(mixture, [0.5, 0.5]), "theory_options": options}
    return problem_of(mixture, **changes)


@functools.partial(jax.jit, static_argnums=2)
def solve_resolvent(given, points, options):
    """Compiled once per shape."""
    return deterministic_equivalent.solve_resolvent(given, points, options)


@pytest.mark.parametrize("mixture", ["one", "spectrum"])
@pytest.mark.parametrize("time", [0.01, 0.3])
def test_one_class_obeys_the_homogeneous_saddle_point_equations(mixture, time):
    """Those of Bonnaire et al. (arXiv 2505.17638) in q, r, s for a spectrum rho of Sigma."""
    ensemble = make_ensemble(problem_of(mixture, diffusion_time=time))
    found = solve_resolvent(ensemble, POINTS, OPTIONS).resolvent
    psi_p, psi_n = 6.0, 3.0
    slope, v, residual = (float(x[0, 0]) for x in ensemble.constants[1:4])
    b2, a2 = float(ensemble.noise) * slope**2, slope**2 * np.exp(-2 * time)
    variances = np.asarray(ensemble.signals[0]) * np.exp(2 * time)
    q = np.asarray(found.green[0])
    s = np.asarray(found.dressed[0, 0]).mean(axis=0) / (psi_p * slope**2)
    r = (np.asarray(found.dressed[0, 0]) * variances[:, None]).mean(axis=0) / (psi_p * slope**2)
    denominator = 1 + psi_p / psi_n * (a2 * r + v * q)
    s_hat, r_hat = b2 * psi_p + 1 / q, psi_p * a2 / denominator
    inside = s_hat[None, :] + variances[:, None] * r_hat[None, :]
    np.testing.assert_allclose(s, (1 / inside).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(r, (variances[:, None] / inside).mean(axis=0), rtol=1e-12)
    terms = np.stack([
        psi_p * (residual - np.asarray(POINTS)), psi_p * v / denominator,
        (1 - psi_p) / q, -s / q**2,
    ])  # fmt: skip
    assert np.abs(terms.sum(axis=0)).max() < 1e-12 * np.abs(terms).max()


@pytest.mark.parametrize("mixture", ["pair", "corner", "three", "directions"])
def test_physical_branch(mixture):
    """A Stieltjes transform maps the upper half plane to itself and decays as -1/z."""
    ensemble = make_ensemble(_weighted(mixture))
    along = jnp.geomspace(0.01, 10.0, NODES - POINTS.size - 1) + 0.1j
    points = jnp.concatenate([POINTS, along, jnp.array([1e6j])])
    found = solve_resolvent(ensemble, points, OPTIONS)
    assert float(found.residual) <= 1e-13
    stieltjes = ensemble.neuron_average(found.resolvent.green.T)
    assert bool((stieltjes.imag > 0).all())
    assert complex(-stieltjes[-1] * points[-1]) == pytest.approx(1.0, abs=1e-3)
    assert bool((found.resolvent.unknowns.delta.imag > 0).all())


@pytest.fixture(params=["centred", "corner", "three", "directions", "matrices"])
def contour_states(request):
    """Ensemble, contour points and resolvents."""
    ensemble = make_ensemble(_weighted(request.param))
    contour = spectral_contour(ensemble, NODES)
    solution = solve_resolvent(ensemble, contour.nodes, OPTIONS)
    return ensemble, contour.nodes, solution.resolvent


def _response_of_r(ensemble, resolvent):
    """omega^T E_l[R] omega at every point."""
    weights = np.asarray(ensemble.weights)
    averaged = np.asarray(direction_average(ensemble, resolvent.dressed))
    return np.einsum("a,b,abz->z", weights, weights, averaged)


def test_training_kernels_sum_to_the_resolvent_identity(contour_states):
    """P = U: Q_1 U Q_2 = (z_1 Q_1 - z_2 Q_2)/(z_1 - z_2)."""
    ensemble, z, resolvent = contour_states
    kernels = loss_kernels(ensemble, resolvent)
    r = _response_of_r(ensemble, resolvent)
    weights = np.asarray(ensemble.weights)
    # each kernel is for the mean over its class, P = sum_c omega_c U_c
    for found, z2, r2 in ((kernels.upper, z, r), (kernels.mixed, z.conj(), r.conj())):
        total = np.einsum("c,cij->ij", weights, np.asarray(found)[: weights.size])
        gap = np.asarray(z)[:, None] - np.asarray(z2)[None, :]
        near = np.abs(gap) < 1e-9
        expected = (np.asarray(z * r)[:, None] - np.asarray(z2 * r2)[None, :]) / np.where(
            near, 1.0, gap
        )
        error = np.where(near, 0.0, np.abs(total - expected)) / np.abs(total).max()
        assert error.max() < 1e-12


@jax.jit
def response_to_one(ensemble, resolvent):
    """The functional of Q_1 P Q_2 for P = 1, whose only source is T12 = 1, at all pairs."""
    pairs = PairAverages(ensemble, resolvent, pair_index(NODES))
    parts = _Parts(ensemble, pairs)
    matrix, functional = parts.system()
    num = ensemble.num_classes
    slope, sample = ensemble.constants.slope, ensemble.constants.sample_variance
    rows, columns = np.triu_indices(num)
    features = jnp.concatenate([sample, slope[rows] * slope[columns]])
    moments = ensemble.features_per_dim * pairs.neurons(features, jnp.ones_like(slope[:1]))
    rate = (ensemble.weights * parts.emphasis)[:, None, None] * parts.shrink[:, None]
    source = jnp.concatenate([rate * moments[:num], -moments[num:]])
    return jnp.sum(functional * small_solve(matrix, source)[:, 0], axis=0)


def test_unit_perturbation_gives_the_resolvent_identity(contour_states):
    """P = 1: Q_1 Q_2 = (Q_1 - Q_2)/(z_1 - z_2)."""
    ensemble, z, resolvent = contour_states
    found = response_to_one(ensemble, resolvent)
    r = _response_of_r(ensemble, resolvent)
    index = pair_index(NODES)
    first, second = index.first, index.second
    second_z = np.concatenate([np.asarray(z)[second], np.asarray(z)[second].conj()])
    second_r = np.concatenate([r[second], r[second].conj()])
    gap = np.tile(np.asarray(z)[first], 2) - second_z
    near = np.abs(gap) < 1e-9
    expected = (np.tile(r[first], 2) - second_r) / np.where(near, 1.0, gap)
    error = np.where(near, 0.0, np.abs(np.asarray(found) - expected))
    assert error.max() < 1e-12 * np.abs(expected).max()


def test_kernels_on_the_diagonal_are_limits_of_their_neighbours():
    """The identities say nothing at z_1 = z_2; continuity does."""
    ensemble = make_ensemble(_weighted("corner"))
    close = jnp.tile(jnp.array([0.4 + 0.5j, 0.4001 + 0.5j]), NODES // 2)
    kernels = loss_kernels(ensemble, solve_resolvent(ensemble, close, OPTIONS).resolvent)
    upper = np.asarray(kernels.upper)
    np.testing.assert_allclose(upper[:, 0, 1], 0.5 * (upper[:, 0, 0] + upper[:, 1, 1]), rtol=1e-6)


GEOMETRIES = [
    "one",
    "centred",
    pytest.param("pair", marks=pytest.mark.slow),
    pytest.param("corner", marks=pytest.mark.slow),
    "three",
    "directions",
]


@pytest.mark.parametrize("mixture", GEOMETRIES)
@pytest.mark.parametrize("time", [0.01, 0.5])
def test_the_contour_encloses_all_eigenvalues(mixture, time):
    ensemble = make_ensemble(_weighted(mixture, diffusion_time=time))
    contour = spectral_contour(ensemble, 40)
    solution = solve_resolvent(ensemble, contour.nodes, OPTIONS)
    mass = learning_curves.spectral_mass(ensemble, contour, solution)
    assert float(mass) == pytest.approx(1.0, abs=1e-5)
