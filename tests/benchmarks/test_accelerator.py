"""The benchmark of an accelerator: stages, budget, rows, and all of it at tiny size on a CPU."""

import json
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from benchmarks import accelerator, accelerator_device, accelerator_engine
from benchmarks.accelerator import Stage, main
from benchmarks.accelerator_device import Limits
from benchmarks.accelerator_engine import GridTimes
from benchmarks.report import Row

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    """What the command sets for its own process does not reach other tests."""
    settings = {"OPENBLAS_NUM_THREADS": "1", "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    for name, value in {**settings, "JAX_NUM_CPU_DEVICES": "1"}.items():
        monkeypatch.setenv(name, value)


def out_of_memory():
    raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory\nmore lines")


def stages(*listed):
    return lambda options, left: [
        Stage(name, lambda seconds=seconds: seconds, run) for name, seconds, run in listed
    ]


def test_a_stage_that_fails_or_has_no_time_costs_no_other(monkeypatch, tmp_path, capsys):
    file = tmp_path / "rows.json"
    seen = []

    def last():
        seen.extend(json.loads(file.read_text())["rows"])
        return [Row("last", "points per second", 30.0, "1/s")]

    listed = ("big", 0.0, out_of_memory), ("long", 1e4, out_of_memory), ("last", 0.0, last)
    monkeypatch.setattr(accelerator, "_stages", stages(*listed))
    before = tmp_path / "cpu.json"
    row = {"case": "last", "quantity": "points per second", "value": 10.0}
    before.write_text(json.dumps({"rows": [row]}))
    code = main(["--json", str(file), "--cpu-json", str(before), "--minutes", "1"])
    assert code == 0
    assert [(row["case"], row["quantity"]) for row in seen] == [
        ("big", "failed after"),
        ("long", "left out, would take"),
    ]
    rows = json.loads(file.read_text())["rows"]
    assert rows[0]["note"] == "JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory"
    assert rows[-1]["quantity"] == "points per second, ratio to the CPU"
    assert rows[-1]["value"] == 3.0
    assert "RESOURCE_EXHAUSTED" in capsys.readouterr().out


def test_wrong_answers_are_told_by_the_exit_code(monkeypatch):
    wrong = Row("answers", "difference", 1.0, "", "<= 1e-6", False)
    monkeypatch.setattr(accelerator, "_stages", stages(("answers", 0.0, lambda: [wrong])))
    assert main(["--minutes", "1"]) == 1


def test_another_platform_than_asked_for_is_refused(capsys):
    assert main(["--platform", "tpu"]) == 2
    assert "not on tpu" in capsys.readouterr().err


def test_a_device_that_hangs_is_given_up_when_time_is_up(tmp_path):
    code = (
        "import time; from benchmarks import accelerator as a; from benchmarks.report import Row;"
        "hang = a.Stage('hang', lambda: 0.0, lambda: time.sleep(60));"
        "done = a.Stage('done', lambda: 0.0, lambda: [Row('done', 'number', 1.0)]);"
        "a._stages = lambda *_: [done, hang]; a._SPARE_SECONDS = -9.0;"
        f"a.main(['--json', {str(tmp_path / 'rows.json')!r}, '--minutes', '0.1'])"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, timeout=50, check=False)
    assert done.returncode == 3 and time.monotonic() - start < 45
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert rows[0]["case"] == "done"


def test_limits_of_this_machine_are_plausible():
    limits = Limits()
    rows = accelerator_device.device_rows(limits, quick=True)
    assert 1e8 < limits.gemm < 1e15 and 1e8 < limits.copy < 1e13
    assert all(np.isfinite(row.value) and row.value > 0 for row in rows)
    assert {row.unit for row in rows} >= {"TF/s", "GB/s", "us", "ms"}


def test_axes_of_large_sizes_are_cut():
    assert [len(v) for v in accelerator_engine.grid_axes(64, quick=False).values()] == [4, 4, 4]
    assert [len(v) for v in accelerator_engine.grid_axes(4, quick=False).values()] == [4, 1, 1]
    assert [len(v) for v in accelerator_engine.grid_axes(2, quick=False).values()] == [2, 1, 1]


def test_time_of_a_larger_grid_is_foreseen():
    times = GridTimes()
    assert times.expected(512, 10, "eigh", otherwise=7.0) == 7.0
    times.first[256, "eigh"], times.point[256, "eigh"] = 5.0, 0.5
    assert times.expected(512, 10, "eigh", otherwise=7.0) == 4.5 + 2 * 10 * 4.0
    assert times.expected(512, 10, "doubling", otherwise=7.0) == 7.0


def test_work_of_a_grid():
    from benchmarks.problems import problem

    members = {"train": (4, 8), "population": (2, 8)}
    flops, moved = accelerator_engine.work_of(problem(1024), 4, members, octaves=0)
    more, _ = accelerator_engine.work_of(problem(1024), 8, members, octaves=0)
    per_point = (more - flops) / 4
    assert abs(per_point / 1024**3 - (9 + 9 + 5 / 4 + 8 * 481 / 1024)) < 1e-9
    assert moved == 4 * 8 * (4 + 16) * 1024**2
    doubling, _ = accelerator_engine.work_of(problem(1024), 4, members, octaves=50)
    assert doubling > 30 * flops


@pytest.mark.slow
def test_everything_at_tiny_size(tmp_path):
    """The command itself, in under the minutes it is given."""
    file = tmp_path / "rows.json"
    command = [sys.executable, "-m", "benchmarks.accelerator", "--quick", "--platform", "cpu"]
    subprocess.run([*command, "--json", str(file)], cwd=REPOSITORY, timeout=280, check=True)
    rows = json.loads(file.read_text())["rows"]
    assert not [row for row in rows if row["quantity"] == "failed after"]
    cases = {row["case"] for row in rows if row["quantity"] == "points per second"}
    assert cases == {"grid p=32 eigh", "grid p=32 doubling", "screening, 4x4"}
    assert any(row["quantity"] == "images per second, training" for row in rows)
