"""The reduced models against an ODE solver, explicit vectors, and the full theory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate

from diffjax.asymptotics.class_times import CLASS_TIMES, class_times
from diffjax.asymptotics.ensemble import make_ensemble
from diffjax.asymptotics.model import asymptotic_dynamics, screening
from diffjax.asymptotics.options import TheoryOptions
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.status import Status

from .cases import TIMES, problem_of

LARGE = {"features_per_dim": 64.0, "samples_per_dim": 16.0}
TWO = GaussianMixture([1.4, 0.7], [0.3, 0.7], [[1.0, 0.3], [0.3, 2.0]])


def moments(ensemble):
    """E, E_m gamma^2, E_m s_c^2 by plain sums."""
    constants, weights = ensemble.constants, np.asarray(ensemble.neurons.weights)
    slopes = np.einsum("aq,bq,q->ab", constants.slope, constants.slope, weights)
    return slopes, constants.sample_variance @ weights, constants.noise_variance @ weights


@pytest.mark.parametrize("mixture", [TWO, "centred", "directions", "three"])
def test_test_losses_solve_the_differential_equation(mixture):
    problem = problem_of(mixture, **LARGE)
    ensemble = jax.jit(make_ensemble)(problem)
    slopes, noise = moments(ensemble)[0], float(ensemble.noise)
    omega, times = np.asarray(ensemble.weights), TIMES[:25]
    expected = 0.0
    for signal, share in zip(ensemble.signals.T, ensemble.shares, strict=True):
        gamma = np.asarray(signal) + noise

        def change(_, y, gamma=gamma):
            return 2 * noise * omega * (1 - gamma * (slopes @ y))

        span = (0.0, float(times[-1]))
        solved = scipy.integrate.solve_ivp(
            change, span, 0 * gamma, "LSODA", times, rtol=1e-10, atol=1e-12
        )
        u = slopes @ solved.y
        loss = 1 - 2 * noise * u + noise * gamma[:, None] * u**2
        expected = expected + float(share) * loss
    np.testing.assert_allclose(screening(problem).test_loss[:, :25], expected, atol=1e-8)


def embedded(ensemble):
    """Explicit vectors w_c and eta_c (as columns) in 2K dimensions."""
    slopes, sample, _ = moments(ensemble)
    psi_p, size = float(ensemble.features_per_dim), len(sample)
    values, basis = np.linalg.eigh(psi_p * slopes)
    w = np.zeros((2 * size, size))
    w[:size] = (basis * np.sqrt(np.maximum(values, 0))) @ basis.T
    fractions = np.asarray(ensemble.weights / ensemble.emphasis)
    eta = np.zeros((2 * size, size))
    norms = psi_p * np.asarray(sample) / (float(ensemble.samples_per_dim) * fractions)
    eta[size:] = np.diag(np.sqrt(norms))
    return w, eta


@pytest.mark.parametrize(
    ("mixture", "weights"),
    [
        (TWO, None),
        (TWO, [0.6, 0.4]),
        ("centred", None),
        pytest.param("centred", [0.6, 0.4], marks=pytest.mark.slow),
    ],
)
def test_train_losses_are_those_of_explicit_vectors(mixture, weights):
    problem = problem_of(mixture, class_weights=weights, **LARGE)
    ensemble = jax.jit(make_ensemble)(problem)
    noise, omega = float(ensemble.noise), np.asarray(ensemble.weights)
    signal, s2 = np.asarray(ensemble.signals[:, 0]), np.asarray(moments(ensemble)[2])
    w, eta = embedded(ensemble)
    unit, carried = np.eye(w.shape[0]), np.sqrt(signal) * w + eta
    own = [
        noise * np.outer(w[:, c], w[:, c]) + np.outer(carried[:, c], carried[:, c]) + s2[c] * unit
        for c in range(len(omega))
    ]
    values, basis = np.linalg.eigh(sum(o * m for o, m in zip(omega, own, strict=True)))
    target = np.sqrt(noise) * w @ omega
    rate = 2 * noise / float(ensemble.features_per_dim)
    expected = np.zeros((len(omega), len(TIMES)))
    for j, tau in enumerate(TIMES):
        readout = (basis * (-np.expm1(-rate * tau * values) / values)) @ basis.T @ target
        for c, matrix in enumerate(own):
            expected[c, j] = 1 - 2 * np.sqrt(noise) * w[:, c] @ readout + readout @ matrix @ readout
    np.testing.assert_allclose(screening(problem).train_loss, expected, atol=1e-9)


def test_the_full_theory_is_approached_as_both_ratios_grow():
    errors = []
    for psi in ((64.0, 8.0), (512.0, 32.0), (4096.0, 128.0)):
        problem = problem_of(
            two_classes((1.5, 1.0), 0.0),
            features_per_dim=psi[0],
            samples_per_dim=psi[1],
            diffusion_time=0.01,
            training_times=np.geomspace(1e-1, 1e9, 201),
        )
        full, fast = asymptotic_dynamics(problem), screening(problem)
        errors.append(float(jnp.max(jnp.abs(full.train_loss - fast.train_loss))))
        ratio = fast.memorization_time / full.memorization_time
        assert jnp.all(jnp.abs(jnp.log(ratio)) < 0.2)
    assert errors[0] < 0.033 and errors[1] < 0.019 and errors[2] < 0.011


def test_too_few_features_or_samples_are_flagged():
    assert screening(problem_of(TWO, **LARGE)).status == Status.OK
    assert screening(problem_of(TWO)).status == Status.IMPRECISE
    few = problem_of(TWO, features_per_dim=64.0, samples_per_dim=3.0)
    assert screening(few).status == Status.IMPRECISE


def test_spectral_generalisation_reverses_where_rho_gamma_e_are_equal():
    problem = problem_of(two_classes((1.2, 1.0), 32**0.5, 0.4, cosine=0.0), **LARGE)
    ensemble = jax.jit(make_ensemble)(problem)
    own = np.diagonal(moments(ensemble)[0]) * np.asarray(ensemble.noisy_signals[:, 0])
    balanced = problem_of(
        two_classes((1.2, 1.0), 32**0.5, float(own[1] / own[0]), cosine=0.0), **LARGE
    )
    first, second = class_times(balanced, "spectral_generalization_time")
    assert abs(first / second - 1) < 1e-12


@pytest.mark.parametrize(
    "time",
    [
        pytest.param(t, marks=[pytest.mark.slow] if t == "screening_memorization_time" else [])
        for t in CLASS_TIMES
        if t.startswith(("spec", "screen"))
    ],
)
def test_derivatives_match_finite_differences(time):
    """Equal classes with orthogonal centroids have equal eigenvalues."""

    def log_time(std):
        stds = jnp.stack([std, jnp.ones_like(std)])
        mixture = GaussianMixture(stds, [0.5, 0.5], 16.0 * np.eye(2))
        return jnp.log(class_times(problem_of(mixture, **LARGE), time))[0]

    slope = jax.jit(jax.grad(log_time))(1.0)
    step = 1e-4
    function = jax.jit(log_time)
    expected = (function(1.0 + step) - function(1.0 - step)) / (2 * step)
    assert abs(slope - expected) < 1e-5


def test_mapping_equals_a_loop():
    def times(variance):
        mixture = two_classes(jnp.stack([variance, jnp.ones_like(variance)]), 1.0)
        # inside a trace the rank of the centroids is not known by itself
        problem = problem_of(mixture, theory_options=TheoryOptions(centroid_rank=1), **LARGE)
        return screening(problem).memorization_time

    stds = jnp.array([0.8, 1.3, 1.7])
    mapped = jax.jit(jax.vmap(times))(stds)
    np.testing.assert_allclose(mapped, jnp.stack([times(s) for s in stds]), rtol=1e-10)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="did you mean 'memorization_time'"):
        class_times(problem_of(TWO), "memorisation_time")
    with pytest.raises(InputError, match="time is one of"):
        class_times(problem_of(TWO), np.zeros((2, 0)))
