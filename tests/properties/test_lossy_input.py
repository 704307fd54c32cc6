"""Input that numbers would hold only in part is refused, wherever it comes in."""

import datetime
import decimal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffjax as dj
from diffjax.errors import InputError
from diffjax.validation import float_leaf, integer_leaf

PAIR = dj.two_classes((1.5, 1.0), 1.0, 0.5)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 4)), np.repeat([0, 1], 6)

LOSSY = {
    "complex": 1.0 + 2.0j,
    "complex array of NumPy": np.array([1.0 + 1.0j, 2.0]),
    "complex array of JAX": jnp.array([1.0 + 1.0j, 2.0]),
    "truth value": True,
    "truth values of JAX": jnp.array([True, False]),
    "text": "1.5",
    "texts": ["1", "2"],
    "bytes": b"1",
    "date": np.datetime64("2020-01-01"),
    "duration": np.timedelta64(3, "s"),
    "datetime": datetime.datetime(2020, 1, 1),
    "decimal": decimal.Decimal("1.1"),
    "masked": np.ma.array([1.0, 2.0], mask=[True, False]),
    "missing": [1.0, None],
    "large": 2**53 + 1,
    "very large": 10**30,
    "objects": np.array([1.0, "a"], dtype=object),
}


@pytest.mark.parametrize("name", LOSSY)
def test_a_leaf_of_numbers_refuses_it(name):
    with pytest.raises(InputError, match="cannot be read as numbers"):
        float_leaf(LOSSY[name])


def test_what_loses_nothing_is_taken():
    for value in (1, np.int8(3), np.float16(0.5), 2**60, [1, 2.5], np.ma.array([1.0, 2.0])):
        np.testing.assert_array_equal(float_leaf(value), np.asarray(value, float))
    assert np.isnan(float_leaf(np.nan)) and float_leaf(None) is None
    assert integer_leaf(2**63 - 1) == 2**63 - 1 and integer_leaf(3.0) == 3


BUILDERS = {
    "GaussianMixture stds": lambda v: dj.GaussianMixture(v, [0.5, 0.5]),
    "two_classes": lambda v: dj.two_classes(stds=(v, 1.0)),
    "diffusion_time": lambda v: dj.RandomFeatureProblem(PAIR, 4, 8, 12, v),
    "training_times": lambda v: dj.RandomFeatureProblem(PAIR, 4, 8, 12, 0.1, training_times=v),
    "theory": lambda v: dj.AsymptoticProblem(PAIR, v, 2.0, 0.1),
    "train_samples": lambda v: dj.DatasetProblem(X * v, Y, X, Y, 0.1, num_features=8),
    "class_order": lambda v: dj.class_order(X * v, Y, 8.0, 2.0),
    "class_statistics": lambda v: dj.class_statistics(X * v, Y),
    "from_data": lambda v: dj.AsymptoticProblem.from_data(X * v, Y, 8.0, 2.0, 0.1),
}


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("kind", [complex, jnp.asarray])
def test_every_constructor_refuses_complex_numbers(name, kind):
    with pytest.raises(InputError):
        BUILDERS[name](kind(1.0 + 0.5j))


@pytest.mark.parametrize("seed", [jax.random.key(0), 1.5, 2**63, "1", None, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(InputError, match="whole number"):
        dj.RandomFeatureProblem(PAIR, 4, 8, 12, 0.1, seed=seed)


def test_labels_that_leave_a_class_empty_are_refused():
    for labels in (Y + 1, np.zeros(12, int), Y.astype(float), 2 * Y):
        with pytest.raises(InputError, match="class_labels names 2 classes"):
            dj.DatasetProblem(
                X, labels, X + 1, labels, 0.1, num_features=8, class_labels=("a", "b")
            )
