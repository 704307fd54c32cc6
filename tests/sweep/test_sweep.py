"""Sweeps against direct calls of the model, point by point, and what they must not depend on."""

import itertools
import warnings

import jax
import numpy as np
import pytest
import xarray as xr

import diffjax.sweep
from diffjax.errors import InputError, PrecisionError
from diffjax.status import Status
from diffjax.sweep import FailedPointsWarning, Output, Zipped, failed_points, model, sweep
from tests.sweep import toy_models
from tests.sweep.recording import Recorder
from tests.sweep.toy_models import Plate, oscillator, spectrum, spring, workshop

OVER = {"widths[0]": [1.0, 1.5, 2.0], "radius": [0.5, 1.0], "stiffness": [1.0, 2.0], "seed": [1, 2]}


def plain(dataset):
    """A dataset without the attributes that tell when it was computed."""
    return dataset.drop_attrs()


@jax.jit
def call(problem):
    return spectrum(problem)


def direct(width, radius, stiffness, seed):
    return call(spring(plate=Plate([width, 0.5], radius), stiffness=stiffness, seed=seed))


@pytest.fixture(scope="module")
def dataset():
    return sweep(spectrum, spring(), OVER)


def test_every_point_equals_a_direct_call(dataset):
    for position in itertools.product(*(range(len(values)) for values in OVER.values())):
        values = [axis[i] for axis, i in zip(OVER.values(), position, strict=True)]
        expected = direct(*values)
        got = dataset.isel(dict(zip(OVER, position, strict=True)))
        np.testing.assert_allclose(got["levels"], expected["levels"], rtol=1e-13)
        np.testing.assert_allclose(got["total"], expected["total"], rtol=1e-13)


def test_dimensions_follow_the_axes_and_then_the_output(dataset):
    assert dataset["levels"].dims == ("widths[0]", "radius", "stiffness", "seed", "plate", "level")
    assert dataset["levels"].attrs["long_name"] == "levels of every plate"
    np.testing.assert_array_equal(dataset["radius"], OVER["radius"])
    assert dataset["radius"].attrs == {"field": "plate.radius"}
    assert dataset.attrs["model"] == "spectrum" and dataset.attrs["model_version"] == 2


@pytest.mark.parametrize("batch_size", [1, 2, 7, 24, 1000])
def test_batch_size_changes_nothing(dataset, batch_size):
    progress = Recorder()
    other = sweep(spectrum, spring(), OVER, batch_size=batch_size, progress=progress)
    xr.testing.assert_identical(plain(other), plain(dataset))
    assert sum(progress.batches) == 24 and max(progress.batches) <= batch_size


def test_order_of_axes_and_values_changes_nothing(dataset):
    turned = {name: list(values)[::-1] for name, values in reversed(OVER.items())}
    other = sweep(spectrum, spring(), turned, batch_size=5)
    restored = other.transpose(*OVER, ...).sel(OVER)
    xr.testing.assert_identical(plain(restored), plain(dataset))


def test_shared_results_do_not_need_to_fit_into_memory(dataset, monkeypatch):
    monkeypatch.setattr("diffjax.sweep.stage_plan.slots_in_memory", lambda bytes_each, devices: 3)
    other = sweep(spectrum, spring(), OVER, batch_size=4)
    xr.testing.assert_identical(plain(other), plain(dataset))


def test_lanes_of_an_accelerator_give_the_same(dataset, monkeypatch):
    """The code path of GPUs, on a model without LAPACK."""
    expected = sweep(oscillator, spring(), {"radius": [1.0, 2.0, 3.0], "seed": range(5)})
    monkeypatch.setattr("diffjax.sweep.job.lanes_of", lambda devices, batch_size: 4)
    got = sweep(oscillator, spring(), {"radius": [1.0, 2.0, 3.0], "seed": range(5)}, batch_size=6)
    xr.testing.assert_allclose(plain(got), plain(expected), rtol=1e-14)


def test_one_trace_per_set_of_static_fields():
    jax.clear_caches()
    toy_models.CALLS.clear()
    sweep(spectrum, spring(), {**OVER, "size": [3, 4]}, batch_size=3)
    counts = {name: toy_models.CALLS.count(name) for name in ("combine", "levels", "phase")}
    assert counts["combine"] == 2
    assert counts["levels"] <= 2 and counts["phase"] <= 2


@pytest.mark.parametrize("chosen", [spectrum, oscillator])
def test_a_second_sweep_in_one_process_traces_nothing(chosen):
    sweep(chosen, spring(), OVER, batch_size=4)
    toy_models.CALLS.clear()
    again = sweep(chosen, spring(), OVER, batch_size=4)
    assert not toy_models.CALLS
    other = sweep(chosen, spring(stiffness=2.0), {"radius": [0.5, 1.5, 2.5, 3.5]}, batch_size=4)
    assert sorted(again.data_vars) == sorted(other.data_vars)


def test_members_that_points_share_are_computed_once():
    explanation = diffjax.sweep.explain(spectrum, spring(), OVER, devices=1, batch_size=4)
    widths, stiffness = {1.0, 1.5, 2.0, 0.5}, 2
    assert explanation.members["levels"] == (len(widths) * stiffness, 24 * 2)
    assert explanation.members["phase"] == (2, 24)


def test_zipped_axes_run_along_one_dimension():
    over = {"line": Zipped({"radius": [1.0, 2.0, 3.0], "stiffness": [6.0, 3.0, 2.0]}), "seed": [0]}
    ds = sweep(oscillator, spring(), over)
    assert ds["energy"].dims == ("line", "seed")
    np.testing.assert_allclose(ds["energy"][:, 0], [6.0, 12.0, 18.0])
    np.testing.assert_array_equal(ds["line"], [0, 1, 2])
    assert ds["radius"].dims == ("line",) and ds["stiffness"].dims == ("line",)


def test_arrays_as_values_are_labelled_by_their_elements():
    ds = sweep(oscillator, spring(), {"widths": [[1.0, 2.0], [3.0, 4.0]]})
    np.testing.assert_array_equal(ds["widths"], [0, 1])
    np.testing.assert_array_equal(ds["widths[1]"], [2.0, 4.0])
    np.testing.assert_allclose(ds["modes"][:, 0], [2.0 + 3.0, 2.0 + 7.0])


def test_two_elements_of_one_array():
    ds = sweep(oscillator, spring(), {"widths[0]": [1.0, 2.0], "widths[1]": [10.0, 20.0]})
    np.testing.assert_allclose(ds["modes"][..., 0], 2.0 + np.array([[11.0, 21.0], [12.0, 22.0]]))


def test_static_axes_of_different_sizes_are_padded_with_nan():
    ds = sweep(oscillator, spring(), {"size": [2, 4], "radius": [1.0, 2.0]})
    assert ds["modes"].shape == (2, 2, 4) and ds.attrs["padded_dims"] == "mode"
    assert np.isnan(ds["modes"][0, :, 2:]).all()
    assert not np.isnan(ds["modes"][0, :, :2]).any() and not np.isnan(ds["modes"][1]).any()
    assert "frequencies" in ds.data_vars  # its values differ between points, so it labels nothing


def test_text_axes():
    ds = sweep(oscillator, spring(), {"kind": ["steel", "wood"]})
    assert ds["kind"].values.tolist() == ["steel", "wood"]


def test_equal_labels_become_a_coordinate():
    ds = sweep(oscillator, spring(), {"radius": [1.0, 2.0]})
    assert "frequencies" not in ds and ds["mode"].dims == ("mode",)
    np.testing.assert_array_equal(ds["mode"], [1.0, 2.0, 3.0])
    assert ds["mode"].attrs["long_name"] == "label of each mode"


def test_a_sweep_over_nothing_is_one_point():
    ds = sweep(oscillator, spring(), {})
    assert ds["energy"].dims == () and float(ds["energy"]) == 12.0


def test_options_reach_the_model():
    assert float(sweep(oscillator, spring(), {}, options={"gain": 2.0})["energy"]) == 24.0


def test_failed_points_are_flagged_and_named_and_the_others_kept():
    progress = Recorder()
    over = {"radius": [1.0, 5.0, 7.0], "seed": [0, 1]}
    with pytest.warns(FailedPointsWarning, match=r"4 of 6 points failed:\n  radius=5.0, seed=0"):
        ds = sweep(oscillator, spring(), over, progress=progress)
    expected = [Status.OK, Status.NOT_CONVERGED, Status.NON_FINITE]
    np.testing.assert_array_equal(ds["status"], np.repeat(expected, 2).reshape(3, 2))
    np.testing.assert_allclose(ds["energy"][0], [3.0, 4.0])
    assert progress.failures == 4
    assert failed_points(ds)[2].startswith("radius=7.0, seed=0: nan or inf appeared")


def test_infinite_times_are_no_failures():
    @model(version=1, outputs={"time": Output((), "a time")})
    def never(problem):
        return {"time": np.inf * problem.stiffness}

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ds = sweep(never, spring(), {"radius": [1.0, 2.0]})
    assert (ds["status"] == Status.OK).all() and np.isinf(ds["time"]).all()


def test_minus_infinity_is_a_failure():
    @model(version=1, outputs={"loss": Output((), "a loss")})
    def diverging(problem):
        return {"loss": -np.inf * problem.stiffness}

    with pytest.warns(FailedPointsWarning):
        ds = sweep(diverging, spring(), {})
    assert int(ds["status"]) == Status.NON_FINITE


def test_host_models_run_point_by_point(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    progress = Recorder()
    ds = sweep(workshop, spring(), {"radius": [1.0, 2.0], "seed": range(3)}, progress=progress)
    np.testing.assert_allclose(ds["energy"], [[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]])
    assert progress.batches == [1] * 6
    assert len((tmp_path / "log").read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"x": Output(("mode",), "")}, "has 0 dimensions"),
        ({"y": Output((), "")}, "has no 'y'"),
    ],
)
def test_results_that_disagree_with_the_labels_are_refused(outputs, message, tmp_path):
    @model(version=1, outputs=outputs)
    def wrong(problem):
        return {"x": problem.stiffness}

    with pytest.raises(InputError, match=message):
        sweep(wrong, spring(), {}, tmp_path / "run")


def test_float64_models_refuse_float32():
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(PrecisionError, match="spectrum"):
            sweep(spectrum, spring(), {})
    finally:
        jax.config.update("jax_enable_x64", True)


def test_float32_is_recorded_where_a_model_allows_it():
    jax.config.update("jax_enable_x64", False)
    try:
        ds = sweep(oscillator, spring(), {"radius": [1.0, 2.0]})
    finally:
        jax.config.update("jax_enable_x64", True)
    assert ds["energy"].dtype == np.float32 and ds.attrs["precision"] == "float32"


def test_the_package_itself_can_be_called():
    ds = diffjax.sweep(oscillator, spring(), {"seed": [0, 1]})
    assert ds.sizes["seed"] == 2


def test_options_may_be_arrays():
    """They cannot be hashed, so that such a sweep compiles anew every time."""
    found = sweep(oscillator, spring(), {"radius": [1.0, 2.0]}, options={"gain": np.array(2.0)})
    expected = sweep(oscillator, spring(), {"radius": [1.0, 2.0]}, options={"gain": 2.0})
    np.testing.assert_array_equal(found["energy"], expected["energy"])
