"""Processes that are killed, and processes with several devices."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from diffjax.status import MISSING
from diffjax.sweep import open_run, sweep
from tests.sweep.killed_run import BATCH, OVER
from tests.sweep.recording import Recorder
from tests.sweep.toy_models import spectrum, spring, workshop

ROOT = Path(__file__).parents[2]
ARRAYS = 4  # levels, total, key and status: written in this order for every batch


def run_script(folder, devices=1, writes=-1):
    command = [
        sys.executable,
        "-m",
        "tests.sweep.killed_run",
        str(folder),
        str(devices),
        str(writes),
    ]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, timeout=120, capture_output=True)


@pytest.fixture(scope="module")
def uninterrupted():
    return sweep(spectrum, spring(), OVER, batch_size=BATCH, devices=1).drop_attrs()


# before the first write, and just before a status; right after one: see two devices below
@pytest.mark.parametrize("writes", [0, 3 * ARRAYS - 1])
def test_a_killed_run_continues_to_the_same_bits(tmp_path, uninterrupted, writes):
    killed = run_script(tmp_path / "run", writes=writes)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    finished = writes // ARRAYS
    progress = Recorder()
    ds = sweep(
        spectrum, spring(), OVER, tmp_path / "run", batch_size=BATCH, devices=1, progress=progress
    )
    assert progress.done == finished * BATCH  # at most the batch in flight is lost
    assert sum(progress.batches) == 24 - finished * BATCH
    xr.testing.assert_identical(ds.drop_attrs(), uninterrupted)


def test_two_devices_agree_with_one_and_continue_its_run(tmp_path, uninterrupted):
    finished = run_script(tmp_path / "two", devices=2)
    assert finished.returncode == 0, finished.stderr.decode()
    ds = open_run(tmp_path / "two")
    assert (ds["status"] == 0).all()
    xr.testing.assert_allclose(ds.drop_attrs(), uninterrupted, rtol=1e-12)
    progress = Recorder()
    sweep(spectrum, spring(), OVER, tmp_path / "two", progress=progress)
    assert progress.batches == []


def test_a_run_killed_on_two_devices_continues_on_one(tmp_path, uninterrupted):
    run_script(tmp_path / "run", devices=2, writes=2 * ARRAYS)
    before = open_run(tmp_path / "run")
    assert int((before["status"] != MISSING).sum()) == 2 * BATCH
    ds = sweep(spectrum, spring(), OVER, tmp_path / "run")
    xr.testing.assert_allclose(ds.drop_attrs(), uninterrupted, rtol=1e-12)


def test_ctrl_c_during_a_long_point_leaves_a_run_that_continues(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    waiting = threading.Event()

    class Waiting(Recorder):
        def listening(self, addresses):
            pass

        def advance(self, points, failures):
            super().advance(points, failures)
            if len(self.batches) == 2:
                threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
                waiting.wait(10)

    progress = Waiting()
    with pytest.raises(KeyboardInterrupt):
        sweep(workshop, spring(), {"seed": range(4)}, tmp_path / "run", progress=progress)
    assert progress.finished == 1
    ds = sweep(workshop, spring(), {"seed": range(4)}, tmp_path / "run")
    np.testing.assert_allclose(ds["energy"], [6.0, 7.0, 8.0, 9.0])
    assert len((tmp_path / "log").read_text().splitlines()) == 4
