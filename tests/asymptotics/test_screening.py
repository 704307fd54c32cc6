"""The reduced models against an ODE solver, explicit vectors, and the full theory."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate

import diffjax as dj
from diffjax.asymptotics.class_times import CLASS_TIMES, class_times
from diffjax.asymptotics.ensemble import make_ensemble
from diffjax.asymptotics.model import asymptotic_dynamics, screening
from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.problem import resolved
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
    problem = problem_of(mixture, features_per_dim=1e9, samples_per_dim=1e6)
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
    np.testing.assert_allclose(screening(problem).test_loss[:, :25], expected, atol=1e-4)


def embedded(ensemble, wide):
    """Explicit vectors w_c and eta_c (as columns): free coordinates, then those of samples."""
    slopes, sample, _ = moments(ensemble)
    psi_p, psi_n = float(ensemble.features_per_dim), float(ensemble.samples_per_dim)
    size, shares = len(sample), np.array([1 - psi_n / psi_p, psi_n / psi_p])
    values, basis = np.linalg.eigh(wide * psi_p * slopes)
    vectors = np.zeros((2 * size, 2 * size))
    vectors[:size, :size] = (basis * np.sqrt(np.maximum(values, 0))) @ basis.T
    fractions = np.asarray(ensemble.weights / ensemble.emphasis)
    vectors[size:, size:] = np.diag(np.sqrt(psi_p * np.asarray(sample) / (psi_n * fractions)))
    whole = np.concatenate([np.sqrt(share) * vectors for share in shares])
    spanned = np.repeat([0.0, psi_p / psi_n], 2 * size)
    return whole[:, :size], whole[:, size:], spanned


@pytest.mark.parametrize(
    ("mixture", "weights"),
    [
        (TWO, None),
        (TWO, [0.6, 0.4]),
        ("centred", None),
        pytest.param("centred", [0.6, 0.4], marks=pytest.mark.slow),
    ],
)
def test_losses_are_those_of_explicit_vectors(mixture, weights):
    problem = problem_of(mixture, class_weights=weights, **LARGE)
    ensemble = jax.jit(make_ensemble)(problem)
    noise, omega = float(ensemble.noise), np.asarray(ensemble.weights)
    signal = np.asarray(ensemble.signals[:, 0])
    _, sample, s2 = (np.asarray(values) for values in moments(ensemble))
    psi_p, psi_n = LARGE["features_per_dim"], LARGE["samples_per_dim"]
    scatter = (psi_n * omega / np.asarray(ensemble.emphasis)) ** -0.5
    rate, classes = 2 * noise / psi_p, range(len(omega))
    train, test = np.zeros((2, len(omega), len(TIMES)))
    for a, b in itertools.product((1, -1), repeat=2):  # the third sign is their product
        w, eta, spanned = embedded(ensemble, 1 + a * psi_p**-0.5)
        root = np.sqrt(signal * (1 + np.array([b, a * b]) * scatter))
        unit, carried = np.eye(w.shape[0]), root * w + eta
        own = [
            noise * np.outer(w[:, c], w[:, c])
            + np.outer(carried[:, c], carried[:, c])
            + s2[c] * unit
            + np.diag(sample[c] * spanned)
            for c in classes
        ]
        fresh = [
            (signal[c] + noise) * np.outer(w[:, c], w[:, c]) + (s2[c] + sample[c]) * unit
            for c in classes
        ]
        values, basis = np.linalg.eigh(sum(o * m for o, m in zip(omega, own, strict=True)))
        target = np.sqrt(noise) * w @ omega
        filters = -np.expm1(-rate * TIMES[:, None] * values) / values
        readouts = (filters * (basis.T @ target)) @ basis.T
        for losses, matrices in ((train, own), (test, fresh)):
            for c in classes:
                square = np.einsum("ti,ij,tj->t", readouts, matrices[c], readouts)
                losses[c] += (1 - 2 * np.sqrt(noise) * readouts @ w[:, c] + square) / 4
    found = screening(problem)
    np.testing.assert_allclose(found.train_loss, train, atol=1e-9)
    np.testing.assert_allclose(found.test_loss, test, atol=1e-9)


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


@pytest.mark.parametrize(
    ("stds", "weights", "ratios", "time"),
    [
        ([0.57, 1.95], [0.5, 0.5], (512.0, 32.0), 0.05),
        ([0.5, 1.7], [0.3, 0.7], (300.0, 20.0), 0.08),
        ([0.45, 1.3], [0.6, 0.4], (200.0, 25.0), 0.03),
    ],
)
def test_the_class_that_is_learned_last_is_right_or_flagged(stds, weights, ratios, time):
    """Its best test loss comes long before the limit of infinite ratios is reached."""
    problem = dj.AsymptoticProblem(GaussianMixture(stds, weights), *ratios, time)
    full, fast = asymptotic_dynamics(problem), screening(problem)
    assert fast.generalization_status == Status.OK
    np.testing.assert_allclose(fast.generalization_time, full.generalization_time, rtol=0.2)
    if fast.memorization_status == Status.OK:
        np.testing.assert_allclose(fast.memorization_time, full.memorization_time, rtol=0.2)


def test_problems_out_of_range_are_refused():
    few = screening(problem_of(TWO, features_per_dim=4.0, samples_per_dim=0.5))
    assert few.generalization_status == few.status == Status.OUT_OF_RANGE
    many = screening(problem_of(TWO, features_per_dim=64.0, samples_per_dim=60.0))
    assert many.memorization_status == Status.OUT_OF_RANGE
    found = class_times(problem_of(TWO, features_per_dim=4.0, samples_per_dim=0.5),
                        "screening_generalization_time")  # fmt: skip
    assert found.status == Status.OUT_OF_RANGE
    assert screening(screening.default_problem()).status == Status.OK


def test_spectral_generalisation_reverses_where_rho_gamma_e_are_equal():
    problem = problem_of(two_classes((1.2, 1.0), 32**0.5, 0.4, cosine=0.0), **LARGE)
    ensemble = jax.jit(make_ensemble)(resolved(problem))
    own = np.diagonal(moments(ensemble)[0]) * np.asarray(ensemble.noisy_signals[:, 0])
    balanced = problem_of(
        two_classes((1.2, 1.0), 32**0.5, float(own[1] / own[0]), cosine=0.0), **LARGE
    )
    first, second = class_times(balanced, "spectral_generalization_time").times
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
        return jnp.log(class_times(problem_of(mixture, **LARGE), time).times)[0]

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
