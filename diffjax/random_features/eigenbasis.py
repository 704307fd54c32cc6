"""Learning curves in closed form from one eigendecomposition of U.

Letters: U = O diag(lam) O^T, P = O^T V, f(tau) = (1 - exp(-rate lam tau))/lam,
E(tau) = exp(-rate lam tau), a O = R diag(E) - Delta^(-1/2) P^T diag(f) with R = a_0 O.  From a zero
readout

    L_c = 1 - (2/d) f . q_c + (1/d) f^T M_c f,
    q_c = rowsum(P o O^T V_c),    M_c = (P P^T) o (O^T U_c O).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.random_features.covariances import FeatureCovariances
from diffjax.random_features.objective import InitialReadout, LossCurves, Objective
from diffjax.typing import Array, Float


class Eigenbasis(NamedTuple):
    """Spectrum of the training covariance.

    Attributes:
        values: (p,) ascending, clipped at zero.
        vectors: (p, p) columns.
        rows: (p, p) the transpose, laid out in memory as such: products with it are faster.
    """

    values: Float[Array, " feature"]
    vectors: Float[Array, "feature feature"]
    rows: Float[Array, "feature feature"]


class _Modes(NamedTuple):
    """What every class needs: relaxation functions on the time grid and the start."""

    relaxation: Float[Array, "time feature"]
    decay: Float[Array, "time feature"]
    target: Float[Array, "feature dim"]
    start: Float[Array, "feature dim"] | None
    start_std: Float[Array, ""] | None


def eigenbasis(matrix: Float[Array, "feature feature"]) -> Eigenbasis:
    """Eigendecomposition of a positive semi-definite matrix."""
    values, vectors = jnp.linalg.eigh(matrix, symmetrize_input=False)
    return Eigenbasis(jnp.maximum(values, 0.0), vectors, jax.lax.optimization_barrier(vectors.T))


def solve_by_eigenbasis(
    objective: Objective, times: Float[Array, " time"], initial: InitialReadout
) -> tuple[LossCurves, Float[Array, " feature"]]:
    """Learning curves at any training times, and the eigenvalues of U.

    Args:
        objective: covariances and weights.
        times: (T,) training times.
        initial: the readout at time zero.

    Returns:
        LossCurves and the (p,) eigenvalues, ascending.
    """
    basis = eigenbasis(objective.feature)
    modes = _modes(objective, basis, jnp.append(times, jnp.inf), initial)
    # the symmetric matrix P P^T weighs every pair of modes
    pair_weight = modes.target @ modes.target.T
    train_last, train_rest = _largest_last(objective)

    def curve(covariances: FeatureCovariances, rotated: Array) -> Array:
        return _curve(objective, basis, modes, pair_weight, covariances.slope, rotated)

    def direct(covariances: FeatureCovariances) -> tuple[Array, Array]:
        rotated = basis.rows @ covariances.feature @ basis.vectors
        return curve(covariances, rotated), rotated

    test = jax.lax.map(lambda c: direct(c)[0], objective.test)
    rest_weights = objective.class_weights[train_rest]

    def accumulate(total, inputs):
        weight, covariances = inputs
        losses, rotated = direct(covariances)
        return total + weight * rotated, losses

    # sum_c omega_c O^T U_c O = diag(lam) spares the rotation of the class of largest weight
    rest = jax.tree.map(lambda leaf: leaf[train_rest], objective.train)
    spent, rest_losses = jax.lax.scan(
        accumulate, jnp.zeros_like(basis.vectors), (rest_weights, rest)
    )
    last = jax.tree.map(lambda leaf: leaf[train_last], objective.train)
    rotated_last = (jnp.diag(basis.values) - spent) / objective.class_weights[train_last]
    train = jnp.zeros_like(test)
    train = train.at[train_rest].set(rest_losses).at[train_last].set(curve(last, rotated_last))
    curves = LossCurves(train[:, :-1], test[:, :-1], train[:, -1], test[:, -1])
    return curves, basis.values


def relaxation(
    values: Float[Array, " feature"], scaled_times: Float[Array, " time"]
) -> Float[Array, "time feature"]:
    """f = (1 - exp(-lam s))/lam on a grid of s = rate tau; s at lam = 0, 1/lam at s = inf."""
    floor = values[-1] * jnp.finfo(values.dtype).eps
    safe = jnp.maximum(values, jnp.maximum(floor, jnp.finfo(values.dtype).tiny))
    return -jnp.expm1(-scaled_times[:, None] * safe[None, :]) / safe[None, :]


def _modes(
    objective: Objective, basis: Eigenbasis, times: Array, initial: InitialReadout
) -> _Modes:
    scaled = objective.rate * times
    start = None
    if initial.matrix is not None:
        p = objective.features.num_features
        start = (initial.matrix @ basis.vectors).T * jnp.sqrt(objective.noise / p)
    return _Modes(
        relaxation=relaxation(basis.values, scaled),
        decay=_decay(basis.values, scaled),
        target=basis.rows @ objective.cross,
        start=start,
        start_std=initial.std,
    )


def _decay(values: Array, scaled_times: Array) -> Array:
    """exp(-lam s), 1 for lam = 0 even at s = inf."""
    exponent = jnp.where(values[None, :] > 0, scaled_times[:, None] * values[None, :], 0.0)
    return jnp.exp(-exponent)


def _largest_last(objective: Objective) -> tuple[Array, Array]:
    """Index of the class of largest weight, and of the others."""
    order = jnp.argsort(objective.class_weights, stable=True)
    return order[-1], order[:-1]


def _curve(
    objective: Objective,
    basis: Eigenbasis,
    modes: _Modes,
    pair_weight: Array,
    slope: Array,
    rotated: Array,
) -> Float[Array, " time"]:
    """Loss of one class on the time grid, from O^T U_c O."""
    dim = objective.features.dim
    projected = basis.rows @ objective.cross_of(slope)
    f = modes.relaxation
    linear = f @ jnp.sum(modes.target * projected, axis=1)
    loss = 1.0 - 2.0 * linear / dim + _quadratic_form(f, pair_weight * rotated) / dim
    if modes.start is not None:
        decay, start = modes.decay, modes.start
        loss = loss + 2.0 * decay @ jnp.sum(start * projected, axis=1) / dim
        mixed = (start @ modes.target.T) * rotated
        loss = loss - 2.0 * jnp.sum((decay @ mixed) * f, axis=1) / dim
        loss = loss + _quadratic_form(decay, (start @ start.T) * rotated) / dim
    if modes.start_std is not None:
        energy = modes.decay**2 @ jnp.diagonal(rotated)
        variance = objective.noise * modes.start_std**2
        loss = loss + variance * energy / objective.features.num_features
    return loss


def _quadratic_form(rows: Float[Array, "time feature"], matrix: Array) -> Float[Array, " time"]:
    """f^T M f for every row f."""
    return jnp.sum((rows @ matrix) * rows, axis=1)
