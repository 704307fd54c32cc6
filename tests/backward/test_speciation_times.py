"""Speciation times: published values, scaling with dimension, limits."""

import numpy as np
import pytest

from diffjax.backward.cloning import cloning_probabilities
from diffjax.backward.memory import speciation_times
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, two_classes
from tests.backward.mixtures import NAMED, antipodal


@pytest.mark.parametrize(("weight", "expected"), [(0.7, 1.528), (0.9, 1.052), (0.99, 0.683)])
def test_one_half_return_of_the_minority(weight, expected):
    times = speciation_times(antipodal(3.0, 40, ratio=weight / (1 - weight)), 40)
    assert float(times.class_times[1]) == pytest.approx(expected, abs=6e-4)
    assert np.isinf(times.class_times[0])


@pytest.mark.parametrize("name", ["equal", "wide", "three"])
def test_times_are_where_the_probabilities_say(name):
    mixture = NAMED[name]
    times = speciation_times(mixture, 400)
    for label in range(mixture.num_classes):
        for level, found in ((0.5, times.class_times), (0.99, times.certain_times)):
            if 0 < float(found[label]) < np.inf:
                phi = cloning_probabilities(mixture, 400, [float(found[label])])[0]
                assert float(phi[label, label]) == pytest.approx(level, abs=1e-4)
        if 0 < (plural := float(times.plurality_times[label])) < np.inf:
            phi = np.asarray(cloning_probabilities(mixture, 400, [plural])[0, label])
            others = np.delete(phi, label)
            assert phi[label] == pytest.approx(others.max(), abs=1e-4)


def test_plurality_and_one_half_of_three_classes():
    mixture = GaussianMixture((1.0, 1.0, 1.0), (0.5, 0.3, 0.2), np.eye(3) * 12 / 40)
    times = speciation_times(mixture, 40)
    np.testing.assert_allclose(times.plurality_times[1:], [1.578, 1.286], atol=1e-3)
    np.testing.assert_allclose(times.class_times[1:], [1.226, 0.977], atol=1e-3)
    assert np.isinf(times.plurality_times[0])


@pytest.mark.parametrize(
    ("mixture", "rate"),
    [
        (two_classes((1.0, 1.0), distance=1.0, imbalance_ratio=0.1), 0.5),
        (two_classes((1.3, 0.8), distance=0.0, imbalance_ratio=0.1), 0.25),
    ],
)
def test_growth_with_dimension(mixture, rate):
    dims = [100, 3000, 100_000]
    times = [speciation_times(mixture, dim) for dim in dims]
    for name in ("common_time", "certain_times", "class_times"):
        values = np.array([np.ravel(getattr(time, name))[0] for time in times])
        slopes = np.diff(values) / np.diff(np.log(dims))
        # the centroid channel is exact, the norm channel has corrections of order d^(-1/2)
        tolerance = 1e-7 if rate == 0.5 else 0.02
        np.testing.assert_allclose(slopes, rate, atol=tolerance)
        assert abs(slopes[-1] - rate) < 3e-3


@pytest.mark.parametrize("ratio", [0.9, 0.3, 0.02])
@pytest.mark.parametrize("stds", [(1.0, 1.0), (1.4, 0.8), (0.8, 1.4)])
def test_minority_is_certain_later(ratio, stds):
    times = speciation_times(two_classes(stds, distance=0.5, imbalance_ratio=ratio), 500)
    assert float(times.certain_times[0]) < float(times.certain_times[1])


def test_hierarchical_splits():
    # two close pairs far from each other: the pairs part first, then the members of each
    points = np.array([[1.0, 0.1, 0.0], [1.0, -0.1, 0.0], [-1.0, 0.0, 0.1], [-1.0, 0.0, -0.1]])
    mixture = GaussianMixture(np.ones(4), np.full(4, 0.25), points @ points.T)
    splits = speciation_times(mixture, 1000).split_times
    far = speciation_times(two_classes((1.0, 1.0), distance=2.0), 1000).common_time
    near = speciation_times(two_classes((1.0, 1.0), distance=0.2), 1000).common_time
    assert float(splits[0]) == pytest.approx(float(far), abs=0.01)
    np.testing.assert_allclose(splits[1:], float(near), atol=0.01)


def test_identical_classes_never_part():
    times = speciation_times(two_classes((1.0, 1.0), distance=0.0, imbalance_ratio=0.5), 100)
    assert bool(times.never)
    assert float(times.common_time) == 0.0 and float(times.class_times[0]) == 0.0


@pytest.mark.parametrize("certainty", [0.0, 1.0, -0.3, np.nan])
def test_certainty_is_a_probability(certainty):
    with pytest.raises(InputError, match="certainty"):
        speciation_times(NAMED["equal"], 40, certainty)
