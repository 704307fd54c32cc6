"""`explain` says what `sweep` then does, and does nothing itself."""

import numpy as np

from diffjax.sweep import explain, sweep
from tests.sweep.recording import Recorder
from tests.sweep.toy_models import oscillator, spectrum, spring, workshop

OVER = {"radius": np.linspace(1, 2, 10), "size": [3, 4], "seed": range(3)}


def test_what_is_explained_is_what_happens(tmp_path):
    explanation = explain(oscillator, spring(), OVER, tmp_path / "run", batch_size=7)
    assert not (tmp_path / "run").exists()
    assert (explanation.points, explanation.already_done, explanation.compiles) == (60, 0, 2)
    progress = Recorder()
    ds = sweep(oscillator, spring(), OVER, tmp_path / "run", batch_size=7, progress=progress)
    assert len(progress.batches) == explanation.batches
    assert explanation.dataset_bytes >= sum(v.nbytes for v in ds.data_vars.values()) > 0
    assert explanation.peak_memory > explanation.dataset_bytes
    assert explanation.seconds is not None and 0 < explanation.seconds < 1


def test_a_finished_run_costs_nothing(tmp_path):
    sweep(oscillator, spring(), OVER, tmp_path / "run")
    explanation = explain(oscillator, spring(), OVER, tmp_path / "run")
    assert (explanation.already_done, explanation.batches, explanation.compiles) == (60, 0, 0)
    longer = explain(oscillator, spring(), {**OVER, "seed": range(4)}, tmp_path / "run")
    assert (longer.points, longer.already_done) == (80, 60)


def test_without_an_operation_count_there_is_no_time():
    explanation = explain(spectrum, spring(), OVER)
    assert explanation.seconds is None and "gives no operation count" in str(explanation)


def test_the_table_names_everything():
    text = str(explain(spectrum, spring(), OVER))
    for word in ("points", "compiles", "batches", "devices", "shared: levels", "memory", "time"):
        assert word in text


def test_host_models_are_not_called(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    explanation = explain(workshop, spring(), {"seed": range(3)})
    assert (explanation.points, explanation.batches, explanation.compiles) == (3, 3, 0)
    assert not (tmp_path / "log").exists()
