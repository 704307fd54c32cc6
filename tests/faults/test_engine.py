"""Single faults, each in this process: what is said, what is kept."""

import errno
import json
import os
import signal
import time

import jax
import numpy as np
import pytest

from diffjax.cli.exit_codes import ExitCode, exit_code
from diffjax.errors import InputError
from diffjax.sweep import DamagedStoreWarning, open_run, sweep
from diffjax.sweep.batches import SmallerBatchWarning
from diffjax.sweep.execute import Executor
from diffjax.sweep.segment_reading import Allowance
from tests.faults.models import Rung, comb, ladder

OVER = {"height": [1.0, 2.0], "seed": range(4)}


def exhausted_above(most, monkeypatch):
    """XLA's error for every batch of more than `most` points."""
    batch = Executor.batch

    def limited(self, number):
        if len(self._plan.points(number)) > most:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")
        return batch(self, number)

    monkeypatch.setattr(Executor, "batch", limited)


def test_a_batch_without_memory_is_halved_and_that_is_recorded(tmp_path, monkeypatch):
    expected = sweep(comb, Rung(), OVER, batch_size=8, devices=1)
    exhausted_above(2, monkeypatch)
    with pytest.warns(
        SmallerBatchWarning, match="no memory for 4 points at a time; going on with 2"
    ):
        found = sweep(comb, Rung(), OVER, tmp_path / "run", batch_size=8, devices=1)
    for name in ("curve", "energy", "status"):
        np.testing.assert_array_equal(found[name], expected[name])
    text = (tmp_path / "run" / "segments" / "0003.zarr" / "zarr.json").read_text()
    halvings = json.loads(text)["attributes"]["out_of_memory"]
    sizes = [(halving["batch_size"], halving["continued_with"]) for halving in halvings]
    assert sizes == [(8, 4), (4, 2)]
    assert "RESOURCE_EXHAUSTED" in halvings[0]["message"]


def test_no_memory_for_a_single_point_is_an_error_in_words(monkeypatch):
    exhausted_above(0, monkeypatch)
    with pytest.raises(OSError, match="no memory for one point of comb") as caught:
        sweep(comb, Rung(), OVER, batch_size=1, devices=1)
    assert caught.value.errno == errno.ENOMEM


def test_other_errors_of_the_device_are_not_mistaken_for_it(monkeypatch):
    def failing(self, number):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    monkeypatch.setattr(Executor, "batch", failing)
    with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
        sweep(comb, Rung(), OVER, batch_size=8, devices=1)


def test_sigterm_ends_a_verb_and_leaves_the_handler_as_it_was(capsys):
    before = signal.getsignal(signal.SIGTERM)

    def verb():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    assert exit_code(verb) == ExitCode.TERMINATED == 143
    assert "terminated" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_damaged_record_is_named_read_from_its_copy_and_mended(tmp_path):
    sweep(ladder, Rung(), OVER, tmp_path / "run")
    record = tmp_path / "run" / "run.json"
    content = record.read_text()
    record.write_text(content.replace('"seed"', '"sead"'))
    with pytest.warns(DamagedStoreWarning, match=r"run\.json that cannot be used"):
        found = open_run(tmp_path / "run")
    assert (found["status"] != -1).all()
    with pytest.warns(DamagedStoreWarning):
        sweep(ladder, Rung(), OVER, tmp_path / "run")
    assert record.read_text() == content


def test_a_model_that_refuses_an_option_leaves_no_folder(tmp_path):
    from tests.fuzz.toy import Dial, dial

    with pytest.raises(InputError, match="power"):
        sweep(dial, Dial(), {"seed": [1]}, tmp_path / "run", options={"power": "x"})
    assert list(tmp_path.iterdir()) == []


def test_bombs_are_refused_and_ordinary_runs_are_not():
    allowance = Allowance()
    allowance.spend(unpacked=200 * 10**9, packed=10**9)
    with pytest.raises(ValueError, match="claim to be"):
        allowance.spend(unpacked=2**40, packed=2**24)
