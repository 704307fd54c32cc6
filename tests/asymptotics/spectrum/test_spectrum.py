"""Bulks, masses, names and quantiles: counting arguments and invariances."""

import numpy as np
import pytest

from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.asymptotics.spectrum.compute import spectrum
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture
from diffjax.status import FAILURES, Status
from tests.asymptotics.cases import problem_of


@pytest.fixture(scope="module")
def one_class():
    return spectrum(AsymptoticProblem(GaussianMixture([1.0], [1.0]), 64.0, 8.0, 0.01))


@pytest.fixture(scope="module")
def two_centred():
    return spectrum(AsymptoticProblem(GaussianMixture([0.5, 2.0], [0.5, 0.5]), 64.0, 4.0, 0.01))


def test_one_class_has_the_parts_that_counting_gives(one_class):
    """Of 64 features per direction 1 generalises, 7 fit single samples, 1 memorises, 55 idle."""
    assert [bulk.kind for bulk in one_class.bulks] == ["generalization", "sample", "memorization"]
    np.testing.assert_allclose([bulk.mass * 64 for bulk in one_class.bulks], [1, 7, 1], atol=1e-4)
    assert one_class.atom_masses[0] * 64 == pytest.approx(55)
    expected = [(9.84, 44.7), (0.091, 0.359), (0.0037, 0.0102)]
    for bulk, edges in zip(one_class.bulks, expected, strict=True):
        assert (bulk.lower, bulk.upper) == pytest.approx(edges, rel=6e-3)
        assert bulk.class_label == 0
    assert one_class.atom_locations[0] == pytest.approx(1.874e-3, rel=3e-4)
    assert int(one_class.status) == Status.OK


def test_two_classes_split_into_six_parts(two_centred):
    """Sample modes split per class, memorisation is collective without centroids."""
    np.testing.assert_allclose([bulk.mass * 64 for bulk in two_centred.bulks], 1.0, atol=1e-4)
    assert two_centred.atom_masses[0] * 64 == pytest.approx(59)
    kinds = ["generalization", "sample", "memorization", "sample", "memorization"]
    assert [bulk.kind for bulk in two_centred.bulks] == kinds
    samples = [bulk.class_label for bulk in two_centred.bulks if bulk.kind == "sample"]
    assert samples == [1, 0]
    expected = [(5.9, 58.8), (1.22, 2.00), (0.084, 1.20), (0.030, 0.048), (0.0026, 0.017)]
    for bulk, edges in zip(two_centred.bulks, expected, strict=True):
        assert (bulk.lower, bulk.upper) == pytest.approx(edges, rel=0.02)


CASES = {
    "one": {"activation": "erf"},
    "centred": {"activation": "relu"},
    "pair": {},
    "corner": {"activation": "erf"},
    "directions": {},
}


@pytest.mark.parametrize("mixture", ["one", "centred"])
def test_density_and_atoms_integrate_to_one(mixture):
    _check_integral(spectrum(problem_of(mixture, **CASES[mixture])))


@pytest.mark.slow
@pytest.mark.parametrize("mixture", ["pair", "corner", "directions"])
def test_density_and_atoms_integrate_to_one_for_other_geometries(mixture):
    _check_integral(spectrum(problem_of(mixture, **CASES[mixture])))


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "erf", "relu"])
@pytest.mark.parametrize("mixture", ["one", "centred", "corner", "three"])
@pytest.mark.parametrize("time", [0.01, 1.0])
def test_density_integrates_to_one_everywhere(mixture, activation, time):
    _check_integral(spectrum(problem_of(mixture, activation=activation, diffusion_time=time)))


def _check_integral(found):
    assert found.integral == pytest.approx(1.0, abs=1e-3)
    total = sum(bulk.mass for bulk in found.bulks) + found.atom_masses.sum()
    assert total == pytest.approx(1.0, abs=1e-3)
    assert int(found.status) == Status.OK
    assert (np.diff(found.resolved.cumulative) > -1e-5).all()


@pytest.mark.slow
def test_splitting_or_permuting_classes_changes_nothing():
    grid = np.geomspace(0.01, 8.0, 60)
    whole = spectrum(problem_of("centred"), grid)
    halves = GaussianMixture([1.4, 1.4, 0.7], [0.1, 0.2, 0.7])
    for same in (halves, GaussianMixture([0.7, 1.4], [0.7, 0.3])):
        other = spectrum(problem_of(same), grid)
        np.testing.assert_allclose(other.density, whole.density, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(other.cumulative, whole.cumulative, atol=1e-10)
        for ours, theirs in zip(whole.bulks, other.bulks, strict=True):
            assert ours[:3] == pytest.approx(theirs[:3], rel=1e-6)


def test_a_grid_of_ones_own(one_class):
    """Its mass is that of the resolved grid, and quantiles invert it."""
    grid = np.geomspace(0.003, 50.0, 25)
    found = spectrum(AsymptoticProblem(GaussianMixture([1.0], [1.0]), 64.0, 8.0, 0.01), grid)
    resolved = one_class.resolved
    expected = np.interp(np.log(grid), np.log(resolved.eigenvalues), resolved.cumulative)
    np.testing.assert_allclose(found.cumulative, expected, atol=2e-4)
    np.testing.assert_array_equal(found.eigenvalues, grid)
    inside = (grid > 10) & (grid < 44)
    np.testing.assert_allclose(found.quantile(found.cumulative[inside]), grid[inside], rtol=5e-3)
    assert found.quantile(0.3) == pytest.approx(found.atom_locations[0], rel=2e-4)


def test_dataset_names_what_it_holds(two_centred):
    dataset = two_centred.to_dataset()
    assert dataset["density"].dims == ("eigenvalue",)
    assert dataset["bulk_kind"].values.tolist()[0] == "generalization"
    assert dataset["bulk_class"].values.tolist() == [
        -1,
        1,
        -1,
        0,
        two_centred.bulks[-1].class_label,
    ]
    np.testing.assert_allclose(dataset["atom_mass"], two_centred.atom_masses)


@pytest.mark.parametrize("grid", [[0.0, 1.0], [1.0, 0.5], [1.0, np.nan], [[1.0, 2.0]], []])
def test_bad_grids_are_refused(grid):
    with pytest.raises(InputError):
        spectrum(problem_of("one"), grid)


def test_a_spectrum_that_reaches_zero_has_a_status():
    """A linear activation has s^2 = 0 and most of its eigenvalues at zero."""
    found = spectrum(problem_of("one", activation=lambda x: x))
    assert int(found.status) in FAILURES
