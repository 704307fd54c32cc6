"""Study files: what is read, and what is refused with its line before anything is computed."""

import numpy as np
import pytest

from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, TwoClasses
from diffjax.studies.study_file import read_study

GOOD = """\
name = "mine"
title = "My study"
claims = ["higher-variance-generalises-first"]

[problem]
dim = 8
num_features = 32
num_samples = 16
diffusion_time = 0.3
activation = "erf"

[problem.mixture]
kind = "two_classes"
stds = [1.5, 1.0]

[problem.covariance_options]
train_order = 6

[axes]
"stds[0]" = [1.0, 1.5]
distance = {linspace = [0.0, 2.0, 3]}
imbalance_ratio = {geomspace = [0.25, 4.0, 3]}
seed = {range = [0, 2]}
size = {zip = {num_features = [32, 64], diffusion_time = [0.1, 0.3]}}

[options]
solver = "eigh"

[[figures]]
plot = "phase_maps"
arguments = {quantity = "memorization_time"}

[[figures]]
name = "curves"
plot = "learning_curves"
at = {distance = 2.0}
"""


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        file = tmp_path / "study.toml"
        file.write_text(text)
        return read_study(file)

    return read_text


def test_everything_that_a_file_can_say(read):
    study = read(GOOD)
    assert (study.name, study.title, study.model) == ("mine", "My study", "gradient_flow")
    assert (study.problem.dim, study.problem.num_features) == (8, 32)
    assert study.problem.activation.name == "erf"
    assert study.problem.covariance_options.train_order == 6
    assert isinstance(study.problem.mixture, TwoClasses)
    assert list(study.axes) == ["stds[0]", "distance", "imbalance_ratio", "seed", "size"]
    np.testing.assert_allclose(study.axes["distance"], [0, 1, 2])
    np.testing.assert_allclose(study.axes["imbalance_ratio"], [0.25, 1, 4])
    assert list(study.axes["seed"]) == [0, 1]
    assert study.axes["size"].fields == {
        "num_features": [32, 64],
        "diffusion_time": [0.1, 0.3],
    }
    assert study.options == {"solver": "eigh"}
    assert [figure.name for figure in study.figures] == ["phase_maps-1", "curves"]
    assert [claim.name for claim in study.claims] == ["higher-variance-generalises-first"]


def test_an_empty_file_is_the_default_problem_of_the_default_model(read):
    study = read("")
    assert (study.name, study.model) == ("study", "gradient_flow")
    assert study.problem.training_times is None
    assert study.axes == {}


def test_a_general_mixture(read):
    study = read(
        '[problem.mixture]\nkind = "gaussian_mixture"\nstds = [1.0, 2.0, 3.0]\n'
        "weights = [0.2, 0.3, 0.5]\ncentroid_gram = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]\n"
    )
    assert isinstance(study.problem.mixture, GaussianMixture)
    assert study.problem.mixture.num_classes == 3


@pytest.mark.parametrize(
    ("found", "written", "line", "message"),
    [
        ("title =", "titel =", 2, "did you mean 'title'"),
        ("dim = 8", "dimm = 8", 6, "unknown key 'problem.dimm'.*did you mean 'dim'"),
        ("stds = [1.5, 1.0]", "std = [1.5, 1.0]", 14, "unknown key 'problem.mixture.std'"),
        ("train_order = 6", "order = 6", 17, "unknown key 'problem.covariance_options.order'"),
        ("geomspace", "geospace", 22, "did you mean 'geomspace'"),
        ("[0.0, 2.0, 3]", "[0.0, 2.0]", 21, "linspace = \\[first, last, number\\]"),
        ("distance = {linspace = [0.0, 2.0, 3]}", "distance = 2.0", 21, "a list of values"),
        ("solver =", "method =", 27, "unknown key 'options.method'"),
        ('kind = "two_classes"', 'kind = "three_classes"', 13, "two_classes, gaussian_mixture"),
        ("dim = 8", "dim = 0", 5, "whole number of at least 1"),
        ("stds = [1.5, 1.0]", "stds = [-1.5, 1.0]", 12, "stds\\[0\\]=-1.5"),
        ('"erf"', '"sine"', 5, "tanh, erf, relu"),
        ('plot = "phase_maps"', "", 29, "key plot"),
    ],
)
def test_faults_are_named_with_their_line(read, found, written, line, message):
    assert found in GOOD
    with pytest.raises(InputError, match=f"(?s)study.toml, line {line}: .*{message}"):
        read(GOOD.replace(found, written))


@pytest.mark.parametrize(
    ("found", "written", "message"),
    [
        ("dim = 8", "dim = = 8", "not valid TOML: .*line 6"),
        ("[axes]", "[axes", "not valid TOML: .*line 19"),
        ('"higher-variance-generalises-first"', '"higher"', "claim 'higher' is unknown"),
        ('title = "My study"', 'model = "gradient_flo"', "did you mean 'gradient_flow'"),
        ('plot = "phase_maps"', 'plot = "phase_map"', "did you mean 'phase_maps'"),
        ("{quantity =", "{quantities =", "the argument 'quantities'"),
        ("at = {distance = 2.0}", "where = 3", "unknown key 'figures.where'"),
    ],
)
def test_other_faults(read, found, written, message):
    assert found in GOOD
    with pytest.raises(InputError, match=f"(?s){message}"):
        read(GOOD.replace(found, written))


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_study(tmp_path / "absent.toml")
