"""Which class comes first, on datasets whose answer is known."""

import json

import numpy as np
import pytest
import xarray as xr

from diffjax.status import MISSING, Status
from diffjax.studies.class_order import (
    crossing_point,
    higher_variance_order,
    log_ratio,
    over_seeds,
    reversals,
    seed_scatter,
    settled_order,
    std_ratio,
    tally,
)

IMBALANCES = np.geomspace(1 / 9, 9, 5)


def dataset(log10_ratio, dims, **coords):
    """Times whose log10 ratio is given; class 1 takes time 10."""
    values = np.asarray(log10_ratio, float)
    times = np.stack([10.0 * 10.0**values, np.full(values.shape, 10.0)], axis=-1)
    return xr.Dataset(
        {
            "generalization_time": ((*dims, "class"), times),
            "status": (dims, np.zeros(values.shape, np.int8)),
        },
        coords=coords,
    )


def line(values):
    """Log ratios along the imbalance, one row per seed."""
    return xr.DataArray(
        values, dims=("seed", "imbalance_ratio"), coords={"imbalance_ratio": IMBALANCES}
    )


def test_the_ratio_is_negative_where_class_0_is_first():
    ds = dataset([-0.5, 0.25], ("distance",), distance=[0, 1])
    np.testing.assert_allclose(log_ratio(ds, "generalization_time"), [-0.5, 0.25])


@pytest.mark.parametrize("status", [MISSING, Status.NON_FINITE, Status.NOT_CONVERGED])
def test_failed_and_missing_points_do_not_count(status):
    ds = dataset([-0.5, 0.25], ("distance",), distance=[0, 1])
    ds["status"][0] = int(status)
    ratio = log_ratio(ds, "generalization_time")
    assert np.isnan(ratio[0])
    assert float(ratio[1]) == pytest.approx(0.25)


def test_a_time_that_is_not_reached_decides_the_order_alone():
    ds = dataset([0.0, 0.0, 0.0], ("distance",), distance=[0, 1, 2])
    times = ds["generalization_time"].values
    times[0, 0], times[1, 1], times[2] = np.inf, np.inf, np.inf
    ratio = log_ratio(ds, "generalization_time")
    np.testing.assert_array_equal(ratio, [np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(settled_order(ratio), [1, -1, 0])


def test_mean_and_scatter_over_seeds():
    ratio = log_ratio(
        dataset([[-0.1, -0.3], [0.1, np.nan]], ("distance", "seed"), distance=[0, 1]),
        "generalization_time",
    )
    np.testing.assert_allclose(over_seeds(ratio), [-0.2, np.nan])
    scatter = seed_scatter(ratio)
    assert scatter is not None
    assert float(scatter[0]) == pytest.approx(0.2 / np.sqrt(2))
    assert seed_scatter(ratio.isel(seed=[0])) is None
    assert seed_scatter(ratio.isel(seed=0)) is None


def test_an_order_is_settled_if_every_seed_gives_it_clearly():
    ratio = xr.DataArray(
        [[-0.1, -0.2], [0.1, 0.2], [-0.1, 0.1], [0.1, 0.01], [0.1, np.nan], [np.inf, 0.1]],
        dims=("point", "seed"),
    )
    np.testing.assert_array_equal(settled_order(ratio), [-1, 1, 0, 0, 0, 1])
    np.testing.assert_array_equal(settled_order(ratio.isel(seed=0)), [-1, 1, -1, 1, 1, 1])


def test_tally_counts_where_an_order_is_expected():
    order = xr.DataArray([-1, 1, 0, -1], dims=("point",))
    stds = xr.DataArray([2.0, 2.0, 0.5, 1.0], dims=("point",))
    counts = tally(order, higher_variance_order(stds))
    assert counts == (1, 1, 1)
    assert counts.text == "1/1/1"


@pytest.mark.parametrize("axis", ["stds[0]", "mixture.stds[0]"])
def test_the_std_ratio_comes_from_the_axis_and_the_problem(axis):
    ds = xr.Dataset(
        coords={axis: [1.0, 3.0]}, attrs={"problem": json.dumps({"mixture.stds": [0.0, 2.0]})}
    )
    np.testing.assert_array_equal(std_ratio(ds), [0.5, 1.5])
    fixed = xr.Dataset(attrs={"problem": json.dumps({"mixture.stds": [3.0, 2.0]})})
    assert float(std_ratio(fixed)) == 1.5
    with pytest.raises(KeyError):
        std_ratio(xr.Dataset(attrs={"problem": json.dumps({"dim": 3})}))


def test_a_reversal_is_found_where_the_ratio_vanishes():
    # linear in log(imbalance): zero at 0.6 and at 0.9, hence at sqrt(0.54) for the mean
    (found,) = reversals(line(np.log([[0.6], [0.9]] / IMBALANCES)))
    assert found.place == {}
    assert found.crossing == pytest.approx(np.sqrt(0.54))
    assert found.crossings == pytest.approx((0.6, 0.9))
    assert found.lowest == pytest.approx(np.log(np.sqrt(0.54) * 9))
    assert found.highest == pytest.approx(np.log(np.sqrt(0.54) / 9))


@pytest.mark.parametrize(
    "values",
    [
        [[0.5, 0.5, 0.5, 0.5, 0.5]] * 2,
        [[0.5, 0.0, 0.0, 0.0, -0.5], [0.5, 0.0, 0.0, 0.0, 0.5]],
        [[0.01, 0.0, 0.0, 0.0, -0.5]] * 2,
        [[np.nan, 0.5, 0.0, -0.5, -0.5]] * 2,
    ],
    ids=["same order", "one seed only", "within 5 % at one end", "nothing at one end"],
)
def test_what_is_no_reversal(values):
    assert reversals(line(values)) == ()


def test_a_reversal_knows_its_place():
    ratio = xr.concat([line(np.log([[2.0]] / IMBALANCES)), line([[-1.0] * 5])], "distance")
    ratio = ratio.assign_coords(distance=[0.0, 3.0])
    (found,) = reversals(ratio)
    assert found.place == {"distance": 0.0}


def test_crossings_skip_gaps_and_touching_zero_is_none():
    x = np.arange(5.0)
    assert crossing_point(x, np.array([-1.0, np.nan, 3.0, 2.0, 2.0])) == pytest.approx(np.exp(0.5))
    assert crossing_point(x, np.array([-1.0, -1.0, np.inf, 2.0, 2.0])) == pytest.approx(np.exp(1.5))
    assert np.isnan(crossing_point(x, np.array([1.0, 0.0, 1.0, 2.0, 3.0])))
    assert np.isnan(crossing_point(x, np.full(5, np.nan)))
