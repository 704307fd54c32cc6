"""The five times of given curves by splines, written from their definitions alone."""

from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

TIME_TOLERANCE = 1e-2
"""Of the logarithm of a time."""


def times_of_curves(times, train, test, final_train, final_test, floor) -> dict[str, np.ndarray]:
    """(K,) every time by name: inf if not reached, the first time if reached before it.

    Args:
        times: (T,) training times.
        train: (K, T) losses.
        test: (K, T) losses.
        final_train: (K,) at infinite time.
        final_test: (K,) likewise, not used by any definition.
        floor: (K,) Bayes floors.
    """
    names = ("generalization_time", "memorization_time", "gap_onset_time",
             "half_memorization_time", "half_score_error_time")  # fmt: skip
    found = {name: [] for name in names}
    for c in range(len(train)):
        best = _smallest(times, test[c])
        levels = {
            "generalization_time": (1 - test[c]) - 0.9 * (1 - best),
            "memorization_time": (floor[c] - train[c]) - 0.5 * (floor[c] - final_train[c]),
            "gap_onset_time": (test[c] - train[c]) - 0.05 * (1 - floor[c]),
            "half_memorization_time": (best - train[c]) - 0.5 * (best - final_train[c]),
            "half_score_error_time": 0.5 * (1 - floor[c]) - (test[c] - floor[c]),
        }
        never = np.full(len(times), -1.0)
        if floor[c] <= final_train[c]:  # there is no way to go
            levels["memorization_time"] = never
        if best <= final_train[c]:
            levels["half_memorization_time"] = never
        for name, curve in levels.items():
            found[name].append(_first_zero(times, curve))
    return {name: np.array(values) for name, values in found.items()}


def _smallest(times: np.ndarray, curve: np.ndarray) -> float:
    spline = CubicSpline(np.log(times), curve)
    inner = spline.derivative().roots(extrapolate=False)
    return float(min(curve.min(), spline(inner).min() if len(inner) else np.inf))


def _first_zero(times: np.ndarray, curve: np.ndarray) -> float:
    """Where the curve first rises to zero."""
    above = np.flatnonzero(curve >= 0)
    if not len(above):
        return np.inf
    if above[0] == 0:
        return float(times[0])
    spline, logs = CubicSpline(np.log(times), curve), np.log(times)
    return float(np.exp(brentq(spline, logs[above[0] - 1], logs[above[0]])))


def time_error(found: dict[str, Any], right: dict[str, Any]) -> tuple[float, str]:
    """Largest error of the logarithm of a time, in units of the tolerance."""
    error, what = 0.0, ""
    for name, values in right.items():
        one, other = np.asarray(found[name]), np.asarray(values)
        with np.errstate(invalid="ignore"):
            off = np.where(one == other, 0.0, np.abs(np.log(one / other)) / TIME_TOLERANCE)
        off = np.nan_to_num(off, nan=1e9, posinf=1e9)
        if off.max() > error:
            c = int(np.argmax(off))
            error, what = float(off[c]), f"{name}[{c}] {one[c]:.6g}, not {other[c]:.6g}"
    return error, what
