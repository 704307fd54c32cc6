"""Times per class in the high-dimensional theory for textbook cases, with reference values.

The references were computed with an independent NumPy implementation of the same equations and
are rounded to two to four digits; a pair is (class 0, class 1).
"""

import dataclasses
import math

import numpy as np
import xarray as xr

from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.mixture import two_classes
from diffjax.studies.class_order import TIMES
from diffjax.studies.study import Claim, Figure, Study, Table, Verdict
from diffjax.sweep.grid import Zipped

CASE = "case"
CLASS = "class"
TOLERANCE = 0.01
EQUAL, RATIOS, NOISE = 0.5, (64.0, 8.0), 0.01
"""Weight of class 0, (psi_p, psi_n) and diffusion time where a case does not say otherwise."""

_SPLITS_BY = 1.1
"""Two times differ clearly if their ratio exceeds this."""

Pair = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Case:
    """One row: references, and what makes it: stds, squared norms per dimension, cosine, weight."""

    generalization_time: Pair
    memorization_time: Pair
    gap_onset_time: Pair
    stds: Pair = (1.0, 1.0)
    norms: Pair = (0.0, 0.0)
    cosine: float = 0.0
    weight: float = EQUAL
    ratios: Pair = RATIOS
    diffusion_time: float = NOISE

    @property
    def words(self) -> str:
        """For example ``stds 1.5, 1; weight 0.1``; what is as in most cases is left out."""
        first, second = self.norms
        parts = [f"stds {self.stds[0]:g}, {self.stds[1]:g}"]
        parts += [f"norms {first:g}, {second:g}"] if second else []
        parts += [f"cos {self.cosine:g}"] if self.cosine else []
        parts += [f"weight {self.weight:g}"] if self.weight != EQUAL else []
        if self.diffusion_time != NOISE:
            parts.append(f"t {self.diffusion_time:g}")
        if self.ratios != RATIOS:
            parts.append(f"p/d {self.ratios[0]:g}")
        return "; ".join(parts)

    @property
    def fields(self) -> dict[str, float | Pair]:
        """The fields of the problem that make this case."""
        first, second = self.norms
        cross = 2 * self.cosine * math.sqrt(first * second)
        return {
            "stds": self.stds,
            "distance": math.sqrt(first + second - cross),
            "cosine": self.cosine,
            "norm_ratio": math.sqrt(second / first) if first else 1.0,
            "imbalance_ratio": self.weight / (1 - self.weight),
            "features_per_dim": self.ratios[0],
            "samples_per_dim": self.ratios[1],
            "diffusion_time": self.diffusion_time,
        }


def _unit(cosine: float, generalization: float, memorization: float, gap: float) -> Case:
    """Equal variances, both squared norms 1: both classes have the same times."""
    pairs = ((time, time) for time in (generalization, memorization, gap))
    return Case(*pairs, norms=(1.0, 1.0), cosine=cosine)


_SHALLOW = {"stds": (1.2, 1.0), "norms": (16.0, 16.0), "ratios": (16.0, 8.0), "diffusion_time": 0.3}

CASES = (
    Case((50.8, 74.7), (86.2e3, 91.4e3), (55.8, 83.4), stds=(1.25, 1.0)),
    Case((30.6, 99.1), (84.6e3, 90.6e3), (34.6, 110), stds=(2.0, 1.0)),
    Case((20.7, 162), (90.1e3, 94.0e3), (24.9, 138), stds=(3.0, 1.0)),
    Case((41.3, 82.1), (83.9e3, 90.3e3), (45.6, 92.5), stds=(1.5, 1.0)),
    Case((35.4, 69.5), (82.6e3, 93.7e3), (40.4, 77.2), stds=(1.5, 1.0), weight=0.1),
    Case((34.4, 67.3), (82.0e3, 94.1e3), (39.5, 74.8), stds=(1.5, 1.0), weight=0.02),
    Case((66.8, 66.8), (math.nan, math.nan), (math.nan, math.nan)),
    Case((66.8, 66.8), (math.nan, math.nan), (math.nan, math.nan), weight=0.1),
    Case((79.1, 95.6), (74.6e3, 76.7e3), (82.5, 105), norms=(0.2, 1.0)),
    Case((93.1, 121), (69.3e3, 80.0e3), (94, 130), norms=(0.5, 2.0)),
    _unit(0.0, 101.9, 72.1e3, 106),
    _unit(0.5, 101.1, 72.6e3, 106),
    _unit(-0.9, 99.1, 75.2e3, 106),
    Case((56.6, 125), (74.1e3, 71.0e3), (59, 130), stds=(1.5, 1.0), norms=(1.0, 1.0)),
    Case((2.23, 3.77), (262, 701), (3.28, 11.7), stds=(1.5, 1.0), diffusion_time=0.3),
    Case((11.8, 15.7), (199, 181), (16.3, 26.1), **_SHALLOW),
    Case((16.8, 12.5), (224, 231), (19.2, 25.1), **_SHALLOW, weight=0.1),
)

_SAME_STDS = tuple(i for i, case in enumerate(CASES) if case.stds[0] == case.stds[1])
_COINCIDING = tuple(i for i, case in enumerate(CASES) if case.norms == (0.0, 0.0))
_NESTED = tuple(i for i, case in enumerate(CASES) if case.norms[0] < case.norms[1])
_REVERSED = len(CASES) - 1


def references_reproduced(dataset: xr.Dataset) -> Verdict:
    """Every time with a reference is within 1 % of it."""
    errors = {name: _times(dataset, name) / _references(name) - 1 for name in TIMES}
    worst = {name: float(np.nanmax(np.abs(error))) for name, error in errors.items()}
    count = sum(int((~np.isnan(error)).sum()) for error in errors.values())
    text = f"Of {count} times the largest relative errors are " + ", ".join(
        f"{100 * error:.2f} % ({TIMES[name]})" for name, error in worst.items()
    )
    holds = max(worst.values()) < TOLERANCE
    return Verdict(holds, {"largest": worst, "times": count}, text + ".")


def wider_first_where_centroids_coincide(dataset: xr.Dataset) -> Verdict:
    """All three times, whatever the weights."""
    cases = [i for i in _COINCIDING if i not in _SAME_STDS]
    first = {name: _times(dataset, name)[cases] for name in TIMES}
    agree = {name: int((times[:, 0] < times[:, 1]).sum()) for name, times in first.items()}
    text = ", ".join(f"{TIMES[name]} {n} of {len(cases)}" for name, n in agree.items())
    return Verdict(
        all(n == len(cases) for n in agree.values()), agree, f"The wider class is first: {text}."
    )


def closer_centroid_first(dataset: xr.Dataset) -> Verdict:
    """All three times, at equal variances."""
    times = {name: _times(dataset, name)[list(_NESTED)] for name in TIMES}
    ratios = {name: (pair[:, 0] / pair[:, 1]).tolist() for name, pair in times.items()}
    text = "; ".join(
        f"{TIMES[name]} " + ", ".join(f"{ratio:.3f}" for ratio in found)
        for name, found in ratios.items()
    )
    holds = all(ratio < 1 for found in ratios.values() for ratio in found)
    return Verdict(holds, ratios, f"time_0/time_1: {text}.")


def reversed_by_imbalance(dataset: xr.Dataset) -> Verdict:
    """The wider class generalises first at equal weights and last at a tenth of the weight."""
    balanced, rare = _times(dataset, "generalization_time")[[_REVERSED - 1, _REVERSED]]
    text = (
        f"Generalisation times {balanced[0]:.2f} and {balanced[1]:.2f} at equal weights, "
        f"{rare[0]:.2f} and {rare[1]:.2f} at weight 0.1."
    )
    holds = balanced[1] > _SPLITS_BY * balanced[0] and rare[0] > _SPLITS_BY * rare[1]
    numbers = {"balanced": balanced.tolist(), "rare": rare.tolist()}
    return Verdict(bool(holds), numbers, text)


def order_table(dataset: xr.Dataset) -> Table:
    """All times of all cases, with the references in brackets."""
    rows = []
    for index, case in enumerate(CASES):
        cells = (_cell(_times(dataset, name)[index], _references(name)[index]) for name in TIMES)
        rows.append((case.words, *cells))
    title = "Times of class 0 / class 1 (reference); weight 0.5, t 0.01, p/d 64, n/d 8 unless said"
    return Table(title, ("case", *TIMES.values()), tuple(rows))


def _cell(found: np.ndarray, expected: np.ndarray) -> str:
    quoted = "" if np.isnan(expected).any() else f" ({_pair(expected)})"
    return _pair(found) + quoted


def _pair(values: np.ndarray) -> str:
    return " / ".join(f"{value:.4g}" for value in values)


def _times(dataset: xr.Dataset, name: str) -> np.ndarray:
    times = dataset[name].transpose(CASE, CLASS).values
    if len(times) != len(CASES):
        raise KeyError(f"axis {CASE!r} of {len(CASES)} cases")
    return times


def _references(name: str) -> np.ndarray:
    return np.array([getattr(case, name) for case in CASES])


_SOURCE = "high-dimensional limit of the same model, independent implementation"
_PAPER = "arXiv 2605.06367, abstract"

STUDY = Study(
    name="learning-order",
    title="Times per class in the high-dimensional theory: variance, centroids, imbalance",
    model="asymptotic_dynamics",
    problem=AsymptoticProblem(
        two_classes(distance=0.0, cosine=0.0),
        *RATIOS,
        NOISE,
        theory_options=TheoryOptions(centroid_nodes=41),  # what the farthest centroids need
    ),
    axes={CASE: Zipped({name: [case.fields[name] for case in CASES] for name in CASES[0].fields})},
    figures=(
        Figure("curves-wider-first", "learning_curves", at={CASE: 3}),
        Figure("curves-balanced", "learning_curves", at={CASE: _REVERSED - 1}),
        Figure("curves-reversed", "learning_curves", at={CASE: _REVERSED}),
    ),
    claims=(
        Claim(
            "reference-times-reproduced",
            "The times of the theory are those of an independent implementation.",
            _SOURCE,
            "all cases with a reference",
            references_reproduced,
        ),
        Claim(
            "theory-wider-first-at-coinciding-centroids",
            "Where the centroids coincide the wider class is first in every time.",
            _PAPER,
            "coinciding centroids, unequal stds, every weight",
            wider_first_where_centroids_coincide,
        ),
        Claim(
            "theory-closer-centroid-first",
            "At equal variances the class whose centroid is closer to the origin is first.",
            _PAPER + ": centroid geometry has a secondary role",
            "equal stds, orthogonal centroids of unequal norms",
            closer_centroid_first,
        ),
        Claim(
            "theory-reversed-by-imbalance",
            "Between distant centroids imbalance reverses the order of generalisation.",
            _PAPER,
            "stds 1.2 and 1, orthogonal centroids of squared norm 16 d, weights 0.5 and 0.1",
            reversed_by_imbalance,
        ),
    ),
    tables=(order_table,),
)
