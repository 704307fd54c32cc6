"""Datasets like those of `generated_classes`, with copies made up from times of half plateau."""

import numpy as np
import xarray as xr

AXES = {"stds[0]": (1.0, 1.5), "imbalance_ratio": (1.0, 3.0)}
CLOCK = np.geomspace(10.0, 1e9, 13)
LOSS = {"generalization_time": 1e2, "memorization_time": 3e4}
PLATEAU = 0.8
TRUE = {
    (1.0, 1.0): (0.0, 0.0), (1.5, 1.0): (-1.1, -1.2), (1.0, 3.0): (1.6, 0.2),
    (1.5, 3.0): (0.3, -0.9),
}  # fmt: skip
"""(std, imbalance) to log(time_0/time_1) by ratio and by distance."""


def copy_dataset(orders=None, seeds=16, scatter=0.6, times=(3e4, 3e3), late=1.0) -> xr.Dataset:
    """A sweep over two stds, two imbalances and seeds, two classes.

    Args:
        orders: replaces entries of `TRUE`.
        seeds: number of realisations.
        scatter: standard deviation of a realisation's log(time_0/time_1).
        times: of class 1, by ratio and by distance.
        late: factor on all memorised fractions.
    """
    orders = TRUE | (orders or {})
    draws = np.random.default_rng(0).standard_normal((2, 2, seeds, 2))
    draws -= draws.mean(axis=2, keepdims=True)
    logs = np.array([[orders[std, r] for r in AXES["imbalance_ratio"]] for std in AXES["stds[0]"]])
    ratio = np.exp(logs[:, :, None] + scatter * draws)
    half = np.stack([np.asarray(times) * ratio, np.broadcast_to(times, ratio.shape)], axis=-1)
    fraction = late * PLATEAU / (1.0 + half[..., None] / CLOCK)
    points = (*AXES, "seed")
    shape = (2, 2, seeds)
    per_class = (*points, "class")
    controls = np.zeros((*shape, 2, 3, 2))
    controls[..., 1, :] = 1.0
    share = np.array([[0.5, 0.5], [0.75, 0.25]])[None, :, None, :, None]
    variables = {
        "status": (points, np.zeros(shape, np.int8)),
        "memorized_fraction": ((*points, "criterion", "class", "training_time"), fraction),
        "class_share": (
            (*per_class, "training_time"),
            np.broadcast_to(share, (*shape, 2, CLOCK.size)),
        ),
        "half_plateau_time": ((*points, "criterion", "class"), half),
        "half_copied_time": ((*points, "criterion", "class"), 1.5 * half),
        "control_memorized_fraction": ((*points, "criterion", "control", "class"), controls),
        "control_class_share": (
            (*points, "control", "class"),
            np.broadcast_to(share[..., 0][..., None, :], (*shape, 3, 2)),
        ),
        "sample_counts": (per_class, np.full((*shape, 2), 8)),
        **{name: (per_class, np.full((*shape, 2), time)) for name, time in LOSS.items()},
    }
    coordinates = {
        **{name: list(values) for name, values in AXES.items()},
        "seed": list(range(seeds)), "class": [0, 1], "criterion": ["ratio", "distance"],
        "control": ["exact score", "empirical score", "fresh samples"], "training_time": CLOCK,
    }  # fmt: skip
    return xr.Dataset(variables, coordinates)
