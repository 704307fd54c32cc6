"""Noise of rows, what counts as changed, and the files that runs leave behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import comparison, history, report
from benchmarks.report import Row, agreement, measured

REPOSITORY = Path(__file__).resolve().parents[2]
MACHINE = {"processor": "a", "cores": 2, "versions": {"jax": "1"}}


def changed(old, new):
    """Whether the only row changed."""
    (change,) = comparison.changes([old], [new])
    return change.changed


def test_noise_is_half_the_interquartile_range():
    row = measured("c", "q", [1.0, 2.0, 3.0, 4.0, 100.0])
    assert (row.value, row.noise) == (3.0, 1.0)
    assert measured("c", "q", 3.0).noise is None
    assert measured("c", "q", [3.0]).noise is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ((10.0, 0.1), (10.4, 0.1), True),  # limit: 2 * 0.14
        ((10.0, 0.3), (10.4, 0.3), False),  # limit: 2 * 0.42
        ((10.0, 0.0), (10.2, 0.0), False),  # below 3 %
        ((10.0, 0.0), (9.6, 0.0), True),
        ((10.0, None), (12.0, None), False),  # 10 % each
        ((10.0, None), (14.0, None), True),
        ((10.0, None), (7.0, 0.1), True),
    ],
)
def test_changed_means_beyond_noise(old, new, expected):
    rows = [Row("c", "q", value, noise=noise) for value, noise in (old, new)]
    assert changed(*rows) is expected


def test_rounding_of_answers_never_counts_as_a_change():
    assert not changed(agreement("c", "q", 1e-12), agreement("c", "q", 3e-11))


def test_rows_are_paired_by_name_and_in_turn():
    old = [Row("c", "twice", 1.0), Row("c", "gone", 5.0), Row("c", "twice", 2.0)]
    new = [Row("c", "twice", 1.0), Row("c", "new", 5.0), Row("c", "twice", 4.0)]
    found = comparison.changes(old, new)
    assert [(change.old.value, change.ratio, change.changed) for change in found] == [
        (1.0, 1.0, False),
        (2.0, 2.0, True),
    ]


def test_a_history_line_can_be_compared_with(tmp_path):
    path = tmp_path / "folder" / "history.jsonl"
    for value in (1.0, 2.0):
        row = Row("c", "q", value, "s", noise=0.1, note="left out")
        history.append(path, [row], MACHINE, {"quick": "False"}, failed={})
    first, last = map(json.loads, path.read_text().splitlines())
    assert first["machine"] == MACHINE and "date" in first
    assert last["rows"] == [{"case": "c", "quantity": "q", "value": 2.0, "unit": "s", "noise": 0.1}]
    assert comparison.read(path).rows == [Row("c", "q", 2.0, "s", noise=0.1)]


def test_written_results_are_read_back(tmp_path):
    rows = [measured("c", "q", [1.0, 2.0, 3.0], ratio="grid")]
    report.write(tmp_path / "a.json", rows, MACHINE, {})
    found = comparison.read(tmp_path / "a.json")
    assert found.rows == rows and found.machine == MACHINE


def test_other_machines_are_named():
    assert comparison.machine_differences(MACHINE, MACHINE | {"load": 3.0}) == []
    assert comparison.machine_differences(MACHINE, MACHINE | {"cores": 4}) == ["cores: 2 -> 4"]


@pytest.mark.parametrize(
    "content",
    ["", "no JSON", "[1, 2]", '{"rows": []}', '{"kind": "other", "machine": {}, "rows": []}',
     '{"machine": {}, "rows": [{"case": "c"}]}', '{"machine": {}, "rows": 3}'],
)  # fmt: skip
def test_a_file_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "old.json"
    path.write_text(content)
    with pytest.raises(comparison.NotResults, match=r"old\.json"):
        comparison.read(path)


def test_a_missing_file_ends_the_command_before_anything_runs(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--compare", str(tmp_path / "none.json")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "none.json cannot be read" in done.stderr and "Traceback" not in done.stderr


def test_two_files_are_compared_by_the_module(tmp_path, capsys):
    for name, value in (("old.json", 1.0), ("new.json", 3.0)):
        machine = MACHINE | {"cores": 2 if name == "old.json" else 8}
        report.write(tmp_path / name, [Row("c", "q", value)], machine, {})
    assert comparison.main([str(tmp_path / "old.json"), str(tmp_path / "new.json")]) == 0
    printed = capsys.readouterr().out
    assert "not the same machine: cores: 2 -> 8" in printed
    assert "1 of 1 rows changed" in printed
    assert comparison.main([str(tmp_path / "old.json"), str(tmp_path / "none.json")]) == 2
