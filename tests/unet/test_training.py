"""The trainer: data order, noise levels, optimiser, scanned and spread steps; sampling."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from diffjax.diffusion import noise_variance
from diffjax.errors import InputError
from diffjax.unet import gradient
from diffjax.unet import training as training_module
from diffjax.unet.batches import batch_indices
from diffjax.unet.config import TrainingConfig
from diffjax.unet.objective import diffused, drawn_times
from diffjax.unet.sampling import Generator, backward_times
from diffjax.unet.training import Trainer
from tests.unet.digits import SMALLEST, TRAINING, digit_split

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trainer():
    return Trainer(digit_split(), SMALLEST, TRAINING)


@pytest.fixture(scope="module")
def trained(trainer):
    return jax.device_get(trainer.advance(trainer.initial_state(), 5))


def test_epochs_are_permutations_and_the_order_depends_on_the_step_alone():
    whole = batch_indices(7, 10, 4, 0, 10)
    for epoch in whole.reshape(-1, 10):
        assert sorted(epoch) == list(range(10))
    np.testing.assert_array_equal(batch_indices(7, 10, 4, 3, 5), whole[3:8])
    assert batch_indices(7, 10, 32, 0, 2).shape == (2, 10)
    assert (batch_indices(8, 10, 4, 0, 10) != whole).any()


def test_noise_levels_are_uniform_in_the_log_signal_to_noise_ratio():
    config = TrainingConfig(first_time=3.0, last_time=0.02)
    keys = jax.random.split(jax.random.key(0), 500)
    times = np.asarray(jax.vmap(lambda key: drawn_times(config, key, 8))(keys), float)
    assert times.dtype == float
    low, high = (-np.log(np.expm1(2 * t)) for t in (3.0, 0.02))
    quantiles = np.sort((-np.log(np.expm1(2 * times)) - low) / (high - low), axis=1)
    np.testing.assert_allclose(np.diff(quantiles, axis=1), 1 / 8, atol=1e-3)
    assert np.abs(np.quantile(quantiles, [0.1, 0.5, 0.9]) - [0.1, 0.5, 0.9]).max() < 0.02
    fixed = drawn_times(TrainingConfig(diffusion_time=0.2), jax.random.key(0), 3)
    np.testing.assert_allclose(fixed, 0.2, rtol=1e-6)
    assert fixed.dtype == jnp.float32


def test_one_step_by_hand(trainer):
    """Adam and the average on the gradient of the loss, written out with the network itself."""
    split, start = digit_split(), jax.device_get(trainer.initial_state())
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(TRAINING.seed), 5), 0)
    time_key, noise_key = jax.random.split(key)
    chosen = batch_indices(TRAINING.seed, 16, 8, 0, 1)[0]
    times = drawn_times(TRAINING, time_key, 8)
    noise = jax.random.normal(noise_key, (8, 8, 8, 1), jnp.float32)

    def loss(parameters):
        network = nnx.merge(trainer.predict.definition, parameters)
        seen = diffused(jnp.asarray(split.train[chosen]), times, noise)
        return jnp.mean((network(seen, times) - noise) ** 2)

    value, slope = jax.jit(jax.value_and_grad(loss))(start.parameters)
    assert float(value) == pytest.approx(1.0, rel=0.2)  # the first output is zero
    optimizer = optax.adam(TRAINING.learning_rate)
    update, _ = optimizer.update(slope, optimizer.init(start.parameters))
    expected = optax.apply_updates(start.parameters, update)
    made = trainer.advance(trainer.initial_state(), 1)
    close = jax.tree.map(lambda a, b: bool(np.allclose(a, b, atol=2e-5)), made.parameters, expected)
    assert jax.tree.all(close)
    average = jax.tree.map(lambda a, b: a + 0.1 * (b - a), made.parameters, start.parameters)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), made.average, average)


def test_all_of_the_state_is_in_32_bits(trained):
    kinds = {leaf.dtype.name for leaf in jax.tree.leaves(trained)}
    assert kinds == {"float32", "int32"}
    assert int(trained.step) == 5


def test_interrupted_training_has_the_same_bits(trainer, trained):
    state = trainer.advance(trainer.initial_state(), 2)
    stored = jax.device_get(state)
    resumed = jax.device_get(trainer.advance(trainer.placed(stored), 3))
    jax.tree.map(np.testing.assert_array_equal, resumed, trained)


def test_scanned_steps_are_the_same(trainer, trained, monkeypatch):
    _, many = training_module._compiled(trainer.predict, trainer._settings)
    indices = batch_indices(TRAINING.seed, 16, 8, 0, 5)
    scanned = jax.device_get(many(trainer.initial_state(), jnp.asarray(indices), *trainer._data))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), scanned, trained
    )


@pytest.mark.parametrize("images", [1, pytest.param(2, marks=pytest.mark.slow), 8])
def test_a_gradient_in_chunks_is_that_of_the_batch(trainer, monkeypatch, images):
    split, start = digit_split(), trainer.initial_state().parameters
    batch = split.train[:8], np.full(8, 0.3, np.float32), split.train[8:16], split.train_labels[:8]
    monkeypatch.setattr(gradient, "_CHUNK_PIXELS", 64 * images)
    found = gradient.chunked_gradient(trainer.predict, start, *batch)
    expected = jax.jit(gradient.gradient, static_argnums=0)(trainer.predict, start, *batch)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, expected
    )


def test_sgd_with_momentum_and_no_average():
    config = dataclasses.replace(
        TRAINING, optimizer="sgd", learning_rate=0.1, momentum=0.5, ema_decay=0.0
    )
    trainer = Trainer(digit_split(), SMALLEST, config)
    state = trainer.advance(trainer.initial_state(), 3)
    jax.tree.map(np.testing.assert_array_equal, state.average, state.parameters)
    trace = jax.tree.leaves(state.optimizer)
    assert max(float(np.abs(leaf).max()) for leaf in trace) > 0


def test_batches_that_cannot_be_spread():
    two = [jax.devices()[0]] * 3
    with pytest.raises(InputError, match="8 images on 3 devices"):
        Trainer(digit_split(), SMALLEST, TRAINING, two)


def test_two_devices_train_as_one(trained, tmp_path):
    """Data-parallel steps in a process with two host devices."""
    script = f"""
import jax
jax.config.update("jax_num_cpu_devices", 2)
import numpy as np
from diffjax.unet.training import Trainer
from tests.unet.digits import SMALLEST, TRAINING, digit_split
trainer = Trainer(digit_split(), SMALLEST, TRAINING, jax.devices())
state = trainer.advance(trainer.initial_state(), 5)
leaves = jax.tree.leaves(state.parameters)
assert len(leaves[0].sharding.device_set) == 2
np.savez({str(tmp_path / "two.npz")!r}, *leaves)
"""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True)
    with np.load(tmp_path / "two.npz") as two:
        found = [two[name] for name in two.files]
    for a, b in zip(found, jax.tree.leaves(trained.parameters), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def _gaussian_noise(parameters, images, times, labels):
    """Exact noise prediction for data of variance `parameters`: sqrt(Delta) x_t/Gamma_t."""
    del labels
    t = times[:, None, None, None]
    gamma = jnp.exp(-2 * t) * parameters + noise_variance(t)
    return jnp.sqrt(noise_variance(t)) * images / gamma


def _ddim_variance(variance: float, times: np.ndarray) -> float:
    """Variance that DDIM makes of unit noise: estimate x_0, keep the noise."""
    growth = 1.0
    for t, end in zip(times, [*times[1:], 0.0], strict=True):
        delta, delta_end = (1 - np.exp(-2 * s) for s in (t, end))
        estimate = np.exp(-t) * variance / (np.exp(-2 * t) * variance + delta)
        noise = (1 - np.exp(-t) * estimate) / np.sqrt(delta)
        growth *= np.exp(-end) * estimate + np.sqrt(delta_end) * noise
    return growth**2


@pytest.mark.parametrize("method", ["ddim", "ancestral"])
def test_generated_images_have_the_variance_of_the_data(method):
    times = backward_times(60)
    generate = Generator(_gaussian_noise, (6, 6, 1), times, method)
    images = generate(jnp.float32(0.7), 300, jax.random.key(1))
    assert images.shape == (300, 6, 6, 1)
    assert images.dtype == np.float32
    if method == "ddim":
        assert images.var() == pytest.approx(_ddim_variance(0.7, times.astype(float)), rel=0.05)
    assert images.var() == pytest.approx(0.7, rel=0.15)
    again = generate(jnp.float32(0.7), 300, jax.random.key(1))
    np.testing.assert_array_equal(images, again)


@pytest.mark.parametrize("method", ["ddim", "ancestral", "euler-maruyama"])
def test_the_loop_is_the_scanned_sampler(method):
    generate = Generator(_gaussian_noise, (4, 4, 1), backward_times(12), method)
    start = jax.random.normal(jax.random.key(0), (5, 16), jnp.float32)
    key = jax.random.key(2)
    looped = generate._looped(jnp.float32(0.7), start + 0, key, None)
    scanned = generate._scanned(jnp.float32(0.7), start, key, None)
    np.testing.assert_allclose(looped, scanned, rtol=2e-5, atol=2e-5)


def test_unknown_methods():
    with pytest.raises(InputError, match="one of ddim, ancestral"):
        Generator(_gaussian_noise, (4, 4, 1), backward_times(12), "heun")
