"""Batch sizes: seconds of work, within memory, and at least what an accelerator fills."""

from types import SimpleNamespace

from diffjax.sweep import explain, sizes
from diffjax.sweep.sizes import default_batch
from tests.sweep.toy_models import oscillator, spring

CPU = [SimpleNamespace(platform="cpu")] * 2


def batch(total=1000, lanes=1, bytes_out=8, batch_size=None, flops=None):
    model = SimpleNamespace(flops=flops)
    return default_batch(model, None, total, CPU, lanes, bytes_out, batch_size)


def test_cheap_points_make_twenty_batches():
    assert batch(total=1000) == 25
    assert batch(total=10) == 1


def test_heavy_points_make_batches_of_two_seconds():
    assert batch(flops=lambda problem: 2e9) == 20
    assert batch(flops=lambda problem: 1e15) == 1


def test_outputs_of_a_batch_fit_into_memory():
    assert batch(total=10**6, bytes_out=2**20) == 256


def test_an_accelerator_is_filled():
    assert batch(flops=lambda problem: 1e15, lanes=16) == 16
    assert batch(total=6, flops=lambda problem: 1e15, lanes=16) == 3


def test_the_choice_of_the_user_counts_points_over_all_devices():
    assert batch(batch_size=7) == 4
    assert batch(total=4, batch_size=100) == 2


def test_memory_of_the_host_is_divided_among_its_devices(monkeypatch):
    monkeypatch.setattr(sizes, "host_memory", lambda: 8000)
    assert sizes.free_memory(CPU) == 4000
    assert sizes.slots_in_memory(100, CPU) == 10


def test_an_accelerator_knows_its_memory():
    device = SimpleNamespace(platform="gpu", memory_stats=lambda: {"bytes_limit": 4000})
    assert sizes.slots_in_memory(100, [device]) == 10


def test_host_memory_is_plausible():
    assert 2**28 < sizes.host_memory() < 2**50


def test_default_batches_of_a_real_model():
    explanation = explain(oscillator, spring(), {"seed": range(100)}, devices=1)
    assert (explanation.batches, explanation.batch_size) == (20, 5)
