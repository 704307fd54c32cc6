"""How fast finite systems approach the high-dimensional theory: three classes."""

import dataclasses

import numpy as np

from diffjax.mixture import GaussianMixture
from diffjax.studies import finite_size_scaling as two
from diffjax.studies.study import Figure

GRAM = np.array([[0.5, 0.1, 0.0], [0.1, 0.4, 0.0], [0.0, 0.0, 0.8]])
"""Of the centroids, per dimension: two at an acute angle, one orthogonal to both."""

_WEIGHTS = (0.5, 0.25, 0.25)

STUDY = dataclasses.replace(
    two.STUDY,
    name="finite-size-scaling-three-classes",
    title="Error of the high-dimensional theory against the dimension, three classes",
    problem=dataclasses.replace(
        two.STUDY.problem, mixture=GaussianMixture((0.8, 1.0, 1.3), _WEIGHTS, GRAM)
    ),
    figures=(
        two.FIGURES[0],
        Figure(
            f"curves-erf-d{two.DIMS[0]}",
            "overlay_curves",
            at={"activation": "erf", "diffusion_time": 0.1, two.SIZE: 0},
        ),
    ),
    claims=two.scaling_claims("-three-classes"),
)
