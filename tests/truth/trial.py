"""What became of one random problem, and the table over many of them."""

import dataclasses
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from diffjax.errors import InputError
from diffjax.status import Status

CENSORED = (Status.OK, Status.NOT_REACHED, Status.BEFORE_WINDOW)
"""Statuses beside which all finite numbers are promised to be within tolerance."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A random problem.

    Attributes:
        label: how to build it again, in words.
        reasonable: whether it lies in the range where a refusal is a fault, too.
        arguments: what the check of its kind takes.
    """

    label: str
    reasonable: bool
    arguments: Any

    def __repr__(self) -> str:
        return self.label


@dataclasses.dataclass(frozen=True)
class Finding:
    """The outcome of one case.

    Attributes:
        status: of the computation.
        error: largest deviation from the finer computation, in units of the tolerance.
        what: the quantity that deviates most, with both numbers.
    """

    status: int
    error: float
    what: str = ""


@dataclasses.dataclass
class Outcome:
    """All cases of one kind.

    Attributes:
        kind: name of the row.
        cases: that were tried.
        right: OK, or censored times, and within tolerance.
        refused: by a status, counted by its name, or in words.
        wrong: OK and beyond tolerance, or a traceback, with the case.
        reasonable: cases in the range where a refusal is a fault.
        reasonable_refused: those of them that were refused, with the case.
        largest: largest error of an OK case in units of the tolerance.
        seconds: spent.
    """

    kind: str
    cases: int = 0
    right: int = 0
    refused: Counter = dataclasses.field(default_factory=Counter)
    wrong: list[str] = dataclasses.field(default_factory=list)
    reasonable: int = 0
    reasonable_refused: list[str] = dataclasses.field(default_factory=list)
    largest: float = 0.0
    seconds: float = 0.0


def campaign(
    kind: str,
    draw: Callable[[np.random.Generator], Case],
    check: Callable[[Any], Finding],
    cases: int,
    chance: int,
    first: int = 0,
) -> Outcome:
    """Try a check on many random problems; nothing stops at the first fault.

    Every problem has a generator of its own, so that any of them is drawn again by its number.

    Args:
        kind: name of the row.
        draw: draws a problem.
        check: computes a problem twice and compares.
        cases: how many.
        chance: seed of the generators.
        first: number of the first case.
    """
    outcome = Outcome(kind)
    start = time.perf_counter()
    for number in range(first, first + cases):
        case = draw(np.random.default_rng([chance, number]))
        _judge(outcome, check, dataclasses.replace(case, label=f"{number}: {case.label}"))
        _tell(outcome, number)
    outcome.seconds = time.perf_counter() - start
    return outcome


def _tell(outcome: Outcome, number: int) -> None:
    """Progress to standard error."""
    counts = f"{outcome.right} right, {len(outcome.wrong)} wrong, {outcome.refused.total()} refused"
    print(f"{outcome.kind} {number}: {counts}", file=sys.stderr, flush=True)


def _judge(outcome: Outcome, check: Callable[[Any], Finding], case: Case) -> None:
    outcome.cases += 1
    outcome.reasonable += case.reasonable
    if outcome.cases % 40 == 0:  # every program holds memory maps, and a process may have 65530
        jax.clear_caches()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = check(case.arguments)
    except InputError as error:
        _refuse(outcome, case, "in words", str(error)[:200])
        return
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        _wrong(outcome, f"{case}: {type(error).__name__} at {place.name}: {error}"[:600])
        return
    if found.status not in CENSORED:
        _refuse(outcome, case, Status(found.status).name, found.what)
        return
    outcome.largest = max(outcome.largest, found.error)
    if found.error <= 1.0:
        outcome.right += 1
    else:
        _wrong(outcome, f"{case}: {found.what}, {found.error:.3g} tolerances")


def _wrong(outcome: Outcome, text: str) -> None:
    outcome.wrong.append(text)
    print(f"WRONG {text}", file=sys.stderr, flush=True)


def _refuse(outcome: Outcome, case: Case, how: str, what: str) -> None:
    outcome.refused[how] += 1
    if case.reasonable:
        outcome.reasonable_refused.append(f"{case}: {how} ({what})")
        print(f"REASONABLE {outcome.reasonable_refused[-1]}", file=sys.stderr, flush=True)


def table(outcomes: list[Outcome]) -> str:
    """All outcomes as a Markdown table."""
    lines = [
        "| model | tried | OK and right | refused by status | wrong | largest error, tolerances "
        "| reasonable problems refused | seconds |",
        "|---|--:|--:|---|--:|--:|--:|--:|",
    ]
    for one in outcomes:
        refused = ", ".join(f"{count} {name}" for name, count in sorted(one.refused.items()))
        lines.append(
            f"| {one.kind} | {one.cases} | {one.right} | {refused or '0'} | {len(one.wrong)} "
            f"| {one.largest:.2g} | {len(one.reasonable_refused)} of {one.reasonable} "
            f"| {one.seconds:.0f} |"
        )
    return "\n".join(lines)
