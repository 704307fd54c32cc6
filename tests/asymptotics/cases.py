"""Problems shared by the tests; equal static sizes let them share compiled code."""

import numpy as np

from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.mixture import GaussianMixture, Mixture, two_classes

TIMES = np.geomspace(1e-2, 1e7, 46)
GRAM = np.array([[1.0, 0.2, -0.4], [0.2, 0.5, 0.0], [-0.4, 0.0, 2.0]])
MIXTURES = {
    "one": GaussianMixture([0.8], [1.0]),
    "spectrum": GaussianMixture(weights=[1.0], class_covariances=[[0.2, 0.7, 1.5, 3.0]]),
    "pair": two_classes(stds=(1.4, 0.7), distance=1.5, imbalance_ratio=0.4).general(),
    "corner": two_classes(stds=(1.4, 0.7), distance=1.5, imbalance_ratio=0.4, cosine=0.3).general(),
    "centred": GaussianMixture([1.4, 0.7], [0.3, 0.7]),
    "three": GaussianMixture([0.6, 1.0, 1.5], [0.5, 0.3, 0.2], GRAM),
    "directions": GaussianMixture(
        weights=[0.6, 0.4],
        centroid_gram=[[0.5, 0.1], [0.1, 0.4]],
        class_covariances=[[3.0, 1 / 3, 3.0, 1 / 3], [0.2, 1.3, 1.3, 0.2]],
    ),
    "matrices": GaussianMixture(
        weights=[0.5, 0.3, 0.2],
        centroid_gram=GRAM,
        class_covariances=[
            [[3.0, 0.5, 0.2], [0.5, 1.0, 0.3], [0.2, 0.3, 0.2]],
            [[0.4, -0.3, 0.0], [-0.3, 2.0, 0.4], [0.0, 0.4, 0.7]],
            [[1.1, 0.0, 0.6], [0.0, 0.5, 0.0], [0.6, 0.0, 1.6]],
        ],
    ),
}


def problem_of(mixture: str | Mixture = "pair", **changes) -> AsymptoticProblem:
    """psi_p=6, psi_n=3, t=0.1 unless changed."""
    settings = {
        "features_per_dim": 6.0, "samples_per_dim": 3.0, "diffusion_time": 0.1,
        "training_times": TIMES,
    }  # fmt: skip
    made = MIXTURES[mixture] if isinstance(mixture, str) else mixture
    return AsymptoticProblem(made, **(settings | changes))
