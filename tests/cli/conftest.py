"""The command line in this process, and an installed toy model."""

import importlib.metadata
from collections.abc import Callable
from typing import NamedTuple

import pytest

from diffjax.cli.application import run

TOY_STUDY = """\
name = "toy-study"
title = "A toy"
model = "toy"

[problem]
slope = 3.0

[axes]
offset = [1.0, 2.0, 4.0]
seed = {range = [0, 2]}
"""


class Outcome(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def diffjax(capsys, tmp_path, monkeypatch) -> Callable[..., Outcome]:
    """Run a command in an empty folder; no command may end in a traceback."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = run(arguments)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return Outcome(code, printed.out, printed.err)

    return call


@pytest.fixture
def toy(monkeypatch):
    """Install the toy model as another package would."""
    entry = importlib.metadata.EntryPoint("toy", f"{__package__}.toy:toy", "diffjax.models")
    installed = importlib.metadata.entry_points

    def entry_points(**wanted):
        found = installed(**wanted)
        if wanted.get("group") == "diffjax.models" and wanted.get("name", "toy") == "toy":
            return importlib.metadata.EntryPoints([*found, entry])
        return found

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


@pytest.fixture
def toy_study(toy, tmp_path) -> str:
    """A study file of the toy model, named for the command line."""
    (tmp_path / "toy.toml").write_text(TOY_STUDY)
    return "toy.toml"
