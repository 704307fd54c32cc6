"""One time per class by name: all definitions in use, from the full theory or from its screening.

| name                            | definition                                                     |
|---------------------------------|----------------------------------------------------------------|
| generalization_time             | nine tenths of the largest drop of the test loss               |
| memorization_time               | train loss half way from the Bayes floor to its end            |
| half_memorization_time          | train loss half way from the best test loss to its end         |
| gap_onset_time                  | gap of the losses first 0.05 (1 - B_c)                         |
| half_score_error_time           | normalised squared score error first 1/2                       |
| spectral_generalization_time    | e-fold time of the class's own generalisation mode             |
| spectral_memorization_time      | e-fold time of its memorisation mode                           |
| screening_generalization_time   | likewise, from the reduced model of generalisation             |
| screening_memorization_time     | likewise, from the reduced model of memorisation               |

Spectral and screening times take anisotropic classes along common directions.
"""

import difflib
from typing import NamedTuple

import jax.numpy as jnp

from diffjax.asymptotics.dynamics import theory_dynamics
from diffjax.asymptotics.ensemble import make_ensemble
from diffjax.asymptotics.problem import AsymptoticProblem, along_directions
from diffjax.asymptotics.screening import (
    screened,
    spectral_generalization_times,
    spectral_memorization_times,
)
from diffjax.errors import InputError
from diffjax.status import Status
from diffjax.typing import Array, Float, Int

_FROM_CURVES = (
    "generalization_time",
    "memorization_time",
    "half_memorization_time",
    "gap_onset_time",
    "half_score_error_time",
)
_SPECTRAL = {
    "spectral_generalization_time": spectral_generalization_times,
    "spectral_memorization_time": spectral_memorization_times,
}
_SCREENING = {
    "screening_generalization_time": ("generalization_time", "generalization_status"),
    "screening_memorization_time": ("memorization_time", "memorization_status"),
}
CLASS_TIMES = (*_FROM_CURVES, *_SPECTRAL, *_SCREENING)


class ClassTimes(NamedTuple):
    """One time per class.

    Attributes:
        times: (K,) training times, inf where a threshold is not reached.
        status: worst `Status` of what they were read off.
    """

    times: Float[Array, " class"]
    status: Int[Array, ""]


def check_class_time(time: str) -> None:
    """Raise InputError unless `time` is one of `CLASS_TIMES`."""
    if not isinstance(time, str) or time not in CLASS_TIMES:
        close = difflib.get_close_matches(str(time), CLASS_TIMES, n=1)
        raise InputError(
            f"time={time!r}",
            f"time is one of {', '.join(CLASS_TIMES)}",
            f"did you mean {close[0]!r}?" if close else "choose one of these",
        )


def class_times(problem: AsymptoticProblem, time: str = "generalization_time") -> ClassTimes:
    """Training times by name, with their status; jit-able and differentiable.

    Args:
        problem: an `AsymptoticProblem`.
        time: one of `CLASS_TIMES` (module docstring), static.

    Returns:
        ClassTimes.  The status is that of `asymptotic_dynamics`, or OUT_OF_RANGE for times of the
        reduced model that may be more than 50 % off; spectral times are closed formulas.

    Raises:
        InputError: an unknown name, or another kind of problem.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> from diffjax.mixture import two_classes
        >>> problem = AsymptoticProblem(two_classes((2.0, 1.0), 0.0), 64.0, 8.0, 0.01)
        >>> found = class_times(problem, "spectral_generalization_time")
        >>> [f"{time:.1f}" for time in found.times]
        ['95.1', '137.7']
    """
    check_class_time(time)
    if not isinstance(problem, AsymptoticProblem):
        raise InputError(
            f"the problem is a {type(problem).__name__}", "an AsymptoticProblem", "build one"
        )
    if time in _FROM_CURVES:
        dynamics = theory_dynamics(problem)
        return ClassTimes(getattr(dynamics, time), dynamics.status)
    along = along_directions(problem)
    if time in _SPECTRAL:
        times = _SPECTRAL[time](make_ensemble(along))
        finite = jnp.all(jnp.isfinite(times))
        return ClassTimes(times, jnp.where(finite, Status.OK, Status.NON_FINITE).astype(jnp.int8))
    found, (name, status) = screened(along), _SCREENING[time]
    return ClassTimes(getattr(found, name), getattr(found, status))
