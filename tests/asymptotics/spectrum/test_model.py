"""The model of the sweep engine."""

import numpy as np
import pytest

from diffjax.asymptotics.spectrum.compute import spectrum
from diffjax.asymptotics.spectrum.model import asymptotic_spectrum, default_problem
from diffjax.errors import InputError
from diffjax.status import Status
from diffjax.sweep.run import sweep
from tests.asymptotics.cases import problem_of


def test_one_point_is_the_spectrum_on_a_grid():
    problem = problem_of("centred")
    point = asymptotic_spectrum(problem, num_eigenvalues=64)
    direct = spectrum(problem, np.asarray(point.eigenvalues))
    np.testing.assert_allclose(point.density, direct.density, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(point.cumulative, direct.cumulative, atol=1e-8)
    assert float(point.atom_mass) == pytest.approx(float(direct.atom_masses[0]))
    assert int(point.status) == Status.OK


def test_a_sweep_labels_density_and_mass():
    dataset = sweep(
        asymptotic_spectrum, problem_of("one"), {"samples_per_dim": [2.0, 3.0, 9.0]},
        options={"num_eigenvalues": 48},
    )  # fmt: skip
    assert dataset["density"].dims == ("samples_per_dim", "eigenvalue")
    np.testing.assert_allclose(dataset["atom_mass"], [0.5, 1 / 3, 0.0], rtol=1e-12)
    assert np.isposinf(dataset["atom_location"].values).tolist() == [False, False, True]
    assert (dataset["status"] == Status.OK).all()


def test_bad_options_are_refused():
    with pytest.raises(InputError):
        asymptotic_spectrum(default_problem(), num_eigenvalues=1)
    with pytest.raises(InputError):
        asymptotic_spectrum(problem=3.0)
