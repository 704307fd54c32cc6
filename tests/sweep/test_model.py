"""Descriptions of models: what is refused, how they are found and called."""

import subprocess
import sys

import pytest

from diffjax.errors import InputError
from diffjax.sweep import Model, Output, available_models, find_model, model
from tests.sweep.toy_models import oscillator, spring


def test_a_model_is_called_like_its_function():
    assert float(oscillator(spring(), gain=2.0)["energy"]) == 2.0 * 3.0 * 2.0**2
    assert oscillator.__doc__.startswith("A model whose inner size")
    assert oscillator.name == "oscillator" and oscillator.__name__ == "oscillator"


def test_installed_models_are_found_by_name():
    assert "gradient_flow" in available_models()
    assert isinstance(find_model("gradient_flow"), Model)


def test_an_unknown_model_is_answered_with_the_closest_one():
    with pytest.raises(InputError, match="did you mean 'gradient_flow'"):
        find_model("gradient_flo")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"outputs": {"status": Output(("mode",), "")}}, "a point has one status"),
        ({"outputs": {"two words": Output((), "")}}, "identifiers"),
        ({"outputs": {"point_key": Output((), "")}}, "identifiers, not 'point_key'"),
        ({"outputs": {"x": Output(("a", "a"), "")}}, "distinct"),
        ({"outputs": {"x": Output(("a", "b"), "", coordinate=True)}}, "exactly one dimension"),
        ({"outputs": {}, "combine": print}, "come together"),
        ({"outputs": {}, "name": "a/b"}, "identifier"),
    ],
)
def test_contradictory_descriptions_are_refused(settings, message):
    def function(problem):
        return None

    with pytest.raises(InputError, match=message):
        model(version=1, **settings)(function)


def test_describing_a_model_loads_neither_jax_nor_storage():
    code = (
        "import sys, diffjax.sweep.model; "
        "print({'jax', 'xarray', 'zarr', 'equinox'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == "set()", found.stderr
