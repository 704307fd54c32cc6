"""Invariances of the dynamics on given samples: exact, since the samples can be handed over."""

import numpy as np
import pytest

from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.model import gradient_flow
from tests.random_features.small_problems import TIMES

DIM, NUM_FEATURES = 10, 30
CURVES = ("train_loss", "test_loss")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(12)
    labels = np.repeat([0, 1, 2], 8)
    stds = np.array([0.5, 1.0, 1.6])[labels, None]
    return {
        "train_samples": rng.standard_normal((24, DIM)) * stds + 0.5 * labels[:, None],
        "train_labels": labels,
        "test_samples": rng.standard_normal((24, DIM)) * stds + 0.5 * labels[:, None],
        "test_labels": labels.copy(),
        "feature_weights": rng.standard_normal((NUM_FEATURES, DIM)),
    }


def curves(data, **changes):
    settings = {"diffusion_time": 0.2, "training_times": TIMES, "bias_std": 0.0} | data | changes
    return gradient_flow(DatasetProblem(**settings))


def assert_same_curves(one, other, order=slice(None), atol=1e-11):
    for name in CURVES:
        np.testing.assert_allclose(
            np.asarray(getattr(one, name))[order], getattr(other, name), rtol=1e-11, atol=atol
        )


def test_order_of_the_rows_changes_nothing(data):
    shuffle = np.random.default_rng(1).permutation(24)
    moved = {name: data[name][shuffle] for name in ("train_samples", "train_labels")}
    assert_same_curves(curves(data), curves(data, **moved))


def test_naming_the_classes_otherwise_permutes_the_curves(data):
    names = np.array(["b", "c", "a"])
    renamed = {f"{s}_labels": names[data[f"{s}_labels"]] for s in ("train", "test")}
    one, other = curves(data, bias_std=0.5), curves(data, bias_std=0.5, **renamed)
    assert_same_curves(one, other, order=[2, 0, 1])
    for name in ("generalization_time", "gap_onset_time", "bayes_floor", "sample_counts"):
        expected = np.asarray(getattr(one, name))[[2, 0, 1]]
        np.testing.assert_allclose(getattr(other, name), expected, rtol=1e-9)


def test_splitting_a_class_into_two_halves(data):
    """The pooled class's curves are the mean of its halves'; the other classes do not notice."""
    merged = {f"{s}_labels": np.minimum(data[f"{s}_labels"], 1) for s in ("train", "test")}
    halves, whole = curves(data), curves(data, **merged)
    for name in CURVES:
        parts, pooled = np.asarray(getattr(halves, name)), np.asarray(getattr(whole, name))
        np.testing.assert_allclose(parts[0], pooled[0], rtol=1e-11)
        np.testing.assert_allclose((parts[1] + parts[2]) / 2, pooled[1], rtol=1e-11)
    np.testing.assert_allclose(halves.total_train_loss, whole.total_train_loss, rtol=1e-11)


def test_identical_halves_have_identical_curves(data):
    """The same samples under two labels: three classes whose last two agree exactly."""
    copies = {
        name: np.concatenate([data[name][:16], data[name][8:16]])
        for name in ("train_samples", "test_samples")
    }
    found = curves(data, **copies)
    for name in CURVES:
        np.testing.assert_allclose(*np.asarray(getattr(found, name))[1:], rtol=1e-10)


def test_rotating_samples_and_features_together_changes_nothing(data):
    rotation = np.linalg.qr(np.random.default_rng(2).standard_normal((DIM, DIM)))[0]
    names = ("train_samples", "test_samples", "feature_weights")
    turned = {name: data[name] @ rotation for name in names}
    assert_same_curves(curves(data), curves(data, **turned))


def test_order_of_the_features_changes_nothing(data):
    shuffle = np.random.default_rng(3).permutation(NUM_FEATURES)
    moved = {"feature_weights": data["feature_weights"][shuffle]}
    assert_same_curves(curves(data), curves(data, **moved))


def test_mirror_images_are_invisible_without_biases_and_visible_with(data):
    signs = np.where(np.arange(24) % 3 == 0, -1.0, 1.0)[:, None]
    mirrored = {"train_samples": signs * data["train_samples"]}
    assert_same_curves(curves(data), curves(data, **mirrored))
    one, other = (curves(data | change, bias_std=0.7) for change in ({}, mirrored))
    assert np.abs(one.train_loss - other.train_loss).max() > 1e-2


def test_class_weights_default_to_the_shares_of_the_samples(data):
    assert_same_curves(curves(data), curves(data, class_weights=[1 / 3, 1 / 3, 1 / 3]))


def test_weighing_samples_is_repeating_them(data):
    """Weights (1/2, 1/4, 1/4) on equal counts = twice as many copies of class 0."""
    twice = {
        name: np.concatenate([data[name], data[name][:8]])
        for name in ("train_samples", "train_labels")
    }
    weighted, repeated = curves(data, class_weights=[0.5, 0.25, 0.25]), curves(data, **twice)
    assert_same_curves(weighted, repeated)
    np.testing.assert_allclose(weighted.total_train_loss, repeated.total_train_loss, rtol=1e-11)


def test_weight_on_one_class_trains_on_it_alone(data):
    alone = {
        name: data[name][8:16]
        for name in ("train_samples", "train_labels", "test_samples", "test_labels")
    }
    weighted, single = curves(data, class_weights=[0.0, 1.0, 0.0]), curves(data, **alone)
    for name in CURVES:
        np.testing.assert_allclose(
            np.asarray(getattr(weighted, name))[1], np.asarray(getattr(single, name))[0], rtol=1e-10
        )
