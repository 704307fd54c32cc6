"""Training runs and image files from elsewhere: refused in words, never run, never waited for."""

import gzip
import os
import shutil
import struct
import tracemalloc

import numpy as np
import pytest

from diffjax.errors import InputError
from diffjax.sweep import open_run
from diffjax.unet.idx_files import read_idx, write_idx
from diffjax.unet.run_folder import TrainingFolder
from tests.fuzz import training_runs
from tests.fuzz.folders import _Payload


@pytest.fixture
def run(tmp_path):
    shutil.copytree(training_runs.original(), tmp_path / "run")
    return tmp_path / "run"


def test_an_intact_run_opens_and_its_status_is_told(run, capsys):
    from diffjax.cli import main

    assert open_run(run)["train_loss"].sizes["class"] == 2
    assert main(["status", str(run)]) == 0
    assert "unet_training" in capsys.readouterr().out


def test_a_bad_line_is_named_with_its_number(run):
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "train_loss": \n')
    with pytest.raises(InputError, match=r"metrics\.jsonl, line 3"):
        open_run(run)


def test_an_array_of_objects_is_not_loaded(run, tmp_path):
    np.savez(run / "data.npz", train=np.array([_Payload()], dtype=object))
    with pytest.raises(InputError, match="only numbers and texts"):
        TrainingFolder(run).data()


@pytest.mark.parametrize("name", ["data.npz", "facts.json", "run.json", "metrics.jsonl"])
def test_pipes_and_links_in_a_run_are_not_opened(run, name):
    (run / name).unlink()
    os.mkfifo(run / name)
    with pytest.raises(InputError, match="no regular file"):
        open_run(run) and TrainingFolder(run).data()
    (run / name).unlink()
    (run / name).symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="no regular file"):
        open_run(run) and TrainingFolder(run).data()


def test_weights_behind_a_link_are_not_followed(run, tmp_path):
    weights = run / "weights" / "000000002"
    shutil.move(weights, tmp_path / "outside")
    weights.symlink_to(tmp_path / "outside")
    assert TrainingFolder(run).weights.steps() == [1]
    inside = run / "weights" / "000000001"
    file = next(path for path in inside.rglob("*") if path.is_file() and "d" in path.parts)
    file.rename(tmp_path / "file")
    file.symlink_to(tmp_path / "file")
    with pytest.raises(InputError, match="no regular file"):
        TrainingFolder(run).weights.load(1, training_runs.tree())


def test_weights_of_other_shapes_are_refused_before_they_are_read(run):
    wanted = {**training_runs.tree(), "kernel": np.zeros(7, np.float32)}
    with pytest.raises(InputError, match="another network"):
        TrainingFolder(run).weights.load(1, wanted)


def test_an_idx_file_is_a_regular_file_that_unpacks_to_what_its_header_tells(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no regular file"):
        read_idx(tmp_path / "pipe")
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 9) + bytes(2**28), 1))
    tracemalloc.start()
    with pytest.raises(InputError, match="more bytes where its header"):
        read_idx(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23
    header = bytes([0, 0, 8, 2]) + struct.pack(">2I", 2**31, 2**31)
    (tmp_path / "large").write_bytes(header + b"12")
    with pytest.raises(InputError, match="more than the 1073741824 allowed"):
        read_idx(tmp_path / "large")
    write_idx(tmp_path / "good", np.arange(6, dtype=np.uint8).reshape(2, 3))
    (tmp_path / "link").symlink_to(tmp_path / "good")  # data of one's own may be linked
    assert read_idx(tmp_path / "link").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_training_folder_that_was_replaced_is_not_written_to(run, tmp_path):
    folder = TrainingFolder(run)
    folder.hold()
    folder.require_here()
    run.rename(tmp_path / "aside")
    with pytest.raises(OSError, match="was removed"):
        folder.require_here()
    shutil.copytree(tmp_path / "aside", run)
    with pytest.raises(OSError, match="was replaced"):
        folder.require_here()
