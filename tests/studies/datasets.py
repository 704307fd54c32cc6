"""Datasets like those of a sweep, with times made up from a formula."""

import json

import numpy as np
import xarray as xr

STDS = (0.5, 1.0, 1.5)
DISTANCES = (0.0, 2.0)
IMBALANCES = tuple(np.geomspace(1 / 9, 9, 9))
SEEDS = (0, 1)


def grid_dataset(log10_ratio, std_1: float = 1.0) -> xr.Dataset:
    """All per-class times from log10(time_0/time_1) as a function of the coordinates.

    Args:
        log10_ratio: function of (std_0, distance, imbalance_ratio, seed), broadcast arrays.
        std_1: standard deviation of class 1.
    """
    axes = {
        "stds[0]": STDS,
        "distance": DISTANCES,
        "imbalance_ratio": IMBALANCES,
        "seed": SEEDS,
    }
    grids = np.meshgrid(*(np.array(values, float) for values in axes.values()), indexing="ij")
    ratio = np.broadcast_to(log10_ratio(*grids), grids[0].shape)
    times = np.stack([10.0 ** (1.0 + ratio), np.full(ratio.shape, 10.0)], axis=-1)
    names = ("generalization_time", "memorization_time", "gap_onset_time")
    dims = tuple(axes)
    return xr.Dataset(
        dict.fromkeys(names, ((*dims, "class"), times))
        | {"status": (dims, np.zeros(ratio.shape, np.int8))},
        coords={**{name: list(values) for name, values in axes.items()}, "class": [0, 1]},
        attrs={"problem": json.dumps({"mixture.stds": [0.0, std_1]})},
    )
