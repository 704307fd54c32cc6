"""Problems small enough for the slow reference, all with the same static sizes."""

import jax
import numpy as np

from diffjax.mixture import GaussianMixture, two_classes
from diffjax.random_features.gradient_flow import training_objective
from diffjax.random_features.options import CovarianceOptions
from diffjax.random_features.problem import RandomFeatureProblem

TIMES = np.geomspace(1e-4, 1e8, 61)
ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((10, 10)))[0]
SPECTRA = np.array([np.linspace(0.2, 1.8, 10), np.full(10, 0.5), np.geomspace(0.3, 3.0, 10)])
GRAM = np.array([[1.0, 0.2, -0.4], [0.2, 0.5, 0.0], [-0.4, 0.0, 2.0]])
MIXTURES = {
    "two": two_classes(stds=(1.4, 0.7), distance=1.5, imbalance_ratio=0.4, cosine=0.3),
    "three": GaussianMixture([0.6, 1.0, 1.5], [0.5, 0.3, 0.2], GRAM),
    "diagonal": GaussianMixture(
        weights=[0.5, 0.3, 0.2], centroid_gram=GRAM, class_covariances=SPECTRA
    ),
    "rotated": GaussianMixture(
        weights=[0.5, 0.3, 0.2],
        centroid_gram=GRAM,
        class_covariances=[ROTATION * s @ ROTATION.T for s in SPECTRA],
    ),
}


ORDERS = CovarianceOptions(train_order=10, population_order=16)
"""As few as the loops of the reference can do."""


def problem_of(mixture="three", activation="tanh", **changes) -> RandomFeatureProblem:
    """p=30, d=10, n=24 with biases; equal static sizes let tests share compiled code."""
    settings = {
        "dim": 10, "num_features": 30, "num_samples": 24, "diffusion_time": 0.2,
        "training_times": TIMES, "seed": 3, "bias_std": 0.6, "covariance_options": ORDERS,
    }  # fmt: skip
    return RandomFeatureProblem(MIXTURES[mixture], activation=activation, **(settings | changes))


objective_of = jax.jit(training_objective)
