"""Accelerators: points side by side as memory allows, donated buffers, batches in flight."""

import dataclasses
import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffjax as dj
from diffjax.random_features import gradient_flow as flow
from diffjax.sweep import sizes
from diffjax.sweep.batches import in_flight
from diffjax.sweep.estimate import planned_batch
from diffjax.sweep.execute import Executor, lanes_of, on_host
from diffjax.sweep.job import Job, plan_of, prepare
from diffjax.sweep.plan import GroupPlan
from diffjax.sweep.work_space import work_space
from tests.sweep.toy_models import spectrum, spring

GIB = 2**30
MIXTURE = dj.two_classes(stds=(1.4, 1.0), distance=1.0, cosine=0.2)
PROBLEM = dj.RandomFeatureProblem(MIXTURE, 12, 40, 24, 0.2)
AXES = {"distance": [0.5, 1.0], "imbalance_ratio": [0.5, 1.0, 2.0], "seed": [0, 3]}
LANES = "diffjax.sweep.job.lanes_of"


def accelerator(limit: float, in_use: float = 0.0) -> SimpleNamespace:
    statistics = {"bytes_limit": int(limit), "bytes_in_use": int(in_use)}
    return SimpleNamespace(platform="gpu", memory_stats=lambda: statistics)


def plan_of_all(job: Job) -> GroupPlan:
    plan = plan_of(job, job.groups[0])
    assert isinstance(plan, GroupPlan)
    return plan


@pytest.fixture
def eigenvalues_one_by_one(monkeypatch):
    """Doubling calls LAPACK for the eigenvalues it reports, which must not be batched on CPU."""
    one_by_one = jax.custom_batching.sequential_vmap(flow.eigenvalues_of)
    monkeypatch.setattr(flow, "eigenvalues_of", one_by_one)
    jax.clear_caches()
    yield
    jax.clear_caches()


def test_free_memory_is_that_of_the_fullest_device():
    devices = [accelerator(80 * GIB, 10 * GIB), accelerator(80 * GIB, 50 * GIB)]
    assert sizes.free_memory(devices) == 30 * GIB
    assert sizes.free_memory([accelerator(GIB, 2 * GIB)]) == 0


def test_fewer_points_at_once_where_less_memory_is_free():
    each = 100 * 2**20
    empty, full = accelerator(100 * GIB), accelerator(100 * GIB, 90 * GIB)
    assert sizes.lanes_in_memory(each, [empty]) == 128
    assert sizes.lanes_in_memory(each, [full]) == 12
    assert sizes.lanes_in_memory(200 * GIB, [empty]) == 1


def test_a_device_takes_at_most_its_share_of_the_batch_and_a_cpu_one_point():
    devices = [accelerator(GIB)] * 2
    assert lanes_of(devices, 6) == 3
    assert lanes_of(devices) == 1024
    assert lanes_of([SimpleNamespace(platform="cpu")], 64) == 1


def test_turns_are_filled_evenly():
    assert [sizes.even_lanes(n, 16) for n in (0, 1, 16, 17, 20, 100)] == [1, 1, 16, 9, 10, 15]


def test_planned_batches_of_a_large_device():
    large = dj.RandomFeatureProblem(MIXTURE, 2048, 8192, 4096, 0.2)
    few, batch = planned_batch(dj.gradient_flow, large, 1000, [accelerator(104 * GIB)])
    assert few == batch and 1 <= few <= 4
    many, _ = planned_batch(dj.gradient_flow, PROBLEM, 10_000, [accelerator(104 * GIB)])
    assert many > 100


@pytest.mark.parametrize("solver", ["eigh", "doubling"])
def test_work_space_is_what_the_compiler_takes(solver):
    problem = dj.RandomFeatureProblem(MIXTURE, 32, 128, 64, 0.2)
    results = jax.eval_shape(flow.random_feature_stages, problem)

    def point(problem, results):
        return flow.combine(problem, results, solver=solver)

    compiled = jax.jit(point).lower(problem, results).compile()
    found = compiled.memory_analysis()
    assert found is not None
    taken = found.temp_size_in_bytes
    guessed = work_space(jax.make_jaxpr(point)(problem, results))
    assert 0.7 * taken < guessed < 2.0 * taken


def test_work_space_counts_what_is_alive_at_once():
    def chain(x):
        for _ in range(5):
            x = jnp.sin(x)
        return x

    def loop(x):
        return jax.lax.scan(lambda a, _: (chain(a), None), x, None, length=3)[0]

    rows = jnp.zeros((100, 10))
    assert work_space(jax.make_jaxpr(chain)(rows)) == 2 * rows.nbytes
    assert work_space(jax.make_jaxpr(loop)(rows)) == 3 * rows.nbytes


@pytest.mark.slow
def test_points_side_by_side_equal_points_in_turn(monkeypatch, eigenvalues_one_by_one):
    """The strategy of accelerators with real points; doubling needs no LAPACK for its curves."""
    names = ("train_loss", "test_loss", "final_test_loss", "eigenvalues")
    outputs = {name: dj.gradient_flow.outputs[name] for name in names}  # the rest is not compiled
    curves = dataclasses.replace(dj.gradient_flow, outputs=outputs)
    expected = dj.sweep(curves, PROBLEM, AXES)
    monkeypatch.setattr(LANES, lambda devices, batch_size: 3)
    options = {"solver": "doubling"}
    found = dj.sweep(curves, PROBLEM, AXES, devices=1, options=options, batch_size=7)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-9)


@pytest.mark.parametrize("solver", ["eigh", "doubling"])
def test_all_points_of_a_turn_are_one_eigenproblem_of_a_gpu(solver):
    """What a GPU would be given, compiled up to where the GPU itself is needed."""
    many, results = (
        jax.tree.map(lambda x: jax.ShapeDtypeStruct((5, *np.shape(x)), x.dtype), tree)
        for tree in (PROBLEM, jax.eval_shape(flow.random_feature_stages, PROBLEM))
    )
    points = jax.jit(jax.vmap(lambda *given: flow.combine(*given, solver=solver)))
    text = points.trace(many, results).lower(lowering_platforms=("cuda",)).as_text()
    calls = re.findall(r"custom_call @(\w+)\(.*\(tensor<([0-9x]+)xf64>", text)
    assert [name for name, _ in calls] == ["cusolver_syevd_ffi"]
    assert calls[0][1] == "5x40x40"


def test_no_more_lanes_than_members_are_computed_for(monkeypatch):
    monkeypatch.setattr(LANES, lambda devices, batch_size: 64)
    job = prepare(dj.gradient_flow, PROBLEM, AXES, None, 1, None, (), {}, {})
    plan = plan_of_all(job)
    assert plan.lanes == plan.per_device == 12
    stage = plan.stages["population"]
    assert stage.lanes == stage.capacity == stage.members.distinct == 8


def test_buffers_of_shared_results_are_donated_and_stay_on_the_device():
    job = prepare(spectrum, spring(), {"seed": [0, 1, 2]}, None, 1, 2, (), {}, {})
    plan = plan_of_all(job)
    executor = Executor(plan, job.devices)
    before = jax.tree.leaves(executor._held)
    executor.batch(0)
    assert before and all(buffer.is_deleted() for buffer in before)


def test_batches_in_flight_give_the_same():
    job = prepare(
        spectrum, spring(), {"radius": [1.0, 2.0], "seed": range(4)}, None, 1, 3, (), {}, {}
    )
    plan = plan_of_all(job)
    one, other = Executor(plan, job.devices), Executor(plan, job.devices)
    numbers = range(len(plan.rows))
    found = list(in_flight(one.start, on_host, numbers, ahead=1))
    assert len(found) == 3
    for number, results in zip(numbers, found, strict=True):
        for name, values in other.batch(number).items():
            np.testing.assert_array_equal(results[name], values)


def test_a_batch_is_started_before_the_one_before_it_is_fetched():
    log = []

    def start(number):
        log.append(("start", number))
        return number

    def finish(number):
        log.append(("finish", number))
        return 10 * number

    assert list(in_flight(start, finish, range(3), ahead=1)) == [0, 10, 20]
    order = [("start", 0), ("start", 1), ("finish", 0), ("start", 2), ("finish", 1), ("finish", 2)]
    assert log == order
    log.clear()
    list(in_flight(start, finish, range(2), ahead=0))
    assert log == [("start", 0), ("finish", 0), ("start", 1), ("finish", 1)]
