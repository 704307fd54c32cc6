"""Generated samples as a model: what early and late training generate, controls, contract."""

import functools

import jax
import numpy as np
import pytest

from diffjax.diffusion import noise_variance
from diffjax.errors import InputError, PrecisionError
from diffjax.mixture import GaussianMixture
from diffjax.random_features.generated_classes import CONTROLS
from diffjax.random_features.generated_samples import summarize
from diffjax.random_features.generator import backward, exact_score
from diffjax.random_features.generator_model import generated_classes
from diffjax.random_features.generator_problem import GeneratorProblem
from diffjax.samplers import log_snr_times
from diffjax.status import Status
from diffjax.sweep.run import sweep
from tests.random_features.generators import CLOCK, generator_of


@pytest.fixture(scope="module")
def found():
    return generated_classes(generator_of())


def test_late_samples_are_copies_and_early_ones_are_not(found):
    fraction = np.asarray(found.memorized_fraction)
    assert (fraction[:, :, -1] > 0.6).all()
    controls = np.asarray(found.control_memorized_fraction)
    early = controls[:, CONTROLS.index("fresh samples")]
    assert (fraction[:, :, 0] <= early + 0.12).all()
    assert int(found.status) == Status.OK


def test_times_of_copies_lie_between_and_follow_the_curves(found):
    assert (found.half_plateau_time <= found.half_copied_time).all()
    assert ((found.half_copied_time > CLOCK[0]) & (found.half_copied_time < CLOCK[-1])).all()
    np.testing.assert_allclose(found.plateau, np.asarray(found.memorized_fraction).max(axis=2))
    by_ratio, by_distance = np.asarray(found.half_copied_time)
    assert (by_distance < by_ratio).all()
    assert (np.asarray(found.generalization_time) < np.asarray(found.memorization_time)).all()


def test_controls(found):
    exact, empirical, fresh = range(3)
    fraction = np.asarray(found.control_memorized_fraction)
    assert (fraction[:, empirical] > 0.99).all()
    # in four dimensions chance copies are more frequent than in eight
    assert (fraction[0, [exact, fresh]] < 0.06).all()
    variance = np.asarray(found.control_variance)
    assert ((variance[exact] > 0.6) & (variance[exact] < 1.0)).all()
    np.testing.assert_allclose(variance[fresh], 1.0, atol=4 * np.sqrt(2 / (4 * 90)))
    shares = np.asarray(found.control_class_share)
    np.testing.assert_allclose(shares, 0.5, atol=4 * 0.5 / np.sqrt(200))
    np.testing.assert_allclose(found.class_share.sum(axis=0), 1.0, atol=1e-6)


def test_finer_steps_bring_the_exact_score_closer():
    problem = generator_of()
    law = exact_score(problem).at_precision("float32")

    @functools.partial(jax.jit, static_argnames="count")
    def variance(count):
        times = log_snr_times(count).astype("float32")
        samples = backward(law, times, problem.dim, 1000, jax.random.key(1))
        return summarize(samples, law, samples[:2]).variance.mean()

    coarse, fine = variance(16), variance(96)
    assert coarse < 0.9 < fine < 1.03


@pytest.mark.slow
def test_scaled_clock_and_probability_flow(found):
    """Delta tau is common at 1/Delta times the tau where noise is small and training lags."""
    changed = generated_classes(generator_of(sampler="ode", clock="scaled"))
    assert (np.asarray(changed.memorized_fraction)[1, :, -1] > 0.5).all()
    assert (changed.half_copied_time[1] < 0.5 * found.half_copied_time[1]).all()
    for name in ("memorization_time", "generalization_time"):
        ratio = getattr(changed, name) / getattr(found, name)
        np.testing.assert_allclose(ratio, float(noise_variance(0.01)), rtol=1e-6)


def test_outputs_have_the_declared_shapes(found):
    sizes = {"class": 2, "training_time": len(CLOCK), "criterion": 2, "control": 3}
    for name, output in generated_classes.outputs.items():
        assert np.shape(getattr(found, name)) == tuple(sizes[dim] for dim in output.dims), name


def test_a_sweep_is_the_loop_and_labels_criteria_and_controls(found):
    axes = {"stds[0]": (1.0, 1.5), "seed": (2,)}
    dataset = sweep(generated_classes, generator_of(), axes, devices=1)
    point = dataset.sel({"stds[0]": 1.5, "seed": 2})
    # a trajectory between two copies may choose the other one
    for name in ("class_share", "memorized_fraction", "control_memorized_fraction"):
        np.testing.assert_allclose(point[name], getattr(found, name), atol=0.03)
    np.testing.assert_allclose(point["memorization_time"], found.memorization_time)
    assert dataset["memorized_fraction"].sel(criterion="ratio").dims[:2] == ("stds[0]", "seed")
    assert point["control_variance"].sel(control="fresh samples").sizes["class"] == 2
    assert dataset["training_time"].values.tolist() == CLOCK


def test_a_training_that_ends_before_copies_says_so():
    stopped = generated_classes(generator_of(training_times=[1.0, 2.0, 5.0, 10.0, 20.0]))
    assert int(stopped.status) == Status.NOT_REACHED
    assert np.isinf(stopped.half_copied_time).all()


def test_32_bit_mode_and_other_problems_are_refused(found):
    with jax.enable_x64(False), pytest.raises(PrecisionError, match="jax_enable_x64"):
        generated_classes(generator_of())
    with pytest.raises(InputError, match="GeneratorProblem"):
        generated_classes(generator_of().at(0.1))


BAD = {
    "class of one sample": ({"imbalance_ratio": 1 / 7}, "at least 2"),
    "far from noise": ({"diffusion_times": log_snr_times(8, first=1.0)}, "pure noise"),
    "rising times": ({"diffusion_times": [0.1, 3.0]}, "falling"),
    "one diffusion time": ({"diffusion_times": [3.0]}, "falling"),
    "diffusion time zero": ({"diffusion_times": [3.0, 0.0]}, "diffusion_times"),
    "number of diffusion times": ({"num_diffusion_times": 1}, "num_diffusion_times"),
    "training times": ({"training_times": [1.0, 0.5]}, "training_times"),
    "sampler": ({"sampler": "heun"}, "sampler"),
    "clock": ({"clock": "tau"}, "clock"),
    "generated": ({"num_generated": 0}, "num_generated"),
    "bias": ({"bias_std": -1.0}, "bias_std"),
    "features": ({"num_features": 0}, "num_features"),
    "nan": ({"stds": (np.nan, 1.0)}, "stds"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_problems_are_refused(case):
    changes, named = BAD[case]
    with pytest.raises(InputError) as caught:
        generator_of(**changes)
    assert named in str(caught.value)
    assert caught.value.got and caught.value.allowed and caught.value.remedy


def test_anisotropic_classes_are_refused():
    mixture = GaussianMixture(class_covariances=np.ones((2, 4)))
    with pytest.raises(InputError, match="isotropic"):
        GeneratorProblem(mixture, dim=4, num_features=16, num_samples=8)
