"""The speciation model in the sweep engine, its statuses and its figures."""

import dataclasses

import jax
import numpy as np
import pytest

from diffjax import plot
from diffjax.backward.basins import spinodal_times
from diffjax.backward.cloning import cloning_probabilities
from diffjax.backward.model import OUTPUTS, default_problem, speciation
from diffjax.backward.problem import SpeciationProblem
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.plot import style
from diffjax.status import Status
from diffjax.studies import report
from diffjax.studies.speciation import IMBALANCE, STUDY
from diffjax.sweep.run import sweep
from tests.backward.mixtures import NAMED

AXES = {"stds[0]": (1.0, 1.3), "distance": (0.5, 1.0, 2.0), IMBALANCE: (1 / 99, 0.05, 0.3, 1.0)}


@pytest.fixture(scope="module")
def dataset():
    return sweep(speciation, STUDY.problem, AXES)


def test_outputs_have_the_promised_shapes():
    problem = SpeciationProblem(NAMED["three"], 400, diffusion_times=[0.5, 1.0], num_overlaps=7)
    result = jax.eval_shape(lambda problem: speciation(problem), problem)
    sizes = {"diffusion_time": 2, "class": 3, "returned_class": 3, "split": 2, "overlap": 7}
    for name, output in OUTPUTS.items():
        assert getattr(result, name).shape == tuple(sizes[dim] for dim in output.dims), name


@pytest.mark.slow
def test_three_classes():
    problem = SpeciationProblem(NAMED["three"], 400, diffusion_times=[0.5, 1.0])
    result = speciation(problem)
    assert int(result.status) == Status.OK
    expected = cloning_probabilities(problem.mixture, 400, [0.5, 1.0])
    np.testing.assert_allclose(result.cloning_probability, expected, atol=1e-12)
    np.testing.assert_allclose(
        result.spinodal_time, spinodal_times(problem.mixture, 400), atol=1e-9
    )


def test_swept_points_equal_single_ones(dataset):
    point = dataset.sel({"stds[0]": 1.3, "distance": 0.5, IMBALANCE: 0.05})
    mixture = two_classes((1.3, 1.0), 0.5, 0.05)
    single = speciation(
        SpeciationProblem(mixture, 1000, STUDY.problem.diffusion_times, STUDY.problem.certainty)
    )
    for name in ("spinodal_time", "certain_time", "common_time", "potential", "trajectory_time"):
        np.testing.assert_allclose(point[name].values, getattr(single, name), atol=1e-9)


def test_minority_is_delayed_in_the_study(dataset):
    verdicts = report.judge(STUDY, dataset)
    assert {verdict.word for verdict in verdicts.values()} == {"holds"}
    later = verdicts["minority-speciates-later"]
    assert later.numbers["decided"] == 2 * 3 * 3
    assert later.numbers["largest_delay"] == pytest.approx(0.79, abs=0.02)
    (table,) = report.tables(STUDY, dataset)
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_verdicts_can_fail(dataset):
    swapped = dataset.assign(certain_time=dataset["certain_time"].isel({"class": [1, 0]}).variable)
    flat = dataset.assign(spinodal_delay=0 * dataset["weak_imbalance_delay"])
    assert report.judge(STUDY, swapped)["minority-speciates-later"].word == "fails"
    assert report.judge(STUDY, flat)["minority-basin-is-delayed"].word == "fails"
    assert report.judge(STUDY, flat)["basin-delay-between-laws"].word == "fails"


def test_identical_classes_have_a_status_and_no_error():
    mixture = two_classes((1.0, 1.0), distance=0.0, imbalance_ratio=0.5)
    result = speciation(dataclasses.replace(STUDY.problem, mixture=mixture))
    assert int(result.status) == Status.NOT_REACHED
    assert float(result.common_time) == 0.0
    assert np.isinf(result.spinodal_delay[0])
    assert not any(np.isnan(leaf).any() for leaf in jax.tree.leaves(result))


def test_no_output_is_nan_or_minus_infinite(dataset):
    for name in dataset.data_vars:
        values = dataset[name].values
        assert not (np.isnan(values) | np.isneginf(values)).any(), name


@pytest.mark.slow
def test_mapped_points_equal_a_loop():
    ratios = np.array([0.05, 0.5, 1.0])

    def solve(ratio):
        mixture = two_classes((1.2, 1.0), 0.4, ratio)
        result = speciation(SpeciationProblem(mixture, 100, diffusion_times=np.array([0.5, 1.0])))
        return result.spinodal_time, result.certain_time, result.cloning_probability

    batched = jax.vmap(solve)(ratios)
    for index, ratio in enumerate(ratios):
        for one, many in zip(solve(ratio), batched, strict=True):
            np.testing.assert_allclose(many[index], one, atol=1e-9)


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: SpeciationProblem(GaussianMixture([1.0], [1.0]), 10), "one class"),
        (lambda: SpeciationProblem(NAMED["equal"], 10, diffusion_times=[0.0]), "t > 0"),
        (lambda: SpeciationProblem(NAMED["equal"], 10, certainty=1.2), "certainty"),
        (lambda: SpeciationProblem(NAMED["equal"], 10, num_overlaps=1), "num_overlaps"),
        (lambda: speciation("speciate!"), "SpeciationProblem"),
    ],
)
def test_bad_input(build, word):
    with pytest.raises(InputError, match=word):
        build()


def test_default_problem_shows_the_delay():
    mixture = default_problem().mixture
    result = speciation(dataclasses.replace(STUDY.problem, mixture=mixture))
    assert float(result.spinodal_delay[0]) == pytest.approx(0.582, abs=1e-3)
    assert float(result.certain_time[0]) < float(result.certain_time[1])


def test_figures_are_drawn(dataset, tmp_path):
    one = dataset.isel({"stds[0]": 0, "distance": 1, IMBALANCE: 1})
    axes = plot.speciation_curves(one)
    verticals = [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]
    assert any(abs(x - float(one["spinodal_time"][0])) < 1e-9 for x in verticals)
    ridge = plot.potential_ridge(one, num_curves=5)
    assert len(ridge.collections) == 5
    delay = plot.delay_curves(dataset.isel({"stds[0]": 0, "distance": 1}))
    assert len(delay.get_legend().get_texts()) == 4
    figure = plot.delay_map(dataset, x=IMBALANCE, y="distance", panel="stds[0]")
    assert len(figure.axes) == 3
    for index, drawn in enumerate((axes, ridge, delay, figure)):
        png, _ = style.save(drawn, tmp_path / str(index))
        assert png.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("draw", "word"),
    [
        (lambda ds: plot.speciation_curves(ds), "also runs along"),
        (lambda ds: plot.potential_ridge(ds.drop_vars("potential")), "potential"),
        (lambda ds: plot.delay_map(ds, classes=(0, 7)), "classes"),
    ],
)
def test_bad_datasets(dataset, draw, word):
    with pytest.raises(InputError, match=word):
        draw(dataset)
