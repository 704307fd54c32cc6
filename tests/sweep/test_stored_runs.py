"""Runs that were stored long ago are opened and continued; tests/fixtures holds them unchanged."""

import dataclasses
import json
import tarfile
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import diffjax as dj
from diffjax.sweep.older_descriptions import current

FIXTURES = Path(__file__).parents[1] / "fixtures"
MIXTURE = dj.two_classes((1.2, 1.0), 2.0, 0.5)
TIMES = [0.01, 1.0, 100.0]
ORDERS = dj.CovarianceOptions(population_nodes=257)  # what was the default then


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(FIXTURES / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / name


def as_it_was(model: dj.Model, folder: Path) -> dj.Model:
    """The model with the version and the outputs of a run: later ones rightly refuse to go on."""
    record = json.loads((folder / "run.json").read_text())
    outputs = {name: model.outputs[name] for name in record["outputs"]}
    return dataclasses.replace(model, version=record["model_version"], outputs=outputs)


def finite_size() -> dj.RandomFeatureProblem:
    return dj.RandomFeatureProblem(
        MIXTURE, 4, 8, 12, 0.5, training_times=TIMES, covariance_options=ORDERS
    )


def test_a_run_with_the_default_activation_is_continued(tmp_path):
    run = unpacked("finite-size-tanh", tmp_path)
    before = dj.open_run(run)
    model = as_it_was(dj.gradient_flow, run)
    over = {"distance": [1.0, 2.0], "seed": range(2)}
    assert dj.explain(model, finite_size(), over, store=run).already_done == 2
    after = dj.sweep(model, finite_size(), over, store=run)
    assert (after["status"] >= 0).all() and np.isfinite(after["train_loss"]).all()
    assert after["train_loss"].sel(distance=1.0).equals(before["train_loss"].sel(distance=1.0))
    assert dj.open_run(run)["train_loss"].equals(after["train_loss"])


def test_a_run_with_another_activation_is_continued(tmp_path):
    run = unpacked("theory-erf", tmp_path)
    model = as_it_was(dj.asymptotic_dynamics, run)
    problem = dj.AsymptoticProblem(MIXTURE, 2.0, 3.0, 0.5, activation="erf", training_times=TIMES)
    over = {"distance": [1.0, 1.5]}
    assert dj.explain(model, problem, over, store=run).already_done == 1
    after = dj.sweep(model, problem, over, store=run)
    assert (after["status"] >= 0).all() and np.isfinite(after["train_loss"]).all()


def test_points_along_an_axis_of_activations_are_found_again(tmp_path):
    run = unpacked("finite-size-activations", tmp_path)
    assert dj.open_run(run)["activation"].values.tolist() == ["erf", "jax.numpy.tanh"]
    erf = finite_size_with("erf").activation
    over = {"activation": [erf, jnp.tanh, "relu"]}
    model = as_it_was(dj.gradient_flow, run)
    assert dj.explain(model, finite_size(), over, store=run).already_done == 2
    dj.sweep(model, finite_size(), over, store=run)
    found = dj.open_run(run)
    assert found["activation"].values.tolist() == ["erf", "jax.numpy.tanh", "relu"]
    assert np.isfinite(found["train_loss"]).all()


def finite_size_with(activation) -> dj.RandomFeatureProblem:
    return dj.RandomFeatureProblem(MIXTURE, 4, 8, 12, 0.5, activation=activation)


def test_a_run_with_another_activation_is_another_run(tmp_path):
    run = unpacked("finite-size-tanh", tmp_path)
    model = as_it_was(dj.gradient_flow, run)
    with pytest.raises(dj.StoreMismatch, match=r"'tanh'.*'erf'"):
        dj.sweep(model, dataclasses.replace(finite_size(), activation="erf"), {"seed": [5],
                 "distance": [1.0]}, store=run)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "function", "moments", "today"),
    [
        ("erf", "jax._src.scipy.special.erf", "diffjax.numerics.activations._erf_moments", "erf"),
        ("jax._src.nn.functions.relu", "jax._src.nn.functions.relu", None, "relu"),
        ("tanh", "mine.tanh", None, None),
        ("erf", "jax._src.scipy.special.erf", "mine.moments", None),
    ],
)
def test_only_what_was_an_activation_of_diffjax_is_taken_for_one(name, function, moments, today):
    described = {"type": "Activation", "name": name, "function": function, "moments": moments}
    found = current({**described, "second_moment": None})
    assert found == {"activation": today} if today else found["function"] in (
        "mine.tanh", "jax.scipy.special.erf")  # fmt: skip
