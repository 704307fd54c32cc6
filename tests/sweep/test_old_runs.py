"""Run folders of early versions are continued for ever, and a value is stored as what it is."""

import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.errors import StoreMismatch
from diffjax.numerics.activations import ACTIVATIONS, Activation, resolve_activation
from diffjax.sweep import open_run, sweep
from diffjax.sweep.identity import describe_value, public_name
from diffjax.sweep.older_descriptions import current
from tests.fixtures.named_activations import OVER, Bent, bent
from tests.sweep.recording import Recorder

FOLDERS = Path(__file__).parents[1] / "fixtures"


@pytest.mark.parametrize("name", ["erf", "tanh"])
def test_a_folder_of_an_early_version_opens_and_is_continued(tmp_path, name):
    run = shutil.copytree(FOLDERS / f"run_of_{name}", tmp_path / "run")
    assert open_run(run)["curve"].shape == (2, 2, 4)
    seen = Recorder()
    found = sweep(bent, Bent(activation=name), OVER, run, progress=seen)
    assert seen.done == 4  # of six points
    np.testing.assert_array_equal(found["curve"], sweep(bent, Bent(activation=name), OVER)["curve"])
    with pytest.raises(StoreMismatch, match="activation"):
        sweep(bent, Bent(activation="relu"), OVER, run)
    with pytest.raises(StoreMismatch, match="other"):
        sweep(bent, Bent(activation=name, other=jax.scipy.special.logit), OVER, run)


def test_what_has_a_name_is_stored_by_it_and_functions_by_their_public_place():
    for name in ACTIVATIONS:
        assert describe_value(resolve_activation(name)) == {"activation": name}
    own = Activation("mine", jnp.tanh)
    assert describe_value(own)["name"] == "mine"
    assert "._" not in str(describe_value(own))
    for function in (jax.scipy.special.erf, jnp.tanh, jax.nn.relu, jax.scipy.special.expit):
        assert "._" not in public_name(function)


def test_other_functions_and_other_packages_do_not_pass_for_the_same():
    assert current("jax._src.scipy.special.erf") == "jax.scipy.special.erf"
    assert current("jax._src.scipy.stats.norm.pdf") == "jax.scipy.stats.norm.pdf"
    assert current("evil._src.special.erf") == "evil._src.special.erf"
    function, moments = "jax._src.scipy.special.erf", "diffjax.numerics.activations._erf_moments"
    stored = {"type": "Activation", "name": "erf", "function": function, "moments": moments}
    assert current([stored]) == [{"activation": "erf"}]
    assert current({**stored, "function": "mine.erf"})["function"] == "mine.erf"
