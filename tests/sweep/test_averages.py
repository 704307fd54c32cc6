"""Means over seeds against NumPy, with failures, infinities and padding."""

import numpy as np
import pytest
import xarray as xr

from diffjax.errors import InputError
from diffjax.status import MISSING, Status
from diffjax.sweep import average


def dataset(values, status):
    values = np.asarray(values, float)
    return xr.Dataset(
        {
            "loss": (("radius", "seed"), values, {"long_name": "a loss", "units": "J"}),
            "rounds": (("radius", "seed"), np.arange(values.size).reshape(values.shape)),
            "area": (("radius",), np.ones(len(values))),
            "status": (("radius", "seed"), np.asarray(status, np.int8)),
        },
        {"seed": np.arange(values.shape[1])},
    )


def test_mean_and_standard_error():
    values = np.random.default_rng(0).normal(size=(2, 5))
    mean = average(dataset(values, np.zeros((2, 5))))
    np.testing.assert_allclose(mean["loss"], values.mean(1))
    np.testing.assert_allclose(mean["loss_standard_error"], values.std(1, ddof=1) / np.sqrt(5))
    np.testing.assert_allclose(mean["rounds"], [2.0, 7.0])
    assert mean["num_seed"].values.tolist() == [5, 5]
    assert mean["loss"].attrs == {"long_name": "a loss", "units": "J"}
    assert "area_standard_error" not in mean and "seed" not in mean.coords


def test_failed_and_missing_points_are_left_out_whole():
    status = [[Status.OK, Status.NON_FINITE, MISSING], [Status.NOT_CONVERGED, MISSING, MISSING]]
    mean = average(dataset([[1.0, 100.0, np.nan], [1.0, np.nan, np.nan]], status))
    np.testing.assert_array_equal(mean["num_seed"], [1, 0])
    np.testing.assert_array_equal(mean["loss"], [1.0, np.nan])
    np.testing.assert_array_equal(mean["status"], [Status.OK, Status.NOT_CONVERGED])


def test_times_that_are_not_reached_stay_infinite():
    status = [[Status.OK, Status.NOT_REACHED], [Status.OK, Status.OK]]
    mean = average(dataset([[1.0, np.inf], [1.0, 3.0]], status))
    np.testing.assert_array_equal(mean["loss"], [np.inf, 2.0])
    np.testing.assert_array_equal(mean["loss_standard_error"], [np.inf, 1.0])
    np.testing.assert_array_equal(mean["status"], [Status.NOT_REACHED, Status.OK])


def test_one_realisation_has_no_standard_error():
    mean = average(dataset([[1.0]], [[0]]))
    assert np.isnan(mean["loss_standard_error"]).all() and float(mean["loss"][0]) == 1.0


def test_an_unknown_dimension_is_answered_with_the_axes():
    with pytest.raises(InputError, match="has the axes radius, seed"):
        average(dataset([[1.0]], [[0]]), "sed")
