"""How many nodes per centroid coordinate the numbers of a problem ask for.

Averages over the mean pre-activations m of a neuron converge exponentially once the spacing of the
nodes, in units of m, is below the length over which the activation bends, smoothed by the
narrowest diffused class.  Few counts are in use, as each has its own program.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.numerics.activations import Activation
from diffjax.numerics.normal_nodes import HALF_WIDTH

COUNTS = {1: (23, 47, 95, 191), 2: (21, 41, 81), 3: (13, 25)}
"""Nodes per coordinate by the number of coordinates; beyond three more are not affordable."""

SPACING = 0.28
REACH, POINTS = 30.0, 6000
WITHIN = 8.0
NARROWEST, WIDEST = 0.02, 4.0


def nodes_by_rule(
    activation: Activation, rank: int, covariance: np.ndarray | None, narrowest: float
) -> int:
    """Nodes per coordinate of a product rule; an odd number, so that the origin is a node.

    Args:
        activation: phi.
        rank: number of coordinates.
        covariance: (K, K) of the mean pre-activations; None where numbers are not known yet.
        narrowest: standard deviation sqrt(Gamma_c) of the pre-activations of the narrowest class.
    """
    counts = COUNTS.get(rank, COUNTS[3][:1])
    if covariance is None or rank == 0:
        return counts[0]
    reach = float(np.sqrt(max(np.linalg.eigvalsh(covariance)[-1], 0.0)))
    narrowest = float(np.clip(narrowest, NARROWEST, WIDEST))
    needed = 2.0 * HALF_WIDTH * reach / (SPACING * bending_length(activation, round(narrowest, 3)))
    return next((count for count in counts if count >= needed), counts[-1])


@functools.lru_cache(maxsize=256)
def bending_length(activation: Activation, width: float) -> float:
    """max |phi'|/max |phi''| of the activation smoothed by a Gaussian of a width, for |x| < 8.

    Args:
        activation: phi.
        width: between 0.02 and 4.

    Example:
        >>> round(bending_length(dj.Activation.named("relu"), 0.5) / 0.5, 1)
        2.5
    """
    points = np.linspace(-REACH, REACH, POINTS, endpoint=False)
    with jax.ensure_compile_time_eval():
        values = np.asarray(activation(jnp.asarray(points)), float)
    frequency = 2.0 * np.pi * np.fft.rfftfreq(POINTS, 2.0 * REACH / POINTS)
    smooth = np.fft.rfft(values) * np.exp(-0.5 * (width * frequency) ** 2)
    inside = np.abs(points) < WITHIN
    slope, bend = (
        np.abs(np.fft.irfft(smooth * (1j * frequency) ** order, POINTS)[inside]).max()
        for order in (1, 2)
    )
    return float(slope / max(bend, 1e-9 * slope, 1e-300))
