"""Learning curves by matrix products only: doubling of the training time.

Letters: F(s) = 1 - exp(-s U), B(s) = V^T U^(-1) F(s), s = rate tau, with
F(2s) = 2F - F^2 and B(2s) = 2B - B F.  Written for 1 - exp(-s U) rather than for the exponential,
doubling keeps the relative accuracy of slow modes (the other form loses them entirely).

CHAINS chains per octave sample the curves at equal steps of log(tau).  As functions of log(tau) the
curves are analytic in the strip |Im log(tau)| < pi/2, so a polynomial through the STENCIL nearest
samples reproduces them at any time to 1e-11.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.numerics.interpolation import local_weights
from diffjax.random_features.loss_errors import LossErrors, errors_from_samples
from diffjax.random_features.objective import (
    InitialReadout,
    LossCurves,
    Objective,
    split_losses,
)
from diffjax.typing import Array, Float

CHAINS = 6
STENCIL = 22
MAX_OCTAVES = 96
TAYLOR_ORDER = 9
FIRST_STEP = 1.0 / 64.0


class _Chain(NamedTuple):
    """One flow at one time: F (p, p) and B (d, p)."""

    filter: Float[Array, "feature feature"]
    readout: Float[Array, "dim feature"]


def solve_by_doubling(
    objective: Objective, times: Float[Array, " time"], initial: InitialReadout
) -> tuple[LossCurves, LossErrors]:
    """Learning curves at any increasing training times, by matrix products only.

    Args:
        objective: covariances and weights.
        times: (T,) training times, increasing; at most about 80 octaves are covered.
        initial: the readout at time zero.

    Returns:
        LossCurves that agree with those of the eigenbasis to about 1e-11, and how far they may be
        off.
    """
    feature, cross = objective.feature, objective.cross.T
    scaled = objective.rate * times
    margin = 2.0 ** (STENCIL / CHAINS)
    first = jnp.minimum(FIRST_STEP / _norm_bound(feature), scaled[0] / margin)
    octaves = jnp.ceil(jnp.log2(scaled[-1] / first * margin)).astype(int) + 1
    chains = jax.lax.map(
        lambda j: _taylor(feature, cross, first * 2.0 ** (j / CHAINS)), jnp.arange(CHAINS)
    )

    def record(chain: _Chain) -> Array:
        return _record(objective, initial, chain)

    def octave(index, state):
        chains, samples = state
        samples = samples.at[index].set(jax.lax.map(record, chains))
        return jax.lax.map(_double, chains), samples

    num_classes = objective.class_weights.shape[0]
    samples = jnp.zeros((MAX_OCTAVES, CHAINS, 2 * num_classes), feature.dtype)
    octaves = jnp.minimum(octaves, MAX_OCTAVES)
    chains, samples = jax.lax.fori_loop(0, octaves, octave, (chains, samples))
    flat = samples.reshape(MAX_OCTAVES * CHAINS, 2 * num_classes)
    position = jnp.log2(scaled / first) * CHAINS
    curves = _interpolate(flat, position)
    final = record(_limit(jax.tree.map(lambda leaf: leaf[0], chains)))
    losses = LossCurves(curves[:, :num_classes].T, curves[:, num_classes:].T, *jnp.split(final, 2))
    recorded = jnp.arange(MAX_OCTAVES * CHAINS) < octaves * CHAINS
    flat = jnp.where(recorded[:, None], flat, final[None])
    times = first * 2.0 ** (jnp.arange(MAX_OCTAVES * CHAINS) / CHAINS)
    return losses, _errors(objective, times, flat, final)


def _errors(objective: Objective, times: Array, losses: Array, final: Array) -> LossErrors:
    parts = (objective.train, objective.test)
    return errors_from_samples(
        times,
        losses.reshape(len(times), 2, -1),
        final.reshape(2, -1),
        objective.class_weights,
        jnp.stack([jnp.max(part.truncation, axis=1) for part in parts]),
        jnp.stack([part.moment_error for part in parts]),
        jnp.finfo(losses.dtype).eps * _norm_bound(objective.feature),
        objective.dim,
    )


def _norm_bound(matrix: Array) -> Array:
    """An upper bound of the largest eigenvalue: the smaller of row-sum norm and trace."""
    return jnp.minimum(jnp.max(jnp.sum(jnp.abs(matrix), axis=1)), jnp.trace(matrix))


def _taylor(feature: Array, cross: Array, step: Array) -> _Chain:
    """F and B at a time so short that nine terms of the series are exact to rounding."""
    small = step * feature
    identity = jnp.eye(feature.shape[0], dtype=feature.dtype)
    # (1 - exp(-x))/x by Horner's rule
    series = identity / math.factorial(TAYLOR_ORDER)
    for order in range(TAYLOR_ORDER - 1, 0, -1):
        series = identity / math.factorial(order) - small @ series
    return _symmetric(_Chain(small @ series, step * cross @ series))


def _double(chain: _Chain) -> _Chain:
    f, b = chain
    return _symmetric(_Chain(2.0 * f - f @ f, 2.0 * b - b @ f))


def _symmetric(chain: _Chain) -> _Chain:
    """Rounding would otherwise let the antisymmetric part grow."""
    return _Chain(0.5 * (chain.filter + chain.filter.T), chain.readout)


@jax.custom_jvp
def _limit(chain: _Chain) -> _Chain:
    """Double until the readout stands still: the least-squares solution V^T U^(-1) = B F^(-1)."""
    tolerance = 8.0 * jnp.finfo(chain.readout.dtype).eps

    def moving(state):
        count, change, _ = state
        return (change > tolerance) & (count < MAX_OCTAVES)

    def advance(state):
        count, _, chain = state
        after = _double(chain)
        scale = jnp.max(jnp.abs(after.readout))
        return count + 1, jnp.max(jnp.abs(after.readout - chain.readout)) / scale, after

    start = (0, jnp.array(jnp.inf, chain.readout.dtype), chain)
    return jax.lax.while_loop(moving, advance, start)[2]


@_limit.defjvp
def _limit_derivative(primals: tuple[_Chain], tangents: tuple[_Chain]) -> tuple[_Chain, _Chain]:
    """d(B F^(-1)) = (dB - B F^(-1) dF) F^(-1); a loop without a fixed end has no transpose."""
    (chain,), (change,) = primals, tangents
    limit = _limit(chain)
    source = change.readout - limit.readout @ change.filter
    readout = jnp.linalg.solve(chain.filter, source.T).T  # F is symmetric
    return limit, _Chain(jnp.zeros_like(limit.filter), readout)


def _record(objective: Objective, initial: InitialReadout, chain: _Chain) -> Array:
    """(2K,) train then test losses of the readout reached by a chain."""
    p = objective.features.num_features
    decay = jnp.eye(p, dtype=chain.filter.dtype) - chain.filter
    scaled = -chain.readout / jnp.sqrt(objective.noise)
    if initial.matrix is not None:
        scaled = scaled + initial.matrix @ decay / jnp.sqrt(p)
    values = [split_losses(objective, c, scaled) for c in (objective.train, objective.test)]
    if initial.std is not None:
        variance = objective.noise * initial.std**2 / p
        for index, covariances in enumerate((objective.train, objective.test)):
            energy = [jnp.sum((decay @ u) * decay) for u in covariances.feature]
            values[index] = values[index] + variance * jnp.stack(energy)
    return jnp.concatenate(values)


def _interpolate(
    samples: Float[Array, "node curve"], position: Float[Array, " time"]
) -> Float[Array, "time curve"]:
    """The curves at positions between their equidistant samples."""
    nodes, weights = local_weights(position, samples.shape[0], STENCIL)
    return jnp.einsum("ts,tsc->tc", weights, samples[nodes])
