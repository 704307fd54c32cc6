"""Readouts on the grid of diffusion and training times, and the samples that they generate."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.diffusion import noise_variance
from diffjax.mixture import two_classes
from diffjax.numerics.activations import resolve_activation
from diffjax.random_features.eigenbasis import solve_by_eigenbasis
from diffjax.random_features.generator import (
    BLOCK_SIZE,
    ReadoutGrid,
    TrainingSet,
    backward,
    exact_score,
    generate,
    readout_grid,
    readouts,
    trained_score,
    training_set,
)
from diffjax.random_features.generator_problem import (
    GeneratorProblem,
    clock_times,
    diffusion_times,
)
from diffjax.random_features.gradient_flow import training_objective
from diffjax.random_features.objective import InitialReadout, losses
from diffjax.random_features.training import exact_gradient
from diffjax.samplers import log_snr_times
from tests.random_features.generators import CLOCK, generator_of
from tests.reference import gradient_flow as reference

MIXTURE = two_classes(stds=(1.4, 0.7), distance=1.5, imbalance_ratio=0.4, cosine=0.3)
TIMES = np.array([2.5, 0.2])
TAUS = np.array([0.1, 3.0, 1e3, 1e7])


def small_problem(**changes) -> GeneratorProblem:
    """p=30, d=6, n=12, two diffusion times."""
    settings = {
        "dim": 6, "num_features": 30, "num_samples": 12, "training_times": TAUS, "seed": 3,
        "bias_std": 0.6, "diffusion_times": TIMES, "class_weights": [0.7, 0.3],
    }  # fmt: skip
    return GeneratorProblem(MIXTURE, **(settings | changes))


compiled_grid = jax.jit(readout_grid, static_argnames="dtype")


@pytest.fixture(scope="module")
def grid():
    """(N, T, d, p) in 64 bits."""
    return compiled_grid(small_problem(), dtype="float64")


compiled_objective = jax.jit(training_objective)
compiled_solver = jax.jit(solve_by_eigenbasis)


def objective_at(time, **changes):
    return compiled_objective(small_problem(**changes).at(time))


@pytest.mark.parametrize("index", [0, 1])
def test_readouts_against_the_matrix_exponential(grid, index):
    objective = objective_at(TIMES[index])
    feature, cross = np.asarray(objective.feature), np.asarray(objective.cross)
    for tau, found in zip(TAUS[:3], grid.readouts[index], strict=False):
        expected = reference.readout_by_exponential(feature, cross, float(objective.noise), tau)
        np.testing.assert_allclose(found, expected, atol=1e-8 * np.abs(expected).max())


@jax.jit
def descend(objective, num_steps, learning_rate):
    """A after plain gradient descent from zero with the exact gradient."""
    return jax.lax.fori_loop(
        0,
        num_steps,
        lambda _, readout: readout - learning_rate * exact_gradient(objective, readout),
        jnp.zeros((6, 30)),
    )


def test_readouts_against_explicit_gradient_descent(grid):
    """Plain descent of step h ends at tau = steps h/d^2; its error halves with the step."""
    objective, errors = objective_at(TIMES[1]), []
    for steps in (4000, 8000):
        scaled = np.asarray(descend(objective, steps, TAUS[1] * 36 / steps)) / np.sqrt(30)
        errors.append(np.abs(scaled - grid.readouts[1, 1]).max() / np.abs(scaled).max())
    assert errors[0] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.02)


def test_losses_of_the_readouts_are_the_learning_curves(grid):
    for index, time in enumerate(TIMES):
        objective = objective_at(time)
        curves = compiled_solver(objective, TAUS, InitialReadout())[0]
        for position in range(len(TAUS)):
            train_loss, test_loss = losses(objective, grid.readouts[index, position] * np.sqrt(30))
            np.testing.assert_allclose(train_loss, curves.train[:, position], atol=1e-7)
            np.testing.assert_allclose(test_loss, curves.test[:, position], atol=1e-7)


def test_by_default_samples_count_alike():
    np.testing.assert_allclose(training_set(small_problem(class_weights=None)).weights, 1 / 12)
    weights = np.asarray(training_set(small_problem()).weights)
    np.testing.assert_allclose(weights, [0.7 / 3] * 3 + [0.3 / 9] * 9)


def test_the_scaled_clock_has_a_common_product_with_the_noise_variance(grid):
    scaled = compiled_grid(small_problem(clock="scaled"), dtype="float64").readouts
    for index, time in enumerate(TIMES):
        taus = TAUS / float(noise_variance(time))
        plain = compiled_grid(small_problem(training_times=taus), dtype="float64").readouts
        np.testing.assert_allclose(scaled[index], plain[index], rtol=1e-10, atol=1e-12)
    # where Delta is nearly 1 the clocks nearly agree
    largest = np.abs(scaled[0, 0]).max()
    np.testing.assert_allclose(scaled[0, 0], grid.readouts[0, 0], atol=0.02 * largest)


def test_default_times_reach_down_with_the_clock():
    plain, scaled = (
        clock_times(small_problem(training_times=None, diffusion_times=None, clock=clock))
        for clock in ("training_time", "scaled")
    )
    assert plain.shape == scaled.shape == (13,)
    np.testing.assert_allclose(scaled / plain, float(noise_variance(0.01)), rtol=1e-12)
    assert diffusion_times(small_problem(diffusion_times=None)).shape == (24,)


def test_the_order_of_samples_does_not_matter(grid, rng):
    problem = small_problem()
    data = training_set(problem)
    order = rng.permutation(12)
    moved = TrainingSet(*(np.asarray(part)[order] for part in data))
    found = jax.jit(lambda data: readouts(grid.features, data, TIMES[1], TAUS, problem.activation))(
        moved
    )
    np.testing.assert_allclose(found, grid.readouts[1], atol=1e-9 * np.abs(found).max())


def test_trained_score_is_the_formula(grid, rng):
    x, readout = rng.standard_normal((5, 6)), np.asarray(grid.readouts[1, 2])
    weights, biases = np.asarray(grid.features.weights), np.asarray(grid.features.biases)
    score = trained_score(grid.features, small_problem().activation)
    for sample, found in zip(x, score(jnp.asarray(x), 0.2, readout), strict=True):
        expected = readout @ np.tanh(weights @ sample / np.sqrt(6) + biases)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


ACTIVATION = resolve_activation("tanh")


@functools.partial(jax.jit, static_argnames=("sampler", "count"))
def draw(trained, key, sampler="sde", count=200):
    """(T, n, d) of a tanh model."""
    return generate(trained, ACTIVATION, count, key, sampler)


def test_samples_do_not_depend_on_jit_and_stay_in_32_bits():
    trained = compiled_grid(generator_of())
    key = jax.random.key(4)
    found, eager = draw(trained, key), generate(trained, ACTIVATION, 200, key)
    assert found.dtype == jnp.float32 and found.shape == (len(CLOCK), 200, 4)
    # rounding grows where a trajectory chooses between two copies
    assert np.quantile(np.abs(found - eager), 0.98) < 1e-2
    assert np.median(np.abs(found - eager)) < 1e-4


def test_noise_is_common_to_training_times():
    trained = compiled_grid(generator_of())
    same = trained._replace(readouts=jnp.tile(trained.readouts[:, 2:3], (1, len(CLOCK), 1, 1)))
    first, *others = draw(same, jax.random.key(1))
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_blocks_are_independent_and_complete():
    law = exact_score(generator_of()).at_precision("float32")
    times = log_snr_times(30).astype("float32")
    found = backward(law, times, 4, BLOCK_SIZE + 7, jax.random.key(0))
    assert found.shape == (BLOCK_SIZE + 7, 4)
    assert len(np.unique(np.asarray(found)[:, 0])) > BLOCK_SIZE


def mirrored_share(problem: GeneratorProblem) -> np.ndarray:
    """(T,) share of samples nearer to some -mu_c than to any mu_c."""
    samples = draw(compiled_grid(problem), jax.random.key(0))
    overlaps = np.asarray(samples) @ np.asarray(exact_score(problem).centroids, np.float32).T
    return (-overlaps.min(axis=2) > overlaps.max(axis=2)).mean(axis=1)


def test_without_biases_half_of_the_samples_are_mirror_images():
    """An odd score cannot tell mu from -mu; centroids are orthogonal, so -mu_c is no class."""
    odd = mirrored_share(generator_of((0.8, 0.8), cosine=0.0, bias_std=0.0))
    np.testing.assert_allclose(odd, 0.5, atol=4 * 0.5 / np.sqrt(200))
    assert mirrored_share(generator_of((0.8, 0.8), cosine=0.0)).max() < 0.05


def test_the_odd_score_is_odd():
    problem = small_problem(bias_std=0.0)
    trained: ReadoutGrid = compiled_grid(problem, dtype="float64")
    x = np.random.default_rng(2).standard_normal((7, 6))
    score = trained_score(trained.features, problem.activation)
    forth, back = (score(jnp.asarray(s * x), 0.2, trained.readouts[1, 3]) for s in (1, -1))
    np.testing.assert_allclose(forth, -back, rtol=1e-12)
