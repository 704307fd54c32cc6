"""Classes of a figure are named by labels or by positions, whatever their labels are."""

import io

import numpy as np
import pytest
import xarray as xr

import diffjax as dj
from diffjax.plot.comparison import log_ratio
from diffjax.plot.labels import class_label

TIMES = np.array([[1.0, 10.0, 100.0]] * 4).reshape(2, 2, 3)


def grid(labels) -> xr.Dataset:
    return xr.Dataset(
        {
            "generalization_time": (("stds", "dim", "class"), TIMES),
            "certain_time": (("stds", "dim", "class"), TIMES / 10),
        },
        {"stds": [1.0, 2.0], "dim": [4, 8], "class": list(labels)},
    )


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        ("012", None, -1),
        (["3", "8", "9"], None, -1),
        (["3", "8", "9"], (0, 2), -2),
        (["3", "8", "9"], (9, 3), 2),
        (["3", "8", "9"], ("8", "9"), -1),
        (["1", "2", "3"], (1, 2), -1),
        (["1", "2", "3"], (2, 1), 1),
        ([0, 1, 2], (2, 0), 2),
        ([0, 1, 2], np.array([0, 1]), -1),
        (["cat", "dog", "owl"], ("owl", "cat"), 2),
        (["cat", "dog", "owl"], (2, 0), 2),
    ],
)
def test_which_classes_are_compared(labels, classes, expected):
    field = log_ratio(grid(labels), classes=classes)
    np.testing.assert_allclose(field, expected)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("cat", "cow"), "class 'cow'.*'cat', 'dog', 'owl'"),
        ((0, 3), "class 3"),
        ((0, 0), "two different"),
        (("cat",), "two of"),
        ("cat", "two of"),
        ((True, "cat"), "class True"),
    ],
)
def test_what_is_no_pair_of_classes_is_refused(classes, message):
    with pytest.raises(dj.InputError, match=message):
        log_ratio(grid(["cat", "dog", "owl"]), classes=classes)


def test_one_class_has_no_order():
    with pytest.raises(dj.InputError, match="only class"):
        log_ratio(grid("abc").isel({"class": [0]}))


@pytest.mark.parametrize(
    "labels", ["012", ["a$b", "50 %", "x_y^2{\\"], ["T-shirt & top", "#1", "c"]]
)
def test_maps_are_drawn_with_any_labels(labels):
    for figure in (
        dj.plot.phase_maps(grid(labels)),
        dj.plot.delay_map(grid(labels)),
        dj.plot.times_against(grid(labels).isel(stds=0), "dim").figure,
    ):
        figure.savefig(io.BytesIO(), format="png", dpi=30)


def test_a_class_of_digits_is_called_a_class():
    assert class_label("3") == class_label(3) == "class 3" and class_label("cat") == "cat"
