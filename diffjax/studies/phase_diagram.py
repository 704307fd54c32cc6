"""Which of two classes is learned and memorised first: class variance x distance x imbalance."""

import math

import numpy as np
import xarray as xr

from diffjax.mixture import two_classes
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.studies.class_order import (
    TIMES,
    higher_variance_order,
    log_ratio,
    settled_order,
    std_ratio,
    tally,
)
from diffjax.studies.criteria import (
    IMBALANCE,
    higher_variance_first,
    imbalance_reverses,
    never_reversed,
    seeds_agree,
    unequal_reversals,
)
from diffjax.studies.study import Claim, Figure, Study, Table

DISTANCES = (0.0, math.sqrt(2.0), math.sqrt(8.0), math.sqrt(32.0))
"""Of orthogonal centroids of equal norm: squared norm per dimension 0, 1, 4 and 16."""

RAREST = 1 / 9
"""Imbalance ratio at which class 0 has a tenth of the weight."""

STD_RATIO = "stds[0]"
"""sigma_0, in units of sigma_1, which is 1 in this study."""

_DIM = 40
_FEATURES_PER_DIM = 16
_DIFFUSION_TIME = 0.3
_EFOLD = _FEATURES_PER_DIM / (2 * -math.expm1(-2 * _DIFFUSION_TIME))
"""Training time in which a mode of eigenvalue 1 relaxes by a factor e, psi_p/(2 Delta)."""

_PAPER = "arXiv 2605.06367, abstract"
_LIMIT = "high-dimensional limit of the same model"
_BALANCED = {IMBALANCE: 1.0}
_REVERSED = {STD_RATIO: 1.2, "distance": DISTANCES[-1], IMBALANCE: RAREST}


def order_table(dataset: xr.Dataset) -> Table:
    """Where the higher-variance class is first, per time and distance."""
    expected = higher_variance_order(std_ratio(dataset))
    distances = dataset["distance"].values
    rows = []
    for name, words in TIMES.items():
        order = settled_order(log_ratio(dataset, name))
        for weights, part in (("equal", order.sel(_BALANCED, method="nearest")), ("any", order)):
            counts = [tally(part.sel({"distance": d}), expected).text for d in distances]
            rows.append((words, weights, *counts))
    return Table(
        "The class of larger variance is first / last / open (5 %, every seed), per distance",
        ("time", "weights", *(f"{distance:.3g}" for distance in distances)),
        tuple(rows),
    )


def reversal_table(dataset: xr.Dataset) -> Table:
    """Where imbalance reverses the order, with the crossing by interpolation."""
    low, high = (float(f(dataset[IMBALANCE])) for f in (np.min, np.max))
    rows = tuple(
        (
            TIMES[name],
            *(f"{reversal.place[axis]:.3g}" for axis in (STD_RATIO, "distance")),
            f"{reversal.crossing:.2f}",
            f"{min(reversal.crossings):.2f} to {max(reversal.crossings):.2f}",
            f"{reversal.lowest:+.3f}",
            f"{reversal.highest:+.3f}",
        )
        for name in TIMES
        for reversal in unequal_reversals(dataset, name)
    )
    ends = (f"at {low:.2g}", f"at {high:.2g}")
    return Table(
        "Imbalance ratio at which the order reverses, and log10(time_0/time_1) at the ends",
        ("time", "std ratio", "distance", "crossing", "seeds", *ends),
        rows,
    )


_CLAIMS = (
    Claim(
        "higher-variance-generalises-first",
        "The class of larger variance generalises first.",
        _PAPER,
        "equal class weights, every unequal std ratio and every distance",
        higher_variance_first("generalization_time", _BALANCED),
    ),
    Claim(
        "higher-variance-memorises-first",
        "The class of larger variance is memorised first.",
        _PAPER,
        "equal class weights, every unequal std ratio and every distance",
        higher_variance_first("memorization_time", _BALANCED),
    ),
    Claim(
        "imbalance-reverses-generalisation",
        "Sampling imbalance can reverse the order in which the classes generalise.",
        _PAPER,
        "every line along the imbalance ratio with unequal stds",
        imbalance_reverses("generalization_time"),
    ),
    Claim(
        "imbalance-reverses-memorisation",
        "Sampling imbalance can reverse the order in which the classes are memorised.",
        _PAPER,
        "every line along the imbalance ratio with unequal stds",
        imbalance_reverses("memorization_time"),
    ),
    Claim(
        "no-generalisation-reversal-at-zero-distance",
        "Where the centroids coincide, imbalance never reverses the order of generalisation.",
        _LIMIT,
        "zero distance, every unequal std ratio and every imbalance",
        never_reversed("generalization_time", {"distance": 0.0}),
    ),
    Claim(
        "generalisation-order-beyond-seed-scatter",
        "The order of generalisation is a property of the problem, not of the draw.",
        "self-averaging in high dimension",
        "all points with unequal stds",
        seeds_agree("generalization_time"),
    ),
)

_MAP = {"x": IMBALANCE, "y": STD_RATIO, "panel": "distance"}
_FIGURES = (
    Figure(
        "order",
        "phase_maps",
        {"quantity": ["generalization_time", "memorization_time"], **_MAP},
    ),
    Figure("learning-curves-reversed", "learning_curves", at={**_REVERSED}),
    Figure("learning-curves-balanced", "learning_curves", at={**_REVERSED, IMBALANCE: 1}),
    Figure("eigenvalues", "eigenvalue_histogram", {"time_scale": _EFOLD}, at={**_REVERSED}),
)

STUDY = Study(
    name="phase-diagram",
    title="Order of two classes: variance x centroid distance x imbalance",
    model="gradient_flow",
    problem=RandomFeatureProblem(
        two_classes(stds=(1.2, 1.0), distance=DISTANCES[-1], cosine=0.0),
        dim=_DIM,
        num_features=_FEATURES_PER_DIM * _DIM,
        num_samples=8 * _DIM,
        diffusion_time=_DIFFUSION_TIME,
    ),
    axes={
        STD_RATIO: (0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0),
        "distance": DISTANCES,
        IMBALANCE: tuple(np.geomspace(RAREST, 1 / RAREST, 9)),
        "seed": (0, 1),
    },
    figures=_FIGURES,
    claims=_CLAIMS,
    tables=(order_table, reversal_table),
    symbols={STD_RATIO: r"\sigma_0/\sigma_1"},
)
