"""An eigenvalue that rounding has lost is told by its effect on the losses."""

import numpy as np

import diffjax as dj
from diffjax.status import Status


def test_final_losses_that_hang_on_a_lost_eigenvalue_are_imprecise():
    """A narrow saturated class: the smallest eigenvalue is a tenth of what rounding leaves."""
    mixture = dj.GaussianMixture([0.3859], [1.0], [[41.5844]])
    problem = dj.RandomFeatureProblem(mixture, 8, 16, 40, 0.01635, seed=25)
    found = dj.gradient_flow(problem)
    values = np.asarray(found.eigenvalues)
    assert values[0] < np.finfo(float).eps * values[-1]
    assert int(found.status) == Status.IMPRECISE


def test_lost_eigenvalues_that_do_not_matter_are_no_reason():
    """Of many smooth features most eigenvalues are lost, and with them nothing."""
    mixture = dj.two_classes((1.5, 1.0), 1.0, 0.5)
    problem = dj.RandomFeatureProblem(mixture, 2, 256, 8, 1.0, activation="erf")
    found = dj.gradient_flow(problem)
    values = np.asarray(found.eigenvalues)
    assert (values < np.finfo(float).eps * values[-1]).sum() > 10
    assert int(found.status) != Status.IMPRECISE
