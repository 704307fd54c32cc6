"""Spectra of centroids that nearly coincide, and of continua among which arcs end."""

import numpy as np
import pytest

from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.asymptotics.spectrum.compute import spectrum
from diffjax.mixture import GaussianMixture
from diffjax.status import Status


def _problem(gram, stds, psi, time, activation="tanh"):
    mixture = GaussianMixture(stds, [0.35, 0.65], centroid_gram=gram)
    return AsymptoticProblem(mixture, *psi, time, activation=activation)


@pytest.mark.parametrize("size", [1e-9, 1e-7])
def test_nearly_coinciding_centroids_have_the_spectrum_of_coinciding_ones(size):
    gram = size * np.array([[1.0, 0.3], [0.3, 0.5]])
    near = spectrum(_problem(gram, [0.7, 1.6], (21.0, 0.7), 0.3))
    exact = spectrum(_problem(np.zeros((2, 2)), [0.7, 1.6], (21.0, 0.7), 0.3))
    assert int(near.status) == int(exact.status) == Status.OK
    np.testing.assert_allclose(near.atom_masses, exact.atom_masses)
    np.testing.assert_allclose(near.atom_locations, exact.atom_locations, rtol=1e-4)
    for one, other in zip(near.bulks, exact.bulks, strict=True):
        np.testing.assert_allclose(
            [one.lower, one.upper, one.mass], [other.lower, other.upper, other.mass],
            rtol=1e-3, atol=1e-6,
        )  # fmt: skip


def test_density_next_to_a_narrow_continuum_integrates_to_one():
    found = spectrum(_problem([[9.0, 0.0], [0.0, 0.0]], [1.1, 1.3], (9.85, 2.21), 1.0, "erf"))
    assert int(found.status) == Status.OK
    assert abs(found.integral - 1.0) < 1e-3
    assert abs(sum(bulk.mass for bulk in found.bulks) - 1.0) < 1e-3
