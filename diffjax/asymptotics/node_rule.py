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
from diffjax.typing import ArrayLike

COUNTS = {1: (23, 95, 191), 2: (21, 41, 81), 3: (13, 25)}
"""Nodes per coordinate by the number of coordinates; beyond three a lattice takes its place."""

SPACING = 0.28
REACH, POINTS = 30.0, 6000
WITHIN = 8.0
NARROWEST, WIDEST = 0.02, 4.0


def nodes_by_rule(
    activation: Activation, rank: ArrayLike, reach: ArrayLike, narrowest: ArrayLike
) -> np.ndarray:
    """Nodes per coordinate of a product rule; odd numbers, so that the origin is a node.

    Args:
        activation: phi.
        rank: number of coordinates, of one problem or many (N,).
        reach: largest standard deviation of the mean pre-activations along a coordinate.
        narrowest: standard deviation sqrt(Gamma_c) of the pre-activations of the narrowest class.

    Example:
        >>> from diffjax.numerics.activations import resolve_activation
        >>> nodes_by_rule(resolve_activation("tanh"), 1, [0.7, 4.0], 1.0).tolist()
        [23, 95]
    """
    rank, reach, narrowest = np.broadcast_arrays(rank, reach, narrowest)
    widths, at = np.unique(np.clip(narrowest, NARROWEST, WIDEST).round(3), return_inverse=True)
    lengths = np.array([bending_length(activation, float(width)) for width in widths])
    needed = 2.0 * HALF_WIDTH * reach / (SPACING * lengths[at.reshape(rank.shape)])
    nodes = np.empty(rank.shape, int)
    for number in np.unique(rank):
        counts = np.array(COUNTS.get(int(number), COUNTS[3]))
        finest = np.minimum(np.searchsorted(counts, needed), len(counts) - 1)
        nodes = np.where(rank == number, counts[finest], nodes)
    return nodes


@functools.lru_cache(maxsize=4096)
def bending_length(activation: Activation, width: float) -> float:
    """max |phi'|/max |phi''| of the activation smoothed by a Gaussian of a width, for |x| < 8.

    Args:
        activation: phi.
        width: between 0.02 and 4.

    Example:
        >>> from diffjax.numerics.activations import resolve_activation
        >>> round(bending_length(resolve_activation("relu"), 0.5) / 0.5, 1)
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
