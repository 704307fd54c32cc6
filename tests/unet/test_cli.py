"""``diffjax unet``: a run from files to figures, and what it refuses."""

import json

import numpy as np
import pytest

from diffjax.cli.application import run
from diffjax.unet.run_dataset import open_training_run
from tests.unet.digits import write_official_names

SMALL = [
    *("--steps", "5", "--batch-size", "4", "--width", "8", "--multipliers", "1"),
    *("--evaluations-per-decade", "2", "--samples", "6", "--sampling-steps", "3"),
    *("--eval-images", "4", "--no-check"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    write_official_names(place)
    return place


@pytest.fixture
def diffjax(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder; no command may end in a traceback."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return code, printed.out, " ".join(printed.err.split())

    return call


def train(diffjax, folder, *more):
    start = ("unet", "train", "--data-dir", folder, "--classes", "2,0", "--counts", "5,3")
    return diffjax(*start, "--out", "run", *SMALL, *more)


def test_from_files_to_figures(diffjax, folder, tmp_path):
    code, out, err = train(diffjax, folder)
    assert code == 0, err
    assert "pullover and T-shirt: 5, 3 training images of 8 x 8 pixels" in out
    assert "memorised share" in out
    dataset = open_training_run(tmp_path / "run")
    assert dataset["class"].values.tolist() == ["pullover", "T-shirt"]
    assert dataset["training_step"].values.tolist() == [1, 3, 5]
    figures = sorted(p.name for p in (tmp_path / "run" / "figures").iterdir())
    assert figures == ["curves.pdf", "curves.png", "generated.pdf", "generated.png"]

    code, out, err = train(diffjax, folder)
    assert (code, "5 of 5 steps are already made" in out) == (0, True), err
    code, _, err = train(diffjax, folder, "--learning-rate", "0.5")
    assert code == 2
    assert "training.learning_rate=0.002, this call has training.learning_rate=0.5" in err

    code, out, err = diffjax("unet", "evaluate", "run", "--figures", "--out", "again")
    assert code == 0, err
    assert "held-out loss per dimension, end" in out
    assert (tmp_path / "again" / "figures" / "curves.png").exists()

    code, _, err = diffjax("unet", "sample", "run", "--count", 5, "--out", "s.npz")
    assert code == 0, err
    with np.load(tmp_path / "s.npz") as file:
        assert file["images"].shape == (5, 8, 8, 1)
    code, _, err = diffjax("unet", "sample", "run", "--count", 5, "--step", 3, "--out", "s.png")
    assert code == 0, err
    assert (tmp_path / "s.png").stat().st_size > 0
    code, _, err = diffjax("unet", "sample", "run", "--step", 4, "--out", "t.png")
    assert code == 2
    assert "no step 4 allowed: it has 1, 3, 5" in err


def test_a_stored_network_is_measured_again(diffjax, folder, tmp_path):
    assert train(diffjax, folder)[0] == 0
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    draws = "--step", 3, "--samples", 4, "--seed", 5, "--sampler", "ancestral"
    data = "--data-dir", folder, "--no-check"
    code, out, err = diffjax("unet", "evaluate", "run", *draws, *data)
    assert code == 0, err
    assert "step 3, seed 5" in out
    assert "held-out loss at each diffusion time, t = 0.3" in out
    [line] = (tmp_path / "run" / "evaluations.jsonl").read_text().splitlines()
    found = json.loads(line)
    assert (found["step"], found["seed"], found["own_data"]) == (3, 5, True)
    assert found["evaluation"]["method"] == "ancestral"
    assert sum(found["metrics"]["class_share"]) == pytest.approx(1.0)
    assert all(p.read_bytes() == content for p, content in before.items())

    code, _, err = diffjax("unet", "evaluate", "run", "--step", 4, *data)
    assert (code, "no step 4 allowed: it has 1, 3, 5" in err) == (2, True)
    code, _, err = diffjax("unet", "evaluate", "run", "--data-dir", "absent")
    assert (code, "does not exist" in err) == (2, True)
    code, _, err = diffjax("unet", "evaluate", "run", "--out", "elsewhere", *data)
    assert (code, "without --figures" in err) == (2, True)
    assert len((tmp_path / "run" / "evaluations.jsonl").read_text().splitlines()) == 1


BAD = [
    (("--classes", "2,7"), "class 7 is unknown"),
    (("--classes", "two"), "--classes two"),
    (("--counts", "5,300"), "300 training images of class 0"),
    (("--counts", "5"), "one count for each"),
    (("--multipliers", "1,1,1,1,1"), "at most 4 multipliers"),
    (("--width", "12"), "multiple of 8"),
    (("--optimizer", "lion"), "lion"),
    (("--steps", "0"), "steps=0"),
    (("--shrink", "3"), "shrink=3"),
    (("--check",), "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    (("--data-dir", "absent"), "does not exist"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(a) for a, _ in BAD])
def test_bad_commands_write_nothing(diffjax, folder, tmp_path, arguments, message):
    flags = {"--data-dir": str(folder), "--classes": "2,0", "--counts": "5,3"}
    small = dict(zip(SMALL[:-1:2], SMALL[1:-1:2], strict=True))
    changed = dict(zip(arguments[::2], arguments[1::2], strict=False))
    wanted = {**flags, **small, **changed}
    last = "--check" if "--check" in arguments else "--no-check"
    code, _, err = diffjax("unet", "train", "--out", "run", last, *sum(wanted.items(), ()))
    assert code == 2
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("sample", "absent", "--out", "x.npz"),
        ("evaluate", "absent"),
        ("evaluate", "absent", "--figures"),
    ],
)
def test_folders_without_a_run(diffjax, command):
    code, _, err = diffjax("unet", *command)
    assert code == 2
    assert "has no run.json" in err


def test_pictures_of_unknown_kinds(diffjax):
    code, _, err = diffjax("unet", "sample", "absent", "--out", "x.gif")
    assert code == 2
    assert ".npz or .png" in err
