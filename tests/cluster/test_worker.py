"""What a worker does with its batches, whatever their order: one compile, shared work once."""

import pickle
import random

import jax
import numpy as np
import pytest

from diffjax.sweep import open_run, sweep
from diffjax.sweep import worker as worker_module
from diffjax.sweep.cluster import batches_of, make_request
from diffjax.sweep.held_program import HeldProgram
from diffjax.sweep.job import prepare
from diffjax.sweep.store import RunFolder
from diffjax.sweep.worker import compute_batch
from tests.cluster.shared_model import counts, string_modes, strings
from tests.sweep.toy_models import spectrum, spring

OVER = {
    "lengths[0]": np.linspace(1.0, 2.0, 5),
    "masses[1]": [0.5, 1.0, 1.5],
    "tension": [1.0, 2.0, 3.0],
}
MEMBERS = 5 + 3 - 1
"""Distinct strings: five lengths of the first, three masses of the second, one pair is equal."""


@pytest.fixture(autouse=True)
def no_session():
    """The worker of this process forgets its runs, and what it compiled."""
    worker_module._SESSIONS.clear()
    yield
    worker_module._SESSIONS.clear()


def sent_to_workers(folder, model=string_modes, problem=None, over=OVER, size=4, **options):
    """A request of a new run as a worker gets it, and its batches."""
    base = strings() if problem is None else problem
    job = prepare(model, base, over, folder, None, size, (), options, {})
    RunFolder.create(folder, job.record)
    sent = pickle.dumps(make_request(job, base, over, folder))
    return pickle.loads(sent), list(batches_of(job))


def assert_same(found, expected):
    """Bit for bit."""
    for name in expected.data_vars:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_batches_in_any_order_compile_once_and_share_all_work(tmp_path):
    expected = sweep(string_modes, strings(), OVER, options={"gain": 1.5})
    request, batches = sent_to_workers(tmp_path / "run", gain=1.5)
    random.Random(1).shuffle(batches)
    _, before = counts()
    first, traces = batches[0], None
    for batch in batches:
        compute_batch(request, batch)
        traces = counts()[0] if batch is first else traces
    assert len(batches) > 10
    assert counts() == (traces, before + MEMBERS)
    assert_same(open_run(tmp_path / "run"), expected)


def test_a_second_call_finds_what_the_first_one_compiled(tmp_path):
    for call in range(2):
        request, batches = sent_to_workers(tmp_path / f"{call}")
        traces, _ = counts()
        for batch in batches:
            compute_batch(request, batch)
    assert counts()[0] == traces


def test_two_stages_and_static_axes_give_the_dataset_of_a_run_here(tmp_path):
    over = {"radius": [0.5, 1.5, 2.5], "plate.widths[0]": [0.5, 1.5, 1.0, 2.0], "size": [2, 3]}
    request, batches = sent_to_workers(tmp_path / "run", spectrum, spring(), over, size=5)
    random.Random(2).shuffle(batches)
    for batch in batches:
        compute_batch(request, batch)
    assert_same(open_run(tmp_path / "run"), sweep(spectrum, spring(), over))


def test_a_worker_without_room_for_shared_results_computes_them_again(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_module, "_memory_limit", lambda: 1000)
    request, batches = sent_to_workers(tmp_path / "run")
    _, before = counts()
    for batch in batches:
        compute_batch(request, batch)
    assert counts()[1] > before + MEMBERS
    assert_same(open_run(tmp_path / "run"), sweep(string_modes, strings(), OVER))


def test_few_places_are_used_again(tmp_path, monkeypatch):
    result = 8 * (5 + 25)  # bytes of one member's modes
    monkeypatch.setattr(worker_module, "_memory_limit", lambda: 10 * 6 * result)
    request, batches = sent_to_workers(tmp_path / "run", size=2)
    random.Random(3).shuffle(batches)
    _, before = counts()
    for batch in batches:
        compute_batch(request, batch)
    assert worker_module._SESSIONS[request.token]._held is not None
    assert before + MEMBERS < counts()[1]
    assert_same(open_run(tmp_path / "run"), sweep(string_modes, strings(), OVER))


@pytest.mark.parametrize("at", [0, 3])
def test_a_device_without_memory_gets_smaller_batches(tmp_path, monkeypatch, at):
    request, batches = sent_to_workers(tmp_path / "run")
    enough, calls = HeldProgram.batch, []

    def batch(program, number):
        calls.append(number)
        if len(calls) > at:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return enough(program, number)

    monkeypatch.setattr(HeldProgram, "batch", batch)
    for one in batches:
        compute_batch(request, one)
    assert len(calls) == at + 1
    assert_same(open_run(tmp_path / "run"), sweep(string_modes, strings(), OVER))


def test_a_batch_that_is_computed_twice_counts_once(tmp_path):
    request, batches = sent_to_workers(tmp_path / "run")
    for batch in [*batches, *batches, *batches]:  # more than a segment has room for
        written = compute_batch(request, batch)
        assert written == (len(batch.points), 0)
    assert len(list((tmp_path / "run" / "segments").glob("*.zarr"))) > 1
    assert_same(open_run(tmp_path / "run"), sweep(string_modes, strings(), OVER))
