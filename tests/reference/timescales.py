"""Operational training times of one class by plain loops over a stored curve.

    generalization  (1 - L^te)/(1 - min L^te)         reaches 0.9
    memorization    (B - L^tr)/(B - L^tr(infinity))   reaches 1/2
    gap onset       L^te - L^tr                       reaches 0.05 (1 - B)
    half            (min L^te - L^tr)/(min L^te - L^tr(infinity))  reaches 1/2
    score error     (L^te - B)/(1 - B)                falls to 1/2

all as first crossings, interpolated linearly in log tau; B is the Bayes floor. A level that is
never reached gives infinity.
"""

import math

import numpy as np


def first_crossing(times, values, level) -> float:
    """First tau at which the curve, linear in log tau between grid points, reaches `level`."""
    if values[0] >= level:
        return float(times[0])
    for i in range(1, len(times)):
        if values[i] >= level:
            share = (level - values[i - 1]) / (values[i] - values[i - 1])
            step = math.log(times[i]) - math.log(times[i - 1])
            return math.exp(math.log(times[i - 1]) + share * step)
    return math.inf


def generalization_time(times, test_loss, level=0.9) -> float:
    lowest = min(test_loss)
    if lowest >= 1.0:
        return math.inf
    return first_crossing(times, [(1 - x) / (1 - lowest) for x in test_loss], level)


def memorization_time(times, train_loss, final_train_loss, bayes_floor, level=0.5) -> float:
    depth = bayes_floor - final_train_loss
    if depth <= 0:
        return math.inf
    return first_crossing(times, [(bayes_floor - x) / depth for x in train_loss], level)


def gap_onset_time(times, train_loss, test_loss, bayes_floor, level=0.05) -> float:
    gaps = np.asarray(test_loss) - np.asarray(train_loss)
    return first_crossing(times, gaps, level * (1 - bayes_floor))


def half_memorization_time(times, train_loss, test_loss, final_train_loss) -> float:
    return memorization_time(times, train_loss, final_train_loss, min(test_loss))


def half_score_error_time(times, test_loss, bayes_floor, level=0.5) -> float:
    errors = (np.asarray(test_loss) - bayes_floor) / (1 - bayes_floor)
    return first_crossing(times, -errors, -level)
