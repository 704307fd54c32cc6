"""Models that cost nothing, with points that fail, and the grid that all fault tests compute."""

import os
import time
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from diffjax.status import Status
from diffjax.sweep.model import Output, model

OVER = {"height": np.linspace(1.0, 3.0, 5), "seed": range(8)}
POINTS = 40
FAILED = 6  # five heights do not converge with seed 7, and one of the others overflows
BATCH = 4
LOG = "DIFFJAX_FAULTS_LOG"
DELAY = "DIFFJAX_FAULTS_DELAY"

_OUTPUTS = {
    "curve": Output(("place",), "a random walk"),
    "energy": Output((), "its sum"),
    "status": Output((), "status of the point"),
}


class Rung(eqx.Module):
    """A problem of two numbers."""

    height: np.ndarray = eqx.field(converter=np.asarray, default=1.0)
    seed: np.ndarray = eqx.field(converter=np.asarray, default=0)
    count: int = eqx.field(static=True, default=64)


def log_points(count: int) -> None:
    """Add a byte per computed point to the log; whole writes of any process are appended.

    It takes as long as the environment says, so that there is time to kill somebody.
    """
    time.sleep(float(os.environ.get(DELAY, "0")))
    if path := os.environ.get(LOG):
        with open(path, "ab", buffering=0) as file:
            file.write(b"." * count)


def logged_points(path: Path) -> int:
    """How many points were computed since the log was begun."""
    return path.stat().st_size if path.exists() else 0


@model(version=1, outputs=_OUTPUTS, on="host", default_problem=Rung)
def ladder(problem):
    """A random walk on the host, one point per batch."""
    height, seed = float(problem.height), int(problem.seed)
    log_points(1)
    rng = np.random.default_rng([seed, round(1000 * height)])
    curve = height * np.cumsum(rng.standard_normal(problem.count))
    with np.errstate(over="ignore", invalid="ignore"):
        excess = np.exp(np.float64(1e4 if (height, seed) == (3.0, 5) else 1.0))
        energy = curve.sum() + (excess - excess)  # inf - inf where it overflows
    status = Status.NOT_CONVERGED if seed == 7 else Status.OK
    return {"curve": curve, "energy": energy, "status": int(status)}


@model(version=1, outputs=_OUTPUTS, default_problem=Rung)
def comb(problem):
    """A compiled model, several points per batch."""
    places = jnp.arange(1.0, problem.count + 1.0)
    curve = jnp.sin(problem.height * places) + problem.seed.astype(float)
    overflows = (problem.height == 3.0) & (problem.seed == 5)
    excess = jnp.exp(jnp.where(overflows, 1e4, 1.0))
    status = jnp.where(problem.seed == 7, int(Status.NOT_CONVERGED), int(Status.OK))
    return {"curve": curve, "energy": curve.sum() + (excess - excess), "status": status}


MODELS = {"ladder": ladder, "comb": comb}
