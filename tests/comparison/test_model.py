"""Both halves of a comparison are what the engines give, and the differences are theirs."""

import dataclasses

import jax
import numpy as np
import pytest

from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.problem import resolved
from diffjax.comparison.limit import limit_of
from diffjax.comparison.model import theory_comparison, theory_times
from diffjax.errors import InputError, PrecisionError
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.random_features.model import gradient_flow
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.status import Status
from diffjax.sweep import explain, sweep
from tests.asymptotics.cases import TIMES

PROBLEM = RandomFeatureProblem(
    two_classes((1.4, 0.8), 1.0, 0.5, cosine=0.2).general(), 24, 96, 48, 0.1, training_times=TIMES
)
NAMES = ("generalization_time", "memorization_time", "gap_onset_time")


@pytest.fixture(scope="module")
def compared():
    return theory_comparison(PROBLEM)


def test_both_halves_are_those_of_the_engines(compared):
    finite, theory = gradient_flow(PROBLEM), asymptotic_dynamics(limit_of(PROBLEM))
    for name in ("train_loss", "test_loss", *NAMES):
        expected = getattr(theory, name)
        np.testing.assert_allclose(getattr(compared, f"theory_{name}"), expected, rtol=1e-8)
        np.testing.assert_allclose(getattr(compared, name), getattr(finite, name), rtol=1e-8)
    np.testing.assert_allclose(finite.bayes_floor, theory.bayes_floor, rtol=1e-12)


def test_errors_are_the_largest_differences(compared):
    train = np.abs(np.subtract(compared.train_loss, compared.theory_train_loss))
    test = np.abs(np.subtract(compared.test_loss, compared.theory_test_loss))
    scale = np.where(np.array(compared.theory_test_loss) > 1, compared.theory_test_loss, 1)
    np.testing.assert_allclose(compared.train_error, train.max(1), rtol=1e-12)
    np.testing.assert_allclose(compared.test_error, (test / scale).max(1), rtol=1e-12)
    assert (np.array(compared.test_error) < test.max(1)).any()  # late test losses exceed one
    for name in NAMES:
        ratio = np.log10(getattr(compared, name)) - np.log10(getattr(compared, f"theory_{name}"))
        np.testing.assert_allclose(getattr(compared, f"{name}_log_ratio"), ratio, atol=1e-12)


def test_finite_systems_are_near_their_limit(compared):
    assert np.abs(compared.generalization_time_log_ratio).max() < 0.1
    assert 0 < np.max(compared.train_error) < 0.1


def test_a_time_that_is_not_reached_has_no_ratio():
    short = dataclasses.replace(PROBLEM, training_times=np.geomspace(1e-2, 60.0, TIMES.size))
    found = theory_comparison(short)
    assert np.isposinf(found.memorization_time_log_ratio).all()
    assert np.isfinite(found.generalization_time_log_ratio).all()
    assert int(found.status) == Status.NOT_REACHED


def test_seeds_share_the_theory():
    axes = {"diffusion_time": [0.1, 0.5], "seed": range(5)}
    assert explain(theory_comparison, PROBLEM, axes).members["theory"] == (2, 10)


@pytest.mark.slow
def test_a_sweep_equals_direct_calls():
    axes = {"diffusion_time": [0.1, 0.3], "seed": [0, 4]}
    dataset = sweep(theory_comparison, PROBLEM, axes)
    direct = theory_comparison(dataclasses.replace(PROBLEM, diffusion_time=0.3, seed=4))
    point = dataset.sel(diffusion_time=0.3, seed=4)
    for name in theory_comparison.outputs:
        if name != "training_times":  # the same at all points: a coordinate
            np.testing.assert_allclose(point[name], getattr(direct, name), rtol=1e-8, atol=1e-10)
    assert (dataset["theory_test_loss"].std("seed") == 0).all()
    assert (dataset["test_loss"].std("seed").max("training_time") > 0).all()


def test_times_of_the_theory_without_curves():
    limit = limit_of(PROBLEM)
    dataset = sweep(theory_times, limit, {"stds[0]": [1.0, 1.4]})
    assert "training_time" not in dataset.sizes
    expected = asymptotic_dynamics(limit)
    for name in (*NAMES, "final_test_loss"):
        np.testing.assert_allclose(dataset[name][1], getattr(expected, name), rtol=1e-8)


def test_bad_input_is_refused_before_anything_is_compiled():
    with pytest.raises(InputError, match="zero readout"):
        theory_comparison(dataclasses.replace(PROBLEM, readout_std=0.5))
    with pytest.raises(InputError, match="RandomFeatureProblem"):
        theory_comparison(limit_of(PROBLEM))
    with pytest.raises(InputError, match="zero readout"):
        sweep(theory_comparison, dataclasses.replace(PROBLEM, readout_std=0.5), {"seed": [0, 1]})
    with jax.enable_x64(False), pytest.raises(PrecisionError):
        theory_comparison(PROBLEM)


def test_many_classes_are_affordable():
    """Four coordinates, more than a product of rules could have."""
    mixture = GaussianMixture([1.0, 0.8, 1.2, 0.9], [0.25] * 4, 0.5 * np.eye(4))
    problem = RandomFeatureProblem(mixture, 24, 96, 48, 0.1, training_times=TIMES)
    found = sweep(theory_comparison, problem, {"seed": [0]})
    assert int(found["status"][0]) in (Status.OK, Status.NOT_REACHED)


def test_a_sweep_takes_the_quadratures_that_the_limits_ask_for():
    """Seeds share the limit; narrow far classes need more nodes than others."""

    def finite(std, distance):
        return dataclasses.replace(PROBLEM, mixture=two_classes((std, 1.0), distance))

    stds, distances = [0.3], [0.5, 4.0]
    over = {"stds[0]": stds, "distance": distances, "seed": [0, 1]}
    found = sweep(theory_comparison, finite(1.0, 1.0), over)["theory_test_loss"].values
    np.testing.assert_array_equal(found[:, :, 0], found[:, :, 1])
    for row, std in zip(found, stds, strict=True):
        for curves, distance in zip(row, distances, strict=True):
            limit = asymptotic_dynamics(limit_of(finite(std, distance)))
            np.testing.assert_allclose(curves[0], limit.test_loss, rtol=1e-12)


def test_limits_of_matrices_are_treated_as_they_are_alone():
    """Of covariances that do not commute the theory takes the matrices, also in a sweep."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(24, 24)))[0]
    wide = np.diag(np.linspace(0.5, 2.0, 24))
    covariances = np.stack([wide, turn @ wide @ turn.T])
    mixture = GaussianMixture(class_covariances=covariances, centroid_gram=np.zeros((2, 2)))
    problem = dataclasses.replace(PROBLEM, mixture=mixture)
    limit = limit_of(problem)
    assert resolved(limit).theory_options.method == "matrices"
    found = sweep(theory_comparison, problem, {"seed": [0]})["theory_test_loss"].values[0]
    np.testing.assert_allclose(found, asymptotic_dynamics(limit).test_loss, rtol=1e-10)
