"""A model that costs nothing, for the command line to run: a parabola, and a log that can fail."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from diffjax.status import Status
from diffjax.sweep import Output, model


class Curve(eqx.Module):
    """The problem: where a parabola is evaluated."""

    slope: float = eqx.field(converter=np.asarray, default=2.0)
    offset: float = eqx.field(converter=np.asarray, default=1.0)
    seed: int = eqx.field(converter=np.asarray, default=0)
    count: int = eqx.field(static=True, default=3)


@model(
    version=1,
    outputs={
        "height": Output(("place",), "height"),
        "logarithm": Output((), "log of the offset"),
        "status": Output((), "status"),
    },
    default_problem=Curve,
    citations=("arXiv:2605.06367",),
)
def toy(problem, power: int = 2):
    """A power law, and the logarithm of the offset, which fails for negative offsets."""
    places = jnp.arange(problem.count, dtype=float)
    height = problem.slope * places**power + problem.offset + problem.seed
    failed = problem.offset < 0
    return {
        "height": height,
        "logarithm": jnp.log(jnp.where(failed, 1.0, problem.offset)),
        "status": jnp.where(failed, int(Status.NOT_CONVERGED), int(Status.OK)),
    }
