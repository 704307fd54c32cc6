"""Generalisation and memorisation times of given curves, in NumPy.

First crossings of running maxima, interpolated linearly in log time:
tau_gen: (1 - L_test) / (1 - min L_test) = 0.9;
tau_mem: (B - L_train) / (B - L_train(inf)) = 1/2 with the Bayes floor B = 1 - Delta / Gamma.
"""

import numpy as np

from benchmarks.peers.closed_form import Curves
from benchmarks.peers.point_arrays import PointArrays


def class_times(point: PointArrays, curves: Curves) -> dict[str, np.ndarray]:
    """Both times of every class, shape (class,); inf where the level is not reached."""
    log_times = np.log(point.training_times)
    noise = point.noise_variance
    floors = 1 - noise / (point.signal**2 * point.stds**2 + noise)
    generalization = [
        first_crossing(log_times, (1 - loss) / (1 - loss.min()), 0.9) for loss in curves.test_loss
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
    """Time at which the running maximum of `progress` first reaches `level`."""
    running = np.maximum.accumulate(progress)
    above = np.flatnonzero(running >= level)
    if not above.size:
        return np.inf
    i = above[0]
    if i == 0:
        return float(np.exp(log_times[0]))
    share = (level - running[i - 1]) / (running[i] - running[i - 1])
    return float(np.exp(log_times[i - 1] + share * (log_times[i] - log_times[i - 1])))
