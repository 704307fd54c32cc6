"""A model whose points cost nothing: what the sweep engine adds to them is what it costs."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from diffjax.sweep.model import Output, model


class Wave(eqx.Module):
    """A point of the cheapest model."""

    phase: np.ndarray | float = 0.0
    height: np.ndarray | float = 1.0


@model(version=1, outputs={"value": Output((), "height of a wave")}, precision="any")
def wave(problem: Wave) -> dict:
    """height cos(phase)."""
    return {"value": problem.height * jnp.cos(problem.phase)}
