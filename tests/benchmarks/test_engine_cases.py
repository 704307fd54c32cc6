"""Cases of the sweep engine, its store and the machine, at sizes that take no time."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import first_call, limits, store_case, sweep_case, worker
from benchmarks.one_line_model import Wave, wave
from benchmarks.standalone import Disagreement

AXES = {"phase": (0.0, 3.0), "height": (1.0, 2.0)}


@pytest.fixture(scope="module")
def results():
    """Twelve points in three batches."""
    over = {"phase": np.linspace(0.0, 3.0, 12)}
    return store_case.Results(wave, Wave(), over, batch=4)


def test_the_sweep_case_compares_and_times():
    case = sweep_case.Case("one line", wave, Wave(), AXES, side=4)
    rows = {row.quantity: row.value for row in sweep_case.case_rows(case, 2, [3.0, 3.0])}
    assert rows["largest relative difference from the loop"] == 0.0
    assert rows["bare loop, points per second"] > rows["engine, one batch, points per second"] > 0
    assert rows["per further batch, stored"] > 0


def test_the_loop_is_the_model_itself():
    case = sweep_case.Case("one line", wave, Wave(), AXES, side=3)
    phase, height = np.meshgrid(*case.over.values(), indexing="ij")
    found = sweep_case.bare_loop(case)()
    np.testing.assert_allclose(found["value"], (height * np.cos(phase)).ravel(), rtol=1e-14)


def test_a_sweep_that_differs_from_the_loop_is_refused():
    from diffjax.sweep.run import sweep

    case = sweep_case.Case("one line", wave, Wave(), AXES, side=3)
    dataset = sweep(wave, Wave(), case.over)
    wrong = {"value": dataset["value"].values.ravel() * (1 + 1e-6)}
    with pytest.raises(Disagreement, match="differ by 1"):
        sweep_case.check(case, dataset, wrong)


def test_the_store_gives_back_what_was_written(results, tmp_path):
    store_case.check(results, tmp_path)
    names = store_case.contenders(results, tmp_path, few=3)
    dataset = names["engine opens many"]()
    np.testing.assert_array_equal(dataset["value"], np.cos(np.linspace(0.0, 3.0, 12)).astype(
        dataset["value"].dtype
    ))  # fmt: skip
    assert len(list((tmp_path / "split" / "segments").glob("*.zarr"))) == 3
    assert names["engine plans to resume"]().done == 12


def test_bits_that_do_not_come_back_are_refused(results, tmp_path, monkeypatch):
    read = store_case.read_files

    def flipped(*arguments):
        return {name: values + 1 for name, values in read(*arguments).items()}

    monkeypatch.setattr(store_case, "read_files", flipped)
    with pytest.raises(Disagreement, match="does not come back"):
        store_case.check(results, tmp_path)


def test_store_rows_are_speeds(results, tmp_path):
    store_case.check(results, tmp_path)
    calls = store_case.contenders(results, tmp_path, few=3)
    assert all(
        seconds > 0 for runs in store_case._interleaved(calls, 2).values() for seconds in runs
    )
    times = {name: [0.5, 0.5] for name in calls} | {"engine opens many": [0.9, 0.9]}
    rows = store_case.rows_of(results, times, [10.0], few=3)
    values = {row.quantity: row.value for row in rows}
    assert values["engine writes, points per second"] == 24
    assert values["engine writes"] == pytest.approx(2 * results.megabytes)
    assert values["NumPy loads, share of the copy"] == pytest.approx(4 * results.megabytes / 1e4)
    assert values["open, per further segment (of 3)"] == pytest.approx(200)
    disk = store_case.disk_rows(results, tmp_path)[0].value
    assert disk > 1  # metadata outweighs so few numbers


def test_limits_of_copies_and_launches():
    speeds = limits.copy_speeds(rounds=2, numbers=2**20)
    assert set(speeds) == {"numpy", "xla"}
    assert all(0.1 < speed < 1e5 for values in speeds.values() for speed in values)
    assert 0.1 < min(limits.launch_microseconds(rounds=2)) < 1e4


def test_a_failing_command_is_not_timed():
    with pytest.raises(Exception, match="exit status 3"):
        first_call._timed(["python", "-c", "raise SystemExit(3)"])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux only")
def test_a_peak_of_memory_is_forgotten():
    block = np.ones(2**25)
    high = worker._status("VmHWM")
    del block
    resident = worker._forget_peak()
    assert high - resident > 200
    assert worker._status("VmHWM") == pytest.approx(resident, abs=50)
