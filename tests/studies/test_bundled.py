"""The bundled studies: their pieces fit together, and the physics that they show is there."""

import dataclasses
import math

import pytest

from diffjax.studies.catalogue import all_studies, find_claim, find_study
from diffjax.studies.citations import BIBTEX, bibtex
from diffjax.studies.figures import check_figure
from diffjax.studies.loading import study_of_run
from diffjax.studies.phase_diagram import DISTANCES
from diffjax.studies.report import judge, tables
from diffjax.sweep import find_model, sweep

STUDIES = pytest.mark.parametrize("study", all_studies(), ids=lambda study: study.name)


@STUDIES
def test_every_claim_says_what_where_and_by_whom(study):
    names = [claim.name for other in all_studies() for claim in other.claims]
    assert len(names) == len(set(names))
    for claim in study.claims:
        assert find_claim(claim.name) is claim
        assert claim.statement.endswith(".")
        assert claim.source
        assert claim.grid


@STUDIES
def test_figures_can_be_drawn_from_the_axes(study):
    assert len({figure.name for figure in study.figures}) == len(study.figures)
    for figure in study.figures:
        check_figure(figure)
        named = {figure.arguments.get(key) for key in ("x", "y", "panel")} - {None}
        assert named | set(figure.at) <= set(study.axes)


@STUDIES
def test_citations_exist(study):
    cited = (*find_model(study.model).citations, *study.citations)
    assert set(cited) <= set(BIBTEX)
    assert "2605.06367" in bibtex(cited, "1.2.3")
    assert "version = {1.2.3}" in bibtex(cited, "1.2.3")


def test_the_main_job_has_the_promised_size():
    study = find_study("phase-diagram")
    assert [len(values) for values in study.axes.values()] == [7, 4, 9, 2]
    assert study.problem.num_features >= 256
    assert max(study.axes["distance"]) == math.sqrt(32)


@pytest.fixture(scope="module")
def corner():
    """The edge of the phase diagram where imbalance reverses the order."""
    study = find_study("phase-diagram")
    axes = {
        "stds[0]": (1.2,),
        "distance": (DISTANCES[-1],),
        "imbalance_ratio": (1 / 9, 1.0, 9.0),
        "seed": (0, 1),
    }
    part = dataclasses.replace(study, axes=axes)
    dataset = sweep(
        find_model(part.model), part.problem, part.axes, devices=1, provenance=part.provenance
    )
    return part, dataset


def test_imbalance_reverses_the_order_of_generalisation(corner):
    study, dataset = corner
    verdicts = judge(study, dataset)
    assert verdicts["imbalance-reverses-generalisation"].holds is True
    (line,) = verdicts["imbalance-reverses-generalisation"].numbers["lines"]
    assert 1 / 9 < line["crossing"] < 1
    assert verdicts["no-generalisation-reversal-at-zero-distance"].holds is False  # other distance


def test_the_reversed_times_are_those_of_the_high_dimensional_limit(corner):
    _, dataset = corner
    rare = dataset["generalization_time"].sel(imbalance_ratio=1 / 9, method="nearest")
    # d, p, n to infinity at p/d = 16, n/d = 8: 16.8 and 12.5, approached as 1/d
    assert rare.mean("seed").squeeze().values == pytest.approx([16.8, 12.5], rel=0.12)


def test_the_tables_read_the_same_dataset(corner):
    study, dataset = corner
    order, reversals = tables(study, dataset)
    assert order.columns[-1] == "5.66"
    assert order.rows[0][:2] == ("generalisation", "equal")
    assert reversals.rows[0][:3] == ("generalisation", "1.2", "5.66")


def test_a_run_knows_its_study(corner):
    study, dataset = corner
    assert study_of_run(dataset) is find_study(study.name)
