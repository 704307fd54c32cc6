"""Which of two classes is learned first, by the theory: 101 x 101 points per centroid geometry."""

import math
from collections.abc import Mapping

import numpy as np
import xarray as xr

from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.mixture import two_classes
from diffjax.studies.class_order import log_ratio, reversals
from diffjax.studies.criteria import IMBALANCE, Criterion, never_reversed
from diffjax.studies.study import Claim, Figure, Study, Table, Verdict
from diffjax.sweep.grid import Zipped

GEOMETRY = "geometry"
TITLES = ("coinciding centroids", "antipodal centroids", "orthogonal centroids")
COINCIDING, ANTIPODAL, ORTHOGONAL = range(3)

STD_RATIO = "stds[0]"
"""sigma_0, in units of sigma_1, which is 1 in this study."""

DISTANCE = math.sqrt(32.0)
"""Of orthogonal centroids of squared norm 16 per dimension."""

ANTIPODAL_DISTANCE = 4.0
"""Of opposite centroids of squared norm 4 per dimension."""

STD_RANGE = (0.7, 1.7)
MOST_IMBALANCED = 49.0
FEATURES_PER_DIM, SAMPLES_PER_DIM, DIFFUSION_TIME = 16, 8, 0.3

_POINTS = 101
_TABLE_STDS = (0.7, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4, 1.5)
_PAPER = "arXiv 2605.06367, abstract"
_LIMIT = "high-dimensional limit of the same model"
_GENERALIZATION = "generalization_time"


def reverses_between(at: Mapping[str, float], low: float, high: float) -> Criterion:
    """On one line along the imbalance the order reverses at a ratio between two values."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        crossing = _crossings(dataset.sel({name: [value] for name, value in at.items()}, "nearest"))
        if not crossing:
            return Verdict(False, {}, "The order is the same at both ends of the line.")
        ((std, ratio),) = crossing.items()
        text = f"At std ratio {std:g} the order reverses at imbalance ratio {ratio:.3f}."
        return Verdict(low < ratio < high, {"crossing": ratio}, text)

    return criterion


def wider_needs_rarer(dataset: xr.Dataset) -> Verdict:
    """The boundary between orthogonal centroids falls with every step of the std ratio."""
    found = _crossings(dataset.sel({GEOMETRY: [ORTHOGONAL]}))
    stds, ratios = np.array(list(found)), np.array(list(found.values()))
    if len(stds) < 2:
        return Verdict(None, {}, "Fewer than two std ratios have a reversal.")
    falls = bool((np.diff(ratios[np.argsort(stds)]) < 0).all())
    text = (
        f"The order reverses for std ratios {stds.min():.2f} to {stds.max():.2f}, at imbalance "
        f"ratios from {ratios.max():.3f} to {ratios.min():.3f}, which "
        f"{'fall' if falls else 'do not fall'} at every step."
    )
    return Verdict(falls, {"stds": stds.tolist(), "ratios": ratios.tolist()}, text)


def _crossings(dataset: xr.Dataset) -> dict[float, float]:
    """Std ratio to imbalance ratio of equal generalisation times, where the order reverses."""
    found = reversals(log_ratio(dataset, _GENERALIZATION))
    return {reversal.place[STD_RATIO]: reversal.crossing for reversal in found}


def boundary_table(dataset: xr.Dataset) -> Table:
    """Imbalance ratio at which both classes generalise together, between orthogonal centroids."""
    part = dataset.isel({GEOMETRY: [ORTHOGONAL]})
    found, ratio = _crossings(part), log_ratio(part, _GENERALIZATION).isel({GEOMETRY: 0})
    rows = []
    for wanted in _TABLE_STDS:
        line = ratio.sel({STD_RATIO: wanted}, method="nearest")
        std = float(line[STD_RATIO])
        crossing = f"{found[std]:.3f}" if std in found else "none"
        ends = (f"{float(line[0]):+.3f}", f"{float(line[-1]):+.3f}")
        rows.append((f"{std:.2f}", crossing, *ends))
    ends = (f"at 1/{MOST_IMBALANCED:.0f}", f"at {MOST_IMBALANCED:.0f}")
    return Table(
        "Orthogonal centroids: imbalance ratio of equal generalisation times, "
        "and log10(time_0/time_1) at the ends",
        ("std ratio", "crossing", *ends),
        tuple(rows),
    )


def _no_reversal(name: str, geometry: int) -> Claim:
    return Claim(
        f"theory-no-reversal-at-{name}-centroids",
        f"Between {name} centroids the class of larger variance always generalises first.",
        _LIMIT,
        f"{name} centroids, every std ratio and every imbalance",
        never_reversed(_GENERALIZATION, {GEOMETRY: geometry}),
    )


_MAP = {"x": IMBALANCE, "y": STD_RATIO, "panel": GEOMETRY, "titles": TITLES}

STUDY = Study(
    name="theory-phase-diagram",
    title="Order of two classes in the high-dimensional theory: variance x imbalance x geometry",
    model="theory_times",
    problem=AsymptoticProblem(
        two_classes(stds=(1.2, 1.0), distance=DISTANCE, cosine=0.0),
        FEATURES_PER_DIM,
        SAMPLES_PER_DIM,
        DIFFUSION_TIME,
        theory_options=TheoryOptions(centroid_nodes=41),  # what the farthest centroids need
    ),
    axes={
        GEOMETRY: Zipped(
            {"distance": (0.0, ANTIPODAL_DISTANCE, DISTANCE), "cosine": (0.0, -1.0, 0.0)}
        ),
        STD_RATIO: tuple(np.linspace(*STD_RANGE, _POINTS)),
        IMBALANCE: tuple(np.geomspace(1 / MOST_IMBALANCED, MOST_IMBALANCED, _POINTS)),
    },
    figures=(
        Figure("generalization-order", "overlay_phase_maps", {"quantity": _GENERALIZATION, **_MAP}),
        Figure(
            "memorization-order",
            "overlay_phase_maps",
            # next to a time that is barely reached the ratio has no bound
            {"quantity": "memorization_time", "limit": 0.5, **_MAP},
        ),
    ),
    claims=(
        Claim(
            "theory-imbalance-reverses-generalisation",
            "Sampling imbalance reverses the order of generalisation: at a std ratio of 1.2 the "
            "wider class is last if it is rarer than about 1 to 2.",
            f"{_PAPER}; {_LIMIT}",
            "orthogonal centroids of squared norm 16 d, std ratio 1.2, every imbalance",
            reverses_between({GEOMETRY: ORTHOGONAL, STD_RATIO: 1.2}, 0.25, 1.0),
        ),
        Claim(
            "theory-wider-class-needs-more-imbalance",
            "The larger its variance, the rarer a class has to be to generalise last.",
            _LIMIT,
            "orthogonal centroids of squared norm 16 d, every std ratio and every imbalance",
            wider_needs_rarer,
        ),
        _no_reversal("coinciding", COINCIDING),
        _no_reversal("antipodal", ANTIPODAL),
    ),
    tables=(boundary_table,),
    symbols={STD_RATIO: r"\sigma_0/\sigma_1"},
)
