"""Loss and score-error curves: lines, marks, labels, averages over seeds."""

import matplotlib.figure
import numpy as np
import pytest
from matplotlib.colors import to_hex

from diffjax import plot
from diffjax.errors import InputError
from diffjax.plot import style

from .two_rates import TIMES


def curves_of(ax):
    return [line for line in ax.lines if len(line.get_xdata()) == len(TIMES)]


def marks_of(ax):
    return [line for line in ax.lines if line.get_marker() in {"o", "D"}]


def class_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_train_is_dashed_test_is_solid_and_colour_is_the_class(point):
    lines = curves_of(plot.learning_curves(point))
    assert [line.is_dashed() for line in lines] == [True, True, False, False]
    colors = [to_hex(line.get_color()).upper() for line in lines]
    assert colors == [style.class_color(0), style.class_color(1)] * 2
    np.testing.assert_array_equal(lines[2].get_ydata(), point["test_loss"].values[0])


def test_marks_sit_on_their_curves(point):
    ax = plot.learning_curves(point)
    times = [mark.get_xdata()[0] for mark in marks_of(ax)]
    expected = [*point["generalization_time"].values, *point["memorization_time"].values]
    np.testing.assert_allclose(times, expected)
    # 0.9 of the way from 1 to the floor, and the late growth of the test loss
    slow = point["memorization_time"].values / np.log(2)
    growth = 2.0 * (1 - np.exp(-point["generalization_time"].values / slow))
    heights = np.array([mark.get_ydata()[0] for mark in marks_of(ax)[:2]])
    floor = point["bayes_floor"].values
    np.testing.assert_allclose(heights, floor + 0.1 * (1 - floor) + growth, rtol=2e-3)


def test_legend_gives_the_times_of_every_class(point):
    first, second = class_texts(plot.learning_curves(point))
    assert first.startswith("class 0") and second.startswith("class 1")
    assert r"\tau_\mathrm{gen}=7.37" in first and r"\tau_\mathrm{mem}=1.62" in first


def test_bayes_floors_are_drawn(point):
    ax = plot.learning_curves(point)
    levels = [line.get_ydata()[0] for line in ax.lines if list(line.get_xdata()) == [0, 1]]
    np.testing.assert_array_equal(levels, point["bayes_floor"].values)


def test_unreached_time_has_no_mark_and_says_so(point):
    point["memorization_time"][1] = np.inf
    ax = plot.learning_curves(point)
    assert len(marks_of(ax)) == 3
    assert class_texts(ax)[1].endswith("not reached")


def test_axes_are_logarithmic_and_cut_where_nothing_changes(point):
    ax = plot.learning_curves(point)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    low, high = ax.get_xlim()
    assert TIMES[0] * 5 < low < point["generalization_time"].min()
    assert point["memorization_time"].max() < high < TIMES[-1] / 5
    assert plot.learning_curves(point, log=False).get_yscale() == "linear"


def test_a_diverging_test_loss_leaves_a_linear_axis_and_the_rest_stays_visible(point):
    for name in ("train_loss", "test_loss"):
        point[name] = 0.5 + 0.5 * point[name]
    point["test_loss"] = point["test_loss"].where(point["test_loss"] <= 1, 50 * point["test_loss"])
    low, high = plot.learning_curves(point).get_ylim()
    lowest = float(point["train_loss"].min())
    assert 0.85 * lowest < low < lowest and 2 - lowest < high < 2.1 - lowest


def test_seeds_give_mean_and_band(seeded):
    points = seeded.isel(std_ratio=5, distance=1, imbalance_ratio=4)
    ax = plot.learning_curves(points)
    losses = points["test_loss"].isel({"class": 0}).values
    np.testing.assert_allclose(curves_of(ax)[2].get_ydata(), losses.mean(0))
    band = ax.collections[2].get_paths()[0].vertices
    at = 300
    spread = losses[:, at].std(ddof=1) / np.sqrt(3)
    heights = band[np.isclose(band[:, 0], TIMES[at]), 1]
    np.testing.assert_allclose(sorted(heights), losses[:, at].mean() + spread * np.array([-1, 1]))


def test_failed_seed_is_left_out(seeded):
    points = seeded.isel(std_ratio=5, distance=1, imbalance_ratio=4)
    points["status"][0] = 4
    points["test_loss"][0] = 1e9
    drawn = curves_of(plot.learning_curves(points))[2].get_ydata()
    np.testing.assert_allclose(drawn, points["test_loss"][1:, 0].values.mean(0))


def test_training_times_as_a_variable(seeded):
    points = seeded.isel(std_ratio=5, distance=1, imbalance_ratio=4)
    clock = np.broadcast_to(TIMES, (3, TIMES.size)).copy()
    own = points.drop_vars("training_time")
    own["training_times"] = (("seed", "training_time"), clock)
    assert len(curves_of(plot.learning_curves(own))) == 4
    own["training_times"][1] *= 2
    with pytest.raises(InputError, match="also runs along seed"):
        plot.learning_curves(own)


def test_score_error_curves(point):
    ax = plot.score_error_curves(point)
    assert len(curves_of(ax)) == 2 and ax.get_yscale() == "log"
    assert ax.get_ylabel() == "normalised score error"


def test_draws_into_given_axes(point):
    ax = matplotlib.figure.Figure().subplots()
    assert plot.learning_curves(point, ax=ax) is ax


def test_three_named_classes(point):
    three = point.isel({"class": [0, 1, 0]}).assign_coords({"class": ["a", "b", "c"]})
    assert [text.split()[0] for text in class_texts(plot.learning_curves(three))] == ["a", "b", "c"]


def test_swept_dimensions_left_over_are_named(sweep):
    with pytest.raises(InputError, match=r"also runs along std_ratio, distance.*ds.isel"):
        plot.learning_curves(sweep.isel(imbalance_ratio=0))


def test_missing_variable_and_failed_point(point):
    with pytest.raises(InputError, match="no variable 'train_loss'"):
        plot.learning_curves(point.drop_vars("train_loss"))
    with pytest.raises(InputError, match="needs class, training_time"):
        plot.learning_curves(point.isel(training_time=3))
    point["status"][...] = 4
    with pytest.raises(InputError, match="nan or inf appeared"):
        plot.learning_curves(point)
