"""Phase boundaries: both classes' times agree there, and derivatives are the implicit ones."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffjax as dj
from diffjax.asymptotics.boundary import BoundaryProblem
from diffjax.asymptotics.class_times import class_times
from diffjax.asymptotics.model import boundary
from diffjax.errors import InputError
from diffjax.status import Status

FAR = 32**0.5
MANY = {"features_per_dim": 128.0, "samples_per_dim": 8.0}
SCREENED = "screening_generalization_time"


def theory(std=1.2, distance=FAR, cosine=0.0, ratio=1.0, **changes):
    mixture = dj.two_classes((std, 1.0), distance, ratio, cosine=cosine)
    settings = {"features_per_dim": 16.0, "samples_per_dim": 8.0, "diffusion_time": 0.3}
    # traced problems take the fewest nodes, others what their numbers ask for
    settings["theory_options"] = dj.TheoryOptions(centroid_nodes=41)
    return dj.AsymptoticProblem(mixture, **(settings | changes))


def along_imbalance(time, low=0.05, high=1.0, **changes) -> BoundaryProblem:
    return BoundaryProblem(theory(**changes), low, high, "imbalance_ratio", time)


@pytest.fixture(scope="module")
def reversal():
    return boundary(along_imbalance("generalization_time", low=1 / 9, high=1.0))


def test_imbalance_reverses_generalisation_far_apart(reversal):
    assert reversal.status == Status.OK
    assert 0.2 / 0.8 < reversal.position < 1.0
    assert round(float(reversal.position), 3) == 0.411  # as the docstring of `boundary` says
    assert reversal.log_ratio_at_low > 0 > reversal.log_ratio_at_high
    times = dj.asymptotic_dynamics(theory(ratio=float(reversal.position))).generalization_time
    assert abs(times[0] / times[1] - 1) < 1e-9
    np.testing.assert_allclose(reversal.crossing_time, times[0], rtol=1e-9)


@pytest.mark.slow
def test_collinear_centroids_are_never_reversed():
    found = boundary(along_imbalance("generalization_time", low=1 / 9, cosine=-1.0))
    assert found.status == Status.NOT_REACHED
    assert np.isinf(found.position) and np.isinf(found.crossing_time)
    assert found.log_ratio_at_low < 0 and found.log_ratio_at_high < 0


def test_spectral_boundary_is_at_equal_rates():
    found = boundary(along_imbalance("spectral_generalization_time"))
    times = class_times(theory(ratio=float(found.position)), "spectral_generalization_time").times
    assert abs(times[0] / times[1] - 1) < 1e-12


@pytest.mark.parametrize(
    "time",
    [
        "spectral_generalization_time",
        pytest.param("screening_generalization_time", marks=pytest.mark.slow),
    ],
)
def test_derivatives_are_those_of_the_implicit_function(time):
    start = along_imbalance(time)
    slopes = jax.grad(lambda p: boundary(p).position)(start).theory.mixture

    def position(std=1.2, distance=FAR):
        changed = dataclasses.replace(start, theory=theory(std, distance))
        return float(boundary(changed).position)

    h = 1e-4
    by_std = (position(1.2 + h) - position(1.2 - h)) / (2 * h)
    by_distance = (position(distance=FAR + h) - position(distance=FAR - h)) / (2 * h)
    np.testing.assert_allclose(slopes.stds[0], by_std, rtol=1e-5)
    np.testing.assert_allclose(slopes.distance, by_distance, rtol=1e-5)
    assert slopes.imbalance_ratio == 0


@pytest.mark.slow
def test_derivatives_of_the_full_theory():
    """Nearer centroids than in the reversal: there the contour is exact to rounding."""
    theory_at = {"distance": 1.0, "std": 0.9}
    start = BoundaryProblem(theory(**theory_at), 0.3, 3.0, "mixture.norm_ratio")
    slopes = jax.grad(lambda p: boundary(p).position)(start).theory.mixture
    h = 1e-4
    shifted = [theory(**(theory_at | {"std": 0.9 + s})) for s in (h, -h)]
    ends = [boundary(dataclasses.replace(start, theory=other)).position for other in shifted]
    np.testing.assert_allclose(slopes.stds[0], (ends[0] - ends[1]) / (2 * h), rtol=1e-5)


def test_a_boundary_of_times_out_of_range_has_no_position():
    few = {"features_per_dim": 4.0, "samples_per_dim": 0.5}
    found = boundary(along_imbalance("screening_generalization_time", **few))
    assert found.status == Status.OUT_OF_RANGE
    assert np.isinf(found.position) and np.isinf(found.crossing_time)


def test_a_line_of_boundaries_is_a_sweep():
    start = along_imbalance("screening_generalization_time", **MANY)
    line = dj.sweep(boundary, start, over={"stds[0]": [1.1, 1.2, 1.3]})
    assert (line["status"] == Status.OK).all()
    assert (np.diff(line["position"]) < 0).all()
    single = boundary(dataclasses.replace(start, theory=theory(1.3, **MANY)))
    np.testing.assert_allclose(line["position"][2], single.position, rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"axis": "imbalance"}, "imbalance"),
        ({"axis": "stds"}, "name an element"),
        ({"axis": "activation"}, "static"),
        ({"low": 2.0}, "low is below high"),
        ({"low": -1.0}, "imbalance_ratio"),
        ({"high": np.inf}, "finite"),
        ({"time": "memorisation"}, "time is one of"),
        ({"second": 0}, "two different classes"),
        ({"second": 2}, "two different classes"),
        ({"theory": None}, "AsymptoticProblem"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(changes, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(along_imbalance("generalization_time"), **changes)


def test_an_element_of_an_array_is_an_axis():
    start = BoundaryProblem(theory(ratio=0.4, **MANY), 1.0, 1.6, "stds[0]", SCREENED)
    found = boundary(start)
    assert found.status == Status.OK
    back = boundary(along_imbalance(SCREENED, std=float(found.position), **MANY))
    np.testing.assert_allclose(back.position, 0.4, rtol=1e-8)
    assert jnp.isfinite(found.slope)
