"""Eigenvalue histogram and times against one coordinate."""

import numpy as np
import pytest

from diffjax import plot
from diffjax.errors import InputError


def steps_of(ax):
    values, edges, _ = ax.patches[0].get_data()
    return values, edges


def test_density_is_per_decade_and_sums_to_one(point):
    ax = plot.eigenvalue_histogram(point, bins=40)
    density, edges = steps_of(ax)
    assert ax.get_xscale() == "log" and edges.size == 41
    np.testing.assert_allclose(np.diff(np.log(edges)), np.log(edges[1] / edges[0]))
    assert (density * np.diff(np.log10(edges))).sum() == pytest.approx(1.0)


def test_masses_of_the_bulks(point):
    density, edges = steps_of(plot.eigenvalue_histogram(point))
    low = edges[1:] < 1e-2
    assert (density * np.diff(np.log10(edges)))[low].sum() == pytest.approx(200 / 256)


def test_nonpositive_eigenvalues_are_counted_not_hidden(point):
    point["eigenvalues"] = point["eigenvalues"].copy(deep=True)
    point["eigenvalues"][:3] = [-1e-18, 0.0, -1e-20]
    ax = plot.eigenvalue_histogram(point)
    density, edges = steps_of(ax)
    assert [text.get_text() for text in ax.texts] == ["3 of 256 not above 0"]
    assert (density * np.diff(np.log10(edges))).sum() == pytest.approx(253 / 256)


def test_upper_axis_shows_the_relaxation_time(point):
    ax = plot.eigenvalue_histogram(point, time_scale=25.0)
    ax.figure.draw_without_rendering()
    (upper,) = ax.child_axes
    eigenvalues = np.array([[1e-2, 0.0], [1.0, 0.0]])
    places = ax.get_xaxis_transform().transform(eigenvalues)[:, 0]
    times = upper.transData.transform(np.array([[2500.0, 0.0], [25.0, 0.0]]))[:, 0]
    np.testing.assert_allclose(times, places)


def test_seeds_are_pooled(seeded):
    points = seeded.isel(std_ratio=0, distance=0, imbalance_ratio=0)
    density, edges = steps_of(plot.eigenvalue_histogram(points))
    assert (density * np.diff(np.log10(edges))).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bins": 0}, "bins=0"),
        ({"time_scale": -1.0}, "time_scale=-1"),
        ({"quantity": "nu"}, "'nu'"),
    ],
)
def test_bad_histogram_arguments(point, arguments, message):
    with pytest.raises(InputError, match=message):
        plot.eigenvalue_histogram(point, **arguments)


def test_histogram_of_a_grid_or_of_nothing(sweep, point):
    with pytest.raises(InputError, match="also runs along"):
        plot.eigenvalue_histogram(sweep)
    with pytest.raises(InputError, match="is positive"):
        plot.eigenvalue_histogram(point.assign(eigenvalues=-point["eigenvalues"]))


def lines_of(ax):
    return [container.lines[0] for container in ax.containers]


def test_times_against_a_coordinate(seeded):
    line = seeded.isel(std_ratio=5, distance=1)
    ax = plot.times_against(line, "imbalance_ratio")
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlabel() == r"imbalance ratio $\rho_0/\rho_1$"
    assert ax.get_ylabel() == r"generalisation time $\tau_\mathrm{gen}$"
    logs = np.log(line["generalization_time"]).mean("seed")
    for position, drawn in enumerate(lines_of(ax)):
        np.testing.assert_allclose(np.log(drawn.get_ydata()), logs.isel({"class": position}))


def test_error_bars_are_the_standard_error_of_the_mean_logarithm(seeded):
    line = seeded.isel(std_ratio=5, distance=1)
    ax = plot.times_against(line, "imbalance_ratio")
    low, high = ax.containers[0].lines[2][0].get_segments()[0][:, 1]
    error = np.log(line["generalization_time"][0, :, 0]).std("seed", ddof=1) / np.sqrt(3)
    assert np.log(high / low) == pytest.approx(2 * float(error))


def test_unreached_times_are_triangles_above_all_data(sweep):
    line = sweep.isel(std_ratio=5, distance=1)
    line["generalization_time"][:2, 0] = np.inf
    line["status"][4] = -1
    ax = plot.times_against(line, "imbalance_ratio")
    (triangles,) = [drawn for drawn in ax.lines if drawn.get_marker() == "^"]
    assert triangles.get_xdata().size == 2
    top = ax.transData.inverted().transform(triangles.get_transform().transform((1, 0.95)))[1]
    assert top > np.nanmax([drawn.get_ydata() for drawn in lines_of(ax)])
    assert np.isnan(lines_of(ax)[0].get_ydata()[[0, 1, 4]]).all()
    assert "not reached" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_nothing_reached_at_all(sweep, tmp_path):
    line = sweep.isel(std_ratio=5, distance=1)
    line["generalization_time"][...] = np.inf
    ax = plot.times_against(line, "imbalance_ratio")
    plot.save(ax, tmp_path / "unreached")
    assert sum(drawn.get_marker() == "^" for drawn in ax.lines) == 2


def test_narrow_ranges_have_labelled_ticks(sweep):
    line = sweep.isel(std_ratio=3, distance=0)
    line["memorization_time"][...] = np.linspace(1.13e4, 1.68e4, 18).reshape(9, 2)
    ax = plot.times_against(line, "imbalance_ratio", "memorization_time")
    ax.figure.draw_without_rendering()
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels == [rf"$1.{tenth}{{\times}}10^{{4}}$" for tenth in (2, 4, 6)]


def test_times_against_what_is_not_there(sweep):
    with pytest.raises(InputError, match="no coordinate 'sigma'"):
        plot.times_against(sweep, "sigma")
    with pytest.raises(InputError, match="also runs along std_ratio, distance"):
        plot.times_against(sweep, "imbalance_ratio")
