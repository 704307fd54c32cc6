"""Sizes large enough for asymptotic statements: generalisation flow and order of the classes."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from diffjax.mixture import two_classes
from diffjax.random_features.model import gradient_flow
from diffjax.random_features.problem import RandomFeatureProblem
from tests.reference.covariances import signal_and_noise
from tests.reference.gaussian_moments import mean_slope, tanh

STDS = (1.5, 1.0)
pytestmark = pytest.mark.slow


def generalisation_flow(times, diffusion_time, weights):
    """Test losses for p, n >> d and centroids at the origin.

    y_c' = 2 Delta rho_c (1 - Gamma_c u_c), u = b (b . y), b_c = E phi'(sqrt(Gamma_c) g) and
    L_c = 1 - 2 Delta u_c + Delta Gamma_c u_c^2.
    """
    e, noise = signal_and_noise(diffusion_time)
    gamma = e**2 * np.array(STDS) ** 2 + noise
    slope = np.array([mean_slope(tanh, 0.0, g) for g in gamma])

    def velocity(_, y):
        return 2 * noise * weights * (1 - gamma * slope * (slope @ y))

    flow = solve_ivp(velocity, (0, times[-1]), np.zeros(2), t_eval=times, rtol=1e-9, atol=1e-12)
    u = slope[:, None] * (slope @ flow.y)
    return 1 - 2 * noise * u + noise * gamma[:, None] * u**2


def test_wide_and_data_rich_models_follow_the_generalisation_flow():
    """The distance to the limit falls as psi_p = psi_n grows: below 0.01 at 48 for d=24."""
    times = np.geomspace(1e-2, 10.0, 41)
    expected = generalisation_flow(times, 0.1, np.array([0.5, 0.5]))
    distances = []
    for ratio in (3, 12, 48):
        problem = RandomFeatureProblem(
            two_classes(STDS, distance=0.0), dim=24, num_features=24 * ratio,
            num_samples=24 * ratio, diffusion_time=0.1, training_times=times, seed=1,
        )  # fmt: skip
        distances.append(np.abs(gradient_flow(problem).test_loss - expected).max())
    assert distances[0] > 1.5 * distances[1] > 1.5 * 1.5 * distances[2]
    assert distances[2] < 0.01


@pytest.mark.parametrize(
    ("ratio", "generalization", "memorization"),
    [(1.0, (11.8, 15.7), None), (1 / 9, (16.8, 12.8), (243, 267))],
)
def test_times_of_large_orthogonal_centroids(ratio, generalization, memorization):
    """psi = (16, 8), sigma = (1.2, 1), M = 16, t = 0.3: imbalance reverses the order.

    Asymptotic values for equal weights, where memorisation at d = 60 is still 5 and 25 % later
    than in the limit; independent finite-size values (d = 60) for weights (0.1, 0.9).
    """
    mixture = two_classes((1.2, 1.0), math.sqrt(32), ratio, cosine=0.0)
    runs = [
        gradient_flow(
            RandomFeatureProblem(
                mixture, dim=60, num_features=960, num_samples=480, diffusion_time=0.3, seed=seed
            )
        )
        for seed in (0, 1)
    ]
    found = np.mean([run.generalization_time for run in runs], axis=0)
    np.testing.assert_allclose(found, generalization, rtol=0.08)
    assert (found[0] < found[1]) == (ratio == 1.0)
    if memorization is not None:
        found = np.mean([run.memorization_time for run in runs], axis=0)
        np.testing.assert_allclose(found, memorization, rtol=0.08)


def test_higher_variance_generalises_first_whatever_the_imbalance():
    """Centroids at the origin: one generalisation mode, so weights cannot reverse the order."""
    for ratio in (0.1, 1.0, 10.0):
        problem = RandomFeatureProblem(
            two_classes(STDS, 0.0, ratio), dim=40, num_features=480, num_samples=240,
            diffusion_time=0.1,
        )  # fmt: skip
        times = np.asarray(gradient_flow(problem).generalization_time)
        assert times[0] < times[1]
