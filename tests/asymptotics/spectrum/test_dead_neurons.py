"""Neurons that are never active have no residual eigenvalue, but for rounding."""

import numpy as np

import diffjax as dj
from diffjax.status import Status


def test_masses_are_finite_where_neurons_are_dead():
    """A relu of a narrow class: some neurons see negative numbers only."""
    mixture = dj.GaussianMixture([0.2953], [1.0], [[2.5141]])
    problem = dj.AsymptoticProblem(mixture, 2.423, 1.364, 0.08672, activation="relu", bias_std=0.5)
    found = dj.spectrum(problem)
    mass = np.asarray(found.resolved.cumulative)
    assert np.isfinite(mass).all() and (np.diff(mass) > -1e-6).all()
    np.testing.assert_allclose(mass[-1], 1.0, atol=1e-6)
    below = float(mass[0])  # eigenvalues below the grid, which the status tells
    assert int(found.status) == Status.COARSE and 0.01 < below < 0.1
    density = np.trapezoid(found.resolved.density, found.resolved.eigenvalues)
    np.testing.assert_allclose(density + below, 1.0, atol=1e-3)
