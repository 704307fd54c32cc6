"""Datasets in the layout of a sweep, from a closed form: each class has two relaxation times.

    test_c(tau)  = B_c + (1 - B_c) exp(-tau/g_c) + H_c (1 - exp(-tau/m_c))
    train_c(tau) = B_c + (1 - B_c) exp(-tau/g_c) - (B_c - F_c) (1 - exp(-tau/m_c))

with g_c = scale / (rho_c sigma_c^(2 + kappa distance)), so that the order of the classes is known
on every grid: log10(g_0/g_1) = -log10(rho_0/rho_1) - (2 + kappa distance) log10(sigma_0/sigma_1).
"""

import numpy as np
import xarray as xr

STD_RATIO = np.geomspace(1 / 3, 3, 7)
DISTANCE = np.array([0.0, 1.0, 2.0, 4.0])
IMBALANCE = np.geomspace(1 / 9, 9, 9)
TIMES = np.geomspace(1e-3, 1e9, 481)
KAPPA = 0.5


def _array(dims, values, symbol="", name=""):
    return xr.Variable(dims, values, {"symbol": symbol, "units": "1", "long_name": name})


def three_bulks():
    """256 eigenvalues: 200 near 0.002, 40 near 0.1, 16 near 16."""
    draws = np.random.default_rng(0)
    bulks = ((-2.7, 200), (-1.0, 40), (1.2, 16))
    return np.sort(np.concatenate([10 ** draws.normal(at, 0.08, size) for at, size in bulks]))


def two_rate_sweep(seeds=1):
    """A sweep over std ratio, distance and imbalance ratio (and seeds), with all outputs."""
    dims = ("std_ratio", "distance", "imbalance_ratio", "seed")
    std, distance, imbalance, seed = np.meshgrid(
        STD_RATIO, DISTANCE, IMBALANCE, np.arange(seeds), indexing="ij"
    )
    stds = np.stack([np.sqrt(std), 1 / np.sqrt(std)], -1)
    weights = np.stack([imbalance, np.ones_like(imbalance)], -1) / (1 + imbalance)[..., None]
    noise = 0.05 * (seed - (seeds - 1) / 2)[..., None] * np.array([1.0, -1.0])
    fast = 4.0 / (weights * stds ** (2 + KAPPA * distance)[..., None]) * np.exp(noise)
    slow = 3e4 * weights**0.1 * stds**-0.5 * np.exp(noise)
    floor = 0.02 * (1 + 1 / stds**2)
    tau, ones = TIMES, np.ones_like(floor)
    decay = np.exp(-tau / fast[..., None])
    growth = 1 - np.exp(-tau / slow[..., None])
    test = floor[..., None] + (1 - floor[..., None]) * decay + 2.0 * growth
    train = floor[..., None] + (1 - floor[..., None]) * decay - 0.9 * floor[..., None] * growth
    both = (*dims, "class")
    spectrum = three_bulks()
    variables = {
        "generalization_time": _array(
            both, fast * np.log(10), r"\tau_\mathrm{gen}", "generalisation time"
        ),
        "memorization_time": _array(
            both, slow * np.log(2), r"\tau_\mathrm{mem}", "memorisation time"
        ),
        "bayes_floor": _array(both, floor, "B"),
        "train_loss": _array((*both, "training_time"), train, r"L^\mathrm{tr}", "train loss"),
        "test_loss": _array((*both, "training_time"), test, r"L^\mathrm{te}", "test loss"),
        "score_error": _array(
            (*both, "training_time"), (test - floor[..., None]) / (ones - floor)[..., None], "e"
        ),
        "eigenvalues": _array((*dims, "eigenvalue"), np.broadcast_to(spectrum, (*std.shape, 256))),
        "status": xr.Variable(dims, np.zeros(std.shape, np.int8)),
    }
    coords = {
        "std_ratio": STD_RATIO, "distance": DISTANCE, "imbalance_ratio": IMBALANCE,
        "seed": np.arange(seeds), "class": [0, 1],
        "training_time": _array("training_time", TIMES, r"\tau", "training time"),
    }  # fmt: skip
    return xr.Dataset(variables, coords)
