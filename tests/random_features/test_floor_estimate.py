"""Estimated Bayes floors against those of the population, from few and from many samples."""

import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import diffjax as dj
from diffjax.random_features.floor_estimate import FewSamplesWarning, estimated_floor
from diffjax.status import Status

DIM, TIME = 30, 0.15
SPECTRA = {
    "isotropic": np.ones(DIM),
    "spiked": np.r_[20.0, 5.0, np.full(DIM - 2, 0.5)],
    "power law": 5.0 / np.arange(1, DIM + 1),
}
SHIFT = math.expm1(2 * TIME)
ESTIMATE = jax.jit(estimated_floor)


def _draws(spectrum, count, repeats, seed=0):
    rng = np.random.default_rng(seed)
    exact = np.mean(spectrum / (spectrum + SHIFT))
    found = [
        ESTIMATE(jnp.asarray(3.0 + rng.normal(size=(count, DIM)) * np.sqrt(spectrum)),
                 jnp.ones(count), TIME)
        for _ in range(repeats)
    ]  # fmt: skip
    return exact, *(np.array([float(one[k]) for one in found]) for k in (0, 1))


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("ratio", [1.3, 3.0, 30.0])
def test_error_is_the_stated_one(name, ratio):
    """Nearly all draws within three standard errors, which are no larger than they need be."""
    exact, floor, error = _draws(SPECTRA[name], int(ratio * DIM), 40)
    assert np.mean(np.abs(floor - exact) > 3 * error) <= 0.05
    assert abs(floor.mean() - exact) < error.mean()
    assert error.mean() < 3 * floor.std()


def test_fewer_samples_than_dimensions_say_so_or_are_right():
    for spectrum in SPECTRA.values():
        for ratio in (0.3, 0.7):
            exact, floor, error = _draws(spectrum, int(ratio * DIM), 20)
            assert np.mean(np.abs(floor - exact) > 3 * error) <= 0.05
    assert np.isinf(_draws(SPECTRA["isotropic"], 9, 3)[2]).all()


def test_root_agrees_with_a_bracketed_one_and_the_jackknife_with_leaving_out():
    samples = np.random.default_rng(5).normal(size=(70, 12)) * np.linspace(0.3, 2, 12)

    def at(values, y):
        return np.mean(values / (values + y))

    values = np.linalg.eigvalsh(np.cov(samples.T))
    pull = SHIFT * 12 / 69
    root = scipy.optimize.brentq(lambda y: y + pull * at(values, y) - SHIFT, 1e-9, SHIFT)
    found = estimated_floor(jnp.asarray(samples), jnp.ones(70), TIME)
    assert float(found.floor) == pytest.approx(at(values, root), rel=1e-10)
    left = [
        float(ESTIMATE(jnp.asarray(np.delete(samples, k, 0)), jnp.ones(69), TIME).floor)
        for k in range(70)
    ]
    slow = np.sqrt(69 / 70 * np.sum((left - np.mean(left)) ** 2))
    assert float(found.standard_error) == pytest.approx(slow, rel=0.05)


def _dataset(held_out, dim=24):
    rng = np.random.default_rng(1)
    stds = np.array([[1.0], [1.25]])
    train = np.repeat(stds, 40, axis=0) * rng.normal(size=(80, dim))
    test = [stds[c] * rng.normal(size=(n, dim)) for c, n in enumerate(held_out)]
    return dj.DatasetProblem(
        train, np.repeat([0, 1], 40), np.concatenate(test), np.repeat([0, 1], held_out), 0.1,
        num_features=128,
    )  # fmt: skip


def test_memorisation_does_not_depend_on_the_number_of_held_out_samples():
    """600 and 30 held-out samples: with the sample covariance the times were a third apart."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewSamplesWarning)
        many, few = (dj.gradient_flow(_dataset(counts)) for counts in ((600, 600), (600, 30)))
    np.testing.assert_allclose(few.memorization_time, many.memorization_time, rtol=0.1)
    assert int(many.status) == Status.OK


def test_too_few_samples_are_announced():
    with pytest.warns(FewSamplesWarning, match="class 1 has 42 samples.*60 dimensions"):
        found = dj.gradient_flow(_dataset((400, 2), dim=60))
    assert int(found.status) == Status.FEW_SAMPLES
    assert np.isfinite(np.asarray(found.half_memorization_time)).all()
