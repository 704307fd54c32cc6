"""Explicit training against the closed form: gradient descent, an ODE solver, noise, Adam."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from diffjax.errors import InputError
from diffjax.numerics.activations import resolve_activation
from diffjax.random_features.model import gradient_flow
from diffjax.random_features.training import (
    _Data,
    exact_gradient,
    noisy_gradient,
    stable_learning_rate,
    train,
)
from tests.random_features.realisation import realise, solve_slowly
from tests.random_features.small_problems import objective_of, problem_of
from tests.reference import gradient_flow as flow
from tests.reference import monte_carlo
from tests.reference.gaussian_moments import ACTIVATIONS


@pytest.fixture(scope="module")
def objective():
    return objective_of(problem_of())


@pytest.fixture(scope="module")
def rate():
    return float(stable_learning_rate(problem_of()))


def closed_form(times):
    """Train and test losses at `times`, padded to the usual number so that nothing recompiles."""
    count = len(times)
    padded = np.concatenate([times, times[-1] * np.arange(2, 63 - count)])
    found = gradient_flow(problem_of(training_times=padded))
    return np.asarray(found.train_loss)[:, :count], np.asarray(found.test_loss)[:, :count]


def test_gradient_descent_is_the_naive_loop(objective, rate):
    """Same steps as the NumPy loop, to rounding."""
    run = train(problem_of(), optax.sgd(rate), 50, record_steps=np.arange(0, 51, 10))
    feature, cross = np.asarray(objective.feature), np.asarray(objective.cross)
    noise = float(objective.noise)
    readouts = flow.euler_readouts(feature, cross, noise, rate / 100, 50)[::10]
    for c, train_c in enumerate(objective.train.feature):
        cross_c = np.asarray(objective.cross_of(objective.train.slope[c]))
        expected = flow.loss_curve(readouts, np.asarray(train_c), cross_c, noise)
        np.testing.assert_allclose(run.train_loss[c], expected, rtol=1e-10)
    np.testing.assert_allclose(run.readout, np.sqrt(30) * readouts[-1], rtol=1e-9, atol=1e-12)


def test_gradient_descent_approaches_the_flow_in_proportion_to_the_step(rate):
    """Half the step, half the distance to the closed form at the same training time."""
    errors = []
    for halvings in (3, 4):
        step, num_steps = rate / 2**halvings, 100 * 2**halvings
        recorded = num_steps // 20 * np.arange(21)
        run = train(problem_of(), optax.sgd(step), num_steps, record_steps=recorded)
        exact = closed_form(np.asarray(run.training_times(step))[1:])
        pairs = zip((run.train_loss, run.test_loss), exact, strict=True)
        errors.append([np.abs(found[:, 1:] - value).max() for found, value in pairs])
    errors = np.array(errors)
    assert errors[-1].max() < 5e-3
    np.testing.assert_allclose(errors[:-1] / errors[1:], 2.0, rtol=0.15)


def test_stable_rate_is_half_the_step_of_divergence(objective, rate):
    """Naive descent at 1.9 times the rate settles, at 2.1 times it blows up."""
    total = np.asarray(objective.feature), np.asarray(objective.cross), float(objective.noise)
    sizes = [
        np.abs(flow.euler_readouts(*total, factor * rate / 100, 600)[-1]).max()
        for factor in (1.9, 2.1)
    ]
    assert sizes[0] < 100 and sizes[1] > 1e12


def test_flow_integrated_by_an_ode_solver(objective):
    """diffrax on dA/dtau = -d^2 grad_A L, with the gradient by automatic differentiation."""
    noise, dim, p = float(objective.noise), 10, 30

    def loss(readout):
        scaled = readout / jnp.sqrt(p)
        linear = jnp.sum(scaled * objective.cross.T)
        quadratic = jnp.sum((scaled @ objective.feature) * scaled)
        return 1 + (2 * jnp.sqrt(noise) * linear + noise * quadratic) / dim

    times = np.geomspace(0.01, 20.0, 8)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, readout, _: -(dim**2) * jax.grad(loss)(readout)),
        diffrax.Kvaerno5(), 0.0, 20.0, 1e-4, jnp.zeros((dim, p)),
        saveat=diffrax.SaveAt(ts=jnp.asarray(times)), max_steps=10_000,
        stepsize_controller=diffrax.PIDController(rtol=1e-8, atol=1e-10),
    )  # fmt: skip
    slow = solve_slowly(problem_of(), ACTIVATIONS["tanh"])
    exact = closed_form(times)
    for index, readout in enumerate(np.asarray(solution.ys)):
        train_loss, test_loss = slow.losses(readout / np.sqrt(p))
        np.testing.assert_allclose(train_loss, exact[0][:, index], atol=1e-6)
        np.testing.assert_allclose(test_loss, exact[1][:, index], atol=1e-6)


def test_gradient_is_the_derivative_of_the_sampled_loss(objective):
    """<grad L, B> against common-noise finite differences of the loss by sampling."""
    problem, rng = problem_of(), np.random.default_rng(0)
    drawn = realise(problem)
    readout, direction = 0.5 * rng.standard_normal((2, 10, 30))
    slope = float(jnp.sum(exact_gradient(objective, jnp.asarray(readout)) * direction))
    clean = np.repeat(drawn.samples, 10_000, axis=0)

    def sampled(matrix, seed):
        return monte_carlo.denoising_loss(
            ACTIVATIONS["tanh"], drawn.weights, drawn.biases, matrix / np.sqrt(30), clean, 0.2,
            np.random.default_rng(seed),
        )  # fmt: skip

    def difference(seed):  # exact for a quadratic loss, whatever the step
        up, down = (sampled(readout + sign * direction, seed).mean for sign in (1, -1))
        return float(up - down) / 2

    estimates = np.array([difference(seed) for seed in range(6)])
    assert abs(slope - estimates.mean()) < 5 * estimates.std(ddof=1) / np.sqrt(6)


@pytest.mark.parametrize("batch_size", [None, 6])
def test_noisy_gradients_average_to_the_exact_one(objective, batch_size):
    """400 independent draws: z scores of all entries of dL/dA."""
    drawn, readout = realise(problem_of()), np.random.default_rng(0).standard_normal((10, 30))
    weights = (drawn.fractions / drawn.counts)[drawn.labels]
    data = _Data(jnp.asarray(drawn.samples), jnp.asarray(weights))
    activation = resolve_activation("tanh")

    def estimate(key):
        return noisy_gradient(objective, activation, data, jnp.asarray(readout), key, batch_size)

    draws = np.asarray(jax.lax.map(estimate, jax.random.split(jax.random.key(1), 400)))
    exact = exact_gradient(objective, jnp.asarray(readout))
    z = (exact - draws.mean(axis=0)) / (draws.std(axis=0, ddof=1) / 20)
    assert np.abs(z).max() < 4.5 and 0.8 < np.sqrt(np.mean(z**2)) < 1.2


def test_noisy_training_follows_the_flow_on_average(rate):
    """Small steps average over the noise: the curves stay near the closed form, not on it."""
    step = rate / 50
    run = train(
        problem_of(), optax.sgd(step), 2000, gradient="fresh_noise", record_steps=[0, 500, 2000]
    )
    exact = closed_form(np.asarray(run.training_times(step))[1:])[1]
    distance = np.abs(run.test_loss[:, 1:] - exact).max()
    assert 1e-6 < distance < 0.05


def test_adam_reaches_the_least_squares_solution():
    final = np.asarray(gradient_flow(problem_of()).final_train_loss)
    schedule = optax.cosine_decay_schedule(0.3, 6000)
    run = train(problem_of(), optax.adam(schedule), 6000)
    np.testing.assert_allclose(run.train_loss[:, -1], final, atol=5e-3)


def test_initial_readout_and_records():
    initial = np.random.default_rng(0).standard_normal((10, 30))
    run = train(problem_of(), optax.sgd(0.0), 3, initial_readout=initial, record_steps=[0, 3])
    np.testing.assert_allclose(run.readout, initial)
    assert run.steps.tolist() == [0, 3]
    assert train(problem_of(), optax.sgd(0.0), 100).steps[0] == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"gradient": "noisy"}, "gradient"),
        ({"batch_size": 4}, "batch_size"),
        ({"gradient": "fresh_noise", "batch_size": 0}, "batch_size"),
        ({"record_steps": [5, 2]}, "record_steps"),
        ({"record_steps": [0, 999]}, "record_steps"),
        ({"initial_readout": np.zeros((30, 10))}, "initial_readout"),
        ({"num_steps": 0}, "num_steps"),
    ],
)
def test_bad_options_are_refused(options, named):
    settings = {"num_steps": 10} | options
    with pytest.raises(InputError, match=named):
        train(problem_of(), optax.sgd(0.1), **settings)
