"""What `diffjax info` says of this machine, and of accelerators that are not at hand."""

from types import SimpleNamespace

import jax
import pytest

from diffjax.cli import info as info_module
from diffjax.random_features import solver_timing
from diffjax.random_features.solver_choice import keep_solver_times


@pytest.fixture(autouse=True)
def few_sizes(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(info_module, "SIZES", (32, 64))


def gpu(gib: float, in_use: float):
    statistics = {"bytes_limit": int(gib * 2**30), "bytes_in_use": int(in_use * 2**30)}
    return SimpleNamespace(
        platform="gpu", device_kind="Some GPU", memory_stats=lambda: dict(statistics)
    )


def test_info_names_device_precision_and_solver(diffjax):
    done = diffjax("info")
    assert done.code == 0
    kind = jax.devices()[0].device_kind
    for text in ("jaxlib", kind, "float64", "GiB", "points at once", "eigh", "rule for a"):
        assert text in done.out


def test_info_measures_on_request_only(diffjax, monkeypatch):
    timed = []

    def measure(sizes):
        timed.extend(sizes)
        return {size: {"eigh": 0.001 * size, "doubling": 1.0} for size in sizes}

    monkeypatch.setattr(solver_timing, "measure_solvers", measure)
    diffjax("info")
    assert not timed
    done = diffjax("info", "--measure-solvers")
    assert done.code == 0 and timed == [32, 64]
    assert "p=64: eigh 64 ms, doubling 1e+03 ms a point" in done.out and "kept in" in done.out


def test_rows_of_a_gpu_say_what_was_measured():
    device = gpu(100, 20)
    keep_solver_times(device, {64: {"eigh": 0.2, "doubling": 0.1}})
    rows = info_module.solver_rows([device] * 2)
    assert [row[0] for row in rows] == ["32", "64"]
    assert rows[1][3] == "doubling" and rows[1][4].startswith("measured at p=64: eigh 200 ms")
    assert all(int(row[1]) > 100 and int(row[2]) >= 2 * int(row[1]) for row in rows)
    assert info_module.memory([device]) == (
        "80.0 GiB free of 100.0 GiB that JAX may use, on each device"
    )


def test_precision_in_words():
    assert info_module.precision("gpu") == "float64"
    assert "emulated" in info_module.precision("tpu")
    with jax.enable_x64(False):
        assert "allow_float32=True" in info_module.precision("gpu")
