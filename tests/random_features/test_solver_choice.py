"""Which solver is meant by "auto", what is kept of measurements, and full products in 32 bits."""

import importlib.metadata
import json
import re
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import diffjax as dj
from diffjax.random_features import class_members as members
from diffjax.random_features import gradient_flow as flow
from diffjax.random_features import model as model_module
from diffjax.random_features import solver_timing
from diffjax.random_features.solver_choice import (
    choose_solver,
    fastest_solver,
    keep_solver_times,
    measurement_file,
    settled_options,
    solver_times,
)
from diffjax.random_features.solver_timing import measure_solvers, time_solvers

GPU = SimpleNamespace(platform="gpu", device_kind="Some GPU")
TPU = SimpleNamespace(platform="tpu", device_kind="Some TPU")
CPU = SimpleNamespace(platform="cpu", device_kind="cpu")
PROBLEM = dj.RandomFeatureProblem(dj.two_classes(stds=(1.4, 1.0)), 12, 40, 24, 0.2)
DOUBLING_WINS = {"eigh": 0.5, "doubling": 0.25}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_the_rule():
    assert [choose_solver("auto", d.platform) for d in (CPU, GPU, TPU)] == [
        "eigh", "eigh", "doubling",
    ]  # fmt: skip
    assert choose_solver("doubling", "cpu") == "doubling"
    with pytest.raises(dj.InputError, match="auto, eigh or doubling"):
        choose_solver("qr")  # pyright: ignore[reportArgumentType]


def test_a_measurement_overrules_the_rule_near_its_size_only():
    keep_solver_times(GPU, {1024: DOUBLING_WINS})
    assert fastest_solver(1024, GPU).solver == "doubling"
    assert "measured at p=1024" in fastest_solver(2048, GPU).reason
    assert fastest_solver(512, GPU).solver == "doubling"
    assert fastest_solver(256, GPU) == ("eigh", "rule for a gpu: not measured at p=256")
    assert fastest_solver(1024, TPU).solver == "doubling"
    assert "not measured" in fastest_solver(1024, TPU).reason


def test_the_nearest_size_counts():
    keep_solver_times(GPU, {256: {"eigh": 0.1, "doubling": 0.2}, 1024: DOUBLING_WINS})
    assert fastest_solver(400, GPU).solver == "eigh"
    assert fastest_solver(700, GPU).solver == "doubling"


def test_a_cpu_asks_no_file():
    keep_solver_times(CPU, {1024: DOUBLING_WINS})
    assert fastest_solver(1024, CPU) == ("eigh", "rule for a cpu")


def test_numbers_of_another_length_or_jaxlib_are_other_measurements(monkeypatch):
    keep_solver_times(GPU, {64: DOUBLING_WINS})
    with jax.enable_x64(False):
        assert solver_times(GPU) == {}
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0")
    assert solver_times(GPU) == {}


def test_measurements_add_up_in_a_file_that_is_always_whole(cache):
    keep_solver_times(GPU, {64: DOUBLING_WINS})
    keep_solver_times(TPU, {64: DOUBLING_WINS})
    keep_solver_times(GPU, {128: DOUBLING_WINS, 64: {"eigh": 1.0, "doubling": 2.0}})
    assert solver_times(GPU) == {64: {"eigh": 1.0, "doubling": 2.0}, 128: DOUBLING_WINS}
    assert solver_times(TPU) == {64: DOUBLING_WINS}
    assert [path.name for path in (cache / "diffjax").iterdir()] == ["solvers.json"]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", '{"format": "other"}', "\x00\xff",
        '{"format": "diffjax solver times"}',
        '{"format": "diffjax solver times", "seconds_per_point": []}',
        '{"format": "diffjax solver times", "seconds_per_point": {"KEY": [1]}}',
        '{"format": "diffjax solver times", "seconds_per_point": {"KEY": {"64": 3, "x": {}}}}',
        '{"format": "diffjax solver times", "seconds_per_point":'
        ' {"KEY": {"64": {"eigh": NaN, "doubling": 1.0}, "0": {"eigh": 1.0, "doubling": 1.0}}}}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_file_is_done_without_and_replaced(text):
    from diffjax.random_features.solver_choice import device_key

    file = measurement_file()
    assert file is not None
    file.parent.mkdir()
    file.write_text(text.replace("KEY", device_key(GPU)))
    assert fastest_solver(64, GPU).solver == "eigh"
    keep_solver_times(GPU, {64: DOUBLING_WINS})
    assert fastest_solver(64, GPU).solver == "doubling"


def test_a_cache_that_cannot_be_written_is_done_without(cache):
    (cache / "diffjax").write_text("no folder")
    assert keep_solver_times(GPU, {64: DOUBLING_WINS}) is None
    assert fastest_solver(64, GPU).solver == "eigh"


def test_a_run_keeps_to_the_solver_it_began_with():
    problem = SimpleNamespace(num_features=1024)
    assert settled_options(problem, {}, GPU) == {}
    keep_solver_times(GPU, {1024: DOUBLING_WINS})
    assert settled_options(problem, {}, GPU) == {"solver": "doubling"}
    assert settled_options(problem, {"solver": "eigh"}, GPU) == {"solver": "eigh"}
    assert settled_options(problem, {"x": 1}, GPU, {"x": 1}) == {"x": 1}
    assert settled_options(problem, {}, CPU, {"solver": "doubling"}) == {"solver": "doubling"}


def test_a_direct_call_takes_the_measured_solver_and_a_compiled_one_does_not(monkeypatch):
    asked = []

    def fastest(num_features):
        asked.append(num_features)
        return SimpleNamespace(solver="doubling")

    used = []
    compute = "_random_feature_dynamics"
    monkeypatch.setattr(model_module, compute, lambda problem, *options: used.append(options[0]))
    monkeypatch.setattr(model_module, "fastest_solver", fastest)
    jax.jit(lambda problem: dj.gradient_flow(problem))(PROBLEM)
    assert used == ["auto"] and not asked
    dj.gradient_flow(PROBLEM)
    dj.gradient_flow(PROBLEM, solver="eigh")
    assert used == ["auto", "doubling", "eigh"] and asked == [40]


def test_every_size_is_kept_as_soon_as_it_is_timed(monkeypatch):
    device = jax.local_devices()[0]

    def timed(size, where):
        assert where is device and list(solver_times(device)) == ([] if size == 64 else [64])
        return {"eigh": 0.25, "doubling": 1.0 / size}

    monkeypatch.setattr(solver_timing, "time_solvers", timed)
    found = measure_solvers((64, 128))
    assert solver_times(device) == found == {
        64: {"eigh": 0.25, "doubling": 1 / 64}, 128: {"eigh": 0.25, "doubling": 1 / 128},
    }  # fmt: skip
    monkeypatch.setattr(solver_timing, "time_solvers", lambda *_: DOUBLING_WINS)
    assert measure_solvers((256,), keep=False) == {256: DOUBLING_WINS}
    assert 256 not in solver_times(device)


@pytest.mark.slow
def test_both_solvers_are_timed_and_kept():
    times = measure_solvers((32,))[32]
    device = jax.local_devices()[0]
    assert solver_times(device) == {32: times}
    assert times["eigh"] > 0 and times["doubling"] > 0
    file = measurement_file()
    assert file is not None and json.loads(file.read_text())["format"] == "diffjax solver times"


@pytest.mark.slow
def test_points_that_are_timed_side_by_side_solve_different_problems(monkeypatch):
    one_by_one = jax.custom_batching.sequential_vmap(flow.eigenvalues_of)
    seen = []

    def recorded(matrix):
        jax.debug.callback(lambda m: seen.append(float(np.trace(m))), matrix)
        return one_by_one(matrix)

    monkeypatch.setattr(flow, "eigenvalues_of", recorded)
    monkeypatch.setattr("diffjax.random_features.solver_timing.SOLVERS", ("doubling",))
    times = time_solvers(16, jax.local_devices()[0], lanes=3)
    jax.effects_barrier()
    assert times["doubling"] > 0 and len(set(seen)) == 3


@pytest.mark.parametrize("solver", ["eigh", "doubling"])
def test_products_of_float32_ask_for_full_precision(solver):
    """What GPUs and TPUs would otherwise compute with 10 or 7 bits; a CPU shows no difference."""
    with jax.enable_x64(False):

        def whole(problem):
            return flow.random_feature_dynamics(problem, solver=solver)

        one = jax.tree.map(lambda leaf: leaf[0], members.sample_members(PROBLEM))
        drawn, _ = members.draw(PROBLEM)
        lowered = (
            jax.jit(whole).lower(PROBLEM),
            jax.jit(members.member_sample_covariance).lower(one, drawn),
            jax.jit(members.member_population_covariance).lower(one.population, drawn),
        )
        for text in (program.as_text() for program in lowered):
            products = [line for line in text.splitlines() if "stablehlo.dot_general" in line]
            assert len(products) >= 1 and "f32" in products[0]
            assert all(re.search(r"HIGHEST, (?:#.*)?HIGHEST", line) for line in products)
