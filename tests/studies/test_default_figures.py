"""A study that names no figures gets those that fit its grid, or is told why there are none."""

import numpy as np
import pytest
import xarray as xr

from diffjax.studies.default_figures import default_figures
from diffjax.studies.figures import draw_figures
from diffjax.studies.study import Figure, Study

CLOCK = np.logspace(-1, 3, 5)


def made_up(classes=("a", "b"), **axes: int) -> xr.Dataset:
    """Learning curves over a grid of the given axes."""
    rng = np.random.default_rng(0)
    shape, dims = tuple(axes.values()), tuple(axes)

    def variable(*inner: int) -> np.ndarray:
        return rng.uniform(0.5, 2.0, size=(*shape, *inner))

    names = ("generalization_time", "memorization_time", "gap_onset_time")
    curves = ("train_loss", "test_loss")
    return xr.Dataset(
        {
            **{name: ((*dims, "class"), variable(len(classes))) for name in names},
            **{n: ((*dims, "class", "training_time"), variable(len(classes), 5)) for n in curves},
            "status": (dims, np.zeros(shape, np.int8)),
        },
        {
            "class": list(classes),
            "training_time": CLOCK,
            **{name: np.arange(1.0, 1.0 + size) for name, size in axes.items()},
        },
    )


@pytest.mark.parametrize(
    ("axes", "plots"),
    [
        ({}, ["learning_curves"]),
        ({"seed": 3}, ["learning_curves"]),
        ({"dim": 1, "seed": 2}, ["learning_curves"]),
        ({"imbalance_ratio": 3, "seed": 2}, ["times_against"] * 2),
        ({"stds": 1, "imbalance_ratio": 3}, ["times_against"] * 2),
        ({"stds": 3, "imbalance_ratio": 4}, ["phase_maps"] * 2),
        ({"stds": 3, "imbalance_ratio": 4, "distance": 2, "seed": 2}, ["phase_maps"] * 2),
    ],
)
def test_every_shape_of_a_grid_is_drawn(tmp_path, axes, plots):
    dataset = made_up(**axes)
    figures, why = default_figures(dataset)
    assert [figure.plot for figure in figures] == plots and why == ""
    drawn = draw_figures(None, dataset, tmp_path / "figures", ("png",))
    assert not drawn.left_out and len(drawn.files) == len(plots)
    assert all(file.stat().st_size > 1000 for file in drawn.files)


@pytest.mark.parametrize(
    ("dataset", "why"),
    [
        (made_up(stds=2, dim=2, distance=2, cosine=2), "4 axes stds, dim, distance, cosine"),
        (made_up(("a",), stds=2, dim=2), "one class"),
        (made_up(stds=2)[["status"]], "no output is a time per class"),
        (made_up()[["status"]], "no figure of one point"),
    ],
)
def test_what_cannot_be_drawn_says_why(tmp_path, dataset, why):
    drawn = draw_figures(None, dataset, tmp_path / "figures")
    assert drawn.files == () and why in drawn.left_out[0]
    assert not (tmp_path / "figures").exists()


def test_one_figure_that_fails_leaves_the_others(tmp_path):
    dataset = made_up(stds=3, dim=3)
    good = Figure("good", "phase_maps")
    bad = Figure("bad", "phase_maps", {"quantity": "absent"})
    study = Study("s", "A study", "gradient_flow", None, {}, figures=(bad, good))
    drawn = draw_figures(study, dataset, tmp_path, ("png",))
    assert [file.name for file in drawn.files] == ["good.png"]
    assert "bad was not drawn" in drawn.left_out[0] and "'absent'" in drawn.left_out[0]
