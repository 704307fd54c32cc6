"""Bad input ends in exit code 2, one message and no traceback, and writes nothing."""

import errno
import os
from pathlib import Path

import pytest

from diffjax.sweep.store import Segment

BAD = [
    (("frobnicate",), "Unknown command"),
    (("sweep", "--frobnicate"), "--frobnicate"),
    (("sweep", "phase-diagramm"), "did you mean 'phase-diagram'"),
    (("sweep", "absent.toml"), "absent.toml"),
    (("sweep", "toy.toml", "--devices", "99"), "devices=99"),
    (("sweep", "toy.toml", "--devices", "few"), "few"),
    (("sweep", "toy.toml", "--batch-size", "0"), "batch_size"),
    (("sweep", "toy.toml", "--retry", "all"), "all"),
    (("explain", "nothing"), "known are phase-diagram"),
    (("solve", "gradient_flo"), "did you mean 'gradient_flow'"),
    (("solve", "gradient_flow", "dimm=3"), "did you mean 'dim'"),
    (("solve", "gradient_flow", "stds=-1,1"), "positive"),
    (("solve", "imbalance_ratio=0"), "> 0"),
    (("solve", "--solver", "magic"), "magic"),
    (("solve", "--out", "curves.txt"), ".nc, .zarr, .png, .pdf"),
    (("solve", "--out", "absent/curves.png"), "No such folder"),
    (("status", "absent"), "absent"),
    (("figure", "absent"), "absent"),
    (("figure", "absent", "--format", "gif"), "gif"),
    (("list", "everything"), "everything"),
    (("list", "models", "gradient_flow"), "leave the name out"),
    (("cite", "nothing"), "known are phase-diagram"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD]
)
def test_bad_commands(diffjax, toy_study, tmp_path, arguments, message):
    outcome = diffjax(*arguments)
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())
    assert os.listdir(tmp_path) == ["toy.toml"]


TOML_FAULTS = [
    ("slope = 3.0", "slop = 3.0", "line 6: unknown key 'problem.slop'"),
    ("slope = 3.0", "slope = = 3", "line 6"),
    ("[axes]", "[axis]", "did you mean 'axes'"),
    ("offset =", "ofset =", "did you mean 'offset'"),
    ("[1.0, 2.0, 4.0]", "[]", "is empty"),
    ("[1.0, 2.0, 4.0]", "[1.0, 1.0]", "positions 0 and 1"),
    ("[1.0, 2.0, 4.0]", "[1.0, nan]", "nan"),
    ("[1.0, 2.0, 4.0]", '["a"]', "only numbers"),
    ('model = "toy"', 'model = "toys"', "did you mean 'toy'"),
    ("[axes]", "[options]\ncolour = 1\n[axes]", "unknown key 'options.colour'"),
]


@pytest.mark.parametrize(("found", "written", "message"), TOML_FAULTS)
def test_bad_study_files(diffjax, toy_study, tmp_path, found, written, message):
    file = tmp_path / toy_study
    assert found in file.read_text()
    file.write_text(file.read_text().replace(found, written))
    outcome = diffjax("sweep", toy_study)
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())
    assert os.listdir(tmp_path) == ["toy.toml"]


def test_a_folder_of_another_study(diffjax, toy_study, tmp_path):
    assert diffjax("sweep", toy_study, "--out", "here").code == 0
    file = tmp_path / toy_study
    file.write_text(file.read_text().replace("slope = 3.0", "slope = 4.0"))
    outcome = diffjax("sweep", toy_study, "--out", "here")
    assert outcome.code == 2
    assert "slope=3.0" in outcome.err
    assert "slope=4.0" in outcome.err


def test_a_folder_with_other_files(diffjax, toy_study, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "thesis.txt").write_text("precious")
    outcome = diffjax("sweep", toy_study, "--out", "here")
    assert outcome.code == 2
    assert os.listdir(tmp_path / "here") == ["thesis.txt"]


def test_a_file_where_the_folder_should_be(diffjax, toy_study, tmp_path):
    (tmp_path / "runs").write_text("a file")
    outcome = diffjax("sweep", toy_study)
    assert outcome.code == 2
    assert "runs" in outcome.err


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(diffjax, toy_study, tmp_path):
    (tmp_path / "runs").mkdir(mode=0o500)
    outcome = diffjax("sweep", toy_study)
    assert outcome.code == 2
    assert "--out" in outcome.err


def test_a_read_only_file_system(diffjax, toy_study, monkeypatch):
    def refused(self, *arguments, **settings):
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", refused)
    outcome = diffjax("sweep", toy_study)
    assert outcome.code == 2
    assert "Read-only file system" in outcome.err


def test_a_full_disk_keeps_what_was_written(diffjax, toy_study, monkeypatch):
    write = Segment.write

    def full(self, number, keys, results):
        if number == 1:
            raise OSError(errno.ENOSPC, "No space left on device", "runs/toy-study")
        write(self, number, keys, results)

    monkeypatch.setattr(Segment, "write", full)
    outcome = diffjax("sweep", toy_study, "--batch-size", "2", "--devices", "1")
    assert outcome.code == 2
    assert "No space left" in outcome.err
    assert "finished points are kept" in outcome.err
    monkeypatch.setattr(Segment, "write", write)
    finished = diffjax("sweep", toy_study)
    assert finished.code == 0
    assert "2 of 6 points are already there" in finished.out


def test_a_run_without_a_study_that_no_figure_shows_says_so(diffjax, toy, tmp_path):
    from diffjax.sweep import sweep

    from .toy import Curve
    from .toy import toy as model

    sweep(model, Curve(), {"offset": [1.0]}, tmp_path / "run")
    outcome = diffjax("figure", "run")
    assert outcome.code == 2
    assert "no figure of one point shows" in outcome.err


def test_a_study_file_with_a_byte_order_mark_is_read(diffjax, toy_study, tmp_path):
    file = tmp_path / toy_study
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert diffjax("explain", toy_study).code == 0


def test_a_study_file_in_another_encoding_is_refused_in_words(diffjax, toy_study, tmp_path):
    file = tmp_path / toy_study
    file.write_bytes(file.read_text().encode("utf-16"))
    outcome = diffjax("explain", toy_study)
    assert outcome.code == 2 and "save it as UTF-8" in outcome.err


@pytest.mark.parametrize("platform", ["cuda", "nonsense"])
def test_a_platform_that_is_not_there_is_said_in_words(diffjax, platform, monkeypatch):
    import jax

    def absent():
        raise {"cuda": AssertionError(), "nonsense": RuntimeError("no such backend")}[platform]

    monkeypatch.setattr(jax, "devices", absent)
    monkeypatch.setenv("JAX_PLATFORMS", platform)
    outcome = diffjax("info")
    assert outcome.code == 2 and f"JAX_PLATFORMS={platform!r}" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("solve", "speciation", "--solver", "eigh"), ["'solver'", "'speciation'"]),
        (("solve", "gradient_flow", "weights=.5,.5"), ["did you mean 'class_weights'"]),
        (("solve", "gradient_flow", "foo=3"), ["no field 'foo'", "training_times"]),
        (("status", "nowhere"), ["nowhere does not exist"]),
    ],
)
def test_what_a_newcomer_types_is_answered_in_words(diffjax, arguments, words):
    outcome = diffjax(*arguments)
    assert outcome.code == 2
    assert all(word in outcome.err for word in words), outcome.err


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ("{linspace = [1.0, 2.0, 2.5]}", "whole numbers"),
        ("{range = [0.5, 3]}", "whole numbers"),
        ("{geomspace = [-1.0, 1.0, 3]}", "two positive or two negative"),
        ("{geomspace = [0.0, 1.0, 3]}", "two positive or two negative"),
    ],
)
def test_axes_that_would_be_read_as_something_else(diffjax, toy_study, tmp_path, axis, words):
    file = tmp_path / toy_study
    file.write_text(file.read_text().replace("[1.0, 2.0, 4.0]", axis))
    outcome = diffjax("explain", toy_study)
    assert outcome.code == 2 and words in outcome.err and "line 9: axes.offset" in outcome.err
