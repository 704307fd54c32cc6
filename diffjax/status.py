"""What happened at one grid point, as a small integer that travels through jit and into stores."""

import enum
from typing import Any

import numpy as np


class Status(enum.IntEnum):
    """Outcome of one point. The numbers are those of stored runs; `worst` knows the severity.

    Example:
        >>> worst(Status.BEFORE_WINDOW, Status.IMPRECISE).name
        'IMPRECISE'
    """

    OK = 0
    NOT_REACHED = 1
    IMPRECISE = 2
    NOT_CONVERGED = 3
    NON_FINITE = 4
    BEFORE_WINDOW = 5
    FEW_SAMPLES = 6
    COARSE = 7
    OUT_OF_RANGE = 8


MISSING = -1
"""Marks a grid point that was not computed; it occurs in stores and datasets only."""

FAILURES = frozenset({Status.OUT_OF_RANGE, Status.NOT_CONVERGED, Status.NON_FINITE})
"""Outcomes whose numbers must not be used."""

_DESCRIPTIONS = {
    MISSING: "not computed",
    Status.OK: "computed",
    Status.NOT_REACHED: "a threshold was not reached within the training times; that time is inf",
    Status.BEFORE_WINDOW: "a threshold was reached before the first training time; that time is "
    "only an upper bound",
    Status.FEW_SAMPLES: "a class has too few samples for its Bayes floor or its moments; what "
    "depends on them is uncertain",
    Status.IMPRECISE: "rounding may exceed 1e-3 of the result; in 32 bits, switch on 64-bit ones",
    Status.COARSE: "a series or quadrature is too coarse for its stated tolerance; raise its order",
    Status.OUT_OF_RANGE: "the problem is outside the range of the reduced model; its numbers must "
    "not be used",
    Status.NOT_CONVERGED: "an iteration did not converge; its numbers must not be used",
    Status.NON_FINITE: "nan or inf appeared; its numbers must not be used",
}

BY_SEVERITY = tuple(_DESCRIPTIONS)
"""All statuses and MISSING, the least severe first."""

_CODES = np.asarray(BY_SEVERITY, np.int8)
_RANKS = np.argsort(_CODES, kind="stable")  # rank of code -1, 0, 1, ...


def describe(status: int) -> str:
    """One line that says what a status means and what it implies for the numbers."""
    return _DESCRIPTIONS[int(status)]


def severity(status: Any) -> Any:
    """Position of each status in `BY_SEVERITY`, for one status, a NumPy or a JAX array.

    Example:
        >>> severity(np.array([-1, 0, 5])).tolist()
        [0, 1, 3]
    """
    if isinstance(status, int) or _is_numpy(status):
        return _RANKS[np.asarray(status, int) + 1]
    import jax.numpy as jnp

    return jnp.asarray(_RANKS)[jnp.asarray(status, int) + 1]


def worst(*statuses: Any) -> Any:
    """The most severe of several statuses, elementwise over arrays; jit-able.

    Args:
        *statuses: whole numbers, NumPy or JAX arrays of them, of shapes that broadcast.

    Returns:
        A `Status` where all are plain numbers, else an int8 array.

    Example:
        >>> worst(np.array([1, 5]), Status.COARSE).tolist()
        [7, 7]
    """
    ranks = [severity(status) for status in statuses]
    if all(isinstance(status, int) for status in statuses):
        return BY_SEVERITY[int(max(ranks))]
    highest: Any = ranks[0]
    for rank in ranks[1:]:
        highest = highest + (rank - highest) * (rank > highest)
    if _is_numpy(highest):
        return _CODES[highest]
    import jax.numpy as jnp

    return jnp.asarray(_CODES)[highest]


def worst_along(statuses: Any, axis: int | None = None) -> Any:
    """The most severe status along an axis, or of the whole array; jit-able.

    Example:
        >>> int(worst_along(np.array([0, 5, 2, 1])))
        2
    """
    ranks: Any = severity(statuses).max(axis=axis)
    if _is_numpy(ranks):
        return _CODES[ranks]
    import jax.numpy as jnp

    return jnp.asarray(_CODES)[ranks]


def _is_numpy(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic))
