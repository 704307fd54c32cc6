"""The reduced models against the full theory."""

import numpy as np

import diffjax as dj
from tests.truth.theory import Arguments, finer
from tests.truth.trial import CENSORED, Finding

TOLERANCE = 0.405
"""Of the logarithm of a time: fifty per cent, as documented."""


def check(arguments: Arguments) -> Finding:
    """Both times of every class."""
    found = dj.screening(arguments.problem)
    if int(found.status) not in CENSORED:
        return Finding(int(found.status), 0.0)
    truth = dj.asymptotic_dynamics(finer(arguments.problem))
    if int(truth.status) not in CENSORED:
        return Finding(int(truth.status), 0.0)
    error, what = 0.0, ""
    for name in ("generalization_time", "memorization_time"):
        one, right = np.asarray(getattr(found, name)), np.asarray(getattr(truth, name))
        edges = np.asarray(truth.training_times)[[0, -1]]
        one, right = (np.clip(np.nan_to_num(x, posinf=np.inf), *edges) for x in (one, right))
        off = np.abs(np.log(one / right)) / TOLERANCE
        if off.max() > error:
            c = int(np.argmax(off))
            error, what = float(off[c]), f"{name}[{c}] {one[c]:.4g}, not {right[c]:.4g}"
    return Finding(int(found.status), error, what)
