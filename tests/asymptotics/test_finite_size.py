"""Two derivations against each other: the gap to the exact engine closes as 1/d."""

import numpy as np
import pytest

from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.random_features.model import gradient_flow
from diffjax.random_features.problem import RandomFeatureProblem
from tests.asymptotics.cases import TIMES

GRAM = np.array([[0.5, 0.1, 0.0], [0.1, 0.4, 0.0], [0.0, 0.0, 0.8]])


def _mean_gaps(mixture, dim, seeds, psi_p=4, psi_n=2, time=0.1, **changes):
    """Largest gap over classes and times, of train and relative test loss, mean over seeds."""
    limit = asymptotic_dynamics(
        AsymptoticProblem(mixture, psi_p, psi_n, time, training_times=TIMES, **changes)
    )
    found = [
        gradient_flow(
            RandomFeatureProblem(mixture, dim, psi_p * dim, psi_n * dim, time,
                                 training_times=TIMES, seed=seed, **changes)
        )
        for seed in range(seeds)
    ]  # fmt: skip
    train = np.mean([f.train_loss for f in found], axis=0) - limit.train_loss
    test = np.mean([f.test_loss for f in found], axis=0) - limit.test_loss
    return np.abs(train).max(), np.abs(test / np.maximum(limit.test_loss, 1.0)).max()


CASES = {
    "tanh": (two_classes((1.2, 0.8), 1.0, 0.5, cosine=0.2).general(), {}),
    "erf, three classes": (GaussianMixture([0.8, 1.0, 1.3], [0.5, 0.25, 0.25], GRAM),
                           {"activation": "erf"}),
    "relu": (two_classes((1.2, 0.8), 1.0, 0.5, cosine=0.2), {"activation": "relu"}),
    "biases": (two_classes((1.2, 0.8), 1.5, 0.5).general(), {"bias_std": 1.0}),
    "weights": (GaussianMixture([1.2, 0.8], [0.25, 0.75]), {"class_weights": [0.5, 0.5]}),
}  # fmt: skip


@pytest.mark.parametrize("case", ["tanh", "biases"])
def test_gap_to_the_exact_engine_closes(case):
    """From d=16 to d=64, with seeds in proportion to their scatter."""
    mixture, changes = CASES[case]
    small, large = (
        _mean_gaps(mixture, dim, seeds, **changes) for dim, seeds in ((16, 24), (64, 6))
    )
    for before, after in zip(small, large, strict=True):
        assert after < 0.5 * before
        assert after < 0.04


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("time", [0.01, 0.1, 1.0])
def test_gap_falls_as_one_over_dimension(case, time):
    """At these sizes terms beyond 1/d are visible, and the mean over seeds still scatters.

    The study `finite-size-scaling` fits exponents at larger ones.
    """
    mixture, changes = CASES[case]
    dims = np.array([50, 100, 200])
    gaps = np.array([_mean_gaps(mixture, int(dim), 16, time=time, **changes) for dim in dims])
    exponents = np.polyfit(np.log(dims), np.log(gaps), 1)[0]
    assert (exponents < -0.55).all() and exponents.mean() < -0.65, (exponents, gaps)


@pytest.mark.slow
def test_directions_against_the_exact_engine():
    def law(dim):
        levels = np.tile([[3.0, 1 / 3, 3.0, 1 / 3], [0.2, 1.3, 1.3, 0.2]], dim // 4)
        return GaussianMixture(
            weights=[0.6, 0.4], centroid_gram=[[0.5, 0.1], [0.1, 0.4]], class_covariances=levels
        )

    gaps = np.array([_mean_gaps(law(dim), dim, 4, psi_p=6, psi_n=3) for dim in (48, 96)])
    assert (gaps[1] < 0.7 * gaps[0]).all()
