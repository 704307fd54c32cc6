"""The model of the sweep engine, its predictions, the study's claims and figures."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from diffjax import plot
from diffjax.errors import InputError
from diffjax.numerics.crossing import first_crossing
from diffjax.studies import fashion_mnist
from diffjax.studies.image_order import DIFFUSION_TIME, exact_times, image_order, theory_times
from diffjax.studies.report import judge, tables
from diffjax.sweep import sweep
from diffjax.timescales import timescales
from diffjax.unet.problem import UNetProblem
from tests.unet.digits import EVALUATION, SMALLEST, TRAINING, digit_images

NUM_FEATURES = 96


@pytest.fixture(scope="module")
def problem():
    data = digit_images()
    few = np.isin(data.labels, (3, 6, 8))
    return UNetProblem(
        (8, 3),
        num_samples=16,
        network=SMALLEST,
        training=TRAINING,
        evaluation=EVALUATION,
        images=data.images[few],
        labels=data.labels[few],
    )


@pytest.fixture(scope="module")
def dataset(problem):
    axes = {"classes": ((8, 3), (6, 3)), "imbalance_ratio": (1 / 3, 1.0, 3.0), "seed": (0,)}
    part = {**axes, "classes": ((8, 3),)}
    return sweep(image_order, problem, part, devices=1, options={"num_features": NUM_FEATURES})


def test_a_sweep_of_networks(dataset):
    assert dataset["train_loss"].dims == (
        "classes",
        "imbalance_ratio",
        "seed",
        "class",
        "training_step",
    )
    counts = dataset["sample_counts"].squeeze(["classes", "seed"]).values.tolist()
    assert counts == [[4, 12], [8, 8], [12, 4]]
    assert (dataset["status"] <= 1).all()
    np.testing.assert_array_equal(dataset["training_step"], TRAINING.evaluation_steps())
    point = dataset.isel(classes=0, imbalance_ratio=1, seed=0)
    steps = dataset["training_step"].values
    train, test = point["train_loss"].values, point["test_loss"].values
    floor = test.min(-1)
    final = point["final_train_loss"].values
    times = timescales(steps, train, test, floor, final, curves="measured")
    for name in ("generalization_time", "memorization_time", "gap_onset_time"):
        np.testing.assert_allclose(point[name], getattr(times, name))
    np.testing.assert_allclose(times.memorization_time, times.half_memorization_time)
    copied = first_crossing(steps, point["memorized_fraction"].values, 0.5).time
    np.testing.assert_array_equal(point["copying_time"], copied)


def test_the_seed_and_the_ratio_make_other_problems(problem):
    other = dataclasses.replace(problem, imbalance_ratio=3.0)
    assert problem.counts == (8, 8)
    assert other.counts == (12, 4)
    one, two = (dataclasses.replace(problem, seed=s).split().train for s in (0, 1))
    assert (one != two).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": (1, 2, 3)}, "two labels"),
        ({"num_samples": 1}, "num_samples=1"),
        ({"imbalance_ratio": 0.0}, "imbalance_ratio=0"),
        ({"labels": None}, "both or neither"),
    ],
)
def test_problems_out_of_range(problem, change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(problem, **change)


def test_predictions_follow_the_data(problem):
    """A class of three times the spread is learned first in both predictions."""
    images, labels = np.array(problem.images), problem.labels
    for label, scale in ((8, 3.0), (3, 1.0)):
        own = images[labels == label]
        images[labels == label] = 8.0 + scale * (own - own.mean(0))
    wide = dataclasses.replace(problem, images=images).split()
    for found in (
        exact_times(wide, NUM_FEATURES, DIFFUSION_TIME, 0),
        theory_times(wide, NUM_FEATURES, DIFFUSION_TIME),
    ):
        (times,) = (v for k, v in found.items() if k.endswith("generalization_time"))
        assert times[0] < times[1]


def _made_up(orders: dict[str, list[list[float]]]) -> xr.Dataset:
    """A dataset of the study with log10 ratios by (imbalance, seed) for bag and dress."""
    dims = ("classes", "imbalance_ratio", "seed", "class")
    variables = {}
    for name, rows in orders.items():
        ratio = np.stack([np.asarray(rows, float), np.full((3, 2), -0.2)])
        variables[name] = (dims, np.stack([10.0 ** (2 + ratio), np.full_like(ratio, 100.0)], -1))
    return xr.Dataset(
        {**variables, "status": (dims[:3], np.zeros((2, 3, 2), np.int8))},
        {"classes": ["[8,3]", "[6,2]"], "imbalance_ratio": [1 / 9, 1.0, 9.0], "seed": [0, 1]},
    )


def test_claims_on_made_up_orders():
    falling = [[-0.5, -0.4], [-0.2, -0.1], [0.3, 0.4]]
    rising = [[0.3, 0.4], [0.2, 0.1], [-0.5, 0.4]]
    names = ("generalization_time", "memorization_time", "gap_onset_time")
    orders = dict.fromkeys(names, falling)
    orders["memorization_time"] = rising
    orders |= {f"exact_{name}": falling for name in names}
    orders |= {f"theory_{name}": orders[name] for name in names}
    verdicts = judge(fashion_mnist.STUDY, _made_up(orders))
    words = {name: verdict.word for name, verdict in verdicts.items()}
    assert words["image-class-of-larger-variance-generalises-first"] == "holds"
    assert words["image-class-of-larger-variance-memorises-first"] == "fails"
    assert words["image-class-of-smaller-norm-generalises-first"] == "holds"
    assert words["imbalance-moves-the-order-images-learned"] == "holds"
    assert verdicts["imbalance-moves-the-order-images-learned"].numbers["reverses"] is True
    assert words["imbalance-moves-the-order-images-memorised"] == "fails"
    assert words["theory-predicts-the-order-of-images"] == "holds"
    assert words["exact-engine-predicts-the-order-of-images"] == "fails"


def test_tables_of_the_study(dataset):
    statistics, steps, order = tables(fashion_mnist.STUDY, dataset)
    assert [row[0] for row in statistics.rows] == ["bag", "dress"]
    assert len(steps.rows) == 3
    assert len(order.rows) == 9
    assert order.columns[-2:] == ("random features, exact", "high-dimensional theory")


def test_figures(dataset):
    point = dataset.isel(classes=0, imbalance_ratio=1)
    curves = plot.image_curves(point)
    assert isinstance(curves, Figure)
    assert len(curves.axes) == 3
    grid = plot.image_grid(point.isel(seed=0), steps=3, rows=2)
    assert len(grid.axes) == 2
    assert [tick.get_text() for tick in grid.axes[-1].get_xticklabels()] == ["1", "5", "12"]
    assert len(plot.predicted_order(dataset).axes) == 3
    with pytest.raises(InputError, match="image_order"):
        plot.predicted_order(point[["train_loss"]])
    with pytest.raises(InputError, match="steps=0"):
        plot.image_grid(point.isel(seed=0), steps=0)


def test_copies_are_framed_and_shown_beside(dataset):
    point = dataset.isel(classes=0, imbalance_ratio=1, seed=0).load().copy(deep=True)
    point["example_memorized"][:] = 0
    assert not plot.image_grid(point, steps=1, rows=1).axes[0].patches
    point["example_memorized"][1, -1, 0] = 1
    panels = plot.image_grid(point, steps=1, rows=1).axes
    assert [len(ax.patches) for ax in panels] == [0, 1]
    shown = np.asarray(panels[1].images[0].get_array())
    near = point["nearest_images"][1, -1, 0, ..., 0].values
    drawn = shown[:8, 9:17]
    assert np.corrcoef(drawn.ravel(), near.ravel())[0, 1] == pytest.approx(-1.0)
