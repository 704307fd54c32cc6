"""How much the geometry of the centroids matters, next to the variances of the classes."""

import numpy as np
import xarray as xr

from diffjax.mixture import two_classes
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.studies.class_order import (
    TIMES,
    log10,
    log_ratio,
    over_seeds,
    settled_order,
    tally,
)
from diffjax.studies.criteria import Criterion
from diffjax.studies.study import Claim, Figure, Study, Verdict

STD_RATIO = "stds[0]"
"""sigma_0, in units of sigma_1, which is 1 in this study."""

_PAPER = "arXiv 2605.06367, abstract"
_WIDER = 1.5
_NORM_RATIO = 2.0


def smaller_norm_first(variable: str) -> Criterion:
    """At equal variances and unequal norms, class 0 (the smaller norm) has the smaller time."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        ratio = _unequal_norms(_equal_variances(log_ratio(dataset, variable)))
        counts = tally(settled_order(ratio), -xr.ones_like(over_seeds(ratio)))
        middle = float(over_seeds(ratio).median())
        text = (
            f"{TIMES[variable].capitalize()}: of {sum(counts)} points smaller norm is first at "
            f"{counts.agree}, last at {counts.against}, open at {counts.open}; median "
            f"log10(time_0/time_1) {middle:+.3f}."
        )
        holds = None if not counts.agree + counts.against else counts.against == 0
        return Verdict(holds, {**counts._asdict(), "median_log10_ratio": middle}, text)

    return criterion


def geometry_secondary(variable: str) -> Criterion:
    """The median effect of the geometry is below the median effect of a std ratio of 1.5."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        ratio = over_seeds(log_ratio(dataset, variable))
        geometry = abs(_unequal_norms(_equal_variances(ratio)))
        equal_norms = ratio.sel({STD_RATIO: _WIDER, "norm_ratio": 1.0}, method="nearest")
        variance = abs(equal_norms)
        numbers = {
            "median_effect_of_norms": float(geometry.median()),
            "largest_effect_of_norms": float(geometry.max()),
            "median_effect_of_std_ratio": float(variance.median()),
            "smallest_effect_of_std_ratio": float(variance.min()),
        }
        text = (
            f"{TIMES[variable].capitalize()}: |log10(time_0/time_1)| from norms, median "
            f"{numbers['median_effect_of_norms']:.3f} (largest "
            f"{numbers['largest_effect_of_norms']:.3f}); from a std ratio of {_WIDER:g}, median "
            f"{numbers['median_effect_of_std_ratio']:.3f} (smallest "
            f"{numbers['smallest_effect_of_std_ratio']:.3f})."
        )
        return Verdict(bool(geometry.median() < variance.median()), numbers, text)

    return criterion


def angle_small(dataset: xr.Dataset) -> Verdict:
    """At equal norms and variances the angle moves generalisation times by less than norms do."""
    log_time = log10(dataset["generalization_time"]).mean("class").mean("seed")
    equal = _equal_variances(log_time).sel(norm_ratio=1.0, method="nearest")
    turned = [_at_unit_norm(equal.isel(cosine=index)) for index in range(equal.sizes["cosine"])]
    spread = max(turned) - min(turned)
    ratio = _equal_variances(over_seeds(log_ratio(dataset, "generalization_time")))
    norms = float(abs(ratio.sel(norm_ratio=_NORM_RATIO, method="nearest")).median())
    numbers = {
        "cosines": equal["cosine"].values.tolist(),
        "log10_generalization_times": turned,
        "percent": 100 * (10**spread - 1),
        "median_effect_of_norm_ratio_2": norms,
    }
    text = (
        f"Turning centroids of squared norm d from cosine {equal['cosine'].values[0]:g} to "
        f"{equal['cosine'].values[-1]:g} changes the generalisation time by "
        f"{numbers['percent']:.1f} % (log10 {spread:.3f}); a norm ratio of {_NORM_RATIO:g} "
        f"separates the classes by log10 {norms:.3f}."
    )
    return Verdict(bool(spread < norms), numbers, text)


def _at_unit_norm(log_time: xr.DataArray) -> float:
    """A function of the distance where both squared norms per dimension are 1."""
    norms = log_time["distance"].values / np.sqrt(2.0 * (1.0 - float(log_time["cosine"])))
    return float(np.interp(0.0, np.log(norms), log_time.values, left=np.nan, right=np.nan))


def _equal_variances(values: xr.DataArray) -> xr.DataArray:
    return values.sel({STD_RATIO: 1.0}, method="nearest", drop=True)


def _unequal_norms(values: xr.DataArray) -> xr.DataArray:
    return values.isel(norm_ratio=np.flatnonzero(values["norm_ratio"].values > 1.0))


_CLAIMS = (
    Claim(
        "smaller-norm-generalises-first",
        "At equal variances the class whose centroid is closer to the origin generalises first.",
        _PAPER + ": centroid geometry has a secondary role",
        "equal stds, norm ratios above 1, every angle and distance",
        smaller_norm_first("generalization_time"),
    ),
    Claim(
        "smaller-norm-memorises-first",
        "At equal variances the class whose centroid is closer to the origin is memorised first.",
        _PAPER + ": centroid geometry has a secondary role",
        "equal stds, norm ratios above 1, every angle and distance",
        smaller_norm_first("memorization_time"),
    ),
    Claim(
        "geometry-secondary-in-generalisation",
        "Centroid geometry separates the generalisation times less than class variance does.",
        _PAPER,
        f"norm ratios above 1 at equal stds, against a std ratio of {_WIDER:g} at equal norms",
        geometry_secondary("generalization_time"),
    ),
    Claim(
        "geometry-secondary-in-memorisation",
        "Centroid geometry separates the memorisation times less than class variance does.",
        _PAPER,
        f"norm ratios above 1 at equal stds, against a std ratio of {_WIDER:g} at equal norms",
        geometry_secondary("memorization_time"),
    ),
    Claim(
        "angle-small",
        "The angle between the centroids has a smaller effect than their norms.",
        "high-dimensional limit of the same model",
        "equal stds, squared norms d (interpolated in the distance), mean over classes and seeds",
        angle_small,
    ),
)

_EQUAL = {STD_RATIO: 1.0}
_FIGURES = tuple(
    Figure(
        f"{name}-order",
        "phase_maps",
        {"quantity": f"{name}_time", "x": "norm_ratio", "y": "distance", "panel": "cosine"},
        at=_EQUAL,
    )
    for name in ("generalization", "memorization")
) + (
    Figure(
        "learning-curves",
        "learning_curves",
        at={**_EQUAL, "norm_ratio": _NORM_RATIO, "cosine": 0.0, "distance": 1.6},
    ),
)

STUDY = Study(
    name="centroid-geometry",
    title="Order of two classes: norms, angle and distance of the centroids",
    model="gradient_flow",
    problem=RandomFeatureProblem(
        two_classes(stds=(1.0, 1.0), distance=1.6, cosine=0.0),
        dim=32,
        num_features=512,
        num_samples=256,
        diffusion_time=0.01,
    ),
    axes={
        STD_RATIO: (1.0, _WIDER),
        "norm_ratio": (1.0, 1.5, _NORM_RATIO, 3.0),
        "cosine": (-0.9, 0.0, 0.5),
        "distance": (0.8, 1.2, 1.6, 2.4),
        "seed": (0, 1),
    },
    figures=_FIGURES,
    claims=_CLAIMS,
    symbols={STD_RATIO: r"\sigma_0/\sigma_1"},
)
