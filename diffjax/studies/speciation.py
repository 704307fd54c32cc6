"""Delayed speciation of the minority class: imbalance x distance x variance."""

import numpy as np
import xarray as xr

from diffjax.backward.problem import SpeciationProblem
from diffjax.mixture import two_classes
from diffjax.studies.study import Claim, Figure, Study, Table, Verdict

MINORITY, MAJORITY = 0, 1
IMBALANCE = "imbalance_ratio"
STD = "stds[0]"
CLASS = "class"
CERTAINTY = 0.995
"""Probability of return asked of both classes; above the largest weight, 0.99, of the grid."""

_PAPER = "arXiv 2605.06367, abstract"
_SHOWN = {STD: 1.0, "distance": 1.0}
_RARE = {**_SHOWN, IMBALANCE: 1 / 20}
_EFFECT = 0.05
"""Delay in t that counts; quadrature and searches are accurate to 1e-4."""


def certain_delay(dataset: xr.Dataset) -> xr.DataArray:
    """How much later the minority returns with certainty than the majority; nan without times."""
    times = dataset["certain_time"].where(np.isfinite(dataset["certain_time"]))
    times = times.where(times > 0)
    return times.sel({CLASS: MAJORITY}, drop=True) - times.sel({CLASS: MINORITY}, drop=True)


def minority_is_later(dataset: xr.Dataset) -> Verdict:
    """At every point with unequal weights the minority's certain return is later."""
    delay = certain_delay(dataset).where(dataset[IMBALANCE] < 1 - 1e-9)
    decided, later = int(delay.notnull().sum()), int((delay > 0).sum())
    rarest = float(dataset[IMBALANCE].min())
    largest = delay.sel({IMBALANCE: rarest}).max()
    numbers = {"later": later, "decided": decided, "largest_delay": float(largest)}
    text = (
        f"At {later} of {decided} points with unequal weights the minority comes back with "
        f"probability {CERTAINTY} only at a smaller t than the majority; at imbalance ratio "
        f"{rarest:.3g} the delay reaches {float(largest):.3f} in t."
    )
    return Verdict(later == decided if decided else None, numbers, text)


def basin_is_delayed(dataset: xr.Dataset) -> Verdict:
    """With equal variances the birth of the minority's basin falls with every step of imbalance."""
    part = dataset.sel(_SHOWN, method="nearest").sortby(IMBALANCE)
    delay = part["spinodal_delay"].sel({CLASS: MINORITY})
    values, ratios = delay.values, part[IMBALANCE].values
    falls = bool((np.diff(values[np.isfinite(values)]) < 0).all() and np.isfinite(values).all())
    birth = part["spinodal_time"].sel({CLASS: MINORITY}).values
    reference = float(part["balanced_spinodal_time"].values[-1])
    text = (
        f"The basin is born at t = {reference:.3f} with equal weights and at t = {birth[0]:.3f} at "
        f"imbalance ratio {ratios[0]:.3g}, later by {values[0]:.3f}; the delay "
        f"{'grows at every step' if falls else 'does not grow at every step'} of imbalance."
    )
    numbers = {"delays": [float(v) for v in values], "ratios": [float(v) for v in ratios]}
    return Verdict(falls and float(values[0]) > _EFFECT, numbers, text)


def delay_follows_laws(dataset: xr.Dataset) -> Verdict:
    """The delay of the basin lies between its laws of strong and of weak imbalance."""
    part = dataset.sel(_SHOWN, method="nearest")
    part = part.where(part[IMBALANCE] < 1 - 1e-9, drop=True).sel({CLASS: MINORITY})
    delay, weak, strong = (
        part[name].values
        for name in ("spinodal_delay", "weak_imbalance_delay", "strong_imbalance_delay")
    )
    order = np.argsort(part[IMBALANCE].values)
    with np.errstate(divide="ignore"):
        ends = weak[order[-1]] / delay[order[-1]] - 1, strong[order[0]] / delay[order[0]] - 1
    holds = bool(((delay < weak) & (delay > strong)).all())
    text = (
        f"The law of weak imbalance is {100 * ends[0]:+.1f} % off at the mildest imbalance, that "
        f"of strong imbalance {100 * ends[1]:+.1f} % at the strongest; the delay lies "
        f"{'between them' if holds else 'not everywhere between them'}."
    )
    return Verdict(holds, {"weak_error": float(ends[0]), "strong_error": float(ends[1])}, text)


def times_table(dataset: xr.Dataset) -> Table:
    """All times of both classes along the imbalance at the shown distance."""
    part = dataset.sel(_SHOWN, method="nearest").sortby(IMBALANCE)
    columns = (
        "imbalance ratio",
        "common",
        "minority, one half",
        f"minority, {CERTAINTY}",
        f"majority, {CERTAINTY}",
        "delay",
        "birth of basin",
        "delay of basin",
    )
    rows = []
    for index in range(0, part.sizes[IMBALANCE], 2):
        point = part.isel({IMBALANCE: index})
        minority, majority = (point.sel({CLASS: c}) for c in (MINORITY, MAJORITY))
        cells = (
            point["common_time"],
            minority["speciation_time"],
            minority["certain_time"],
            majority["certain_time"],
            certain_delay(point),
            minority["spinodal_time"],
            minority["spinodal_delay"],
        )
        rows.append((f"{float(point[IMBALANCE]):.3g}", *(f"{float(cell):.3f}" for cell in cells)))
    title = "Diffusion times at equal variances, distance 1 (smaller is later in backward time)"
    return Table(title, columns, tuple(rows))


_CLAIMS = (
    Claim(
        "minority-speciates-later",
        "Under imbalance the minority class speciates later in the backward process.",
        _PAPER,
        "every unequal imbalance at which both classes have a time of certain return",
        minority_is_later,
    ),
    Claim(
        "minority-basin-is-delayed",
        "The stronger the imbalance, the later the basin of the minority appears.",
        _PAPER,
        "equal variances, distance 1, every imbalance",
        basin_is_delayed,
    ),
    Claim(
        "basin-delay-between-laws",
        "The delay of the basin crosses over from the law of weak to that of strong imbalance.",
        "expansion of the spinodal equation",
        "equal variances, distance 1, every unequal imbalance",
        delay_follows_laws,
    ),
)

_FIGURES = (
    Figure("speciation-curves", "speciation_curves", at=_RARE),
    Figure("speciation-delay-map", "delay_map", {"x": IMBALANCE, "y": "distance", "panel": STD}),
    Figure("speciation-delay", "delay_curves", {"axis": IMBALANCE}, at=_SHOWN),
    Figure("potential", "potential_ridge", at=_RARE),
)

STUDY = Study(
    name="speciation",
    title="Delayed speciation of the minority class in backward diffusion",
    model="speciation",
    problem=SpeciationProblem(
        two_classes(stds=(1.0, 1.0), distance=1.0),
        dim=1000,
        diffusion_times=np.linspace(0.05, 6.5, 87),
        certainty=CERTAINTY,
    ),
    axes={
        STD: (1.0, 1.3),
        "distance": tuple(np.geomspace(1 / 16, 2.0, 16)),
        IMBALANCE: tuple(np.geomspace(1 / 99, 1.0, 17)),
    },
    citations=("arXiv:2605.06367",),
    figures=_FIGURES,
    claims=_CLAIMS,
    tables=(times_table,),
)
