"""The field behind the phase maps: averages, infinities, failures, the zero line."""

import numpy as np
import pytest
import xarray as xr

from diffjax import plot
from diffjax.plot.comparison import zero_lines
from diffjax.plot.scales import Scale


def pair(first, second, status=None):
    """A dataset with one value per seed for each of two classes."""
    times = np.stack([first, second], -1).astype(float)
    variables = {"time": (("seed", "class"), times)}
    if status is not None:
        variables["status"] = (("seed",), np.asarray(status, np.int8))
    return xr.Dataset(variables)


def test_mean_over_seeds_is_geometric():
    assert plot.log_ratio(pair([1, 100], [10, 10]), "time") == pytest.approx(0.0)


def test_exchanging_the_classes_changes_the_sign(seeded):
    forth, back = (plot.log_ratio(seeded, classes=c) for c in ((0, 1), (1, 0)))
    np.testing.assert_allclose(forth, -back, atol=1e-12)


def test_without_average_the_seeds_stay(seeded):
    assert plot.log_ratio(seeded, over=None).sizes["seed"] == 3


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([np.inf, 1], [1, 1], np.inf),
        ([1, 1], [np.inf, 1], -np.inf),
        ([np.inf, np.inf], [np.inf, np.inf], np.inf),
        ([np.inf, 1], [1, np.inf], np.inf),
        ([np.nan, 1], [np.nan, 10], -1.0),
        ([np.nan, np.nan], [1, 1], np.nan),
    ],
)
def test_infinite_and_missing_times(first, second, expected):
    np.testing.assert_equal(float(plot.log_ratio(pair(first, second), "time")), expected)


@pytest.mark.parametrize("status", [-1, 3, 4])
def test_numbers_of_failed_points_are_not_used(status):
    assert float(plot.log_ratio(pair([1e9, 1], [1, 10], [status, 0]), "time")) == -1.0


@pytest.mark.parametrize("status", [0, 1, 2])
def test_numbers_of_other_points_are_used(status):
    assert float(plot.log_ratio(pair([100, 1], [1, 1], [status, 0]), "time")) == 1.0


def test_inputs_are_left_alone(seeded):
    before = seeded.copy(deep=True)
    plot.log_ratio(seeded)
    xr.testing.assert_identical(seeded, before)


def test_zero_line_of_a_plane_is_exact_on_a_linear_grid():
    x, y = Scale(np.linspace(-1, 2, 5)), Scale(np.linspace(0, 1, 4))
    field = 0.7 * x.values[None, :] - y.values[:, None] + 0.1
    (line,) = zero_lines(field, x, y)
    np.testing.assert_allclose(0.7 * line[:, 0] - line[:, 1] + 0.1, 0, atol=1e-12)


def test_zero_line_of_a_single_row_is_empty():
    x, y = Scale(np.arange(3.0)), Scale(np.arange(1.0))
    assert zero_lines(np.array([[-1.0, 0.0, 1.0]]), x, y) == []
