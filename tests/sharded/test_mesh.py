"""The engine on several devices against the eigenbasis on one."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from diffjax.random_features.model import gradient_flow
from tests.sharded.cases import COMPARED, case

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))
} | {
    "JAX_PLATFORMS": "cpu",
    "OPENBLAS_NUM_THREADS": "1",
}
READ_OFF = ("generalization_time", "memorization_time", "half_memorization_time")


def solve_elsewhere(folder: Path, devices: int, *cases: str) -> None:
    """Cases on host devices of another process."""
    words = [sys.executable, "-m", "tests.sharded.on_mesh", str(folder / "found"), str(devices)]
    subprocess.run([*words, *cases], cwd=ROOT, env=ENVIRONMENT, check=True, timeout=240)


def assert_agrees(path: Path, name: str) -> None:
    """A stored result equals that of the eigenbasis to 1e-11."""
    problem, options = case(name)
    expected = gradient_flow(problem, solver="eigh", **options)
    with np.load(path) as found:
        for field in COMPARED:
            np.testing.assert_allclose(
                found[field], np.asarray(getattr(expected, field)), rtol=0, atol=1e-11
            )
        for field in READ_OFF:
            np.testing.assert_allclose(found[field], getattr(expected, field), rtol=1e-9)
        ends = np.asarray(expected.eigenvalues)[[0, -1]]
        assert found["eigenvalues"].shape == (2,)
        assert found["eigenvalues"][0] >= ends[0] * (1 - 1e-9)
        assert found["eigenvalues"][1] <= ends[1] * (1 + 1e-9)
        np.testing.assert_allclose(found["eigenvalues"], ends, rtol=0.03)


@pytest.fixture(scope="module")
def four_devices(tmp_path_factory) -> Path:
    """Results of one process with four host devices."""
    folder = tmp_path_factory.mktemp("four")
    solve_elsewhere(folder, 4, "products:60", "memory_of_product:512")
    return folder


def test_rings_of_two_three_and_four(four_devices):
    """Half storage and all products against NumPy."""
    with np.load(four_devices / "found-products-60.npz") as found:
        assert found["devices"].tolist() == [2, 3, 4]
        assert found["errors"].shape == (3, 4)
        np.testing.assert_allclose(found["errors"], 0.0, atol=1e-12)
        np.testing.assert_array_equal(found["asymmetry"], 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["starts", "labelled", "two classes"])
def test_every_ring_agrees_with_the_eigenbasis(tmp_path, name):
    problem, _ = case(name)
    numbers = [n for n in (1, 2, 3, 4, 5, 6, 8) if problem.num_features % n == 0]
    solve_elsewhere(tmp_path, 8, *(f"{name}:{n}" for n in numbers))
    for number in numbers:
        assert_agrees(tmp_path / f"found-{name}-{number}.npz", name)


def test_memory_of_a_product_falls_with_the_number_of_devices(four_devices):
    assert_memory_falls(four_devices / "found-memory_of_product-512.npz", most=6.0)


@pytest.mark.slow
def test_memory_of_a_chain_falls_with_the_number_of_devices(tmp_path):
    solve_elsewhere(tmp_path, 16, "memory_of_chain:1024")
    path = tmp_path / "found-memory_of_chain-1024.npz"
    assert_memory_falls(path, most=15.0)
    with np.load(path) as found:
        assert found["sizes"][-1] < 8 * 1024**2, "less than one whole matrix on any device"


def assert_memory_falls(path: Path, most: float) -> None:
    """Work space, arguments and results of a device are below `most` times p^2/D numbers."""
    num_features = int(path.stem.split("-")[-1])
    with np.load(path) as found:
        assert found["devices"].size > 2
        assert (np.diff(found["sizes"]) < 0).all()
        assert (found["sizes"] * found["devices"] < most * 8 * num_features**2).all()


def test_one_device_in_this_process():
    """Draws are those of the one-device engine, bit by bit."""
    from diffjax.random_features.features import draw_features
    from diffjax.random_features.sharded.classes import sharded_features
    from diffjax.random_features.sharded.layout import feature_layout

    problem, _ = case("starts")
    layout = feature_layout(jax.make_mesh((1,), ("anything",)), problem.num_features)
    found = sharded_features(layout, problem)
    expected = draw_features(problem.seed, problem.num_features, problem.dim, problem.bias_std)
    np.testing.assert_array_equal(found.weights, expected.weights)
    np.testing.assert_array_equal(found.biases, expected.biases)
