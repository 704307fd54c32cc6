"""Copies of training samples in what a trained model generates: variance and imbalance.

Eight dimensions, where copies are seen in samples at all; p = 4 n d features with biases.  The
four corners of the grid are a control, unequal variances, unequal weights, and both opposed: the
rare class is then the narrow one.  Orders are the mean over seeds of log(time_0/time_1) of the
times of half the plateau, settled beyond two standard errors.

Models stand at 24 diffusion times.  At 96 the orders are the same, and that of the rare class by
distance becomes settled as well: log(time_0/time_1) is 0.5 +- 0.2, against 1.4 +- 0.3 by ratio.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from diffjax.mixture import two_classes
from diffjax.random_features.generator_problem import GeneratorProblem
from diffjax.studies.class_order import SEED
from diffjax.studies.copy_order import HALF_PLATEAU, Order, difference_of, log_mean, order_of
from diffjax.studies.study import Claim, Figure, Study, Table, Verdict

STD = "stds[0]"
IMBALANCE = "imbalance_ratio"
BALANCED = {STD: 1.5, IMBALANCE: 1.0}
"""Unequal variances."""
IMBALANCED = {STD: 1.0, IMBALANCE: 3.0}
"""Unequal weights."""
OPPOSED = {STD: 1.5, IMBALANCE: 3.0}
"""The rare class is the narrow one."""

EARLY, LATE = 0.15, 0.5
"""Memorised fractions below which samples are new, and above which they are copies."""
DECADE = 10.0

_PAPER = "arXiv 2605.06367, abstract"


def judged_by_orders(
    at: Mapping[str, float], decide: Callable[[int, int, int], bool | None]
) -> Callable[[xr.Dataset], Verdict]:
    """A criterion from what is settled at one grid point: by ratio, by distance, the difference."""

    def criterion(dataset: xr.Dataset) -> Verdict:
        orders = {name: order_of(dataset, name, at) for name in ("ratio", "distance")}
        known = {**orders, "difference": difference_of(dataset, at)}
        found = {name: order for name, order in known.items() if order is not None}
        if len(found) < len(known):
            return Verdict(None, {}, "Two seeds or more with a time are needed.")
        text = (
            f"log(time_0/time_1) of half the plateau is {found['ratio'].text} by ratio and "
            f"{found['distance'].text} by distance; seed by seed the difference is "
            f"{found['difference'].text}."
        )
        numbers = {name: order._asdict() for name, order in found.items()}
        return Verdict(decide(*(order.settled for order in found.values())), numbers, text)

    return criterion


def _both_first(by_ratio: int, by_distance: int, _difference: int) -> bool | None:
    if 0 in (by_ratio, by_distance):
        return None
    return by_ratio == by_distance == -1


def _ratio_only(by_ratio: int, by_distance: int, _difference: int) -> bool | None:
    return None if by_ratio == 0 else by_ratio == 1 and by_distance != 1


def _disagree(_by_ratio: int, by_distance: int, difference: int) -> bool | None:
    return None if by_distance == 0 else by_distance == -1 and difference == 1


def late_samples_are_copies(dataset: xr.Dataset) -> Verdict:
    """By both criteria: few copies when the loss has generalised, many at the end."""
    fraction = dataset["memorized_fraction"].mean(SEED)
    late = fraction.isel(training_time=-1)
    clock = np.log(dataset["training_time"].values)
    generalized = log_mean(dataset["generalization_time"])
    early = xr.apply_ufunc(
        lambda curve, at: np.interp(at, clock, curve),
        fraction,
        generalized,
        input_core_dims=[["training_time"], []],
        vectorize=True,
    )
    numbers = {"largest_early": float(early.max()), "smallest_late": float(late.min())}
    text = (
        "At the generalisation time of the loss at most "
        f"{100 * numbers['largest_early']:.1f} % of a class's samples are copies, at the last "
        f"training time at least {100 * numbers['smallest_late']:.0f} %, by either criterion."
    )
    if not np.isfinite([*numbers.values()]).all():
        return Verdict(None, numbers, text)
    return Verdict(float(early.max()) < EARLY and float(late.min()) > LATE, numbers, text)


def loss_predicts_copies(dataset: xr.Dataset) -> Verdict:
    """Half the plateau by ratio against the memorisation time of the loss at the lowest noise."""
    times = log_mean(dataset[HALF_PLATEAU].sel(criterion="ratio"))
    ratio = np.exp((times - log_mean(dataset["memorization_time"])).values)
    low, high = float(ratio.min()), float(ratio.max())
    text = (
        f"Half the plateau by ratio comes {low:.2f} to {high:.2f} times the memorisation time of "
        "the loss at the smallest diffusion time."
    )
    holds = low > 1 / DECADE and high < DECADE if np.isfinite([low, high]).all() else None
    return Verdict(holds, {"smallest": low, "largest": high}, text)


def summary_table(dataset: xr.Dataset) -> Table:
    """Times of copying and of the losses at every grid point: geometric means over seeds."""
    columns = (
        "std of class 0", "samples", "half copied, ratio", "half plateau, ratio", "log, ratio",
        "half copied, distance", "log, distance", "loss generalises", "loss memorises",
    )  # fmt: skip
    rows = []
    for imbalance in dataset[IMBALANCE].values:
        for std in dataset[STD].values:
            at = {STD: float(std), IMBALANCE: float(imbalance)}
            rows.append(_row(dataset.sel(at), dataset, at))
    return Table("Training times of classes 0 / 1", columns, tuple(rows))


def _row(point: xr.Dataset, dataset: xr.Dataset, at: Mapping[str, float]) -> tuple[str, ...]:
    counts = point["sample_counts"].isel({SEED: 0}).values
    ratio, distance = (point.sel(criterion=name) for name in ("ratio", "distance"))
    return (
        f"{at[STD]:g}",
        " / ".join(str(int(count)) for count in counts),
        _pair(ratio["half_copied_time"]),
        _pair(ratio[HALF_PLATEAU]),
        _text(order_of(dataset, "ratio", at)),
        _pair(distance["half_copied_time"]),
        _text(order_of(dataset, "distance", at)),
        _pair(point["generalization_time"]),
        _pair(point["memorization_time"]),
    )


def _pair(times: xr.DataArray) -> str:
    """Geometric means of both classes; inf if a seed never gets there."""
    means = np.exp(log_mean(times).values)
    return " / ".join(f"{mean:.2g}" if np.isfinite(mean) else "not reached" for mean in means)


def _text(order: Order | None) -> str:
    return "unknown" if order is None else order.text


_CLAIMS = (
    Claim(
        "higher-variance-copied-first",
        "With equal weights samples of the class of larger variance become copies first, by the "
        "ratio and by the distance criterion.",
        _PAPER + ", read for generated samples",
        "stds 1.5 and 1, eight samples each",
        judged_by_orders(BALANCED, _both_first),
    ),
    Claim(
        "rare-class-copied-first-by-ratio-only",
        "With equal variances the rare class is copied first by the ratio criterion, while the "
        "distance criterion does not settle an order: where samples are sparse the second-nearest "
        "one is farther away.",
        _PAPER + ", read for generated samples",
        "stds 1 and 1, twelve and four samples",
        judged_by_orders(IMBALANCED, _ratio_only),
    ),
    Claim(
        "criteria-disagree-where-rare-is-narrow",
        "Where the rare class is the narrow one the distance criterion puts the wide class first, "
        "and the ratio criterion disagrees with it.",
        "the two criteria compared",
        "stds 1.5 and 1, twelve and four samples",
        judged_by_orders(OPPOSED, _disagree),
    ),
    Claim(
        "late-samples-are-copies",
        "Samples of a model stopped at its generalisation time are new, those of one trained much "
        "longer are copies, in every class.",
        "Bonnaire et al., arXiv 2505.17638, read for generated samples",
        "all points",
        late_samples_are_copies,
    ),
    Claim(
        "loss-predicts-copies",
        "The memorisation time of the train loss at the smallest diffusion time gives the order of "
        "magnitude of the time at which samples become copies.",
        "Bonnaire et al., arXiv 2505.17638, read for generated samples",
        "all points, within a factor 10",
        loss_predicts_copies,
    ),
)


def _examples(*places: Mapping[str, float]) -> dict[str, Any]:
    return {"examples": [dict(place) for place in places]}


_FIGURES = (
    Figure("generated-classes", "copy_curves", _examples(BALANCED, IMBALANCED)),
    Figure("generated-classes-opposed", "copy_curves", _examples(OPPOSED)),
    Figure("copy-order", "copy_order"),
)

STUDY = Study(
    name="generated-classes",
    title="Copies in generated samples, class by class: variance and imbalance",
    model="generated_classes",
    problem=GeneratorProblem(
        two_classes(stds=(1.5, 1.0), distance=8.0**0.5),
        dim=8,
        num_features=512,
        num_samples=16,
    ),
    axes={STD: (1.0, 1.5), IMBALANCE: (1.0, 3.0), "seed": tuple(range(16))},
    figures=_FIGURES,
    claims=_CLAIMS,
    tables=(summary_table,),
    symbols={STD: r"\sigma_0/\sigma_1"},
)
