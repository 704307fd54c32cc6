"""The range of versions that works is declared in one place, and info says what lies outside."""

import importlib.metadata
import tomllib
from pathlib import Path

import pytest

from diffjax.cli.tested_versions import NEWEST, lowest, remark

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def test_every_dependency_has_a_lowest_version():
    extras = PROJECT["optional-dependencies"].values()
    for requirement in (*PROJECT["dependencies"], *(r for extra in extras for r in extra)):
        assert ">=" in requirement, requirement


def test_installed_versions_are_in_the_range_and_need_no_remark():
    for package, version in lowest().items():
        if package != "python":
            assert remark(package, importlib.metadata.version(package)) == "", package
        assert version


@pytest.mark.parametrize(
    ("package", "installed", "said"),
    [
        ("jax", "0.8.0", "older than 0.8"),
        ("jax", "0.10.2", ""),
        ("jax", "99.0", "newer than"),
        ("python", "3.10.4", "older than 3.11"),
        ("python", "3.13.9", ""),
        ("numpy", "2.0.0rc1", ""),
        ("numpy", "2", ""),
        ("somebody-elses", "1.0", ""),
        ("jax", "not installed", ""),
    ],
)
def test_what_is_said(package, installed, said):
    found = remark(package, installed)
    assert found.startswith(said) and bool(found) == bool(said)


def test_info_prints_it(diffjax, monkeypatch):
    monkeypatch.setitem(NEWEST, "zarr", "0.1")
    assert "newer than 0.1, the newest that was tested" in diffjax("info").out
