"""Figures of copies in generated samples."""

import numpy as np
import pytest

from diffjax.errors import InputError
from diffjax.plot import copy_curves, copy_order, save
from tests.studies.copy_datasets import CLOCK, LOSS, PLATEAU, copy_dataset

EXAMPLES = [{"stds[0]": 1.5, "imbalance_ratio": 1.0}, {"stds[0]": 1.0, "imbalance_ratio": 3.0}]


@pytest.fixture
def dataset():
    return copy_dataset(seeds=4)


def drawn_curves(ax):
    return [bars.lines[0].get_ydata() for bars in ax.containers]


def test_every_column_shows_its_example(dataset):
    figure = copy_curves(dataset, examples=EXAMPLES)
    axes = np.array(figure.axes).reshape(3, 2)
    for column, place in enumerate(EXAMPLES):
        point = dataset.sel(place).mean("seed")
        for row, name in enumerate(("ratio", "distance")):
            expected = point["memorized_fraction"].sel(criterion=name).values
            np.testing.assert_allclose(drawn_curves(axes[row, column]), expected)
        np.testing.assert_allclose(drawn_curves(axes[2, column]), point["class_share"].values)
    assert "1.5" in axes[0, 0].get_title() and "3" in axes[0, 1].get_title()


def test_marks_stand_at_times_of_loss_and_half_plateau(dataset):
    ax = copy_curves(dataset, examples=EXAMPLES).axes[0]
    marks = {(line.get_marker(), round(float(line.get_xdata()[0]), 3)) for line in ax.lines}
    assert {("o", LOSS["generalization_time"]), ("D", LOSS["memorization_time"])} <= marks
    stars = [line for line in ax.lines if line.get_marker() == "*"]
    assert len(stars) == 2
    # a star is on the mean curve at the geometric mean of the times
    assert float(stars[1].get_xdata()[0]) == pytest.approx(3e4)
    assert float(stars[1].get_ydata()[0]) == pytest.approx(PLATEAU / 2, abs=0.03)


def test_bars_are_standard_errors(dataset):
    ax = copy_curves(dataset, examples=EXAMPLES).axes[0]
    point = dataset.sel(EXAMPLES[0])["memorized_fraction"].sel({"criterion": "ratio", "class": 0})
    expected = 2 * point.std("seed", ddof=1) / np.sqrt(4)
    segments = ax.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([s[1, 1] - s[0, 1] for s in segments], expected, atol=1e-12)


def test_controls_are_horizontal_lines(dataset):
    dataset["control_memorized_fraction"] += 0.03
    ax = copy_curves(dataset, examples=EXAMPLES).axes[0]
    heights = [line.get_ydata()[0] for line in ax.lines if np.ptp(line.get_ydata()) == 0]
    assert heights.count(0.03) == 4 and heights.count(1.03) == 1


def test_a_time_that_is_not_reached_has_no_mark(dataset):
    dataset["half_plateau_time"][..., 0] = np.inf
    ax = copy_curves(dataset, examples=EXAMPLES).axes[0]
    assert len([line for line in ax.lines if line.get_marker() == "*"]) == 1


def test_one_point_needs_no_example(dataset, tmp_path):
    point = dataset.isel({"stds[0]": 0, "imbalance_ratio": 0})
    figure = copy_curves(point)
    assert len(figure.axes) == 3
    assert [path.stat().st_size > 0 for path in save(figure, tmp_path / "copies")] == [True, True]
    assert figure.axes[0].get_xlim()[1] > CLOCK[-1]


def test_points_left_over_are_refused(dataset):
    with pytest.raises(InputError, match="imbalance_ratio"):
        copy_curves(dataset, examples=[{"stds[0]": 1.5}])
    with pytest.raises(InputError, match="distance"):
        copy_curves(dataset, examples=[{"distance": 1.5}])
    with pytest.raises(InputError, match="memorized_fraction"):
        copy_curves(dataset.drop_vars("memorized_fraction"))


def test_order_shows_every_grid_point(dataset):
    ax = copy_order(dataset)
    assert len(ax.get_yticklabels()) == 4
    means = {bars.get_label(): bars.lines[0].get_xdata() for bars in ax.containers}
    np.testing.assert_allclose(means["copies by ratio"], [0.0, -1.1, 1.6, 0.3], atol=1e-9)
    np.testing.assert_allclose(means["copies by distance"], [0.0, -1.2, 0.2, -0.9], atol=1e-9)
    np.testing.assert_allclose(means["train loss at small noise"], 0.0, atol=1e-12)


def test_order_leaves_out_seeds_without_a_time(dataset):
    dataset["half_plateau_time"][0, 0, 0] = np.inf
    shown = copy_order(dataset).containers[0].lines[0].get_xdata()
    assert np.isfinite(shown).all()


def test_order_refuses_unknown_classes(dataset):
    with pytest.raises(InputError, match="class"):
        copy_order(dataset, classes=(0, 5))
