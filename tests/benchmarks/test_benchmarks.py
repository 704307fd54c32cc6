"""The benchmark harness at tiny sizes: peers, agreement before timing, table and JSON."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from benchmarks import contest, exact_engine, problems
from benchmarks.contest import Size
from benchmarks.jobs import EnginePoint, NumpyPoints
from benchmarks.peers.closed_form import ClosedForm, solve_grid
from benchmarks.peers.explicit_training import Counts, NumpyTraining, compare
from benchmarks.peers.point_arrays import draw_point
from benchmarks.standalone import Disagreement

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = {"num_features": 32, "times": 16}


@pytest.fixture(scope="module")
def point():
    """A small two-class problem drawn by NumPy."""
    return draw_point(dim=8, num_features=32, num_samples=16, imbalance_ratio=0.5)


def test_peer_descends_from_one_to_its_final_loss(point):
    """The total train loss starts at 1, falls all the way and ends at its infinite-time value."""
    times = np.array([1e-9, *np.geomspace(1e-2, 1e12, 60)])
    curves = ClosedForm().solve(replace(point, training_times=times))
    total = point.loss_weights @ curves.train_loss
    assert np.all(np.diff(total) <= 1e-12)
    np.testing.assert_allclose(curves.train_loss[:, 0], 1.0, atol=1e-6)
    np.testing.assert_allclose(curves.train_loss[:, -1], curves.final_train_loss, atol=1e-10)


def test_sharing_does_not_change_the_peer(point):
    other = replace(point, training_times=point.training_times * 2)
    alone, shared = (solve_grid([point, other], share=s) for s in (False, True))
    for a, b in zip(alone, shared, strict=True):
        np.testing.assert_allclose(a.train_loss, b.train_loss, rtol=1e-12)
        np.testing.assert_allclose(a.test_loss, b.test_loss, rtol=1e-12)


def test_explicit_training_follows_the_closed_form(point):
    curves = ClosedForm().solve(point)
    counts = Counts.of(curves.eigenvalues[0], curves.eigenvalues[-1])
    assert compare(NumpyTraining(point, counts.step), counts.step, epochs=400) < 0.1
    assert counts.epochs * counts.step * curves.eigenvalues[0] == pytest.approx(10, rel=1e-3)


def test_peer_and_engine_agree(tmp_path):
    path = tmp_path / "points.pickle"
    with jax.enable_x64(True):
        problems.write_arrays([problems.problem(**TINY)], path)
    engine, peer = EnginePoint(**TINY), NumpyPoints(str(path), share=False)
    with jax.enable_x64(True):
        found = engine.answer(engine.run())
    expected = peer.answer(peer.run())
    assert contest.relative_difference(found, expected) < 1e-8


def test_disagreement_stops_before_timing(monkeypatch):
    monkeypatch.setattr(contest, "relative_difference", lambda *_: 1e-3)
    monkeypatch.setattr(exact_engine, "interleave", lambda *_: pytest.fail("timed"))
    with pytest.raises(Disagreement, match=r"answers differ by 0\.001"):
        exact_engine.one_point(Size(32, 16, rounds=1, quick=True))


def test_command_writes_json(tmp_path):
    target = tmp_path / "numbers.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--case", "machine"]
    subprocess.run(
        [*command, "--sizes", "32", "--json", str(target)],
        check=True,
        cwd=REPOSITORY,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
    )
    content = json.loads(target.read_text())
    assert content["machine"]["versions"]["jax"]
    assert all(row["value"] > 0 for row in content["rows"])
    assert {row["quantity"].split()[0] for row in content["rows"]} == {
        "GEMM", "eigh_evd", "eigh_evr", "copy", "launch",
    }  # fmt: skip
    assert content["limits"]["copy_gb_per_s"]["numpy"][0] > 0.1
    assert content["failed"] == {} and content["interrupted"] is False
