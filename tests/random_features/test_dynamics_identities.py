"""Identities of the learning dynamics that hold at every finite size."""

import math

import numpy as np
import pytest

from diffjax.random_features.model import gradient_flow
from tests.random_features.realisation import realise, solve_slowly
from tests.random_features.small_problems import TIMES, objective_of, problem_of
from tests.reference import mixtures, monte_carlo
from tests.reference.gaussian_moments import ACTIVATIONS


def relaxation(lam, noise, tau):
    return -np.expm1(-2 * noise * lam * tau / 3.0) / lam


def test_training_loss_from_the_spectrum_alone():
    """sum_c f_c L_c = 1 - (1/d) sum_i |P_i|^2 (2 f_i - lam_i f_i^2), P = O^T V."""
    problem = problem_of()
    objective, found = objective_of(problem), gradient_flow(problem)
    lam, vectors = np.linalg.eigh(np.asarray(objective.feature))
    power = np.sum((vectors.T @ np.asarray(objective.cross)) ** 2, axis=1)
    for index, tau in enumerate(TIMES):
        f = relaxation(lam, float(objective.noise), tau)
        expected = 1 - np.sum(power * (2 * f - lam * f**2)) / problem.dim
        assert float(found.total_train_loss[index]) == pytest.approx(expected, abs=1e-12)


def test_trace_of_the_spectrum():
    """Eigenvalues are those of p U: they sum to sum_i E phi_i^2."""
    problem = problem_of()
    objective = objective_of(problem)
    assert float(gradient_flow(problem).eigenvalues.sum()) == pytest.approx(
        float(np.trace(objective.feature))
    )


def test_curves_start_at_one_and_end_at_the_plateau():
    problem = problem_of(training_times=np.geomspace(1e-12, 1e14, 61))
    found = gradient_flow(problem)
    for name in ("train_loss", "test_loss"):
        np.testing.assert_allclose(getattr(found, name)[:, 0], 1.0, atol=1e-9)
        final = getattr(found, f"final_{name}")
        np.testing.assert_allclose(getattr(found, name)[:, -1], final, rtol=1e-9)


def test_training_loss_falls_at_all_times():
    total = np.asarray(gradient_flow(problem_of()).total_train_loss)
    assert (np.diff(total) < 1e-13).all() and 0 < total[-1] < total[0] <= 1


@pytest.mark.parametrize("mixture", ["three", "rotated", "diagonal"])
def test_no_class_gets_below_its_bayes_floor_on_the_population(mixture):
    """B_c is the least loss of any function of x_t on class c."""
    found = gradient_flow(problem_of(mixture))
    floor = np.asarray(found.bayes_floor)[:, None]
    assert (np.asarray(found.test_loss) > floor).all()
    assert (np.asarray(found.final_train_loss) < np.asarray(found.final_test_loss)).all()


def test_random_initial_readout_is_averaged_exactly():
    """Losses are quadratic in A_0: L(0) plus s^2 times the curvature along every entry."""
    problem = problem_of()
    base = gradient_flow(problem, initial_readout=np.zeros((10, 30)))
    names = ("train_loss", "test_loss", "final_test_loss")
    sums = {name: np.zeros(np.shape(getattr(base, name))) for name in names}
    for entry in np.ndindex(10, 30):
        unit = np.zeros((10, 30))
        unit[entry] = 1.0
        for sign in (1.0, -1.0):
            moved = gradient_flow(problem, initial_readout=sign * unit)
            for name in names:
                sums[name] += (getattr(moved, name) - getattr(base, name)) / 2
    averaged = gradient_flow(problem_of(readout_std=0.7))
    for name in names:
        expected = getattr(base, name) + 0.7**2 * sums[name]
        np.testing.assert_allclose(getattr(averaged, name), expected, rtol=1e-9)


def test_given_initial_readout_agrees_with_reference():
    """A = sqrt(p) a; the start decays as exp(-2 Delta U tau/psi)."""
    problem = problem_of()
    initial = np.random.default_rng(3).standard_normal((10, 30))
    found = gradient_flow(problem, initial_readout=initial)
    slow = solve_slowly(problem, ACTIVATIONS["tanh"])
    for index, tau in enumerate(TIMES):
        train, test = slow.losses(slow.readout(tau, initial / math.sqrt(30)))
        np.testing.assert_allclose(found.train_loss[:, index], train, rtol=1e-10)
        np.testing.assert_allclose(found.test_loss[:, index], test, rtol=1e-10)


def test_population_slopes_obey_the_global_stein_identity():
    """E[phi(h_i) s*(x)^T] = -sum_c rho_c b_ci W_i/sqrt(d) for the exact score of the mixture."""
    problem = problem_of()
    drawn, rho = realise(problem), np.array([0.5, 0.3, 0.2])
    slope = rho @ np.asarray(objective_of(problem).test.slope)
    exact = -slope[:, None] * drawn.weights / math.sqrt(10)
    rng = np.random.default_rng(0)
    labels = rng.choice(3, size=400_000, p=rho)
    stds = np.array([0.6, 1.0, 1.5])
    clean = drawn.centroids[labels] + stds[labels, None] * rng.standard_normal((len(labels), 10))
    score = mixtures.mixture_score(rho, drawn.centroids, stds, 0.2)
    estimate = monte_carlo.stein_products(
        ACTIVATIONS["tanh"], drawn.weights, drawn.biases, clean, score, 0.2, rng
    )
    z = estimate.z_scores(exact)
    assert np.abs(z).max() < 4.5 and 0.8 < np.sqrt(np.mean(z**2)) < 1.2


@pytest.mark.parametrize("mixture", ["three", "rotated"])
def test_losses_and_score_errors_agree_with_sampling(mixture):
    """L_c and (1/d) E_c|s_A - s*_c|^2 = (L_c - B_c)/Delta by drawing clean points and noise."""
    problem = problem_of(mixture)
    drawn, found = realise(problem), gradient_flow(problem)
    slow, rng = solve_slowly(problem, ACTIVATIONS["tanh"]), np.random.default_rng(1)
    first_layer = (ACTIVATIONS["tanh"], drawn.weights, drawn.biases)
    index = 25
    readout = slow.readout(TIMES[index])
    for c, (mu, sigma) in enumerate(zip(drawn.centroids, drawn.class_covariances, strict=True)):
        root = np.linalg.cholesky(sigma)
        clean = mu + rng.standard_normal((200_000, 10)) @ root.T
        loss = monte_carlo.denoising_loss(*first_layer, readout, clean, 0.2, rng)
        assert abs(loss.z_scores(float(found.test_loss[c, index]))) < 4
        score = mixtures.class_score(mu, sigma, 0.2)
        error = monte_carlo.score_error(*first_layer, readout, clean, score, 0.2, rng)
        floor = float(found.bayes_floor[c])
        exact = float(found.score_error[c, index]) * (1 - floor) / slow.noise
        assert abs(error.z_scores(exact)) < 4
        points = np.repeat(drawn.samples[drawn.labels == c], 40_000, axis=0)
        loss = monte_carlo.denoising_loss(*first_layer, readout, points, 0.2, rng)
        assert abs(loss.z_scores(float(found.train_loss[c, index]))) < 4
