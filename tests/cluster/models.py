"""A model for workers: they import it by this path."""

import os
import time

import equinox as eqx
import numpy as np

from diffjax.sweep.model import Output, model


class Slow(eqx.Module):
    """Numbers with a delay, so that there is time to kill somebody."""

    width: np.ndarray = eqx.field(converter=np.asarray)
    seed: np.ndarray = eqx.field(converter=np.asarray)
    delay: float = eqx.field(static=True, default=0.05)


OUTPUTS = {"value": Output((), "a number"), "process": Output((), "who")}


@model(version=1, outputs=OUTPUTS, on="host")
def slow_square(problem):
    """The square, after a while, with the number of the process that computed it."""
    time.sleep(problem.delay)
    return {"value": float(problem.width) ** 2 + float(problem.seed), "process": float(os.getpid())}
