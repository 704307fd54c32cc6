"""Labels as users have them, and data that are probably not what was meant."""

import dataclasses
import subprocess
import sys
import warnings

import numpy as np
import pytest

import diffjax as dj
from diffjax.labelled_data import read_labels, warn_of_copies

RNG = np.random.default_rng(1)
X, HELD_OUT = RNG.normal(size=(8, 3)), RNG.normal(size=(6, 3))
Y, HELD_OUT_Y = np.array(list("aabbaabb")), np.array(list("ababab"))


def problem(x=X, y=Y, test=HELD_OUT, test_y=HELD_OUT_Y, **settings):
    return dj.DatasetProblem(x, y, test, test_y, 0.1, num_features=4, **settings)


@pytest.mark.parametrize(
    ("labels", "got", "todo"),
    [
        (["a", None, "b"], r"labels\[1\] is None \(1 such label\)", "leave these samples out"),
        (["a", float("nan"), "b"], r"labels\[1\] is nan", "leave these samples out"),
        ([1, None, 2], r"labels\[1\] is None", "leave these"),
        (np.array([1.0, np.nan, np.nan]), r"labels\[1\] is nan \(2 such labels\)", "leave these"),
        (np.ma.array([1, 2, 3], mask=[0, 0, 1]), r"labels\[2\] is masked", "leave these"),
        (np.eye(3)[[0, 1, 1, 2]], r"shape \(4, 3\)", "one-hot: use labels.argmax"),
        (np.zeros((5, 1), int), r"shape \(5, 1\)", "ravel"),
        ([[1, 2], [3]], "ragged", "flat"),
        (3, r"shape \(\)", "one label for each sample"),
        ([], r"shape \(0,\)", "one label for each sample"),
        ([0.5, 1.0], r"labels\[0\] is 0.5", "bin"),
        ([np.inf, 1.0], r"labels\[0\] is inf", "bin"),
        ([1, "a"], "type int, str", "str\\(label\\)"),
        ([1 + 1j, 2], "complex128", "real or text"),
        (np.array(["2020-01-01"], "datetime64[D]"), "datetime64", "one text per class"),
        ([(1, 2), "a"], "ragged", "flat"),
        ([object(), object()], "type object", "str\\(label\\)"),
    ],
)
def test_what_is_no_label_is_refused_in_words(labels, got, todo):
    with pytest.raises(dj.InputError, match=f"(?s){got}.*{todo}"):
        read_labels("labels", labels)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([3.0, 8.0], [3, 8]),
        (np.array([3, 8], np.uint8), [3, 8]),
        (np.array(["a", "b"], object), ["a", "b"]),
        (np.array([1, 2], object), [1, 2]),
        ([b"a", b"b"], ["a", "b"]),
        ([True, False], [True, False]),
        (np.ma.array([1, 2]), [1, 2]),
        (("x", "y"), ["x", "y"]),
    ],
)
def test_what_is_one_is_taken(labels, found):
    assert read_labels("labels", labels).tolist() == found


def test_classes_coded_as_floats_have_whole_names():
    codes = np.repeat([0.0, 1.0], 4)
    assert problem(y=codes, test_y=codes[1:7]).class_labels == ("0", "1")
    statistics = dj.class_statistics(X, codes)
    assert statistics.class_labels == ("0", "1")


@pytest.mark.parametrize("call", [dj.class_statistics, lambda x, y: dj.class_order(x, y, 8.0, 4.0)])
@pytest.mark.parametrize("labels", [["a", None] * 4, np.eye(2)[[0, 1] * 4], [0.5, 1.5] * 4])
def test_every_function_of_labels_refuses_them(call, labels):
    with pytest.raises(dj.InputError, match="labels"):
        call(X, labels)
    with pytest.raises(dj.InputError, match="train_labels"):
        problem(y=labels)


CALLER = """
import warnings
import numpy as np, diffjax as dj
X, Y = np.arange(24.0).reshape(8, 3) ** 2, ["a", "b"] * 4
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    dj.DatasetProblem(X, Y, X, Y, 0.1, num_features=4)
assert [warning.filename for warning in caught] == ["<string>"], caught[0]
"""


def test_a_warning_points_at_the_caller():
    """In a process whose calls are not checked for shapes, which adds frames between."""
    subprocess.run([sys.executable, "-c", CALLER], check=True, timeout=120)


def test_held_out_samples_that_are_trained_on():
    with pytest.warns(dj.DataWarning, match="all of 8 held-out samples are training"):
        dj.DatasetProblem(X, Y, X, Y, 0.1, num_features=4)
    partly = np.concatenate([HELD_OUT, X[:2]])
    with pytest.warns(dj.DataWarning, match=r"2 of 8 .*the first is test_samples\[6\]"):
        problem(test=partly, test_y=np.append(HELD_OUT_Y, ["a", "a"]))


def test_samples_given_twice():
    twice = np.concatenate([X, X[:3]])
    with pytest.warns(dj.DataWarning, match="3 of 11 train_samples repeat"):
        problem(x=twice, y=np.append(Y, Y[:3]))
    with pytest.warns(dj.DataWarning, match="1 of 3 test_samples repeat"):
        warn_of_copies(X, np.array([[1.0, 0.0], [2.0, 1.0], [1.0, -0.0]]))


def test_names_that_differ_in_a_blank():
    labels = np.array(["a", "b", "a ", "b", "a", "b", "a", "b"])
    with pytest.warns(dj.DataWarning, match=r"'a' \(3 samples\) and 'a ' \(1 samples\)"):
        problem(y=labels, test_y=labels[:6])
    doubled = np.array(["a", "b", "A", "b", "a", "b", "A", "b"])
    with pytest.warns(dj.DataWarning, match="blanks or capitals only"):
        dj.class_statistics(X, doubled)


def test_good_data_and_copies_of_a_problem_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = problem()
        warnings.simplefilter("ignore")
        doubtful = problem(test=X, test_y=Y)
        warnings.simplefilter("error")
        dataclasses.replace(doubtful, diffusion_time=0.2)
        dataclasses.replace(made, seed=3)
