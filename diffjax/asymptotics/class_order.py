"""Which class of labelled data is learned first, which is memorised first, and how surely.

`order_verdicts` says when two times are told apart.
"""

import dataclasses
import itertools
from typing import Any

import numpy as np

from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.options import Method
from diffjax.asymptotics.order_verdicts import (
    SAFE_TIME,
    SCATTER,
    Doubts,
    Verdict,
    doubts_of,
    verdict,
)
from diffjax.asymptotics.problem import AsymptoticProblem, resolved
from diffjax.asymptotics.theory_choice import TheoryChoice
from diffjax.dynamics import LearningDynamics
from diffjax.errors import InputError
from diffjax.labelled_data import read_labels
from diffjax.precision import require_float64
from diffjax.status import FAILURES, Status, describe
from diffjax.typing import ArrayLike

GAUSSIAN_CLASSES = (
    "the theory knows means and covariances only: on images the shape of the classes beyond them "
    "has decided ties, and has moved memorisation by up to a third"
)


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Classes in the order of one of their times.

    Attributes:
        quantity: "generalization", "memorization" or "half_memorization".
        classes: names of the classes, earliest first.
        times: their training times, inf where not reached.
        verdicts: of every class against the next one: "clear"; "uncertain" if the theory's error
            or that of the moments may reverse it; "tie" if one draw of the data may; "not
            reached" if both are inf; "void" if the status says that no number may be used.
        log_ratios: log of the later over the earlier time; at least that if the later one is inf,
            which is then taken to be the end of the training times.
        uncertainties: what a clear log ratio exceeds.
    """

    quantity: str
    classes: tuple[str, ...]
    times: tuple[float, ...]
    verdicts: tuple[Verdict, ...]
    log_ratios: tuple[float, ...]
    uncertainties: tuple[float, ...]

    @property
    def trusted(self) -> bool:
        """Whether all of the order is clear."""
        return all(verdict == "clear" for verdict in self.verdicts)

    def __str__(self) -> str:
        parts = [f"{self.classes[0]} ({self.times[0]:.3g})"]
        rest = zip(self.classes[1:], self.times[1:], self.verdicts, strict=True)
        signs = {"clear": "<", "uncertain": "<?", "tie": "~", "not reached": "|", "void": "?"}
        parts += [f"{signs[verdict]} {name} ({time:.3g})" for name, time, verdict in rest]
        return f"{self.quantity.replace('_', ' ')}: {' '.join(parts)}"


@dataclasses.dataclass(frozen=True)
class ClassOrder:
    """The order of the classes with what there is to say against it.

    Attributes:
        generalization: order in which classes are learned.
        memorization: order in which train losses fall half way below the Bayes floor.
        half_memorization: order in which they fall half way below the best test loss; needs no
            floor, and decides where the memorization time is not reached.
        choice: how the classes would be treated by rule, with expected errors.
        method: how they were treated.
        warnings: reasons for doubt, in words.
        dynamics: curves and times in the order of the sorted labels.
    """

    generalization: Ranking
    memorization: Ranking
    half_memorization: Ranking
    choice: TheoryChoice
    method: str
    warnings: tuple[str, ...]
    dynamics: LearningDynamics

    def __str__(self) -> str:
        rankings = (self.generalization, self.memorization, self.half_memorization)
        lines = [
            "first to last; < clear, <? may be reversed by the error of theory or moments, ~ tie, "
            "| not reached, ? void",
            *(f"  {ranking}" for ranking in rankings),
            *_treatment(self.method, self.choice),
            *(f"note: {warning}" for warning in self.warnings),
        ]
        return "\n".join(lines)


def class_order(
    samples: ArrayLike,
    labels: Any,
    features_per_dim: ArrayLike,
    samples_per_dim: ArrayLike,
    diffusion_time: ArrayLike = 0.1,
    method: Method = "auto",
    **settings: Any,
) -> ClassOrder:
    """Which class of the data a random-feature score model learns and memorises first.

    Computed from the means and covariances of the classes; no network is trained and no training
    set is drawn.  Set `gradient_flow(DatasetProblem(...))` beside it for one actual training set.

    Args:
        samples: (n, d).
        labels: (n,) any integers or text.
        features_per_dim: psi_p.
        samples_per_dim: psi_n of the training set in question.
        diffusion_time: t > 0.
        method: as in `AsymptoticProblem.from_data`, like the further settings.
        **settings: of `AsymptoticProblem.from_data`.

    Raises:
        InputError: as `AsymptoticProblem.from_data`.
        PrecisionError: JAX is in 32-bit mode.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> rng = np.random.default_rng(0)
        >>> samples = rng.normal(size=(120, 8)) * np.repeat([[1.0], [2.0]], 60, axis=0)
        >>> labels = np.repeat(["narrow", "wide"], 60)
        >>> order = class_order(samples, labels, 16.0, 2.0, 0.1)     # doctest: +SKIP
        >>> order.generalization.classes                             # doctest: +SKIP
        ('wide', 'narrow')
    """
    require_float64("class_order")
    problem = AsymptoticProblem.from_data(
        samples, labels, features_per_dim, samples_per_dim, diffusion_time, method, **settings
    )
    names, counts = np.unique(read_labels("labels", labels), return_counts=True)
    names = tuple(str(name) for name in names)
    return order_of_classes(problem, asymptotic_dynamics(problem), names, counts)


def order_of_classes(
    problem: AsymptoticProblem,
    dynamics: LearningDynamics,
    class_labels: tuple[str, ...] | None = None,
    measured_counts: ArrayLike | None = None,
) -> ClassOrder:
    """The order of the classes of one problem whose dynamics are known.

    Args:
        problem: with concrete values.
        dynamics: of `asymptotic_dynamics(problem)`.
        class_labels: (K,) names; by default their numbers.
        measured_counts: (K,) samples that the means and covariances of each class were measured
            on; by default they are known.

    Raises:
        InputError: the number of names or counts is not that of the classes.
    """
    names = class_labels or tuple(str(label) for label in range(problem.num_classes))
    if len(names) != problem.num_classes:
        raise InputError(
            f"{len(names)} class_labels", f"one for each of {problem.num_classes}", "name all"
        )
    counts = None if measured_counts is None else np.asarray(measured_counts)
    if counts is not None and counts.shape != (problem.num_classes,):
        raise InputError(
            f"measured_counts of shape {counts.shape}", f"({problem.num_classes},)", "give K counts"
        )
    doubts = doubts_of(problem, counts)
    rankings = {quantity: _ranking(quantity, names, doubts, dynamics) for quantity in SCATTER}
    return ClassOrder(
        **rankings,
        choice=problem.choice,
        method=resolved(problem).theory_options.method,
        warnings=_warnings(rankings, names, doubts, dynamics),
        dynamics=dynamics,
    )


def _ranking(
    quantity: str, names: tuple[str, ...], doubts: Doubts, dynamics: LearningDynamics
) -> Ranking:
    times = np.asarray(getattr(dynamics, f"{quantity}_time"))
    window = float(np.asarray(dynamics.training_times).max())
    void = Status(int(dynamics.status)) in FAILURES
    order = np.argsort(times, kind="stable")
    verdicts, ratios, uncertainties = [], [], []
    for earlier, later in itertools.pairwise(order):
        pair = (int(earlier), int(later))
        scatter, error = doubts.scatter(quantity, pair), doubts.error(quantity, pair)
        reached = np.isfinite(times[earlier])
        ratio = float(np.log(min(times[later], window) / times[earlier])) if reached else np.nan
        unsure = any(doubts.undetermined(c) for c in pair)
        if quantity == "memorization" and np.isinf(times[later]):
            unsure |= _may_memorize(dynamics, pair[1], scatter + error)
        verdicts.append("void" if void else verdict(ratio, scatter, error, unsure))
        ratios.append(ratio)
        uncertainties.append(scatter + error)
    return Ranking(
        quantity,
        tuple(names[i] for i in order),
        tuple(float(times[i]) for i in order),
        tuple(verdicts),
        tuple(ratios),
        tuple(uncertainties),
    )


def _may_memorize(dynamics: LearningDynamics, later: int, uncertainty: float) -> bool:
    """Whether a final train loss above the Bayes floor is so by less than their error."""
    floor = float(np.asarray(dynamics.bayes_floor)[later])
    above = float(np.asarray(dynamics.final_train_loss)[later]) - floor
    return above <= uncertainty * (1.0 - floor)


def _warnings(
    rankings: dict[str, Ranking],
    names: tuple[str, ...],
    doubts: Doubts,
    dynamics: LearningDynamics,
) -> tuple[str, ...]:
    time = doubts.diffusion_time
    found = [GAUSSIAN_CLASSES]
    found += [
        f"class {name} has {doubts.measured_counts[c]:.0f} samples in {doubts.dim:.0f} dimensions, "
        "too few for its covariance: where it stands is uncertain"
        for c, name in enumerate(names)
        if doubts.undetermined(c)
    ]
    if time < SAFE_TIME:
        found.append(
            f"at diffusion_time={time:g}, below {SAFE_TIME}, the theory is 15-30 % early on images "
            "and has had the order of near ties wrong"
        )
    if not np.isfinite(rankings["memorization"].times).all():
        found.append(
            "a memorization time is not reached (its class's Bayes floor is too low): compare the "
            "half memorization times"
        )
    status = Status(int(dynamics.status))
    if status in FAILURES:
        found.append(f"the curves cannot be trusted: {describe(status)}")
    return tuple(found)


def _treatment(method: str, choice: TheoryChoice) -> list[str]:
    if method == choice.method:
        return [str(choice)]
    return [f"method {method}, as asked for; by rule {choice}"]
