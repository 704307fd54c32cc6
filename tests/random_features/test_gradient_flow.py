"""Learning dynamics of whole problems against the slow reference, and one solver on the other."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from diffjax.random_features.model import gradient_flow
from diffjax.status import Status
from tests.numerics.test_gaussian_expectations import NAMED
from tests.random_features.realisation import realise, solve_slowly
from tests.random_features.small_problems import TIMES, problem_of
from tests.reference import gradient_flow as flow
from tests.reference import timescales
from tests.reference.gaussian_moments import ACTIVATIONS


@pytest.mark.parametrize(
    ("mixture", "name", "changes"),
    [
        ("two", "tanh", {}),
        ("two", "erf", {"diffusion_time": 0.01, "bias_std": 0.0}),
        ("two", "relu", {"diffusion_time": 1.0}),
        ("two", "bent", {"class_weights": np.array([0.7, 0.3])}),
        ("three", "tanh", {"class_weights": np.array([0.0, 1.0, 0.0])}),
        ("diagonal", "erf", {}),
        ("rotated", "tanh", {"diffusion_time": 0.05}),
    ],
)
def test_dynamics_agree_with_reference(mixture, name, changes):
    problem = problem_of(mixture, NAMED[name], **changes)
    found = gradient_flow(problem)
    slow = solve_slowly(problem, ACTIVATIONS[name], changes.get("class_weights"))
    np.testing.assert_allclose(found.bayes_floor, slow.bayes_floor, atol=1e-13)
    np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(slow.feature), atol=1e-11)
    for index, tau in enumerate(TIMES):
        train, test = slow.losses(slow.readout(tau))
        np.testing.assert_allclose(found.train_loss[:, index], train, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(found.test_loss[:, index], test, rtol=1e-10, atol=1e-10)
    train, test = slow.losses(flow.stationary_readout(slow.feature, slow.cross, slow.noise))
    np.testing.assert_allclose(found.final_train_loss, train, atol=1e-9)
    np.testing.assert_allclose(found.final_test_loss, test, rtol=1e-9)


@pytest.mark.parametrize("training_time", [0.03, 4.0, 2e3])
def test_dynamics_agree_with_the_matrix_exponential(training_time):
    """No eigenvectors on the other side."""
    problem = problem_of("three", training_times=[training_time, 2 * training_time])
    found, slow = gradient_flow(problem), solve_slowly(problem, ACTIVATIONS["tanh"])
    readout = flow.readout_by_exponential(slow.feature, slow.cross, slow.noise, training_time)
    train, test = slow.losses(readout)
    np.testing.assert_allclose(found.train_loss[:, 0], train, atol=1e-10)
    np.testing.assert_allclose(found.test_loss[:, 0], test, atol=1e-10)


def test_times_agree_with_the_loops():
    """On splines through the default grid; every criterion is met and missed by some class."""
    problem = problem_of("three", training_times=None, num_features=60)
    found = gradient_flow(problem)
    grid = np.asarray(found.training_times)
    tau = np.geomspace(grid[0], grid[-1], 40 * (len(grid) - 1) + 1)
    splines = [CubicSpline(np.log(grid), x, axis=-1) for x in (found.train_loss, found.test_loss)]
    curves = zip(
        *(spline(np.log(tau)) for spline in splines),
        np.asarray(found.bayes_floor), np.asarray(found.final_train_loss), strict=True,
    )  # fmt: skip
    for c, (train, test, floor, final) in enumerate(curves):
        expected = {
            "generalization_time": timescales.generalization_time(tau, test),
            "memorization_time": timescales.memorization_time(tau, train, final, floor),
            "gap_onset_time": timescales.gap_onset_time(tau, train, test, floor),
            "half_memorization_time": timescales.half_memorization_time(tau, train, test, final),
            "half_score_error_time": timescales.half_score_error_time(tau, test, floor),
        }
        for name, value in expected.items():
            assert float(getattr(found, name)[c]) == pytest.approx(value, rel=1e-5), name


def test_totals_counts_and_score_error():
    problem = problem_of("three")
    found, drawn = gradient_flow(problem), realise(problem)
    np.testing.assert_array_equal(found.sample_counts, drawn.counts)
    assert int(found.sample_counts.sum()) == 24
    np.testing.assert_allclose(found.total_train_loss, drawn.fractions @ found.train_loss)
    rho = np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(found.total_test_loss, rho @ found.test_loss)
    floor = np.asarray(found.bayes_floor)[:, None]
    np.testing.assert_allclose(found.score_error, (found.test_loss - floor) / (1 - floor))
    assert int(found.status) in (Status.OK, Status.NOT_REACHED)


def test_default_training_times():
    """481 times, 40 per decade; they depend on the diffusion time and the dimension only."""
    one, other = (
        np.asarray(gradient_flow(problem_of(m, training_times=None)).training_times)
        for m in ("two", "three")
    )
    np.testing.assert_allclose(one, other, rtol=1e-14)
    noise = 1 - np.exp(-0.4)
    assert one[0] == pytest.approx(1e-2 / (2 * noise * 10))
    np.testing.assert_allclose(np.diff(np.log10(one)), 1 / 40, rtol=1e-9)
    assert len(one) == 481


UNEVEN_TIMES = np.sort(10.0 ** np.random.default_rng(2).uniform(-5, 9, 61))


@pytest.mark.parametrize(
    ("mixture", "initial"),
    [
        ("three", "zero"),
        pytest.param("three", "random", marks=pytest.mark.slow),
        pytest.param("three", "given", marks=pytest.mark.slow),
        ("rotated", "zero"),
    ],
)
def test_eigh_and_doubling_agree(mixture, initial):
    """At regular and arbitrary times, from zero, random and given readouts."""
    changes = {"readout_std": 0.8} if initial == "random" else {}
    readout = np.random.default_rng(1).standard_normal((10, 30)) if initial == "given" else None
    for times in (TIMES, UNEVEN_TIMES):
        problem = problem_of(mixture, training_times=times, **changes)
        one, other = (
            gradient_flow(problem, solver=solver, initial_readout=readout)
            for solver in ("eigh", "doubling")
        )
        for name in ("train_loss", "test_loss", "final_train_loss", "final_test_loss"):
            exact = np.asarray(getattr(one, name))
            np.testing.assert_allclose(getattr(other, name), exact, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(one.eigenvalues, other.eigenvalues, atol=1e-11)


def test_eigh_and_doubling_agree_at_the_default_times():
    problem = problem_of("two", training_times=None, diffusion_time=0.01)
    one, other = (gradient_flow(problem, solver=solver) for solver in ("eigh", "doubling"))
    for name in ("train_loss", "test_loss"):
        exact = np.asarray(getattr(one, name))
        np.testing.assert_allclose(getattr(other, name), exact, rtol=1e-10, atol=1e-10)
    for name in ("generalization_time", "memorization_time", "gap_onset_time"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-8)
