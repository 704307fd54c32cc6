"""A model whose shared stages count how often they really run."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from diffjax.errors import InputError
from diffjax.sweep.model import Output, SharedStage, model

TRACES: list[str] = []
"""Names of the functions that this process traced."""

RUNS: list[float] = []
"""The member of every run of the stage."""


class Strings(eqx.Module):
    """Two strings that are shared by many points, and a tension that is not."""

    lengths: np.ndarray = eqx.field(converter=np.asarray)
    masses: np.ndarray = eqx.field(converter=np.asarray)
    tension: np.ndarray = eqx.field(converter=np.asarray)
    shape: object = eqx.field(static=True, default=jnp.tanh)


def strings():
    """The base problem."""
    return Strings([1.0, 2.0], [0.5, 0.25], 1.0)


def _members(problem):
    return {"length": problem.lengths, "mass": problem.masses}


def _modes(member):
    TRACES.append("modes")
    jax.debug.callback(lambda length: RUNS.append(float(length)), member["length"])
    matrix = member["mass"] * jnp.eye(5) + member["length"] / (1.0 + jnp.arange(25.0).reshape(5, 5))
    return jnp.linalg.eigh(matrix + matrix.T)


def _combine(problem, results, *, gain=1.0):
    TRACES.append("combine")
    if np.any(np.asarray(gain) < 0):
        raise InputError(f"gain={gain}", "gain is at least 0", "make it positive")
    values, vectors = results["modes"]
    weight = problem.shape(problem.tension) * jnp.asarray(gain)
    return {"modes": weight * values * jnp.abs(vectors).sum(axis=-1)}


@model(
    version=1,
    outputs={"modes": Output(("string", "mode"), "a number per mode")},
    stages={"modes": SharedStage(_members, _modes)},
    combine=_combine,
)
def string_modes(problem, *, gain=1.0):
    """Modes of both strings."""
    modes = jax.lax.map(_modes, _members(problem))
    return _combine(problem, {"modes": modes}, gain=gain)


def counts():
    """How many functions this process traced, and how often the stage ran."""
    jax.effects_barrier()
    return len(TRACES), len(RUNS)
