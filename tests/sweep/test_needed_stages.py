"""Shared stages that need the result of another one."""

import dataclasses
import random

import jax
import numpy as np
import pytest

from diffjax.errors import InputError
from diffjax.sweep import sweep
from diffjax.sweep.held_program import hold_program
from diffjax.sweep.job import plan_of, prepare
from diffjax.sweep.model import Output, SharedStage, model
from diffjax.sweep.plan import GroupPlan
from diffjax.sweep.program import mesh_of, stage_results, traced_on
from tests.sweep.toy_models import CALLS, noisy_plates, spring

OVER = {"seed": [3, 4, 5], "plate.widths[0]": [0.25, 0.5, 1.0], "radius": [1.0, 2.0]}


def loop():
    """The same grid point by point, (seed, width, radius, plate, node)."""
    points = [
        noisy_plates(spring(seed=seed, plate=dataclasses.replace(
            spring().plate, widths=[width, 0.5], radius=radius)))["noisy"]
        for seed in OVER["seed"] for width in OVER["plate.widths[0]"] for radius in OVER["radius"]
    ]  # fmt: skip
    return np.asarray(points).reshape(3, 3, 2, 2, 4)


@pytest.mark.parametrize("batch_size", [None, 2, 5])
def test_a_sweep_is_the_loop_over_its_points(batch_size):
    found = sweep(noisy_plates, spring(), OVER, batch_size=batch_size, devices=1)
    np.testing.assert_allclose(found["noisy"], loop(), rtol=1e-14)


@pytest.mark.parametrize("lanes", [2, 3])
def test_several_at_a_time(monkeypatch, lanes):
    monkeypatch.setattr("diffjax.sweep.job.lanes_of", lambda devices, batch_size: lanes)
    found = sweep(noisy_plates, spring(), OVER, batch_size=4, devices=1)
    np.testing.assert_allclose(found["noisy"], loop(), rtol=1e-14)


def test_results_that_had_to_make_room_are_computed_again(monkeypatch):
    monkeypatch.setattr("diffjax.sweep.stage_plan.slots_in_memory", lambda size, devices: 2)
    shuffled = [int(seed) for seed in np.random.default_rng(0).permutation(12) % 3 + 3]
    found = sweep(noisy_plates, spring(), {"radius": range(1, 13), "seed": sorted(set(shuffled))},
                  batch_size=1, devices=1)  # fmt: skip
    expected = sweep(noisy_plates, spring(), {"radius": range(1, 13), "seed": [3, 4, 5]})
    np.testing.assert_array_equal(found["noisy"], expected["noisy"])


def test_needed_results_are_computed_once_per_seed():
    job = prepare(noisy_plates, spring(), OVER, None, 1, 3, (), {}, {})
    plan = plan_of(job, job.groups[0])
    assert isinstance(plan, GroupPlan)
    assert plan.stages["draws"].members.distinct == 3
    assert plan.stages["noisy"].members.distinct == 3 * 3  # width 0.5 is that of the other plate
    new = [sum(len(p.new) for p in stage.placements[0]) for stage in plan.stages.values()]
    assert new == [3, 9]


def test_the_copy_of_what_a_member_needs_counts_as_its_work_space():
    job = prepare(noisy_plates, spring(), OVER, None, 1, 3, (), {}, {})
    plan = plan_of(job, job.groups[0])
    assert isinstance(plan, GroupPlan)
    number = jax.ShapeDtypeStruct((), float)
    drawn = {"noise": jax.ShapeDtypeStruct((4,), float), "shift": number}
    stage = plan.program.stages["noisy"]
    own = traced_on(mesh_of(job.devices), stage, number, drawn).work_space
    assert plan.stages["noisy"].traced.work_space == own + 4 * 8 + 8


def test_each_stage_is_traced_once():
    jax.clear_caches()
    CALLS.clear()
    sweep(noisy_plates, spring(), OVER, batch_size=4, devices=1)
    assert sorted(CALLS) == ["draws", "noisy"]


def test_a_worker_that_takes_points_in_any_order():
    job = prepare(noisy_plates, spring(), OVER, None, 1, 2, (), {}, {})
    group = job.groups[0]
    held = hold_program(job, group, {"draws": 3, "noisy": 9}, None)
    order = list(range(18))
    random.Random(1).shuffle(order)
    expected = loop().reshape(18, 2, 4)
    seen = set()
    for points, results in held.results(group, np.array(order)):
        for point, values in zip(points, results["noisy"], strict=True):
            if point >= 0:
                np.testing.assert_allclose(values, expected[point], rtol=1e-14)
                seen.add(int(point))
    assert seen == set(range(18))


def test_one_problem_alone():
    problem = spring(seed=4)
    results = stage_results(noisy_plates.stages, problem)
    assert results["draws"]["noise"].shape == (1, 4) and results["noisy"].shape == (2, 4)
    assert noisy_plates.combine is not None
    found = jax.jit(noisy_plates.combine)(problem, results)["noisy"]
    np.testing.assert_allclose(found, noisy_plates(problem)["noisy"], rtol=1e-14)


@pytest.mark.parametrize(
    "stages",
    [
        {"noisy": SharedStage(abs, max, needs="draws")},
        {"noisy": SharedStage(abs, max, needs="draws"), "draws": SharedStage(abs, abs)},
        {
            "first": SharedStage(abs, abs),
            "draws": SharedStage(abs, max, needs="first"),
            "noisy": SharedStage(abs, max, needs="draws"),
        },
    ],
)
def test_a_stage_needs_an_earlier_one_that_needs_none(stages):
    with pytest.raises(InputError, match="stage 'noisy' of model 'wrong' needs 'draws'"):

        @model(version=1, outputs={"x": Output((), "x")}, stages=stages, combine=max)
        def wrong(problem):
            return {"x": problem}


def test_a_needed_stage_has_one_member_per_point():
    stages = {
        "draws": SharedStage(lambda problem: problem.plate.widths, lambda width: width),
        "noisy": SharedStage(lambda p: p.plate.widths, lambda x, y: x + y, needs="draws"),
    }

    @model(version=1, outputs={"x": Output(("n",), "x")}, stages=stages, combine=lambda p, r: r)
    def twins(problem):
        return {"x": problem.plate.widths}

    with pytest.raises(InputError, match="needs 'draws', which has 2 members per point"):
        sweep(twins, spring(), OVER)
