"""What is refused names the argument, what is wrong and what to do; what is clear is taken."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffjax as dj
from diffjax.precision import require_float64

PAIR = dj.two_classes((1.5, 1.0), 1.0, 0.5)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 4)), np.repeat([0, 1], 6)


def finite(**changes):
    sizes = {"dim": 4, "num_features": 8, "num_samples": 12}
    return dj.RandomFeatureProblem(PAIR, **{**sizes, "diffusion_time": 0.1, **changes})


@pytest.mark.parametrize(
    "size", [np.int64(16), np.int32(16), 16.0, np.float32(16), jnp.asarray(16)]
)
def test_sizes_may_be_whole_numbers_of_any_type(size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problems = [
            finite(num_features=size),
            dj.DatasetProblem(X, Y, X + 1, Y, 0.1, num_features=size),
            dj.GeneratorProblem(PAIR, 4, size, 12),
            dj.CovarianceOptions(nodes=size),
            dj.TheoryOptions(centroid_nodes=size),
        ]
        assert type(dj.SpeciationProblem(PAIR, size).dim) is int
    assert type(problems[0].num_features) is int
    assert jax.tree.structure(problems[0]) == jax.tree.structure(finite(num_features=16))
    assert problems[3] == dj.CovarianceOptions(nodes=16)


@pytest.mark.parametrize("size", [16.5, "16", True, np.nan, [16], 0, -1, None])
def test_other_sizes_are_refused(size):
    with pytest.raises(dj.InputError, match="whole number"):
        finite(num_features=size)


def test_a_size_that_is_a_whole_float_is_the_same_point_of_a_grid():
    found = [
        dj.explain(dj.gradient_flow, finite(), {"num_features": sizes})
        for sizes in ([8, 16], [8.0, 16.0], np.array([8.0, 16.0]))
    ]
    assert len({explanation.points for explanation in found}) == 1
    from diffjax.sweep.grid import make_grid

    keys = [make_grid(finite(), {"dim": dims}).keys().tolist() for dims in ([4, 8], [4.0, 8.0])]
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: finite(training_times=[]), ["training_times", "shape (0,)", "two positive"]),
        (lambda: finite(training_times=3.0), ["training_times", "two positive"]),
        (lambda: dj.GaussianMixture([1, 2], [1, 4]), ["sum to 5", "weights=[0.2, 0.8]"]),
        (lambda: finite(class_weights=[1, 3]), ["sum 4", "class_weights=[0.25, 0.75]"]),
        (lambda: finite(class_weights=[-1, 2]), ["non-negative", "give shares"]),
        (
            lambda: dj.GaussianMixture([1, 2], class_weights=[0.5, 0.5]),
            ["GaussianMixture has no field 'class_weights'", "did you mean 'weights'"],
        ),
        (
            lambda: finite(weights=[0.5, 0.5]),
            ["RandomFeatureProblem has no field 'weights'", "did you mean 'class_weights'", "loss"],
        ),
        (
            lambda: dj.DatasetProblem(X, Y, X, Y, 0.1, num_feature=4),
            ["DatasetProblem has no field", "did you mean 'num_features'"],
        ),
        (lambda: finite(seed=jax.random.key(0)), ["JAX random key", "number that the key"]),
        (lambda: finite(seed=2**63), ["2^63 - 1"]),
        (lambda: dj.GaussianMixture(["1", "2"]), ["stds", "<U1", "'1' at [0]"]),
        (lambda: dj.GaussianMixture([[1], [2, 3]]), ["stds", "different lengths"]),
        (
            lambda: dj.DatasetProblem([[1, "a"], [2, 3]] * 6, Y, X, Y, 0.1, num_features=4),
            ["train_samples", "shape (12, 2)", "'a' at [0, 1]"],
        ),
        (
            lambda: dj.DatasetProblem(X, Y, X + 1j * X, Y, 0.1, num_features=4),
            ["test_samples", "complex128", "at [0, 0]"],
        ),
        (lambda: dj.bayes_floor(PAIR, 1j), ["diffusion_time", "1j"]),
        (lambda: dj.bayes_floor(PAIR, -1), ["diffusion_time=-1", "> 0"]),
        (lambda: dj.bayes_floor(1, 1), ["mixture is a int"]),
        (lambda: dj.class_times("x"), ["problem is a str"]),
        (lambda: dj.collapse_times([1j, 2], [9, 9], 8), ["stds", "complex128"]),
        (lambda: dj.cluster_directions([[1j, 2]], 1), ["variances", "complex128"]),
        (lambda: dj.cloning_probabilities(PAIR, 64, [1j]), ["diffusion_times", "complex128"]),
        (lambda: dj.class_order(X, Y, 8.0, 4.0, weights=["a", "b"]), ["weights", "'a' at [0]"]),
        (
            lambda: dj.spectrum(dj.AsymptoticProblem(PAIR, 8.0, 4.0, 0.1), ["x"]),
            ["eigenvalues", "'x' at [0]"],
        ),
        (
            lambda: dj.DatasetProblem(
                X, list("ab") * 6, X, list("ab") * 6, 0.1, num_features=4, class_labels=("a", "b")
            ),
            ["train_labels holds ['a', 'b']", "codes 0 to 1"],
        ),
        (
            lambda: dj.sweep(dj.gradient_flow, finite(), {"seed": [0]}, store=__file__),
            ["test_messages.py is a file", "folder of its own"],
        ),
        (
            lambda: dj.sweep(dj.gradient_flow, finite(), {"seed": [0]}, store=3),
            ["store=3", "path of a folder"],
        ),
    ],
)
def test_a_refusal_says_what_is_meant(build, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dj.DataWarning)
        with pytest.raises(dj.InputError) as caught:
            build()
    for word in words:
        assert word in str(caught.value)
    assert len(str(caught.value)) < 600


def test_the_largest_seed_is_taken():
    assert int(finite(seed=2**63 - 1).seed) == 2**63 - 1


def test_only_a_function_with_that_option_advises_it():
    with jax.enable_x64(False):
        with pytest.raises(dj.PrecisionError, match="class_order was called") as caught:
            dj.class_order(X, Y, 8.0, 4.0)
        assert "allow_float32" not in str(caught.value)
        with pytest.raises(dj.PrecisionError, match="allow_float32"):
            require_float64("gradient_flow", allow_float32=False)
