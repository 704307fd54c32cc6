"""Colour maps: what is drawn where, with gaps and with several quantities."""

import matplotlib.figure
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh

from diffjax import plot
from diffjax.errors import InputError
from diffjax.plot import maps, style

from .two_rates import DISTANCE, KAPPA, STD_RATIO


def panels_of(figure):
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def bars_of(figure):
    return [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]


def contour_of(ax):
    lines = [line for line in ax.lines if line.get_label() == "equal times"]
    return np.concatenate([line.get_xydata() for line in lines])


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_one_panel_per_distance_with_titles_and_one_colour_bar(sweep):
    figure = plot.phase_maps(sweep)
    titles = [ax.get_title() for ax in panels_of(figure)]
    assert titles == [rf"$|\mu_0-\mu_1|/\sqrt{{d}}={value:g}$" for value in DISTANCE]
    assert len(bars_of(figure)) == 1
    assert "gen" in bars_of(figure)[0].get_ylabel()


def test_only_outer_panels_carry_labels(sweep):
    first, *others = panels_of(plot.phase_maps(sweep))
    assert first.get_xlabel() == r"$\sigma_0/\sigma_1$"
    assert first.get_ylabel() == r"$\rho_0/\rho_1$"
    assert [ax.get_ylabel() for ax in others] == [""] * 3


def test_geometric_coordinates_get_logarithmic_axes(sweep):
    by_distance = panels_of(plot.phase_maps(sweep, x="distance", y="imbalance_ratio"))[0]
    assert (by_distance.get_xscale(), by_distance.get_yscale()) == ("linear", "log")


def test_cells_hold_the_log_ratio_and_the_scale_is_centred(sweep):
    panels = panels_of(plot.phase_maps(sweep))
    meshes = [next(c for c in ax.collections if isinstance(c, QuadMesh)) for ax in panels]
    times = sweep["generalization_time"].isel(distance=2)
    expected = np.log10(times.isel({"class": 0}) / times.isel({"class": 1}))
    drawn = meshes[2].get_array()
    np.testing.assert_allclose(drawn, expected.values.T, atol=1e-12)
    limits = {mesh.get_clim() for mesh in meshes}
    assert len(limits) == 1
    low, high = limits.pop()
    assert low == -high < 0


@pytest.mark.parametrize("position", range(4))
def test_zero_contour_follows_the_known_line(sweep, position):
    ax = panels_of(plot.phase_maps(sweep))[position]
    std, imbalance = contour_of(ax).T
    slope = 2 + KAPPA * DISTANCE[position]
    np.testing.assert_allclose(np.log(imbalance), -slope * np.log(std), atol=1e-10)
    assert std.min() < 0.7 and std.max() > 1.4


def test_contour_survives_gaps_and_stays_exact(sweep):
    times = sweep["generalization_time"]
    times[2, 0, 6, 0] = np.inf
    times[5, 0, 1, 1] = np.nan
    std, imbalance = contour_of(panels_of(plot.phase_maps(sweep))[0]).T
    np.testing.assert_allclose(np.log(imbalance), -2 * np.log(std), atol=1e-10)


def test_no_contour_where_one_class_is_always_first(sweep):
    sweep["generalization_time"][..., 0] = 1e-6
    assert all(not ax.lines for ax in panels_of(plot.phase_maps(sweep)))


def test_gaps_are_marked_once_in_the_legend(sweep):
    sweep["generalization_time"][0, 0, 0, :] = np.inf
    sweep["generalization_time"][0, 1, 1, 0] = np.inf
    sweep["status"][3, 3, 3] = -1
    sweep["status"][3, 2, 3] = 4
    figure = plot.phase_maps(sweep)
    assert legend_texts(figure) == ["equal times", maps.NOT_REACHED, maps.NO_RESULT]
    assert [len(ax.patches) for ax in panels_of(figure)] == [1, 1, 1, 1]
    hatched, grey = panels_of(figure)[0].patches[0], panels_of(figure)[3].patches[0]
    assert hatched.get_hatch() and not grey.get_hatch()
    inside = grey.get_path().contains_point((STD_RATIO[3], sweep["imbalance_ratio"].values[3]))
    assert inside


def test_all_points_missing_still_draws(sweep):
    sweep["status"][...] = -1
    figure = plot.phase_maps(sweep)
    assert legend_texts(figure) == [maps.NO_RESULT]


def test_a_row_per_quantity_with_its_own_scale(sweep):
    figure = plot.phase_maps(sweep, ["generalization_time", "memorization_time"])
    assert len(panels_of(figure)) == 8 and len(bars_of(figure)) == 2
    meshes = [ax.collections[0] for ax in panels_of(figure)]
    assert meshes[0].get_clim() == meshes[3].get_clim() != meshes[4].get_clim()


def test_many_panels_wrap_and_the_lowest_of_each_column_keeps_its_label(sweep):
    panels = panels_of(plot.phase_maps(sweep, panel="std_ratio"))
    assert [bool(ax.get_xlabel()) for ax in panels] == [False] * 3 + [True] * 4
    assert panels[3].xaxis.get_tick_params()["labelbottom"] is not False


def test_draws_into_given_axes(sweep):
    figure = matplotlib.figure.Figure()
    axes = figure.subplots(2, 2)
    assert plot.phase_maps(sweep, axes=axes) is figure
    assert all(ax.get_xlabel() for ax in axes.ravel())


def test_a_length_one_dimension_is_dropped_and_a_coordinate_along_a_dimension_can_be_an_axis(sweep):
    zipped = sweep.isel(distance=[1]).rename_dims(std_ratio="pair").drop_vars("std_ratio")
    zipped = zipped.assign_coords(sigma=("pair", STD_RATIO), pair=np.arange(7))
    figure = plot.phase_maps(zipped, x="sigma", y="imbalance_ratio")
    (ax,) = panels_of(figure)
    std, imbalance = contour_of(ax).T
    np.testing.assert_allclose(np.log(imbalance), -2.5 * np.log(std), atol=1e-10)
    assert figure.get_size_inches()[0] == style.COLUMN_WIDTH


def test_descending_axes_are_sorted(sweep):
    reversed_axis = sweep.isel(imbalance_ratio=slice(None, None, -1))
    std, imbalance = contour_of(panels_of(plot.phase_maps(reversed_axis))[0]).T
    np.testing.assert_allclose(np.log(imbalance), -2 * np.log(std), atol=1e-10)


def test_categories_can_be_an_axis(sweep):
    named = sweep.isel(distance=[0, 1, 2]).assign_coords(distance=["tanh", "erf", "relu"])
    ax = panels_of(plot.phase_maps(named, x="distance", y="imbalance_ratio", panel="std_ratio"))[-1]
    ax.figure.draw_without_rendering()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["tanh", "erf", "relu"]


def test_classes_may_have_names_and_be_exchanged(sweep):
    named = sweep.assign_coords({"class": ["cats", "dogs"]})
    figure = plot.phase_maps(named, classes=("dogs", "cats"))
    assert {text.get_text() for text in bars_of(figure)[0].texts} == {"cats first", "dogs first"}
    assert r"\mathrm{dogs}" in bars_of(figure)[0].get_ylabel()


def test_limit_clips_the_colour_scale(sweep):
    figure = plot.phase_maps(sweep, limit=0.5)
    assert panels_of(figure)[0].collections[0].get_clim() == (-0.5, 0.5)
    bars = [ax.collections[0].colorbar for ax in panels_of(figure)]
    assert [bar.extend for bar in bars if bar is not None] == ["both"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantity": "generalisation_time"}, "has no variable 'generalisation_time'"),
        ({"quantity": "status"}, "needs class"),
        ({"classes": (0, 2)}, "class 2; the classes are"),
        ({"x": "sigma"}, "no coordinate 'sigma'"),
        ({"x": "distance", "panel": "distance"}, "three different dimensions"),
        ({"axes": [None]}, "one for each of 4 panels"),
        ({"limit": 0.0}, "limit=0"),
        ({"over": None}, "also runs along"),
    ],
)
def test_bad_arguments_are_named(seeded, arguments, message):
    with pytest.raises(InputError, match=message):
        plot.phase_maps(seeded, **arguments)


def test_one_swept_dimension_is_too_few(sweep):
    with pytest.raises(InputError, match="times_against"):
        plot.phase_maps(sweep.isel(distance=0, std_ratio=0))


def test_something_else_than_a_dataset_is_refused(sweep):
    with pytest.raises(InputError, match=r"DataArray; an xarray\.Dataset"):
        plot.phase_maps(sweep["generalization_time"])


def test_phase_of_one_field(sweep):
    field = sweep["memorization_time"].sel({"class": 1}).isel(distance=0)
    ax = plot.phase(field, log=True)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        r"std ratio $\sigma_0/\sigma_1$",
        r"imbalance ratio $\rho_0/\rho_1$",
    )
    mesh = ax.collections[0]
    np.testing.assert_allclose(mesh.get_array(), field.values.T)
    assert len(ax.figure.axes) == 2


def test_phase_without_numbers_in_some_cells(sweep):
    field = sweep["memorization_time"].sel({"class": 1}).isel(distance=0).mean("std_ratio")
    field = xr.concat([field, field * np.inf, field * np.nan], "run")
    ax = plot.phase(field, x="imbalance_ratio", y="run")
    assert len(ax.patches) == 18
    assert legend_texts(ax.figure) == [maps.NOT_REACHED, maps.NO_RESULT]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [5.0, np.nan, np.inf])
def test_phase_of_a_constant_field(value, tmp_path):
    field = xr.DataArray(np.full((3, 3), value), dims=("a", "b"), name="flat")
    plot.save(plot.phase(field, log=True), tmp_path / "flat")


def test_phase_refuses_what_it_cannot_draw(sweep):
    with pytest.raises(InputError, match="two dimensions"):
        plot.phase(sweep["memorization_time"])
    with pytest.raises(InputError, match="DataArray"):
        plot.phase(sweep)
    flat = sweep["memorization_time"].isel({"class": 0, "distance": 0})
    with pytest.raises(InputError, match="positive"):
        plot.phase(flat - 1e9, log=True)
    with pytest.raises(InputError, match="two different dimensions"):
        plot.phase(flat, x="std_ratio", y="std_ratio")
