"""What depends on the device is decided once per run and kept in its folder."""

import dataclasses
import json

from diffjax.sweep import sweep
from diffjax.sweep.run import open_run
from tests.sweep.toy_models import oscillator, spring


def test_a_run_keeps_the_option_that_was_settled_when_it_began(tmp_path):
    answers = iter([2.0, 3.0])

    def settle(problem, options, device, stored):
        if "gain" in options:
            return options
        return {"gain": stored["gain"] if stored else next(answers)}

    model = dataclasses.replace(oscillator, settle=settle)
    first = sweep(model, spring(), {"seed": [0]}, tmp_path / "run")
    sweep(model, spring(), {"seed": [0, 1]}, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["options"] == {"gain": 2.0}
    energies = open_run(tmp_path / "run")["energy"]
    assert energies[0] == first["energy"][0] == 24.0 and energies[1] == 25.0
    assert sweep(model, spring(), {"seed": [0]})["energy"][0] == 36.0
