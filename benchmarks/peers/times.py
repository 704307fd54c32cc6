"""Generalisation and memorisation times of given curves, in NumPy and SciPy.

First crossings of the polynomial through the nearest eight times, in the logarithm of time:
tau_gen: (1 - L_test) / (1 - min L_test) = 0.9;
tau_mem: (B - L_train) / (B - L_train(inf)) = 1/2 with the Bayes floor B = 1 - Delta / Gamma.
"""

import numpy as np
from scipy.interpolate import BarycentricInterpolator
from scipy.optimize import brentq

from benchmarks.peers.closed_form import Curves
from benchmarks.peers.point_arrays import PointArrays


def class_times(point: PointArrays, curves: Curves) -> dict[str, np.ndarray]:
    """Both times of every class, shape (class,); inf where the level is not reached."""
    log_times = np.log(point.training_times)
    noise = point.noise_variance
    floors = 1 - noise / (point.signal**2 * point.stds**2 + noise)
    generalization = [
        first_crossing(log_times, (1 - loss) / (1 - smallest(log_times, loss)), 0.9)
        for loss in curves.test_loss
    ]
    memorization = [
        first_crossing(log_times, (floor - loss) / (floor - final), 0.5)
        if final < floor
        else np.inf
        for floor, loss, final in zip(
            floors, curves.train_loss, curves.final_train_loss, strict=True
        )
    ]
    return {
        "generalization_time": np.array(generalization),
        "memorization_time": np.array(memorization),
    }


def first_crossing(log_times: np.ndarray, progress: np.ndarray, level: float) -> float:
    """Time at which a smooth `progress` first reaches `level`."""
    above = np.flatnonzero(progress >= level)
    if not above.size:
        return np.inf
    i = above[0]
    if i == 0:
        return float(np.exp(log_times[0]))
    curve = through_neighbours(log_times, progress - level, i)
    return float(np.exp(brentq(curve, log_times[i - 1], log_times[i], xtol=1e-14)))


def smallest(log_times: np.ndarray, loss: np.ndarray) -> float:
    """The minimum of a smooth curve, which may lie between two times."""
    i = int(loss.argmin())
    if i in (0, len(loss) - 1):
        return float(loss[i])
    curve = through_neighbours(log_times, loss, i)
    ends = log_times[i - 1], log_times[i + 1]
    place = brentq(lambda x: float(curve.derivative(x)), *ends, xtol=1e-12)
    return min(float(curve(place)), float(loss[i]))


def through_neighbours(
    log_times: np.ndarray, values: np.ndarray, index: int
) -> BarycentricInterpolator:
    """The polynomial through the eight times nearest to the interval that ends at an index."""
    size = min(8, len(log_times))
    start = min(max(index - size // 2, 0), len(log_times) - size)
    chosen = slice(start, start + size)
    return BarycentricInterpolator(log_times[chosen], values[chosen])
