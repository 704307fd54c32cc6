"""Samplers: the exact score reproduces its mixture, diffrax agrees, bad grids are refused."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.backward.collapse import empirical_score
from diffjax.backward.score import MixtureScore
from diffjax.errors import InputError
from diffjax.mixture import two_classes
from diffjax.samplers import METHODS, log_snr_times, run_backward, sample, step_coefficients

DIM = 8
MIXTURE = two_classes((1.2, 0.7), distance=2.0, imbalance_ratio=1 / 3, cosine=0.0)
SCORE = MixtureScore(MIXTURE, DIM)


@pytest.mark.parametrize(
    ("method", "num_times"), [("stochastic-heun", 100), ("heun", 100), ("ancestral", 800)]
)
def test_exact_score_reproduces_the_mixture(method, num_times):
    count = 6000
    times = log_snr_times(num_times, first=5.0, last=1e-3)
    samples = sample(SCORE, count, DIM, times, jax.random.key(1), method=method, denoise=False)
    labels = np.asarray(SCORE.posterior(samples, jnp.asarray(0.0)).argmax(axis=1))
    weights, variances = np.asarray(MIXTURE.class_weights), np.asarray(MIXTURE.variances)
    for label in (0, 1):
        own = np.asarray(samples)[labels == label]
        error = np.sqrt(weights[label] * (1 - weights[label]) / count)
        assert abs(len(own) / count - weights[label]) < 3 * error
        spread = np.sqrt(variances[label] / len(own))
        assert np.abs(own.mean(axis=0) - np.asarray(SCORE.centroids)[label]).max() < 3.3 * spread
        offsets = own - np.asarray(SCORE.centroids)[label]
        variance = (offsets**2).mean()
        error = variances[label] * np.sqrt(2 / (len(own) * DIM))
        # x at the last time holds 2e-3 of noise variance
        assert abs(variance - variances[label]) < 3 * error + 2e-3 * abs(1 - variances[label])


def test_probability_flow_against_diffrax():
    times = log_snr_times(401, first=2.5, last=0.05)
    start = jax.random.normal(jax.random.key(2), (30, DIM))
    flow = diffrax.ODETerm(lambda s, x, _: x + SCORE(x, times[0] - s))
    solution = diffrax.diffeqsolve(
        flow, diffrax.Tsit5(), 0.0, float(times[0] - times[-1]), 1e-3, start,
        stepsize_controller=diffrax.PIDController(rtol=1e-9, atol=1e-9), max_steps=100_000,
    )  # fmt: skip
    expected = solution.ys[0]
    heun = run_backward(SCORE, start, times, method="heun", denoise=False)
    ddim = run_backward(SCORE, start, times, method="ddim", denoise=False)
    np.testing.assert_allclose(heun, expected, atol=1e-3)
    np.testing.assert_allclose(ddim, expected, atol=0.06)
    half = run_backward(SCORE, start, times[::2], method="heun", denoise=False)
    coarse, fine = (float(jnp.abs(x - expected).max()) for x in (half, heun))
    assert coarse / fine == pytest.approx(4.0, rel=0.3)


def test_stochastic_process_against_diffrax():
    first, last, count = 1.5, 0.05, 4000
    key = jax.random.key(3)
    start, _ = SCORE.draw(key, count)
    start = jnp.exp(-first) * start + jnp.sqrt(1 - jnp.exp(-2 * first)) * jax.random.normal(
        jax.random.key(4), start.shape
    )

    def one(x, noise_key):
        path = diffrax.VirtualBrownianTree(0.0, first - last, 1e-2, (DIM,), noise_key)
        drift = diffrax.ODETerm(lambda s, y, _: y + 2 * SCORE(y[None], first - s)[0])
        noise = diffrax.ControlTerm(lambda s, y, _: jnp.sqrt(2.0) * jnp.eye(DIM), path)
        terms = diffrax.MultiTerm(drift, noise)
        return diffrax.diffeqsolve(terms, diffrax.Euler(), 0.0, first - last, 0.01, x).ys[0]

    theirs = jax.jit(jax.vmap(one))(start[:800], jax.random.split(jax.random.key(5), 800))
    times = log_snr_times(200, first, last)
    ours = run_backward(
        SCORE, start, times, jax.random.key(6), method="euler-maruyama", denoise=False
    )
    share = [np.asarray(SCORE.posterior(x, jnp.asarray(last))[:, 0]) for x in (ours, theirs)]
    error = np.hypot(*(s.std() / len(s) ** 0.5 for s in share))
    assert abs(share[0].mean() - share[1].mean()) < 3 * error
    variances = [np.asarray(x).var() for x in (ours, theirs)]
    assert variances[0] == pytest.approx(variances[1], rel=0.08)


@pytest.mark.parametrize("method", METHODS)
def test_empirical_score_ends_on_its_samples(method, rng):
    data = rng.standard_normal((20, DIM))
    times = log_snr_times(120, first=3.0, last=1e-3)
    found = sample(empirical_score(data), 40, DIM, times, jax.random.key(0), method=method)
    distances = np.linalg.norm(np.asarray(found)[:, None] - data[None], axis=2).min(axis=1)
    assert distances.max() < 1e-3


def test_ancestral_step_is_the_conditional_law():
    # q(x_s | x_t, x_0) from the joint Gaussian of the forward process, at a known x_0
    time, earlier = jnp.asarray(1.1), jnp.asarray(0.6)
    e, e_s = np.exp(-1.1), np.exp(-0.6)
    gain = np.exp(-0.5) * (1 - e_s**2) / (1 - e**2)
    x_t, x_0 = 0.7, -1.3
    mean = e_s * x_0 + gain * (x_t - e * x_0)
    variance = (1 - e_s**2) - gain * np.exp(-0.5) * (1 - e_s**2)
    step = step_coefficients("ancestral", time, earlier)
    score = (e * x_0 - x_t) / (1 - e**2)
    assert float(step.keep * x_t + step.drift * score) == pytest.approx(mean)
    assert float(step.noise) == pytest.approx(variance)


def test_step_inputs_reach_the_score_in_order():
    times = log_snr_times(6)
    scales = jnp.exp(-times)  # anything that tells the times apart

    def score(x, time, scale):
        return -x * scale / jnp.exp(-time)

    start = jnp.ones((3, 2))
    for method in ("ddim", "heun"):
        found = run_backward(score, start, times, method=method, step_inputs=scales)
        expected = run_backward(lambda x, _: -x, start, times, method=method)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_log_snr_grid_is_uniform():
    times = np.asarray(log_snr_times(25, 3.5, 0.01))
    ratio = -np.log(np.expm1(2 * times))
    np.testing.assert_allclose(np.diff(ratio), np.diff(ratio)[0], rtol=1e-9)
    np.testing.assert_allclose(times[[0, -1]], [3.5, 0.01])


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: log_snr_times(1), "num_times"),
        (lambda: log_snr_times(8, 1.0, 0.0), "0 < last"),
        (lambda: sample(SCORE, 2, DIM, [1.0, 0.5], jax.random.key(0)), "pure noise"),
        (lambda: sample(SCORE, 2, DIM, [3.0, 3.5], jax.random.key(0)), "falling"),
        (lambda: sample(SCORE, 2, DIM, [3.0, 0.0], jax.random.key(0)), "positive"),
        (lambda: sample(SCORE, 2, DIM, [3.0], jax.random.key(0)), "two"),
        (
            lambda: sample(SCORE, 2, DIM, [3.0, 1.0], jax.random.key(0), method="euler"),
            "euler-maruyama",
        ),
        (lambda: run_backward(SCORE, jnp.ones((2, DIM)), [3.0, 1.0]), "key"),
        (
            lambda: run_backward(
                SCORE, jnp.ones((2, DIM)), [3.0, 1.0], method="ddim", step_inputs=jnp.ones(3)
            ),
            "step_inputs",
        ),
    ],
)
def test_bad_input(call, word):
    with pytest.raises(InputError, match=word):
        call()
