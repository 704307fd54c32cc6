"""Runs on disk: killed and continued to the same bits, other settings, full disks."""

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from diffjax.errors import InputError, StoreMismatch
from diffjax.unet import checkpoints
from diffjax.unet.checkpoints import Checkpoints
from diffjax.unet.run import train_run
from diffjax.unet.run_dataset import open_training_run
from diffjax.unet.run_folder import TrainingFolder
from diffjax.unet.stored_network import StoredNetwork
from diffjax.unet.training import Trainer
from tests.unet.digits import EVALUATION, SMALLEST, TRAINING, digit_split

ROOT = Path(__file__).parents[2]


def run(folder, **changes):
    settings = {"network": SMALLEST, "training": TRAINING, "evaluation": EVALUATION, **changes}
    split = settings.pop("split", digit_split())
    return train_run(split, folder, **settings)


def assert_same_run(folder, other):
    first, second = ((f / "metrics.jsonl").read_bytes() for f in (folder, other))
    assert first == second
    runs = [TrainingFolder(f) for f in (folder, other)]
    assert runs[0].weights.steps() == runs[1].weights.steps()
    assert runs[0].states.steps() == runs[1].states.steps()
    like = Trainer(digit_split(), SMALLEST, TRAINING).initial_state()
    states = [r.states.load(TRAINING.steps, like) for r in runs]
    jax.tree.map(np.testing.assert_array_equal, *states)
    for step in runs[0].weights.steps():
        for name, value in runs[0].samples(step).items():
            np.testing.assert_array_equal(value, runs[1].samples(step)[name])


# while training; with half a line of metrics written; with half a checkpoint of a state written
@pytest.mark.parametrize(
    ("place", "survive", "kept"),
    [
        ("step", 3, 5),
        pytest.param("metrics", 2, 2, marks=pytest.mark.slow),
        ("checkpoint", 5, 2),
    ],
)
def test_a_killed_run_continues_to_the_same_bits(
    tmp_path, finished, compiled_programs, place, survive, kept
):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "tests.unet.killed_training", folder, place, survive]
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": compiled_programs}
    killed = subprocess.run(
        list(map(str, command)), cwd=ROOT, env=environment, capture_output=True, timeout=240
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert max(TrainingFolder(folder).states.steps(), default=0) == kept
    run(folder)
    assert_same_run(folder, finished[0])


def test_what_a_run_leaves(finished):
    folder, dataset = finished
    steps = TRAINING.evaluation_steps()
    assert dataset["train_loss"].dims == ("class", "training_step")
    np.testing.assert_array_equal(dataset["training_step"], steps)
    assert dataset["class"].values.tolist() == ["3", "8"]
    assert dataset["sample_counts"].values.tolist() == [12, 4]
    assert ((dataset["memorized_fraction"] >= 0) & (dataset["memorized_fraction"] <= 1)).all()
    np.testing.assert_allclose(dataset["class_share"].sum("class"), 1.0)
    np.testing.assert_allclose(
        dataset["loss_gap"], dataset["test_loss"] - dataset["train_loss"], atol=1e-12
    )
    np.testing.assert_allclose(
        dataset["train_loss"], dataset["train_loss_by_time"].mean("diffusion_time")
    )
    assert (dataset["train_loss"][:, -1] < dataset["train_loss"][:, 0]).all()
    assert TrainingFolder(folder).weights.steps() == list(steps)
    assert dataset["example_images"].shape == (2, len(steps), 2, 8, 8, 1)


def test_stored_weights_give_the_stored_samples(finished):
    folder, _ = finished
    network = StoredNetwork(folder)
    assert network.step == TRAINING.steps
    images = network.generate(3, seed=1, sampling_steps=4)
    assert images.shape == (3, 8, 8, 1)
    trainer = Trainer(digit_split(), SMALLEST, TRAINING)
    state = trainer.advance(trainer.initial_state(), TRAINING.steps)
    jax.tree.map(np.testing.assert_array_equal, network.parameters, jax.device_get(state.average))
    with pytest.raises(InputError, match="no step 7; it has 1, 2, 5, 10, 12"):
        StoredNetwork(folder, 7)


def test_a_run_can_be_prolonged_and_not_shortened(tmp_path, finished):
    folder = tmp_path / "run"
    shutil.copytree(finished[0], folder)
    longer = run(folder, training=dataclasses.replace(TRAINING, steps=22))
    np.testing.assert_array_equal(longer["training_step"], [1, 2, 5, 10, 12, 22])
    short = longer.isel(training_step=slice(5))
    np.testing.assert_array_equal(short["train_loss"], finished[1]["train_loss"])
    assert TrainingFolder(folder).record()["training"]["steps"] == 22
    with pytest.raises(InputError, match="steps=12 where 22 were made"):
        run(folder)


def test_a_finished_run_computes_nothing_more(finished):
    before = (finished[0] / "metrics.jsonl").stat().st_mtime_ns
    run(finished[0])
    assert (finished[0] / "metrics.jsonl").read_bytes().count(b"\n") == 5
    assert before <= (finished[0] / "metrics.jsonl").stat().st_mtime_ns


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"training": dataclasses.replace(TRAINING, learning_rate=0.1)}, "training.learning_rate"),
        ({"network": dataclasses.replace(SMALLEST, width=8)}, "network.width=4"),
        ({"evaluation": dataclasses.replace(EVALUATION, images=9)}, "evaluation.images=8"),
        ({"split": digit_split((3, 8), (12, 5))}, "data.counts"),
        ({"split": digit_split((3, 8), (12, 4), 1)}, "data.held_out_sha256"),
    ],
)
def test_other_settings_are_refused(finished, change, field):
    content = (finished[0] / "metrics.jsonl").read_bytes()
    with pytest.raises(StoreMismatch, match=field):
        run(finished[0], **change)
    assert (finished[0] / "metrics.jsonl").read_bytes() == content


def test_foreign_folders_are_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match=r"not empty \(it has thesis.txt\)"):
        run(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.txt"]
    (tmp_path / "run.json").write_text(json.dumps({"format": "diffjax run"}))
    with pytest.raises(InputError, match="another kind"):
        run(tmp_path)
    with pytest.raises(InputError, match=r"has no run\.json"):
        open_training_run(tmp_path / "absent")


def test_a_full_disk_stops_cleanly_and_the_run_goes_on_later(tmp_path, finished, monkeypatch):
    written, write = iter(range(10**6)), checkpoints._write

    def full(path, leaves):
        if next(written) == 5:  # the state of step 5
            path.mkdir()
            (path / "half").write_bytes(b"half")
            raise ValueError("RESOURCE_EXHAUSTED: write failed: No space left on device")
        write(path, leaves)

    monkeypatch.setattr(checkpoints, "_write", full)
    with pytest.raises(OSError, match="No space left") as stopped:
        run(tmp_path / "run")
    assert stopped.value.errno == errno.ENOSPC
    folder = TrainingFolder(tmp_path / "run")
    assert folder.states.steps() == [1, 2]
    assert sorted(p.name for p in folder.states.folder.iterdir()) == ["000000001", "000000002"]
    monkeypatch.setattr(checkpoints, "_write", write)
    run(tmp_path / "run")
    assert_same_run(tmp_path / "run", finished[0])


def test_room_is_looked_for_before_a_checkpoint_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6)
    )
    store = Checkpoints(tmp_path)
    with pytest.raises(OSError, match="No space for a checkpoint"):
        store.save(1, {"a": np.zeros(100_000)})
    assert store.steps() == []
    assert os.listdir(tmp_path) == []


def test_checkpoints_of_another_network_are_refused(tmp_path):
    store = Checkpoints(tmp_path)
    store.save(3, {"a": np.arange(4.0), "b": [np.int32(2)]})
    found = store.load(3, {"a": np.zeros(4), "b": [np.int32(0)]})
    np.testing.assert_array_equal(found["a"], np.arange(4.0))
    assert found["b"][0] == 2
    with pytest.raises(InputError, match="belongs to another network"):
        store.load(3, {"a": np.zeros(5), "b": [np.int32(0)]})
    with pytest.raises(InputError, match="no step 4; it has 3"):
        store.load(4, {"a": np.zeros(4)})
