"""A few faults of most kinds; hundreds of them with  python -m tests.faults."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICK = ("kill", "signals", "file-size", "chunks", "memory")
SLOW = (
    "exceptions",
    "disk",
    "writes",
    "metadata",
    "folder",
    "permissions",
    "two",
    "workers",
    "scheduler",
    "clock",
    "hash-seed",
    "points",
)


def inject(tmp_path, kinds):
    """The rows of the table; faults need a process that has started no thread."""
    command = [sys.executable, "-m", "tests.faults", "--quick", "--kind", *kinds]
    command += ["--json", str(tmp_path / "rows.json")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads((tmp_path / "rows.json").read_text())["rows"]


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [QUICK, SLOW])
def test_nothing_is_lost(tmp_path, kinds):
    rows = inject(tmp_path, kinds)
    assert [row["lost"] for row in rows] == [0] * len(kinds)
    without_root = [row for row in rows if row["faults"] == 0]
    assert all("needs root" in row["notes"] for row in without_root)
