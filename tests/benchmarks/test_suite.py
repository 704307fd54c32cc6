"""The suite goes on after a failure, stops at Ctrl-C, and chooses sizes that fit its time."""

import argparse
import json
import sys

import pytest

from benchmarks import __main__ as command
from benchmarks import contest, suite
from benchmarks.contest import Size
from benchmarks.report import Row
from benchmarks.standalone import Disagreement
from benchmarks.suite import Task, run_all, tasks_of


def options(**changes):
    """Arguments as they are parsed by default."""
    defaults = {"case": None, "sizes": None, "times": [128, 0], "rounds": None, "quick": False}
    return argparse.Namespace(**{**defaults, **changes})


def fail(error):
    """A case that fails in some way."""

    def case(size):
        raise error

    return case


@pytest.fixture
def cases(monkeypatch):
    """Cases that take no time, in the place of the real ones; no limits are measured."""
    made = {
        "good": lambda size: [Row(size.label, "q", 1.0)],
        "broken": fail(ZeroDivisionError("by zero")),
        "wrong": fail(Disagreement("answers differ")),
        "stopped": fail(KeyboardInterrupt()),
    }
    monkeypatch.setattr(suite, "CASES", made)
    monkeypatch.setattr(suite, "ALL", tuple(made))
    limits = {"copy_gb_per_s": {"numpy": [1.0]}, "start": 0.5}
    monkeypatch.setattr(contest, "measured_limits", lambda *_, **__: limits)
    return made


def tasks(*names):
    return [Task(name, Size(8, 4, 1)) for name in names]


def test_a_failing_case_is_named_and_the_others_run(cases):
    outcome = run_all(tasks("good", "broken", "wrong", "good"))
    assert len(outcome.rows) == 2
    assert outcome.failed == {
        "broken p=8 T=4": "ZeroDivisionError: by zero",
        "wrong p=8 T=4": "stopped before timing: answers differ",
    }
    assert outcome.exit_code == 1
    assert run_all(tasks("good")).exit_code == 0


def test_an_interrupt_keeps_what_was_measured(cases):
    outcome = run_all(tasks("good", "stopped", "good"))
    assert len(outcome.rows) == 1 and outcome.interrupted
    assert outcome.exit_code == 130


def test_the_command_writes_what_was_measured_after_an_interrupt(cases, tmp_path, monkeypatch):
    arguments = ["--case", "good", "broken", "stopped", "--sizes", "8", "--times", "4"]
    files = {name: tmp_path / name for name in ("json", "markdown", "history")}
    for name, path in files.items():
        arguments += [f"--{name}", str(path)]
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    assert command.main() == 130
    content = json.loads(files["json"].read_text())
    assert [row["value"] for row in content["rows"]] == [1.0]
    assert content["interrupted"] and list(content["failed"]) == ["broken p=8 T=4"]
    assert content["limits"] == {"copy_gb_per_s": {"numpy": [1.0]}}
    assert "not run" in files["markdown"].read_text()
    assert len(files["history"].read_text().splitlines()) == 1


def test_only_the_longest_grid_has_fewer_rounds():
    rounds = {
        (task.name, task.size.num_features, task.size.times): task.size.rounds
        for task in tasks_of(options())
    }
    assert {key for key, count in rounds.items() if count < 5} == {("grid", 1024, None)}
    assert ("grid", 1024, 128) in rounds and ("grid", 512, None) in rounds
    assert [name for name, *_ in rounds].count("compile") == 1
    assert {task.size.rounds for task in tasks_of(options(rounds=9))} == {9}


def test_every_case_runs_and_small_sizes_are_for_trying():
    found = list(tasks_of(options(quick=True)))
    assert {task.name for task in found} == set(suite.ALL)
    assert {task.size.num_features for task in found} == {64}
