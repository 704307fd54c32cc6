"""Neighbours, copies, distances of features, paired losses: against slow and independent ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import sqrtm

from diffjax.errors import InputError
from diffjax.unet import neighbours
from diffjax.unet.classifier import train_classifier
from diffjax.unet.config import EvaluationConfig
from diffjax.unet.memorization import class_shares, find_copies, fresh_distances
from diffjax.unet.neighbours import nearest
from diffjax.unet.quality import frechet_distance
from diffjax.unet.reference_losses import PairedLosses
from tests.unet.digits import digit_split


@pytest.mark.parametrize("block", [7, 50, 4096])
def test_neighbours_are_those_of_all_pairs(rng, monkeypatch, block):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    queries, references = rng.standard_normal((23, 5)), rng.standard_normal((50, 5))
    queries[3] = references[11]
    found = nearest(queries, references, 3)
    distances = np.linalg.norm(queries[:, None] - references[None], axis=-1)
    order = np.argsort(distances, axis=1)[:, :3]
    np.testing.assert_array_equal(found.index, order)
    np.testing.assert_allclose(
        found.distance, np.take_along_axis(distances, order, 1), rtol=1e-5, atol=1e-6
    )
    assert found.distance[3, 0] < 1e-6


def test_no_array_of_all_pairs_and_pixels():
    count, dim = 5000, 64
    program = jax.jit(lambda q, r: neighbours._candidates(q, r, 2)).lower(
        jax.ShapeDtypeStruct((count, dim), jnp.float32),
        (
            jax.ShapeDtypeStruct((2, 4096, dim), jnp.float32),
            jax.ShapeDtypeStruct((2, 4096), jnp.float32),
        ),
    )
    memory = program.compile().memory_analysis()
    assert memory.temp_size_in_bytes < 12 * 4 * count * 4096 < 4 * count * 8192 * dim


def test_neighbours_that_cannot_be_found(rng):
    with pytest.raises(InputError, match="count=3"):
        nearest(rng.random((2, 4)), rng.random((2, 4)), 3)
    with pytest.raises(InputError, match="one length"):
        nearest(rng.random((2, 4)), rng.random((2, 5)))


def test_copies_by_both_criteria():
    split = digit_split((3, 8), (12, 4))
    fresh = split.held_out
    copies = find_copies(fresh, split.held_out_labels, split)
    assert copies.memorized.mean() < 0.05
    slightly = split.train + 0.01
    copies = find_copies(slightly, split.train_labels, split)
    assert copies.memorized.all()
    np.testing.assert_array_equal(copies.nearest, np.arange(16))
    half_way = 0.5 * (split.train[:1] + split.train[1:2])
    between = find_copies(half_way, split.train_labels[:1], split)
    assert not between.by_ratio.any()


def test_typical_distances_by_hand():
    split = digit_split((3, 8), (12, 4))
    for position, typical in enumerate(fresh_distances(split)):
        rows = split.held_out[split.held_out_labels == position].reshape(-1, 64)
        distances = np.linalg.norm(rows[:, None] - rows[None], axis=-1)
        np.fill_diagonal(distances, np.inf)
        assert typical == pytest.approx(np.median(distances.min(1)), rel=1e-4)


def test_shares_of_classes():
    flags, classes = np.array([True, True, False, True]), np.array([0, 0, 0, 2])
    np.testing.assert_allclose(class_shares(flags, classes, 4), [2 / 3, 0, 1, 0])


def test_frechet_distance_is_that_of_matrix_roots(rng):
    first = rng.standard_normal((60, 5)) @ rng.standard_normal((5, 5))
    second = rng.standard_normal((40, 5)) @ rng.standard_normal((5, 5)) + 1.0
    c, e = np.cov(first.T, bias=True), np.cov(second.T, bias=True)
    expected = np.sum((first.mean(0) - second.mean(0)) ** 2)
    expected += np.trace(c + e - 2 * sqrtm(c @ e).real)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-6)
    assert frechet_distance(first[:1], second) == np.inf


def test_the_classifier_tells_digits_apart():
    split = digit_split((3, 8), (12, 4))
    classifier = train_classifier(split, steps=150)
    assert classifier.accuracy.min() > 0.85
    judged = classifier(split.held_out)
    assert judged.features.shape == (len(split.held_out), 16)
    again = train_classifier(split, steps=150)(split.held_out)
    np.testing.assert_array_equal(judged.features, again.features)


def _linear(parameters, images, times, labels):
    """Noise predicted as a multiple of the image."""
    del labels
    return parameters * images * times[:, None, None, None]


def test_paired_losses_by_hand():
    split = digit_split((3, 8), (12, 4))
    config = EvaluationConfig(diffusion_times=(0.2, 0.7), images=20)
    losses = PairedLosses(_linear, split, config, seed=4)
    found = losses(jnp.float32(0.5))
    again = losses(jnp.float32(0.5))
    np.testing.assert_array_equal(found["test"], again["test"])
    # x_t = e^-t x + sqrt(Delta) xi: expectation of |a t x_t - xi|^2/d, sampled with 20 pairs
    for c in range(2):
        power = np.mean(split.held_out[split.held_out_labels == c][:20] ** 2)
        for k, t in enumerate(config.diffusion_times):
            delta, a = 1 - np.exp(-2 * t), 0.5 * t
            expected = (a * np.sqrt(delta) - 1) ** 2 + a**2 * np.exp(-2 * t) * power
            assert found["test"][c, k] == pytest.approx(expected, rel=0.1)
    zero = losses(jnp.float32(0.0))
    np.testing.assert_array_equal(zero["train"], zero["test"])  # the same noise


def test_the_loss_of_the_exact_minimiser(rng):
    split = digit_split((3, 8), (12, 4))
    config = EvaluationConfig(diffusion_times=(0.05, 0.8), images=16)
    losses = PairedLosses(_linear, split, config, seed=4)
    found = losses.memorizing_losses()
    # an independent draw of noise, posterior over the training images in 64-bit NumPy
    images = split.train.reshape(16, -1).astype(float)
    for c in range(2):
        own = images[split.train_labels == c]
        for k, t in enumerate(config.diffusion_times):
            delta, decay = 1 - np.exp(-2 * t), np.exp(-t)
            x = own[rng.integers(len(own), size=4000)]
            xi = rng.standard_normal(x.shape)
            seen = decay * x + np.sqrt(delta) * xi
            logits = -np.sum((seen[:, None] - decay * images[None]) ** 2, -1) / (2 * delta)
            weights = np.exp(logits - logits.max(1, keepdims=True))
            weights /= weights.sum(1, keepdims=True)
            noise = (seen - decay * weights @ images) / np.sqrt(delta)
            sampled = np.mean((noise - xi) ** 2, axis=1)
            assert abs(found[c, k] - sampled.mean()) < 5 * sampled.std() / np.sqrt(16) + 1e-4
    assert (found[:, 0] < found[:, 1] + 1e-6).all()
