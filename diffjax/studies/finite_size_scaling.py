"""How fast finite systems approach the high-dimensional theory: two classes, three activations."""

import numpy as np

from diffjax.mixture import two_classes
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.studies.size_scaling import (
    SIZE,
    falls_as_one_over_dim,
    scaling_table,
    small_at_the_largest_size,
)
from diffjax.studies.study import Claim, Figure, Study
from diffjax.sweep.grid import Zipped

DIMS = (80, 160, 320)
"""Below, corrections of order 1/d^2 are seen: at t = 1 the error is closer to 1/(d + 50)."""

FEATURES_PER_DIM, SAMPLES_PER_DIM = 4, 2
TRAINING_TIMES = np.geomspace(1e-1, 1e8, 181)
SOURCE = "arXiv 2605.06367 and 2505.17638: the limit d, p, n to infinity"
TOLERANCE = 0.25
"""What corrections of order 1/d^2 may change in the exponent at these sizes."""

AXES = {
    "activation": ("tanh", "erf", "relu"),
    "diffusion_time": (0.01, 0.1, 1.0),
    SIZE: Zipped(
        {
            "dim": DIMS,
            "num_features": tuple(FEATURES_PER_DIM * dim for dim in DIMS),
            "num_samples": tuple(SAMPLES_PER_DIM * dim for dim in DIMS),
        }
    ),
    "seed": tuple(range(8)),
}

FIGURES = (
    Figure("error", "error_scaling", {"line": "diffusion_time", "panel": "activation"}),
    *(
        Figure(
            f"curves-{activation}-d{DIMS[index]}",
            "overlay_curves",
            at={"activation": activation, "diffusion_time": 0.1, SIZE: index},
        )
        for activation in ("tanh", "relu")
        for index in (0, 2)
    ),
)


def scaling_claims(ending: str = "") -> tuple[Claim, ...]:
    """The claims of such a study; the ending keeps names apart."""
    grid = "every activation and diffusion time, train and test, worse class, mean curve over seeds"
    return (
        Claim(
            f"error-falls-as-one-over-dim{ending}",
            "Learning curves of finite systems differ from the theory by terms of order 1/d.",
            SOURCE,
            grid,
            falls_as_one_over_dim(TOLERANCE),
        ),
        Claim(
            f"theory-within-two-percent-at-largest-size{ending}",
            "At the largest dimension of the study theory and finite systems agree within 2 %.",
            SOURCE,
            grid,
            small_at_the_largest_size(0.02),
        ),
    )


STUDY = Study(
    name="finite-size-scaling",
    title="Error of the high-dimensional theory against the dimension, two classes",
    model="theory_comparison",
    problem=RandomFeatureProblem(
        two_classes(stds=(1.5, 0.8), distance=1.0, imbalance_ratio=1 / 3, cosine=0.2),
        dim=DIMS[0],
        num_features=FEATURES_PER_DIM * DIMS[0],
        num_samples=SAMPLES_PER_DIM * DIMS[0],
        diffusion_time=0.1,
        training_times=TRAINING_TIMES,
    ),
    axes=AXES,
    figures=FIGURES,
    claims=scaling_claims(),
    tables=(scaling_table,),
)
