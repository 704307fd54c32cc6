"""The net under the suite is on: a wrong shape or dtype inside diffjax fails in the tests."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
import typing

import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

import diffjax as dj
from diffjax.diffusion import noise_variance
from diffjax.numerics.crossing import first_crossing
from diffjax.random_features.sampling import class_counts
from tests.shape_checks import speaks_of_arrays

TIMES, VALUES = jnp.arange(1.0, 4.0), jnp.arange(3.0)

WITHOUT_BEARTYPE = """
import importlib, pkgutil, sys
sys.modules["beartype"] = None
import diffjax
for module in pkgutil.walk_packages(diffjax.__path__, "diffjax."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
assert not hasattr(diffjax.mixture.gaussian.GaussianMixture.__init__, "__wrapped__")
"""


def test_axes_of_one_name_have_one_size():
    assert float(first_crossing(TIMES, VALUES, 0.5).time) > 0
    with pytest.raises(TypeCheckError, match="first_crossing"):
        first_crossing(TIMES, VALUES[:2], 0.5)


def test_whole_numbers_are_no_floats():
    with pytest.raises(TypeCheckError, match="class_counts"):
        class_counts(jnp.array([1, 9]), 256)


def test_a_result_is_checked_as_well(monkeypatch):
    monkeypatch.setattr(jnp, "expm1", lambda exponent: jnp.zeros_like(exponent, int))
    with pytest.raises(TypeCheckError, match="noise_variance"):
        noise_variance(0.1)


def unchecked_functions(module) -> list[str]:
    """Functions and methods that speak of arrays and are not wrapped."""
    found = []
    homes = [module, *(c for c in vars(module).values() if inspect.isclass(c))]
    for home in homes:
        if getattr(home, "__module__", home.__name__) != module.__name__:
            continue
        for name, function in vars(home).items():
            if not inspect.isfunction(function) or function.__module__ != module.__name__:
                continue
            try:
                hints = typing.get_type_hints(function)
            except (NameError, TypeError):
                continue
            if any(map(speaks_of_arrays, hints.values())) and not hasattr(function, "__wrapped__"):
                found.append(f"{module.__name__}.{name}")
    return found


def test_every_function_that_speaks_of_arrays_is_checked():
    names = [found.name for found in pkgutil.walk_packages(dj.__path__, "diffjax.")]
    modules = [importlib.import_module(n) for n in names if not n.endswith("__main__")]
    assert [name for module in modules for name in unchecked_functions(module)] == []


def test_users_need_no_beartype():
    subprocess.run([sys.executable, "-c", WITHOUT_BEARTYPE], check=True, timeout=120)
