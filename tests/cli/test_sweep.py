"""sweep, explain, status and figure on a toy study."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from diffjax.sweep import open_run
from diffjax.sweep import run as engine
from diffjax.sweep.execute import Executor


def test_a_run_folder_holds_everything(diffjax, toy_study):
    outcome = diffjax("sweep", toy_study)
    assert outcome.code == 0, outcome.err
    assert "6 points in runs/toy-study" in outcome.out
    ds = xr.open_zarr("runs/toy-study/dataset.zarr").load()
    assert dict(ds.sizes) == {"offset": 3, "seed": 2, "place": 3}
    np.testing.assert_array_equal(ds["height"].sel(offset=2.0, seed=1), [3.0, 6.0, 15.0])
    assert ds.attrs["study"] == "toy-study"
    assert Path("runs/toy-study/summary.md").read_text().startswith("# A toy")
    assert json.loads(Path("runs/toy-study/verdicts.json").read_text()) == {}


def test_the_same_command_computes_nothing_again(diffjax, toy_study):
    diffjax("sweep", toy_study, "--out", "here")
    before = sorted(str(path) for path in _segments("here"))
    outcome = diffjax("sweep", toy_study, "--out", "here")
    assert outcome.code == 0
    assert "6 of 6 points are already there" in outcome.out
    assert sorted(str(path) for path in _segments("here")) == before


def test_more_values_along_an_axis_are_added(diffjax, toy_study, tmp_path):
    diffjax("sweep", toy_study)
    file = tmp_path / toy_study
    file.write_text(file.read_text().replace("4.0]", "4.0, 8.0]"))
    outcome = diffjax("sweep", toy_study)
    assert "6 of 8 points are already there" in outcome.out
    assert open_run("runs/toy-study").sizes["offset"] == 4


def test_failed_points_are_named_kept_apart_and_retried(diffjax, toy_study, tmp_path):
    file = tmp_path / toy_study
    file.write_text(file.read_text().replace("[1.0, 2.0, 4.0]", "[-1.0, 2.0]"))
    outcome = diffjax("sweep", toy_study)
    assert outcome.code == 3
    assert "2 of 4 points failed" in outcome.err
    assert "offset=-1.0, seed=1" in outcome.err
    ds = open_run("runs/toy-study")
    np.testing.assert_array_equal(ds["logarithm"].sel(offset=2.0), np.log([2.0, 2.0]))
    again = diffjax("sweep", toy_study, "--retry", "failed")
    assert "2 of 4 points are already there" in again.out
    status = diffjax("status", "runs/toy-study")
    assert status.code == 3
    assert "2 an iteration did not converge" in " ".join(status.out.split())


def test_an_interruption_keeps_what_is_done(diffjax, toy_study, monkeypatch):
    batches = Executor.batch

    def interrupted(self, number):
        if number == 1:
            raise KeyboardInterrupt
        return batches(self, number)

    monkeypatch.setattr(Executor, "batch", interrupted)
    outcome = diffjax("sweep", toy_study, "--batch-size", "2", "--devices", "1")
    assert outcome.code == 130
    assert "2 of 6 points are kept in runs/toy-study; the same command continues" in outcome.err
    status = diffjax("status", "runs/toy-study")
    assert (status.code, "4 not computed" in status.out) == (0, True)
    monkeypatch.setattr(Executor, "batch", batches)
    finished = diffjax("sweep", toy_study)
    assert finished.code == 0
    assert "2 of 6 points are already there" in finished.out


def test_explain_computes_and_writes_nothing(diffjax, toy_study, tmp_path):
    outcome = diffjax("explain", toy_study)
    assert outcome.code == 0
    assert "6 (0 already computed)" in outcome.out
    assert not (tmp_path / "runs").exists()


def test_a_run_that_no_figure_shows_says_why(diffjax, toy_study):
    outcome = diffjax("sweep", toy_study)
    assert outcome.code == 0 and "no output is a time per class" in outcome.err
    assert "figures" not in outcome.out.splitlines()[-1]
    again = diffjax("figure", "runs/toy-study", "--format", "png")
    assert (again.code, again.out) == (2, "") and "no output is a time per class" in again.err


@pytest.mark.slow  # compiles a model that is no toy
def test_a_study_without_figures_is_drawn_by_its_grid_and_lists_the_files(diffjax, tmp_path):
    (tmp_path / "mine.toml").write_text(STUDY_WITHOUT_FIGURES)
    outcome = diffjax("sweep", "mine.toml")
    assert outcome.code == 0, outcome.err
    files = [f"runs/mine/figures/generalization.{ending}" for ending in ("png", "pdf")]
    assert all(file in outcome.out and (tmp_path / file).exists() for file in files)
    again = diffjax("figure", "runs/mine", "--format", "png")
    assert again.code == 0 and again.out.splitlines()[0] == files[0]


STUDY_WITHOUT_FIGURES = """
model = "screening"
axes = {"stds[0]" = [1.1, 1.3, 1.5], imbalance_ratio = [0.5, 1.0]}
"""


@pytest.mark.parametrize("study", ["phase-diagram", "centroid-geometry", "variance-order"])
def test_bundled_studies_can_be_explained(diffjax, study, monkeypatch):
    # the whole grid is built and checked; nothing is compiled
    from diffjax.studies.catalogue import find_study
    from diffjax.sweep.model import find_model

    found = find_study(study)
    job = engine.prepare(
        find_model(found.model), found.problem, found.axes, None, 1, None, (), found.options, {}
    )
    assert job.grid.size == len(job.grid.keys())
    assert found.problem.num_features >= 256


def _segments(run):
    return (Path(run) / "segments").iterdir()
