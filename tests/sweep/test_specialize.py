"""Static choices that a rule makes from the numbers of a point."""

import dataclasses

import numpy as np

import diffjax as dj
from diffjax.sweep import sweep
from diffjax.sweep.model import Special
from diffjax.sweep.run import open_run
from tests.sweep.toy_models import CALLS, oscillator, spring

RADII = [1.0, 6.0, 2.0, 8.0]


def _radius(problem):
    return problem.plate.radius


def _by_radius(points):
    """Many modes where the radius is large."""
    large = points.values(_radius) > 5.0
    assert [float(points.problem_at(i).plate.radius) > 5.0 for i in range(points.count)] == [*large]
    sizes = {False: 2, True: 4}
    return [
        Special(np.flatnonzero(large == wide), dataclasses.replace(points.problem, size=size))
        for wide, size in sizes.items()
        if (large == wide).any()
    ]


SPECIAL = dataclasses.replace(oscillator, specialize=_by_radius)


def test_points_get_the_static_fields_that_their_numbers_ask_for():
    found = sweep(SPECIAL, spring(), {"radius": RADII})
    assert np.isfinite(found["modes"]).sum("mode").values.tolist() == [2, 4, 2, 4]
    np.testing.assert_array_equal(found["energy"], 3.0 * np.square(RADII))


def test_a_choice_is_no_part_of_the_identity(tmp_path):
    sweep(oscillator, spring(), {"radius": RADII[:2]}, tmp_path / "run")
    sweep(SPECIAL, spring(), {"radius": RADII}, tmp_path / "run")
    modes = np.isfinite(open_run(tmp_path / "run")["modes"]).sum("mode")
    assert modes.values.tolist() == [3, 3, 2, 4]  # the first two were there


def test_a_second_sweep_traces_nothing():
    sweep(SPECIAL, spring(), {"radius": RADII})
    CALLS.clear()
    sweep(SPECIAL, spring(), {"radius": RADII})
    assert not CALLS


def test_points_without_varying_numbers_are_specialised_too():
    found = sweep(SPECIAL, spring(), {"kind": ["steel", "brass"]})
    assert found["modes"].shape == (2, 2)


def test_another_model_may_be_named_for_a_part():
    loud = dataclasses.replace(oscillator, name="loud", default_problem=None)

    def specialize(points):
        far = points.values(_radius) > 5.0
        return [
            Special(np.flatnonzero(far), points.problem, loud),
            Special(np.flatnonzero(~far), points.problem),
        ]

    model = dataclasses.replace(oscillator, specialize=specialize)
    found = sweep(model, spring(), {"radius": RADII})
    np.testing.assert_array_equal(found["energy"], 3.0 * np.square(RADII))


def test_a_point_of_the_theory_is_computed_as_it_is_alone():
    """Far narrow classes need more nodes than near ones."""
    times = np.geomspace(0.1, 1e4, 30)

    def problem(distance):
        mixture = dj.two_classes((0.5, 0.3), distance, imbalance_ratio=0.25)
        return dj.AsymptoticProblem(mixture, 8.0, 4.0, 0.1, training_times=times)

    over = {"distance": [0.5, 3.0]}
    found = dj.sweep(dj.asymptotic_dynamics, problem(1.0), over)
    assert not np.isin(found["status"], [dj.Status.COARSE]).any()
    for curves, distance in zip(found["test_loss"], over["distance"], strict=True):
        alone = dj.asymptotic_dynamics(problem(distance))
        np.testing.assert_allclose(curves, alone.test_loss, rtol=1e-12)


def test_sub_classes_given_by_variances_are_swept_as_they_are_alone():
    """Their directions are coordinates that the centroids alone do not have."""
    variances = np.ones((2, 12))
    variances[0, 0], variances[1, 1] = 6.0, 4.0
    mixture = dj.GaussianMixture(class_covariances=variances, centroid_gram=np.zeros((2, 2)))

    def problem(time):
        return dj.AsymptoticProblem(
            mixture, 4.0, 2.0, time, training_times=np.geomspace(0.1, 1e4, 30),
            theory_options=dj.TheoryOptions(method="sub-classes"),
        )  # fmt: skip

    found = dj.sweep(dj.asymptotic_dynamics, problem(0.1), {"diffusion_time": [0.2]})
    alone = dj.asymptotic_dynamics(problem(0.2))
    np.testing.assert_allclose(found["test_loss"][0], alone.test_loss, rtol=1e-12)
    assert int(found["status"][0]) == int(alone.status)
