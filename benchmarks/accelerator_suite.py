"""Tests on the device at hand, in a process of its own that takes only the memory it needs."""

import os
import subprocess
import sys

from benchmarks.report import Row
from benchmarks.timing import REPOSITORY

SUITE = (
    "tests/numerics",
    "tests/random_features/test_dynamics_identities.py",
    "tests/random_features/test_limits.py",
    "tests/random_features/test_solver_choice.py",
    "tests/sweep/test_sweep.py",
    "tests/sweep/test_accelerator.py",
)
"""Tests that say something about a device, shortest first."""


def suite_rows(seconds: float) -> list[Row]:
    """The exit code and the tests that failed, or what was printed when time was up."""
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-m", "not slow", *SUITE]
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    try:
        done = subprocess.run(
            command, cwd=REPOSITORY, env=environment, timeout=seconds,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        last = (error.stdout or b"")[-200:]
        return [Row("tests", "not finished", seconds, "s", note=str(last))]
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    row = Row("tests", "exit code", done.returncode, "", "0", done.returncode == 0, lines[-1])
    return [row, *(Row("tests", "failed", 1.0, note=line[:300]) for line in failed)]
