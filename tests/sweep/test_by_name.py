"""Code that travels to other processes."""

import copy
import pickle

import jax
import jax.numpy as jnp
import pytest

from diffjax.sweep import model
from diffjax.sweep.by_name import is_importable, packed, unpacked
from tests.sweep import toy_models
from tests.sweep.toy_models import oscillator, spectrum, spring

cloudpickle = pytest.importorskip("cloudpickle")


def test_a_model_that_can_be_imported_is_one_object_in_every_process():
    assert pickle.loads(pickle.dumps(oscillator)) is oscillator
    assert copy.deepcopy(spectrum) is spectrum
    assert len(pickle.dumps(spectrum)) < 100


def test_a_model_without_its_stages_is_another_one():
    alone = spectrum._alone
    assert not is_importable(alone)
    assert not pickle.loads(cloudpickle.dumps(alone)).stages


def test_a_model_of_a_notebook_travels_by_value_and_is_made_once():
    @model(version=3, outputs=dict(oscillator.outputs))
    def local(problem):
        return oscillator.function(problem)

    found = unpacked(packed(local))
    assert found is not local and found.version == 3
    assert found is unpacked(packed(local))
    assert found(spring())["rounds"] == oscillator(spring())["rounds"]


@pytest.mark.parametrize(
    "function", [jnp.tanh, jax.nn.relu, jax.nn.silu], ids=lambda function: function.__name__
)
def test_functions_that_hide_one_of_their_name_travel_by_name(function):
    content = pickle.dumps(packed({"shape": function}))
    assert pickle.loads(pickle.loads(content))["shape"] is function


def test_what_the_user_sends_by_value_goes_by_value():
    cloudpickle.register_pickle_by_value(toy_models)
    try:
        sent = packed(oscillator)
    finally:
        cloudpickle.unregister_pickle_by_value(toy_models)
    assert pickle.loads(sent) is not oscillator
    assert pickle.loads(sent).name == oscillator.name
