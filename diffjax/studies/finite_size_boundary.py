"""Where imbalance reverses the order of generalisation in finite systems, next to the theory."""

import numpy as np
import xarray as xr

from diffjax.mixture import two_classes
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.studies.class_order import crossing_point, log_ratio, over_seeds
from diffjax.studies.criteria import IMBALANCE
from diffjax.studies.study import Claim, Figure, Study, Table, Verdict
from diffjax.studies.theory_phase_diagram import (
    DIFFUSION_TIME,
    DISTANCE,
    FEATURES_PER_DIM,
    SAMPLES_PER_DIM,
    STD_RANGE,
    STD_RATIO,
)

DIM = 40
LARGEST_SHIFT = 0.15
"""In log10 of the imbalance ratio: a factor 1.4."""

TYPICAL_ERRORS = {"generalization_time": 0.02, "memorization_time": 0.1, "gap_onset_time": 0.1}
"""Allowed median error in log10 of a time.  Late times are set by small eigenvalues, whose
corrections of order 1/d are ten times as large."""

_TIMES = tuple(TYPICAL_ERRORS)
_LIMIT = "high-dimensional limit of the same model, approached as 1/d"


def crossings(dataset: xr.Dataset, variable: str) -> np.ndarray:
    """Imbalance ratio of equal times for every std ratio, mean over seeds; nan if there is none."""
    ratio = over_seeds(log_ratio(dataset, variable)).transpose(STD_RATIO, IMBALANCE)
    positions = np.log(ratio[IMBALANCE].values)
    return np.array([crossing_point(positions, line) for line in ratio.values])


def boundaries_agree(dataset: xr.Dataset) -> Verdict:
    """Wherever both derivations reverse the order, they do so at nearly the same imbalance."""
    finite, theory = (crossings(dataset, name) for name in _both("generalization_time"))
    shift = np.log10(finite / theory)
    known = shift[~np.isnan(shift)]
    if not known.size:
        return Verdict(None, {}, "No std ratio has a reversal in both.")
    worst = float(np.abs(known).max())
    text = (
        f"At {known.size} of {shift.size} std ratios both reverse the order of generalisation; the "
        f"imbalance ratios differ by log10 {np.abs(known).mean():.3f} in the mean and "
        f"{worst:.3f} at most."
    )
    numbers = {"finite": finite.tolist(), "theory": theory.tolist(), "largest_shift": worst}
    return Verdict(worst < LARGEST_SHIFT, numbers, text)


def times_agree(dataset: xr.Dataset) -> Verdict:
    """The median error of every time is small."""
    errors = {name: abs(over_seeds(dataset[f"{name}_log_ratio"])) for name in _TIMES}
    known = {name: error.where(np.isfinite(error)) for name, error in errors.items()}
    medians = {name: float(error.median()) for name, error in known.items()}
    largest = {name: float(error.max()) for name, error in known.items()}
    text = "Median (largest) |log10(time/theory)|: " + ", ".join(
        f"{name.removesuffix('_time').replace('_', ' ')} {medians[name]:.3f} ({largest[name]:.3f})"
        for name in _TIMES
    )
    numbers = {"medians": medians, "largest": largest}
    holds = all(medians[name] < allowed for name, allowed in TYPICAL_ERRORS.items())
    return Verdict(holds, numbers, text + ".")


def boundary_table(dataset: xr.Dataset) -> Table:
    """Imbalance ratios of equal generalisation times, finite and theory, per std ratio."""
    columns = [crossings(dataset, name) for name in _both("generalization_time")]
    rows = tuple(
        (f"{std:.3f}", *("none" if np.isnan(ratio) else f"{ratio:.3f}" for ratio in ratios))
        for std, *ratios in zip(dataset[STD_RATIO].values, *columns, strict=True)
    )
    return Table(
        "Imbalance ratio at which both classes generalise together",
        ("std ratio", f"d = {DIM}, mean over seeds", "theory"),
        rows,
    )


def _both(time: str) -> tuple[str, str]:
    return time, f"theory_{time}"


_CLAIMS = (
    Claim(
        "finite-boundary-at-theory",
        "Finite systems reverse the order of generalisation where the theory does.",
        _LIMIT,
        "orthogonal centroids of squared norm 16 d, every std ratio at which both reverse",
        boundaries_agree,
    ),
    Claim(
        "finite-times-at-theory",
        "Per-class times of finite systems are those of the theory: in the median within 5 % for "
        "generalisation and within 25 % for memorisation and the gap.",
        _LIMIT,
        "orthogonal centroids of squared norm 16 d, all points, mean over seeds",
        times_agree,
    ),
)

_MAP = {"x": IMBALANCE, "y": STD_RATIO}
_POINT = {STD_RATIO: 1.2, IMBALANCE: 1 / 9}

STUDY = Study(
    name="finite-size-boundary",
    title=f"Reversal by imbalance in {DIM} dimensions and in the theory",
    model="theory_comparison",
    problem=RandomFeatureProblem(
        two_classes(stds=(1.2, 1.0), distance=DISTANCE, cosine=0.0),
        dim=DIM,
        num_features=FEATURES_PER_DIM * DIM,
        num_samples=SAMPLES_PER_DIM * DIM,
        diffusion_time=DIFFUSION_TIME,
        training_times=np.geomspace(1e-1, 1e4, 201),
    ),
    axes={
        STD_RATIO: tuple(np.linspace(*STD_RANGE, 9)),
        IMBALANCE: tuple(np.geomspace(1 / 27, 27, 13)),
        "seed": (0, 1),
    },
    figures=(
        Figure("generalization-boundary", "overlay_phase_maps", _MAP),
        Figure(
            "memorization-boundary", "overlay_phase_maps", {"quantity": "memorization_time", **_MAP}
        ),
        Figure("learning-curves", "overlay_curves", at=_POINT),
    ),
    claims=_CLAIMS,
    tables=(boundary_table,),
    symbols={STD_RATIO: r"\sigma_0/\sigma_1"},
)
