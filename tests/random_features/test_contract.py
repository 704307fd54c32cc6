"""What JAX users rely on: jit, lax.map, one trace for many values, and refusal of float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.errors import InputError, PrecisionError
from diffjax.mixture import two_classes
from diffjax.random_features.features import draw_features
from diffjax.random_features.model import gradient_flow
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.sampling import centroid_frame, draw_samples
from diffjax.status import Status
from tests.random_features.small_problems import TIMES, problem_of

NAMES = ("train_loss", "test_loss", "eigenvalues", "generalization_time", "final_test_loss")


def pair_problem(seed=3, distance=1.5, diffusion_time=0.2, activation="tanh"):
    mixture = two_classes(stds=(1.4, 0.7), distance=distance, imbalance_ratio=0.4, cosine=0.3)
    return RandomFeatureProblem(
        mixture, dim=10, num_features=30, num_samples=24, diffusion_time=diffusion_time,
        activation=activation, training_times=TIMES, seed=seed, bias_std=0.6,
    )  # fmt: skip


def assert_same(one, other, rtol=1e-9):
    for name in NAMES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=1e-12)


def test_mapping_over_stacked_problems_is_the_loop():
    """Seed, distance and diffusion time vary along a leading axis under jit(lax.map)."""
    settings = [(0, 0.0, 0.05), (5, 2.0, 0.2), (6, 4.0, 1.0)]
    problems = [pair_problem(*setting) for setting in settings]
    stacked = jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(x) for x in leaves]), *problems)
    mapped = jax.jit(lambda batch: jax.lax.map(gradient_flow, batch))(stacked)
    for index, problem in enumerate(problems):
        assert_same(jax.tree.map(lambda leaf: leaf[index], mapped), gradient_flow(problem))  # noqa: B023


def test_many_values_of_all_leaves_are_traced_once():
    traces = []

    def counted(x):
        traces.append(x.shape)
        return jnp.tanh(x)

    first = gradient_flow(pair_problem(activation=counted))
    count = len(traces)
    assert count > 0
    for seed, distance, time in ((1, 0.3, 0.1), (2, 3.0, 0.7), (2**31, 5.0, 1e-3)):
        assert np.isfinite(
            gradient_flow(pair_problem(seed, distance, time, counted)).test_loss
        ).all()
    assert len(traces) == count
    assert_same(first, gradient_flow(pair_problem()))


def test_repeated_calls_are_bitwise_equal():
    one, other = gradient_flow(pair_problem()), gradient_flow(pair_problem())
    for name in NAMES:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_outputs_have_the_declared_shapes():
    found = gradient_flow(problem_of())
    sizes = {"class": 3, "training_time": 61, "eigenvalue": 30}
    for name, output in gradient_flow.outputs.items():
        assert np.shape(getattr(found, name)) == tuple(sizes[dim] for dim in output.dims), name


def test_float32_is_refused_without_consent():
    with jax.enable_x64(False), pytest.raises(PrecisionError) as caught:
        gradient_flow(pair_problem())
    assert "jax_enable_x64" in str(caught.value) and "allow_float32" in str(caught.value)


def test_float32_with_consent_says_when_it_is_imprecise():
    """Good to a percent where the spectrum is narrow; flagged where it is wide."""
    exact = gradient_flow(pair_problem())
    with jax.enable_x64(False):
        found = gradient_flow(pair_problem(), allow_float32=True)
        wide = gradient_flow(pair_problem(diffusion_time=1e-3), allow_float32=True)
    assert found.test_loss.dtype == jnp.float32
    np.testing.assert_allclose(found.train_loss, exact.train_loss, atol=1e-2)
    assert int(wide.status) == Status.IMPRECISE
    assert int(exact.status) in (Status.OK, Status.NOT_REACHED)


def test_bad_options_are_refused():
    with pytest.raises(InputError, match="solver"):
        gradient_flow(pair_problem(), solver="cholesky")
    with pytest.raises(InputError, match="initial_readout"):
        gradient_flow(pair_problem(), initial_readout=np.zeros((30, 10)))
    with pytest.raises(InputError, match="RandomFeatureProblem"):
        gradient_flow(two_classes())


BAD_PROBLEMS = {
    "dim": ({"dim": 0}, "dim"),
    "fractional dim": ({"dim": 10.5}, "dim"),
    "fewer dimensions than classes": ({"dim": 2}, "dim"),
    "features": ({"num_features": -4}, "num_features"),
    "class without samples": ({"num_samples": 2}, "class"),
    "time": ({"diffusion_time": -0.1}, "diffusion_time"),
    "activation": ({"activation": "tahn"}, "tanh"),
    "activation kind": ({"activation": 3.0}, "activation"),
    "times": ({"training_times": [1.0, 0.5]}, "training_times"),
    "negative times": ({"training_times": [-1.0, 0.5]}, "training_times"),
    "one time": ({"training_times": [1.0]}, "training_times"),
    "bias": ({"bias_std": -1.0}, "bias_std"),
    "seed": ({"seed": -1}, "seed"),
    "fractional seed": ({"seed": 1.5}, "1.5"),
    "class weights": ({"class_weights": [0.5, 0.5, 0.5]}, "class_weights"),
    "two class weights": ({"class_weights": [0.5, 0.5]}, "class_weights"),
    "readout": ({"readout_std": -1.0}, "readout_std"),
    "anisotropic dim": ({"mixture": "rotated", "dim": 12}, "class_covariances"),
}


@pytest.mark.parametrize("case", BAD_PROBLEMS)
def test_bad_problems_are_refused(case):
    changes, named = BAD_PROBLEMS[case]
    with pytest.raises(InputError) as caught:
        problem_of(**changes)
    assert named in str(caught.value)
    assert caught.value.got and caught.value.allowed and caught.value.remedy


def test_draws_outside_of_jit_compile_once():
    """A second seed of the same sizes finds all that the first one compiled."""
    compiled = []

    def count(event, duration, **_):
        del duration
        compiled.extend([event] if event.endswith("backend_compile_duration") else [])

    def draw(seed):
        draw_features(seed, 7, 5, 0.3)
        centroid_frame(seed, 3, 5)
        draw_samples(two_classes(), seed, 9, 5)

    jax.monitoring.register_event_duration_secs_listener(count)
    try:
        draw(1)
        first = len(compiled)
        draw(2)
        assert len(compiled) == first > 0
    finally:
        jax.monitoring.unregister_event_duration_listener(count)
