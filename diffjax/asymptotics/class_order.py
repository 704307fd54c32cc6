"""Which class of labelled data is learned first, which is memorised first, and how surely.

Two times are told apart when the logarithm of their ratio exceeds two uncertainties:

* scatter, by which the ratio on real data varies from one training set and one draw of features
  to the next: 0.04 for generalisation and memorisation, 0.13 for the half-way time;
* the theory's error, coefficient (1/d_eff,a^2 + 1/d_eff,b^2)^(1/2) (0.1/t)^0.65 for t below 0.1,
  with coefficient 0.5 for generalisation and half-way times and 1 for memorisation, from pairs of
  classes of handwritten digits and of clothes set beside the exact engine on the images.
"""

import dataclasses
import itertools
from typing import Any, Literal

import numpy as np

from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.options import Method
from diffjax.asymptotics.problem import AsymptoticProblem, resolved
from diffjax.asymptotics.theory_choice import TheoryChoice
from diffjax.dynamics import LearningDynamics
from diffjax.errors import InputError
from diffjax.status import FAILURES, Status, describe
from diffjax.typing import ArrayLike

Verdict = Literal["clear", "uncertain", "tie", "not reached"]

SCATTER = {"generalization": 0.04, "memorization": 0.04, "half_memorization": 0.13}
COEFFICIENT = {"generalization": 0.5, "memorization": 1.0, "half_memorization": 0.5}
SAFE_TIME, TIME_POWER = 0.1, 0.65
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
            may reverse it; "tie" if one draw of the data may; "not reached" if both are inf.
        log_ratios: log of the later over the earlier time.
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
        signs = {"clear": "<", "uncertain": "<?", "tie": "~", "not reached": "|"}
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
            "first to last; < clear, <? the theory's error may reverse it, ~ tie, | not reached",
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
        >>> samples = rng.normal(size=(400, 40)) * np.repeat([[0.5], [2.0]], 200, axis=0)
        >>> order = class_order(samples, np.repeat(["narrow", "wide"], 200), 8.0, 4.0)
        >>> order.generalization.classes
        ('wide', 'narrow')
    """
    problem = AsymptoticProblem.from_data(
        samples, labels, features_per_dim, samples_per_dim, diffusion_time, method, **settings
    )
    names = tuple(str(name) for name in np.unique(np.asarray(labels)))
    return order_of_classes(problem, asymptotic_dynamics(problem), names)


def order_of_classes(
    problem: AsymptoticProblem,
    dynamics: LearningDynamics,
    class_labels: tuple[str, ...] | None = None,
) -> ClassOrder:
    """The order of the classes of one problem whose dynamics are known.

    Args:
        problem: with concrete values.
        dynamics: of `asymptotic_dynamics(problem)`.
        class_labels: (K,) names; by default their numbers.

    Raises:
        InputError: the number of names is not that of the classes.
    """
    names = class_labels or tuple(str(label) for label in range(problem.num_classes))
    if len(names) != problem.num_classes:
        raise InputError(
            f"{len(names)} class_labels", f"one for each of {problem.num_classes}", "name all"
        )
    choice, time = problem.choice, float(np.asarray(problem.diffusion_time))
    rankings = {
        quantity: _ranking(
            quantity, names, np.asarray(getattr(dynamics, f"{quantity}_time")), choice, time
        )
        for quantity in SCATTER
    }
    return ClassOrder(
        **rankings,
        choice=choice,
        method=resolved(problem).theory_options.method,
        warnings=_warnings(rankings, time, dynamics),
        dynamics=dynamics,
    )


def _ranking(
    quantity: str, names: tuple[str, ...], times: np.ndarray, choice: TheoryChoice, time: float
) -> Ranking:
    order = np.argsort(times, kind="stable")
    verdicts, ratios, uncertainties = [], [], []
    for earlier, later in itertools.pairwise(order):
        error = _theory_error(quantity, choice, time, (int(earlier), int(later)))
        reached = np.isfinite(times[earlier])
        ratio = float(np.log(times[later] / times[earlier])) if reached else np.nan
        verdicts.append(_verdict(ratio, SCATTER[quantity], error))
        ratios.append(ratio)
        uncertainties.append(SCATTER[quantity] + error)
    return Ranking(
        quantity,
        tuple(names[i] for i in order),
        tuple(float(times[i]) for i in order),
        tuple(verdicts),
        tuple(ratios),
        tuple(uncertainties),
    )


def _theory_error(quantity: str, choice: TheoryChoice, time: float, pair: tuple[int, int]) -> float:
    spread = np.sqrt(sum(choice.effective_dimension[c] ** -2.0 for c in pair))
    return float(COEFFICIENT[quantity] * spread * max(SAFE_TIME / time, 1.0) ** TIME_POWER)


def _verdict(ratio: float, scatter: float, error: float) -> Verdict:
    if np.isnan(ratio):
        return "not reached"
    if ratio <= scatter:
        return "tie"
    return "clear" if ratio > scatter + error else "uncertain"


def _warnings(
    rankings: dict[str, Ranking], time: float, dynamics: LearningDynamics
) -> tuple[str, ...]:
    found = [GAUSSIAN_CLASSES]
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
