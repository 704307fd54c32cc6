"""The continuum of residual eigenvalues s^2(m), which a quadrature over m turns into near-atoms.

Where the residual eigenvalues of single quadrature nodes lie apart, the density on the axis is a
row of spikes that mean nothing, while the mass below a point between them is right.  There the
mass is taken at knots between groups of nodes and interpolated by a monotone cubic, whose
derivative is the density.  Centroids at the origin have one node and no continuum.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp

from diffjax.asymptotics.constants import FeatureConstants
from diffjax.asymptotics.ensemble import Ensemble
from diffjax.typing import Array, Bool, Float

MOST_KNOTS = 96
NODES_PER_CELL = {1: 1, 2: 4}
NODES_PER_CELL_BEYOND = 8
MARGIN = 0.03
SAME = 1e-9
LEAST_NOISE = 1e-10
NEGLIGIBLE = 1e-4


class MonotoneCubic(NamedTuple):
    """A monotone piecewise cubic in log lambda (Fritsch and Butland).

    Attributes:
        knots: (M,) log lambda, increasing.
        values: (M,).
        slopes: (M,) derivatives with respect to log lambda.
    """

    knots: Float[Array, " knot"]
    values: Float[Array, " knot"]
    slopes: Float[Array, " knot"]


def has_continuum(ensemble: Ensemble) -> bool:
    """Whether the quadrature has more than one node; static."""
    return ensemble.neurons.weights.shape[0] > 1


def spread_out(ensemble: Ensemble) -> Bool[Array, ""]:
    """Whether residual eigenvalues differ; nodes of centroids at the origin are all alike."""
    residual = ensemble.residual_noise
    return jnp.max(residual) - jnp.min(residual) > SAME * jnp.max(residual)


def without_negligible_spread(ensemble: Ensemble) -> Ensemble:
    """All neurons alike where their differences move no eigenvalue by 1e-4 of the residual ones.

    Nearly coinciding centroids turn the residual atom into a continuum, and its neighbours into
    parts, that lie closer to it than rounding lets them be told apart.
    """
    constants, average = ensemble.constants, ensemble.neuron_average
    mean = [average(function)[:, None] for function in constants[:4]]
    residual = ensemble.residual_noise
    spread = jnp.max(residual) - jnp.min(residual)
    power = jnp.max(ensemble.noisy_signals, axis=1) * average((constants.slope - mean[1]) ** 2)
    moved = spread + ensemble.features_per_dim * ensemble.weights @ power
    same = moved < NEGLIGIBLE * jnp.min(residual)
    merged = [jnp.where(same, x, y) for x, y in zip(mean, constants[:4], strict=True)]
    alike = FeatureConstants(*merged, constants.resolution)  # pyright: ignore[reportCallIssue]
    return dataclasses.replace(ensemble, constants=alike)


def continuum_end(ensemble: Ensemble) -> Float[Array, ""]:
    """Where the residual eigenvalues end, with a margin of 3 %; 0 without a continuum."""
    end = (1.0 + MARGIN) * jnp.max(ensemble.residual_noise)
    return jnp.where(spread_out(ensemble), end, 0.0)


def continuum_knots(ensemble: Ensemble) -> Float[Array, " knot"]:
    """(M,) increasing eigenvalues at which the mass is taken; half by rank, half by distance."""
    noise = ensemble.residual_noise
    # neurons that are never active have none, but for rounding, which may be negative
    nodes = jnp.sort(jnp.log(jnp.maximum(noise, LEAST_NOISE * jnp.max(noise))))
    count, rank = nodes.shape[0], ensemble.neurons.coordinates.shape[0]
    cells = min(MOST_KNOTS, -(-count // NODES_PER_CELL.get(rank, NODES_PER_CELL_BEYOND)))
    ends = jnp.stack([nodes[0] - 0.7, nodes[-1] + jnp.log1p(MARGIN)])
    middles = 0.5 * (nodes[1:] + nodes[:-1])
    places = jnp.concatenate([ends[:1], middles, ends[1:]])
    share = (places - ends[0]) / (ends[1] - ends[0])
    progress = 0.5 * share + 0.5 * jnp.arange(count + 1) / count
    return jnp.exp(jnp.interp(jnp.linspace(0.0, 1.0, cells + 1), progress, places))


def monotone_cubic(knots: Array, values: Array) -> MonotoneCubic:
    """Through (log of the knots, values made non-decreasing)."""
    x = jnp.log(knots)
    values = jnp.maximum.accumulate(values)
    width = jnp.maximum(jnp.diff(x), 1e-12)
    secant = jnp.diff(values) / width
    before, after = secant[:-1], secant[1:]
    first = (width[:-1] + 2.0 * width[1:]) / (3.0 * (width[:-1] + width[1:]))
    mean = (1.0 - first) * before + first * after
    both = (before > 0) & (after > 0)
    inner = jnp.where(both, before * after / jnp.where(both, mean, 1.0), 0.0)
    return MonotoneCubic(x, values, jnp.concatenate([secant[:1], inner, secant[-1:]]))


def evaluate(cubic: MonotoneCubic, places: Array) -> tuple[Array, Array]:
    """Value and derivative with respect to lambda; constant beyond the ends."""
    x = jnp.clip(jnp.log(places), cubic.knots[0], cubic.knots[-1])
    cell = jnp.clip(jnp.searchsorted(cubic.knots, x) - 1, 0, cubic.knots.shape[0] - 2)
    left, right = (field[cell] for field in cubic), (field[cell + 1] for field in cubic)
    (x0, y0, d0), (x1, y1, d1) = left, right
    width = jnp.maximum(x1 - x0, 1e-12)
    s = jnp.clip((x - x0) / width, 0.0, 1.0)
    bend, rest = s * s * (3.0 - 2.0 * s), s * (1.0 - s)
    value = y0 + (y1 - y0) * bend + width * rest * (d0 * (1.0 - s) - d1 * s)
    rate = (
        6.0 * rest * (y1 - y0) / width + d0 * (1.0 - s) * (1.0 - 3.0 * s) + d1 * s * (3.0 * s - 2.0)
    )
    inside = (jnp.log(places) >= cubic.knots[0]) & (jnp.log(places) <= cubic.knots[-1])
    return value, jnp.where(inside, rate, 0.0) / places
