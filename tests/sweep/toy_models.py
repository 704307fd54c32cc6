"""Small problems and models without physics, cheap enough to sweep in every test."""

import os

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from diffjax.errors import InputError
from diffjax.status import Status
from diffjax.sweep.model import Output, SharedStage, model

CALLS: list[str] = []
"""Names of the Python functions that JAX traced, in order."""


def _float(value):
    return np.asarray(value, np.float64) if not isinstance(value, jax.core.Tracer) else value


def _integer(value):
    return np.asarray(value, np.int64) if not isinstance(value, jax.core.Tracer) else value


class Plate(eqx.Module):
    """A part of a problem; its radius cannot be negative."""

    widths: np.ndarray = eqx.field(converter=_float)
    radius: np.ndarray = eqx.field(converter=_float)

    def __check_init__(self):
        if isinstance(self.radius, np.ndarray) and self.radius < 0:
            raise InputError(f"radius={self.radius}", "radius is at least 0", "make it positive")


class Spring(eqx.Module):
    """A problem with a nested part, static fields, an unset field and a check over both."""

    plate: Plate
    stiffness: np.ndarray = eqx.field(converter=_float)
    seed: np.ndarray = eqx.field(converter=_integer, default=0)
    size: int = eqx.field(static=True, default=3)
    kind: str = eqx.field(static=True, default="steel")
    load: np.ndarray | None = None

    def __check_init__(self):
        concrete = isinstance(self.stiffness, np.ndarray)
        if concrete and self.stiffness * self.plate.radius > 90:
            raise InputError("stiffness * radius > 90", "at most 90", "lower one of them")


class Pair(eqx.Module):
    """A problem in which the short name ``radius`` is ambiguous."""

    first: Plate
    second: Plate


def spring(**changes):
    """The base problem of the tests."""
    fields = {"plate": Plate([1.0, 0.5], 2.0), "stiffness": 3.0, **changes}
    return Spring(**fields)


@model(
    version=1,
    outputs={
        "energy": Output((), "stored energy", "J", "E"),
        "modes": Output(("mode",), "one number per mode"),
        "frequencies": Output(("mode",), "label of each mode", coordinate=True),
        "rounds": Output((), "a whole number"),
        "status": Output((), "status of the point"),
    },
    coords=lambda problem: {"plate": ["left", "right"]},
    default_problem=spring,
    flops=lambda problem: 10.0 * problem.size,
)
def oscillator(problem, *, gain=1.0):
    """A model whose inner size is static; it fails where the radius is exactly 7."""
    CALLS.append("oscillator")
    modes = jnp.arange(1.0, problem.size + 1.0)
    radius = problem.plate.radius
    energy = gain * problem.stiffness * radius**2 + problem.seed.astype(float)
    return {
        "energy": jnp.where(radius == 7.0, jnp.nan, energy),
        "modes": modes * radius + problem.plate.widths.sum(),
        "frequencies": modes,
        "rounds": problem.seed * 2,
        "status": jnp.where(radius == 5.0, int(Status.NOT_CONVERGED), int(Status.OK)),
    }


def _level_members(problem):
    stiffness = jnp.broadcast_to(problem.stiffness, problem.plate.widths.shape)
    return {"width": problem.plate.widths, "stiffness": stiffness}


def _levels(member):
    """Eigenvalues: LAPACK, which must not be batched on CPU."""
    CALLS.append("levels")
    offset = jnp.linspace(0.1, 0.9, 16).reshape(4, 4)
    return jnp.linalg.eigh(member["stiffness"] * jnp.eye(4) + member["width"] * offset)


def _phase_members(problem):
    return problem.plate.radius[None] + jnp.zeros(1)


def _phase(radius):
    CALLS.append("phase")
    return {"cosine": jnp.cos(radius), "sine": jnp.sin(radius)}


def _combine(problem, results):
    CALLS.append("combine")
    values, vectors = results["levels"]
    phase = results["phase"]
    mixed = values * phase["cosine"][0] + phase["sine"][0] * jnp.abs(vectors).sum(-1)
    return {"levels": mixed * problem.seed.astype(float), "total": mixed.sum() * problem.size}


@model(
    version=2,
    outputs={
        "levels": Output(("plate", "level"), "levels of every plate"),
        "total": Output((), "sum of all levels"),
    },
    stages={
        "levels": SharedStage(_level_members, _levels),
        "phase": SharedStage(_phase_members, _phase),
    },
    combine=_combine,
    default_problem=spring,
    precision="float64",
)
def spectrum(problem):
    """A model with two shared stages; it fails nowhere."""
    levels = jax.lax.map(_levels, _level_members(problem))
    phase = jax.lax.map(_phase, _phase_members(problem))
    return _combine(problem, {"levels": levels, "phase": phase})


def _draw_members(problem):
    return problem.seed[None]


def _draws(seed):
    CALLS.append("draws")
    return {"noise": jax.random.normal(jax.random.key(seed), (4,)), "shift": 0.5 * seed}


def _noisy_members(problem):
    return problem.plate.widths


def _noisy(width, drawn):
    CALLS.append("noisy")
    return width * drawn["noise"] + drawn["shift"]


def _combine_noisy(problem, results):
    drawn = jax.tree.map(lambda leaf: leaf[0], results["draws"])
    return {"noisy": results["noisy"] + problem.plate.radius * drawn["noise"][None, :]}


@model(
    version=1,
    outputs={"noisy": Output(("plate", "node"), "displacement of every plate")},
    stages={
        "draws": SharedStage(_draw_members, _draws),
        "noisy": SharedStage(_noisy_members, _noisy, needs="draws"),
    },
    combine=_combine_noisy,
)
def noisy_plates(problem):
    """A model one of whose shared stages needs the result of another."""
    drawn = _draws(problem.seed)
    noisy = jax.lax.map(lambda width: _noisy(width, drawn), _noisy_members(problem))
    return _combine_noisy(
        problem, {"draws": jax.tree.map(lambda x: x[None], drawn), "noisy": noisy}
    )


@model(version=1, outputs={"energy": Output((), "stored energy")}, on="host")
def workshop(problem):
    """Plain Python that writes a line per call into the file named by TOY_LOG."""
    with open(os.environ["TOY_LOG"], "a") as file:
        file.write(f"{float(problem.plate.radius)} {int(problem.seed)}\n")
    return {"energy": float(problem.stiffness) * float(problem.plate.radius) + int(problem.seed)}
