"""Studies that set finite systems beside the theory, and the theory beside reference values."""

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr

from diffjax.comparison.model import theory_comparison, theory_times
from diffjax.studies import finite_size_boundary, learning_order, theory_phase_diagram
from diffjax.studies.catalogue import find_study
from diffjax.studies.report import judge, tables
from diffjax.studies.size_scaling import (
    falls_as_one_over_dim,
    scaling_table,
    scalings,
    small_at_the_largest_size,
)
from diffjax.sweep import sweep
from diffjax.sweep.grid import Zipped

LOSSES = ("train_loss", "test_loss")


def scaled(exponent, amplitude=0.8):
    """Curves that deviate from the theory by amplitude * d**exponent, for two activations."""
    dims, tau = np.array([25, 50, 100, 200]), np.geomspace(0.1, 100, 31)
    theory = np.broadcast_to(np.exp(-tau), (2, 31))
    bump = amplitude * np.exp(-(np.log(tau / tau[15]) ** 2))
    found = theory + dims[:, None, None] ** float(exponent) * bump
    axes = ("activation", "size", "class", "training_time")
    data = np.broadcast_to(found, (2, *found.shape))
    curve = (("class", "training_time"), theory)
    return xr.Dataset(
        dict.fromkeys(LOSSES, (axes, data)) | {f"theory_{name}": curve for name in LOSSES},
        coords={"dim": ("size", dims), "activation": ["tanh", "relu"], "class": [0, 1],
                "training_time": tau},
    )  # fmt: skip


def test_one_over_dim_is_told_from_slower_laws():
    criterion = falls_as_one_over_dim(0.25)
    assert criterion(scaled(-1.0)).holds is True
    slow = criterion(scaled(-0.5))
    assert slow.holds is False
    assert "-0.50" in slow.text and "activation=tanh" in slow.text
    assert criterion(scaled(-2.0)).holds is False


def test_every_line_is_fitted_with_its_place():
    found = scalings(scaled(-1.0))
    assert len(found) == 4
    assert {one.place["activation"] for one in found} == {"tanh", "relu"}
    for one in found:
        assert one.exponent == pytest.approx(-1)
        np.testing.assert_allclose(one.errors, 0.8 / np.array([25, 50, 100, 200]), rtol=1e-9)
    table = scaling_table(scaled(-1.0))
    assert table.columns[2:6] == ("d = 25", "d = 50", "d = 100", "d = 200")
    assert table.rows[0][-1] == "-1.00 +- 0.00"


def test_the_size_of_the_error_is_judged():
    assert small_at_the_largest_size(0.005)(scaled(-1.0)).holds is True
    assert small_at_the_largest_size(0.003)(scaled(-1.0)).holds is False


def test_a_dataset_without_sizes_is_undecided():
    study = find_study("finite-size-scaling")
    verdicts = judge(study, scaled(-1.0).drop_vars("dim"))
    assert {verdict.holds for verdict in verdicts.values()} == {None}


@pytest.mark.parametrize("name", ["finite-size-scaling", "finite-size-scaling-three-classes"])
def test_sizes_keep_their_ratios_and_whole_class_counts(name):
    study = find_study(name)
    sizes = study.axes["size"].fields
    ratios = {
        (p / d, n / d)
        for d, p, n in zip(*(sizes[k] for k in ("dim", "num_features", "num_samples")), strict=True)
    }
    assert ratios == {(study.problem.features_per_dim, study.problem.samples_per_dim)}
    counts = np.outer(sizes["num_samples"], study.problem.mixture.class_weights)
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)


@pytest.mark.slow
def test_a_small_scaling_study_runs_end_to_end(tmp_path):
    from diffjax.studies.figures import draw_figures

    study = find_study("finite-size-scaling")
    sizes = Zipped({"dim": (8, 32), "num_features": (32, 128), "num_samples": (16, 64)})
    axes = {"activation": ("tanh",), "diffusion_time": (0.1,), "size": sizes, "seed": range(6)}
    part = dataclasses.replace(study, axes=axes)
    dataset = sweep(theory_comparison, part.problem, part.axes)
    verdict = judge(part, dataset)["error-falls-as-one-over-dim"]
    assert [fit["split"] for fit in verdict.numbers["fits"]] == ["train", "test"]
    for fit in verdict.numbers["fits"]:
        assert fit["place"] == {"activation": "tanh", "diffusion_time": 0.1}
        assert fit["errors"][1] < 0.6 * fit["errors"][0]
    part = dataclasses.replace(part, figures=part.figures[:2])
    assert all(path.stat().st_size > 1000 for path in draw_figures(part, dataset, tmp_path).files)


def boundary_dataset(finite_shift):
    """Times with log10(time_0/time_1) = 2 log10(std) + log10(ratio), the finite ones shifted."""
    std, ratio = np.linspace(0.7, 1.7, 5), np.geomspace(1 / 27, 27, 13)
    field = 2 * np.log10(std)[:, None] + np.log10(ratio)[None]
    axes = ("stds[0]", "imbalance_ratio", "class")

    def times(log_ratio):
        return axes, np.stack([10 ** (1 + log_ratio), np.full(log_ratio.shape, 10.0)], -1)

    names = ("generalization_time", "memorization_time", "gap_onset_time")
    errors = axes, np.broadcast_to([finite_shift, 0.0], (*field.shape, 2))
    return xr.Dataset(
        dict.fromkeys(names, times(field + finite_shift))
        | {f"theory_{name}": times(field) for name in names}
        | {f"{name}_log_ratio": errors for name in names},
        coords={"stds[0]": std, "imbalance_ratio": ratio, "class": [0, 1]},
        attrs={"problem": json.dumps({"mixture.stds": [0.0, 1.0]})},
    )


def test_boundaries_are_compared_where_both_exist():
    ds = boundary_dataset(0.1)
    found = finite_size_boundary.crossings(ds, "theory_generalization_time")
    np.testing.assert_allclose(found, ds["stds[0]"].values ** -2.0, rtol=1e-9)
    near = finite_size_boundary.boundaries_agree(ds)
    assert near.holds is True
    assert near.numbers["largest_shift"] == pytest.approx(0.1)
    assert finite_size_boundary.boundaries_agree(boundary_dataset(0.3)).holds is False
    assert finite_size_boundary.times_agree(boundary_dataset(0.02)).holds is True
    assert finite_size_boundary.times_agree(boundary_dataset(-0.3)).holds is False
    nowhere = ds.isel({"imbalance_ratio": [12]})
    assert finite_size_boundary.boundaries_agree(nowhere).holds is None


def test_theory_reverses_by_imbalance_and_not_where_centroids_coincide():
    study = find_study("theory-phase-diagram")
    axes = {
        **study.axes,
        "stds[0]": (0.8, 1.2, 1.3),
        "imbalance_ratio": tuple(np.geomspace(1 / 49, 49, 9)),
    }
    dataset = sweep(theory_times, study.problem, axes)
    verdicts = judge(study, dataset)
    assert {name: verdict.holds for name, verdict in verdicts.items()} == dict.fromkeys(
        verdicts, True
    )
    assert 0.3 < verdicts["theory-imbalance-reverses-generalisation"].numbers["crossing"] < 0.5
    assert tables(study, dataset)[0].rows[4][0] == "1.20"
    swapped = dataset.assign_coords(geometry=dataset["geometry"].values[::-1]).sortby("geometry")
    verdicts = judge(study, swapped)
    assert verdicts["theory-no-reversal-at-coinciding-centroids"].holds is False
    assert verdicts["theory-imbalance-reverses-generalisation"].holds is False
    assert verdicts["theory-wider-class-needs-more-imbalance"].holds is None


def test_the_map_has_ten_thousand_points_per_geometry():
    axes = theory_phase_diagram.STUDY.axes
    assert len(axes["stds[0]"]) * len(axes["imbalance_ratio"]) >= 10_000
    assert 1.2 in np.round(axes["stds[0]"], 9)


@pytest.fixture(scope="module")
def order():
    study = learning_order.STUDY
    return sweep(theory_times, study.problem, study.axes)


def test_every_reference_time_is_reproduced(order):
    verdicts = judge(learning_order.STUDY, order)
    assert all(verdict.holds for verdict in verdicts.values())
    (table,) = tables(learning_order.STUDY, order)
    assert len(table.rows) == len(learning_order.CASES) == 17
    assert "(16.8 / 12.5)" in table.rows[-1][1]


def test_another_time_is_noticed(order):
    wrong = order.copy(deep=True)
    wrong["memorization_time"][4] *= 1.02
    assert learning_order.references_reproduced(wrong).holds is False
    wrong["generalization_time"][16] = order["generalization_time"][16].values[::-1]
    assert learning_order.reversed_by_imbalance(wrong).holds is False


def test_cases_are_the_mixtures_that_they_say(order):
    for index, case in enumerate(learning_order.CASES):
        fields = case.fields
        first, second = case.norms
        assert fields["imbalance_ratio"] == pytest.approx(case.weight / (1 - case.weight))
        if first:
            assert fields["norm_ratio"] ** 2 == pytest.approx(second / first)
            cross = 2 * case.cosine * np.sqrt(first * second)
            assert fields["distance"] ** 2 == pytest.approx(first + second - cross)
        assert float(order["diffusion_time"][index]) == case.diffusion_time
