"""What happened at one grid point, as a small integer that travels through jit and into stores."""

import enum


class Status(enum.IntEnum):
    """Outcome of one point, ordered by severity: two outcomes combine by the larger one.

    Example:
        >>> Status(max(Status.OK, Status.NOT_REACHED)).name
        'NOT_REACHED'
    """

    OK = 0
    NOT_REACHED = 1
    IMPRECISE = 2
    NOT_CONVERGED = 3
    NON_FINITE = 4


MISSING = -1
"""Marks a grid point that was not computed; it occurs in stores and datasets only."""

FAILURES = frozenset({Status.NOT_CONVERGED, Status.NON_FINITE})
"""Outcomes whose numbers must not be used."""

_DESCRIPTIONS = {
    MISSING: "not computed",
    Status.OK: "computed",
    Status.NOT_REACHED: "a threshold was not reached within the training times; that time is inf",
    Status.IMPRECISE: "float32 rounding may exceed 1e-3 of the result; switch on 64-bit numbers",
    Status.NOT_CONVERGED: "an iteration did not converge; its numbers must not be used",
    Status.NON_FINITE: "nan or inf appeared; its numbers must not be used",
}


def describe(status: int) -> str:
    """One line that says what a status means and what it implies for the numbers."""
    return _DESCRIPTIONS[int(status)]
