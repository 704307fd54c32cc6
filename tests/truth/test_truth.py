"""OK means within tolerance of a finer computation, for random problems of every model."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.truth.kinds import KINDS, run
from tests.truth.pair_moments import second_moments


def test_pairwise_quadrature_against_closed_forms():
    """Arcsine and arc-cosine kernels, narrow and wide."""
    for a, b, c in ((1.0, 2.0, 0.3), (100.0, 2500.0, 99.0), (1e-2, 1.0, -0.09)):
        covariance = np.array([[a, c], [c, b]])
        found = second_moments("erf", np.zeros(2), covariance)[0, 1]
        exact = 2 / np.pi * np.arcsin(2 * c / np.sqrt((1 + 2 * a) * (1 + 2 * b)))
        np.testing.assert_allclose(found, exact, rtol=1e-12)
        cosine = c / np.sqrt(a * b)
        exact = (
            np.sqrt(a * b)
            / (2 * np.pi)
            * (np.sqrt(1 - cosine**2) + (np.pi - np.arccos(cosine)) * cosine)
        )
        found = second_moments("relu", np.zeros(2), covariance)[0, 1]
        np.testing.assert_allclose(found, exact, rtol=1e-11)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", sorted(KINDS))
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(number=st.integers(0, 10**6))
def test_random_problems(name, number):
    """No wrong number beside OK, and every ordinary problem computed."""
    outcome = run(name, 1, chance=2, first=number)
    assert not outcome.wrong, outcome.wrong
    assert not outcome.reasonable_refused, outcome.reasonable_refused
