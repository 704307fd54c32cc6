"""Settings made before the numerical libraries are imported."""

import os

import pytest

from diffjax.cli.environment import available_cores, cache_folder, prepare


@pytest.fixture
def variables(tmp_path):
    return {"XDG_CACHE_HOME": str(tmp_path)}


def test_one_blas_thread_one_device_per_core_and_64_bits(variables):
    prepare(variables)
    assert variables["OPENBLAS_NUM_THREADS"] == "1"
    assert variables["JAX_NUM_CPU_DEVICES"] == str(available_cores())
    assert variables["JAX_ENABLE_X64"] == "1"


def test_what_the_user_set_is_kept(variables):
    chosen = {
        "OPENBLAS_NUM_THREADS": "3",
        "JAX_NUM_CPU_DEVICES": "5",
        "JAX_ENABLE_X64": "0",
        "JAX_COMPILATION_CACHE_DIR": "/elsewhere",
    }
    variables.update(chosen)
    prepare(variables)
    assert {name: variables[name] for name in chosen} == chosen


def test_a_device_count_in_the_xla_flags_is_kept(variables):
    variables["XLA_FLAGS"] = "--xla_force_host_platform_device_count=7"
    prepare(variables)
    assert "JAX_NUM_CPU_DEVICES" not in variables


def test_the_cache_folder_is_named_after_the_versions(variables, tmp_path):
    import jax
    import jaxlib

    folder = cache_folder(variables)
    assert folder == tmp_path / "diffjax" / f"xla-{jax.__version__}-{jaxlib.__version__}"
    assert folder.is_dir()


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    variables = {"XDG_CACHE_HOME": str(blocked)}
    prepare(variables)
    assert "JAX_COMPILATION_CACHE_DIR" not in variables


def test_a_container_quota_limits_the_cores(tmp_path, monkeypatch):
    from diffjax.cli import environment

    quota = tmp_path / "cpu.max"
    quota.write_text("150000 50000\n")
    assert environment._container_quota(64, quota) == 3
    quota.write_text("max 100000\n")
    assert environment._container_quota(64, quota) == 64
    assert environment._container_quota(64, tmp_path / "absent") == 64


def test_available_cores_are_those_of_the_affinity():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
