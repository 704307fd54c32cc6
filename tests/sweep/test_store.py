"""Runs on disk: resuming, extending, refusing foreign folders, noticing damage."""

import json
import threading

import numpy as np
import pytest
import xarray as xr

from diffjax.errors import InputError, StoreMismatch
from diffjax.status import MISSING
from diffjax.sweep import (
    FailedPointsWarning,
    Zipped,
    open_run,
    sweep,
)
from tests.sweep.recording import Recorder
from tests.sweep.toy_models import oscillator, spectrum, spring, workshop

OVER = {"radius": [1.0, 1.5, 2.0], "stiffness": [1.0, 2.0, 3.0, 4.0], "seed": [1, 2]}


def run(path, over=OVER, **settings):
    progress = Recorder()
    ds = sweep(spectrum, spring(), over, path, batch_size=4, progress=progress, **settings)
    return ds, progress


def values(dataset):
    """A dataset without the attributes that tell when it was computed."""
    return dataset.drop_attrs()


@pytest.fixture(scope="module")
def in_memory():
    return values(run(None)[0])


def test_a_stored_sweep_equals_one_in_memory_and_opens_the_same(tmp_path, in_memory):
    ds, _ = run(tmp_path / "run")
    xr.testing.assert_identical(values(ds), in_memory)
    xr.testing.assert_identical(open_run(tmp_path / "run"), ds)


def test_a_finished_run_computes_nothing(tmp_path):
    ds, _ = run(tmp_path / "run")
    again, progress = run(tmp_path / "run")
    xr.testing.assert_identical(again, ds)
    assert (progress.done, progress.batches) == (24, [])


@pytest.mark.parametrize("after", [1, 5])
def test_an_interrupted_run_is_continued_by_the_same_call(tmp_path, in_memory, after):
    progress = Recorder(interrupt_after=after)
    with pytest.raises(KeyboardInterrupt):
        sweep(spectrum, spring(), OVER, tmp_path / "run", batch_size=4, progress=progress)
    assert progress.finished == 1
    partial = open_run(tmp_path / "run")
    assert int((partial["status"] != MISSING).sum()) == 4 * after
    missing = partial["total"].where(partial["status"] == MISSING, drop=True)
    assert np.isnan(missing).all()
    ds, rest = run(tmp_path / "run")
    assert rest.done == 4 * after and sum(rest.batches) == 24 - 4 * after
    xr.testing.assert_identical(values(ds), in_memory)


def test_axes_may_be_extended_and_only_new_points_are_computed(tmp_path):
    run(tmp_path / "run")
    longer = {**OVER, "radius": [0.5, 1.0, 1.25, 1.5, 2.0], "seed": [1, 2, 3]}
    ds, progress = run(tmp_path / "run", longer)
    assert progress.done == 24 and sum(progress.batches) == 5 * 4 * 3 - 24
    xr.testing.assert_identical(values(ds), values(run(None, longer)[0]))
    smaller, _ = run(tmp_path / "run", {**OVER, "radius": [2.0]})
    assert smaller.sizes["radius"] == 1
    opened = open_run(tmp_path / "run")
    np.testing.assert_array_equal(opened["radius"], [0.5, 1.0, 1.25, 1.5, 2.0])
    np.testing.assert_array_equal(opened["seed"], [1, 2, 3])


def test_every_set_of_static_fields_has_its_segment(tmp_path):
    ds, _ = run(tmp_path / "run", {**OVER, "size": [3, 4]})
    segments = sorted(path.name for path in (tmp_path / "run/segments").glob("*.zarr"))
    assert segments == ["0001.zarr", "0002.zarr"]
    xr.testing.assert_identical(open_run(tmp_path / "run"), ds)
    np.testing.assert_allclose(ds["total"].sel(size=4) * 3, ds["total"].sel(size=3) * 4)


def test_the_union_of_two_extensions_has_missing_corners(tmp_path):
    run(tmp_path / "run", {"radius": [1.0], "seed": [1]})
    run(tmp_path / "run", {"radius": [2.0], "seed": [2]})
    ds = open_run(tmp_path / "run")
    np.testing.assert_array_equal(ds["status"], [[0, MISSING], [MISSING, 0]])


def test_axes_that_are_not_sorted_keep_their_order(tmp_path):
    run(tmp_path / "run", {"radius": [2.0, 1.0, 3.0], "line": Zipped({"seed": [5, 1]})})
    run(tmp_path / "run", {"radius": [1.5], "line": Zipped({"seed": [3]})})
    ds = open_run(tmp_path / "run")
    np.testing.assert_array_equal(ds["radius"], [2.0, 1.0, 3.0, 1.5])
    assert ds["seed"].dims == ("line",)


def test_failed_points_are_computed_again_on_request(tmp_path):
    over = {"radius": [1.0, 5.0, 7.0]}
    with pytest.warns(FailedPointsWarning):
        sweep(oscillator, spring(), over, tmp_path / "run")
    for retry, count in [((), 0), ("failed", 2), ({"non_finite"}, 1)]:
        progress = Recorder()
        with pytest.warns(FailedPointsWarning):
            sweep(oscillator, spring(), over, tmp_path / "run", retry=retry, progress=progress)
        assert sum(progress.batches) == count


def test_the_newest_result_of_a_point_counts(tmp_path, monkeypatch):
    over = {"radius": [1.0, 5.0]}
    with pytest.warns(FailedPointsWarning):
        sweep(oscillator, spring(), over, tmp_path / "run")
    monkeypatch.setattr(
        "diffjax.sweep.batches.with_status",
        lambda results, points: {**results, "status": np.zeros(len(points), np.int8)},
    )
    ds = sweep(oscillator, spring(), over, tmp_path / "run", retry="failed")
    np.testing.assert_array_equal(ds["status"], [0, 0])


MISMATCHES = {
    "problem": ({"problem": spring(stiffness=4.0)}, r"problem.stiffness=3.0, .*stiffness=4.0"),
    "static": ({"problem": spring(size=4)}, r"problem.size=3, .*problem.size=4"),
    "unset": ({"problem": spring(load=np.array(1.0))}, r"problem.load=None, .*load=1.0"),
    "axes": ({"over": {"seed": [1]}}, r"axes=\[\['plate.radius'\]\]"),
    "options": ({"options": {"gain": 2.0}}, r"options.gain=None, .*options.gain=2.0"),
    "model": ({"model": spectrum}, r"model='oscillator', .*model='spectrum'"),
}


@pytest.mark.parametrize("case", MISMATCHES)
def test_the_first_difference_to_a_foreign_run_is_named(tmp_path, case):
    call = {"model": oscillator, "problem": spring(), "over": {"radius": [1.0]}}
    sweep(**call, store=tmp_path / "run")
    changes, message = MISMATCHES[case]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreMismatch, match=message):
        sweep(**{**call, **changes}, store=tmp_path / "run")
    assert sorted(tmp_path.rglob("*")) == before


def test_the_base_value_of_a_swept_field_does_not_matter(tmp_path):
    sweep(oscillator, spring(stiffness=3.0), {"stiffness": [1.0]}, tmp_path / "run")
    ds = sweep(oscillator, spring(stiffness=9.0), {"stiffness": [1.0]}, tmp_path / "run")
    assert float(ds["energy"][0]) == 4.0


def test_better_descriptions_and_newer_versions_do_not_matter(tmp_path):
    sweep(oscillator, spring(), {"seed": [1]}, tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    record = json.loads(path.read_text())
    record["outputs"]["energy"]["description"] = "a typo"
    record["versions"]["jax"] = "0.0.1"
    path.write_text(json.dumps(record))
    sweep(oscillator, spring(), {"seed": [1]}, tmp_path / "run")


def test_folders_that_are_no_runs_are_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match=r"is not empty and has no run\.json"):
        run(tmp_path)
    with pytest.raises(InputError, match=r"has no run\.json"):
        open_run(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        open_run(tmp_path / "nowhere")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[]", "another kind"),
        ('{"format": "diffjax run", "format_version": 99}', "format_version 99"),
        ('{"format": "diffjax run", "format_version": 1}', "describes no run"),
    ],
)
def test_broken_records_are_refused(tmp_path, text, message):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=message):
        open_run(tmp_path)


def test_names_in_a_record_cannot_leave_the_folder(tmp_path):
    run(tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    record = json.loads(path.read_text())
    record["outputs"]["../../secret"] = record["outputs"].pop("total")
    del record["sha256"]  # a stranger writes the sum that fits
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="secret"):
        open_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: r["outputs"]["total"].update(dims=[r["axes"][0]["name"]]), "of an axis"),
        (
            lambda r: r["outputs"].update({r["axes"][0]["name"]: r["outputs"]["total"]}),
            "of an axis",
        ),
        (lambda r: r["axes"].append(r["axes"][0]), "two axes have one name"),
        (lambda r: r["axes"][0]["columns"][0].update(dtype="complex64"), "real numbers"),
    ],
)
def test_a_record_whose_names_collide_or_whose_axis_is_complex_is_refused(tmp_path, spoil, message):
    run(tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    record = json.loads(path.read_text())
    spoil(record)
    del record["sha256"]
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=message):
        open_run(tmp_path / "run")


def test_nothing_is_pickled(tmp_path):
    run(tmp_path / "run")
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*.json*"))
    assert b"pickle" not in content
    suffixes = {p.suffix for p in tmp_path.rglob("*") if p.is_file()}
    assert suffixes <= {".json", ".copy", ".sha256", ""}


def test_two_sweeps_at_once_do_not_harm_each_other(tmp_path):
    results = {}

    def work(name, seeds):
        results[name] = run(tmp_path / "run", {**OVER, "seed": seeds})[0]

    threads = [threading.Thread(target=work, args=a) for a in ((0, [1, 2]), (1, [2, 3]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, seeds in ((0, [1, 2]), (1, [2, 3])):
        expected = run(None, {**OVER, "seed": seeds})[0]
        xr.testing.assert_identical(values(results[name]), values(expected))
    assert open_run(tmp_path / "run")["seed"].values.tolist() == [1, 2, 3]


def test_a_host_model_is_not_called_again_for_what_is_stored(tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("TOY_LOG", str(log))
    progress = Recorder(interrupt_after=2)
    over = {"radius": [1.0, 2.0], "seed": range(3)}
    with pytest.raises(KeyboardInterrupt):
        sweep(workshop, spring(), over, tmp_path / "run", progress=progress)
    ds = sweep(workshop, spring(), over, tmp_path / "run")
    calls = log.read_text().splitlines()
    assert len(calls) == len(set(calls)) == 6
    np.testing.assert_allclose(ds["energy"], [[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]])


def test_provenance_is_kept(tmp_path):
    study = {"study": "name = 'toy'", "author": {"name": "me"}}
    ds = sweep(oscillator, spring(), {}, tmp_path / "run", provenance=study)
    assert ds.attrs["study"] == "name = 'toy'" and ds.attrs["author"] == '{"name": "me"}'
    assert open_run(tmp_path / "run").attrs == ds.attrs
    assert json.loads(ds.attrs["problem"])["plate.widths"] == [1.0, 0.5]
    assert json.loads(ds.attrs["versions"])["jax"]
