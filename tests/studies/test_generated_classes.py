"""Verdicts on copies in generated samples, and the published table on the real sweep."""

import numpy as np
import pytest

from diffjax.random_features.generator_model import generated_classes
from diffjax.studies.catalogue import find_study
from diffjax.studies.copy_order import Order, difference_of, order_of
from diffjax.studies.figures import check_figure
from diffjax.studies.report import judge, tables
from diffjax.sweep.run import sweep
from tests.studies.copy_datasets import copy_dataset

STUDY = find_study("generated-classes")
BALANCED, IMBALANCED, OPPOSED = (1.5, 1.0), (1.0, 3.0), (1.5, 3.0)


def verdicts(**settings):
    return {name: found.word for name, found in judge(STUDY, copy_dataset(**settings)).items()}


def test_all_claims_hold_where_they_are_true():
    assert set(verdicts().values()) == {"holds"}


@pytest.mark.parametrize(
    ("claim", "orders", "word"),
    [
        ("higher-variance-copied-first", {BALANCED: (-1.1, 1.0)}, "fails"),
        ("higher-variance-copied-first", {BALANCED: (-1.1, -0.1)}, "undecided"),
        ("rare-class-copied-first-by-ratio-only", {IMBALANCED: (1.6, 1.5)}, "fails"),
        ("rare-class-copied-first-by-ratio-only", {IMBALANCED: (-1.0, 0.0)}, "fails"),
        ("rare-class-copied-first-by-ratio-only", {IMBALANCED: (0.1, 0.0)}, "undecided"),
        ("criteria-disagree-where-rare-is-narrow", {OPPOSED: (-0.9, -0.9)}, "fails"),
        ("criteria-disagree-where-rare-is-narrow", {OPPOSED: (0.3, 0.1)}, "undecided"),
    ],
)
def test_orders_decide(claim, orders, word):
    assert verdicts(orders=orders)[claim] == word


def test_samples_decide():
    assert verdicts(late=0.5)["late-samples-are-copies"] == "fails"
    assert verdicts(times=(3e4, 10.0))["late-samples-are-copies"] == "fails"
    assert verdicts(times=(3e6, 3e3))["loss-predicts-copies"] == "fails"


def test_one_seed_and_missing_times_decide_nothing():
    names = [claim.name for claim in STUDY.claims[:3]]
    assert {verdicts(seeds=1)[name] for name in names} == {"undecided"}
    dataset = copy_dataset()
    dataset["half_plateau_time"] = dataset["half_plateau_time"] * np.inf
    found = judge(STUDY, dataset)
    assert {found[name].word for name in (*names, "loss-predicts-copies")} == {"undecided"}


def test_orders_are_means_over_seeds():
    place = dict(zip(("stds[0]", "imbalance_ratio"), BALANCED, strict=True))
    dataset = copy_dataset(scatter=0.4)
    found = order_of(dataset, "ratio", place)
    # the made-up scatter has mean zero over the seeds
    assert found.mean == pytest.approx(-1.1)
    assert found.error == pytest.approx(0.1, rel=0.4)
    assert difference_of(dataset, place).mean == pytest.approx(0.1)
    assert [Order(1.0, 0.4).settled, Order(-1.0, 0.4).settled, Order(0.7, 0.4).settled] == [
        1,
        -1,
        0,
    ]


def test_the_table_has_a_row_per_grid_point():
    (table,) = tables(STUDY, copy_dataset())
    assert len(table.rows) == 4 and {len(row) for row in table.rows} == {len(table.columns)}
    assert table.rows[0][:2] == ("1", "8 / 8")
    assert table.rows[1][3].endswith("/ 3e+04")


def test_figures_take_their_arguments():
    for figure in STUDY.figures:
        check_figure(figure)


PUBLISHED = {
    (1.0, 1.0): ((0.11, 0.13), (-0.08, 0.16), (2.9e4, 2.8e4)),
    BALANCED: ((-1.12, 0.13), (-1.20, 0.18), (2.9e4, 2.8e4)),
    IMBALANCED: ((1.64, 0.21), (0.27, 0.19), (3.6e4, 2.3e4)),
    OPPOSED: ((0.38, 0.20), (-0.96, 0.17), (3.3e4, 2.3e4)),
}
"""An independent program's log(time_0/time_1) by ratio and by distance, with standard errors over
16 seeds, and its memorisation times of the loss at t = 0.01."""


@pytest.mark.slow
def test_the_study_agrees_with_an_independent_program():
    """Other draws, other noise: agreement within two standard errors of the difference."""
    dataset = sweep(generated_classes, STUDY.problem, STUDY.axes, devices=1)
    for (std, imbalance), (*orders, losses) in PUBLISHED.items():
        place = {"stds[0]": std, "imbalance_ratio": imbalance}
        for criterion, (mean, error) in zip(("ratio", "distance"), orders, strict=True):
            found = order_of(dataset, criterion, place)
            assert abs(found.mean - mean) < 2 * np.hypot(found.error, error)
        times = np.exp(np.log(dataset["memorization_time"].sel(place)).mean("seed"))
        np.testing.assert_allclose(times, losses, rtol=0.1)
    assert {found.word for found in judge(STUDY, dataset).values()} == {"holds"}
    controls = dataset["control_memorized_fraction"].mean("seed")
    assert float(controls.sel(control="empirical score").min()) > 0.999
    chance = controls.sel(control=["exact score", "fresh samples"])
    assert float(chance.sel(criterion="ratio").max()) < 0.005
    assert float(chance.sel(criterion="distance").max()) < 0.05
    variance = dataset["control_variance"].sel(control="exact score").mean("seed")
    np.testing.assert_allclose(variance, 0.80, atol=0.03)
