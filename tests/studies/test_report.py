"""What a run leaves behind: verdicts, summary, dataset, figures."""

import json

import numpy as np
import pytest
import xarray as xr

from diffjax.errors import InputError
from diffjax.studies import report
from diffjax.studies.figures import check_figure, draw_figures, select_nearest
from diffjax.studies.study import Claim, Figure, Study, Table, Verdict

from .datasets import grid_dataset


def study(criterion=None, **settings):
    claim = Claim("a-claim", "Something is so.", "a paper", "everywhere", criterion or true)
    return Study("s", "A study", "gradient_flow", None, {}, claims=(claim,), **settings)


def true(dataset):
    return Verdict(True, {"worst": float("nan"), "list": [1.0, float("inf")]}, "It is so: 1.")


@pytest.fixture
def dataset():
    return grid_dataset(lambda s, d, r, seed: -np.log10(s) - 0.1 * d * np.log10(r))


def test_verdicts_are_strict_json(tmp_path, dataset):
    made = study()
    path = report.write_verdicts(tmp_path, made, report.judge(made, dataset))

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    found = json.loads(path.read_text(), parse_constant=refuse)
    assert found["a-claim"]["verdict"] == "holds"
    assert found["a-claim"]["numbers"] == {"worst": "nan", "list": [1.0, "inf"]}
    assert found["a-claim"]["source"] == "a paper"


def test_a_dataset_without_the_axis_leaves_a_claim_undecided(dataset):
    made = study(lambda ds: Verdict(bool(ds["absent"].all()), {}, "never said"))
    verdict = report.judge(made, dataset)["a-claim"]
    assert verdict.holds is None
    assert verdict.word == "undecided"
    assert "absent" in verdict.text


def test_a_fault_in_a_criterion_is_not_hidden(dataset):
    with pytest.raises(ZeroDivisionError):
        report.judge(study(lambda ds: 1 // 0), dataset)


def test_the_summary_has_the_tables_and_the_verdicts(tmp_path, dataset):
    made = study(tables=(lambda ds: Table("Sizes", ("axis", "n"), (("seed", "2"),)),))
    tables = report.tables(made, dataset)
    path = report.write_summary(tmp_path, made, report.judge(made, dataset), tables)
    text = path.read_text()
    assert text.startswith("# A study\n")
    assert "| axis | n |\n| --- | --- |\n| seed | 2 |" in text
    assert "**a-claim: holds.** It is so: 1." in text


def test_the_dataset_is_one_file_that_xarray_opens(tmp_path, dataset):
    for _ in range(2):  # the second time it is replaced
        path = report.write_dataset(tmp_path, dataset)
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
        xr.testing.assert_identical(xr.open_dataset(path).load(), dataset)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, dataset, monkeypatch):
    path = report.write_dataset(tmp_path, dataset)

    def full(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(report, "write_labelled", full)
    with pytest.raises(OSError, match="disk full"):
        report.write_dataset(tmp_path, dataset + 1)
    xr.testing.assert_identical(xr.open_dataset(path).load(), dataset)


def test_figures_are_drawn_in_the_formats_asked_for(tmp_path, dataset):
    maps = Figure("maps", "phase_maps", {"quantity": "memorization_time"})
    made = Study("s", "A study", "gradient_flow", None, {}, figures=(maps,))
    written = draw_figures(made, dataset, tmp_path / "figures", ("png", "pdf")).files
    assert [path.name for path in written] == ["maps.png", "maps.pdf"]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    assert written[1].read_bytes().startswith(b"%PDF")
    again = draw_figures(made, dataset, tmp_path / "again", ("png",)).files
    assert again[0].read_bytes() == written[0].read_bytes()


def test_the_nearest_grid_point_is_taken(dataset):
    point = select_nearest(dataset, {"stds[0]": 1.4, "imbalance_ratio": 8})
    assert float(point["stds[0]"]) == 1.5
    assert float(point["imbalance_ratio"]) == pytest.approx(9.0)
    with pytest.raises(InputError, match="no axis 'cosine'"):
        select_nearest(dataset, {"cosine": 0.0})


def test_static_axes_with_names_are_selected_exactly():
    named = xr.Dataset({"x": ("activation", [1, 2])}, coords={"activation": ["tanh", "erf"]})
    assert int(select_nearest(named, {"activation": "erf"})["x"]) == 2
    with pytest.raises(InputError, match="no value 'relu'"):
        select_nearest(named, {"activation": "relu"})


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (Figure("f", "phase_map"), "did you mean 'phase_maps'"),
        (Figure("f", "phase_maps", {"quantities": "x"}), "the argument 'quantities'"),
    ],
)
def test_figures_are_checked(figure, message):
    with pytest.raises(InputError, match=message):
        check_figure(figure)
