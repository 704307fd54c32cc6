"""Learning curves in closed form from one eigendecomposition of U.

Letters: U = O diag(lam) O^T, P = O^T V, f(tau) = (1 - exp(-rate lam tau))/lam,
E(tau) = exp(-rate lam tau), a O = Delta^(-1/2) (S^T diag(E) - P^T diag(f)) with
S = sqrt(Delta) O^T a_0^T the start.  From a zero readout

    L_c = 1 - (2/d) f . q_c + (1/d) f^T ((P P^T) o N_c) f,
    q_c = rowsum(P o O^T V_c),    N_c = O^T U_c O.

Only quadratic forms of N_c occur, so that half of it will do: U_c = H + H^T with H the rows of U_c
up to a halved diagonal block, and N_c = Z_c + Z_c^T with Z_c = O^T H O.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.numerics.panels import row_panels
from diffjax.random_features.covariances import FeatureCovariances
from diffjax.random_features.loss_errors import LossErrors, errors_from_moves
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


class Modes(NamedTuple):
    """What the curves of all classes have in common.

    Attributes:
        filter: (T + 1, p) f on the time grid and at infinite time.
        decay: (T + 1, p) E.
        target: (p, d) P.
        start: (p, d) S, or None for a zero start.
        start_variance: Delta s_0^2/p of a random start that is averaged over, or None.
        target_pairs: (p, p) P P^T.
    """

    filter: Float[Array, "time_and_end feature"]
    decay: Float[Array, "time_and_end feature"]
    target: Float[Array, "feature dim"]
    start: Float[Array, "feature dim"] | None
    start_variance: Float[Array, ""] | None
    target_pairs: Float[Array, "feature feature"]


class Uncertainty(NamedTuple):
    """What eigenvalues and quadratic forms may be off by, in the eigenbasis.

    Attributes:
        truncation: (p,) of U by truncated series.
        rounding: (p,) of U by rounding.
        train: (K, p) of every U_c of the training samples by truncation.
        test: (K, p) of every U_c of the population or the held-out samples.
    """

    truncation: Float[Array, " feature"]
    rounding: Float[Array, " feature"]
    train: Float[Array, "class feature"]
    test: Float[Array, "class feature"]


def eigenbasis(matrix: Float[Array, "feature feature"]) -> Eigenbasis:
    """Eigendecomposition of a positive semi-definite matrix."""
    values, vectors = jnp.linalg.eigh(matrix, symmetrize_input=False)
    return Eigenbasis(jnp.maximum(values, 0.0), vectors, jax.lax.optimization_barrier(vectors.T))


def solve_by_eigenbasis(
    objective: Objective, times: Float[Array, " time"], initial: InitialReadout
) -> tuple[LossCurves, Float[Array, " feature"], LossErrors]:
    """Learning curves at any training times, and the eigenvalues of U.

    Args:
        objective: covariances and weights.
        times: (T,) training times.
        initial: the readout at time zero.

    Returns:
        LossCurves, the (p,) eigenvalues, ascending, and how far the losses may be off.
    """
    basis = eigenbasis(objective.feature)
    uncertainty = _uncertainty(objective, basis)
    modes = _modes(objective, basis, times, initial)
    modes = _with_ridges(modes, basis, uncertainty)
    train = _train_quadratics(objective, basis, modes)
    test = jax.lax.map(
        lambda feature: _quadratic(modes, half_rotation(basis, feature)), objective.test.feature
    )
    train = 1.0 + (train + _linear(objective, basis, modes, objective.train)) / objective.dim
    test = 1.0 + (test + _linear(objective, basis, modes, objective.test)) / objective.dim
    last = jax.lax.stop_gradient((modes, uncertainty, train[:, -3:], test[:, -3:]))
    errors = _errors(objective, *last)
    train, test = train[:, :-2], test[:, :-2]
    curves = LossCurves(train[:, :-1], test[:, :-1], train[:, -1], test[:, -1])
    return curves, basis.values, errors


def _uncertainty(objective: Objective, basis: Eigenbasis) -> Uncertainty:
    """What truncation and rounding may shift the eigenvalues by, to first order."""
    share = basis.vectors**2
    truncation = jnp.concatenate([objective.train.truncation, objective.test.truncation]) @ share
    rounding = jnp.finfo(basis.values.dtype).eps * basis.values[-1]
    num_classes = len(objective.class_weights)
    return Uncertainty(
        objective.class_weights @ truncation[:num_classes],
        jnp.broadcast_to(rounding, basis.values.shape),
        *jnp.split(truncation, 2),
    )


def _with_ridges(modes: Modes, basis: Eigenbasis, uncertainty: Uncertainty) -> Modes:
    """Two more rows: the late readouts of eigenvalues that are larger by their uncertainty.

    What rounding leaves of an eigenvalue below it is no bound from below: a quarter of rounding
    stands for all that it may be.
    """
    ridges = jnp.stack([uncertainty.truncation, uncertainty.rounding])
    later = 1.0 / (1.0 / modes.filter[-1][None] + ridges)
    lost = basis.values < uncertainty.rounding
    later = later.at[1].set(jnp.where(lost, 4.0 / uncertainty.rounding, later[1]))
    return modes._replace(
        filter=jnp.concatenate([modes.filter, later]),
        decay=jnp.concatenate([modes.decay, modes.decay[-1:], modes.decay[-1:]]),
    )


def _errors(
    objective: Objective, modes: Modes, uncertainty: Uncertainty, train: Array, test: Array
) -> LossErrors:
    """From final losses as they are, and with either ridge."""
    energy = modes.filter[-3] ** 2 * jnp.diagonal(modes.target_pairs) / objective.dim
    losses = jnp.stack([train, test])
    direct = jnp.stack([uncertainty.train @ energy, uncertainty.test @ energy])
    errors = jnp.stack([objective.train.moment_error, objective.test.moment_error])
    return errors_from_moves(
        losses[..., 0],
        jnp.moveaxis(losses[..., 1:] - losses[..., :1], -1, 0),
        direct,
        2.0 * jnp.sqrt(jnp.sum(energy)) * errors,
        objective.dim,
    )


def half_rotation(basis: Eigenbasis, matrix: Float[Array, "feature feature"]) -> Array:
    """Z with O^T U O = Z + Z^T for a symmetric U: O^T H O, H made of row panels of U."""
    panels = []
    for start, stop in row_panels(matrix.shape[0]):
        block = 0.5 * matrix[start:stop, start:stop]
        panel = jnp.concatenate([matrix[start:stop, :start], block], axis=1)
        panels.append(panel @ basis.vectors[:stop])
    return basis.rows @ jnp.concatenate(panels)


def relaxation(
    values: Float[Array, " feature"], scaled_times: Float[Array, " time"]
) -> Float[Array, "time_and_end feature"]:
    """f = (1 - exp(-lam s))/lam on a grid of s = rate tau, and 1/lam as its last row.

    s at lam = 0.  The last row is that of s = inf, where zero times infinity would be a derivative.
    """
    floor = values[-1] * jnp.finfo(values.dtype).eps
    safe = jnp.maximum(values, jnp.maximum(floor, jnp.finfo(values.dtype).tiny))
    run = -jnp.expm1(-scaled_times[:, None] * safe[None, :])
    return jnp.concatenate([run, jnp.ones_like(safe)[None, :]]) / safe[None, :]


def _modes(objective: Objective, basis: Eigenbasis, times: Array, initial: InitialReadout) -> Modes:
    scaled = objective.rate * times
    target = basis.rows @ objective.cross
    start = start_variance = None
    if initial.matrix is not None:
        scale = jnp.sqrt(objective.noise / objective.features.num_features)
        start = scale * (initial.matrix @ basis.vectors).T
    if initial.std is not None:
        start_variance = objective.noise * initial.std**2 / objective.features.num_features
    return Modes(
        relaxation(basis.values, scaled),
        _decay(basis.values, scaled),
        target,
        start,
        start_variance,
        target @ target.T,
    )


def _decay(values: Array, scaled_times: Array) -> Array:
    """exp(-lam s), and its limit as the last row: 0, or 1 for lam = 0."""
    end = jnp.where(values > 0, 0.0, 1.0).astype(values.dtype)
    return jnp.concatenate([jnp.exp(-scaled_times[:, None] * values[None, :]), end[None, :]])


def _train_quadratics(objective: Objective, basis: Eigenbasis, modes: Modes) -> Array:
    """(K, T) quadratic terms of the train losses.

    sum_c omega_c O^T U_c O = diag(lam) spares the rotation of the class of largest weight.
    """
    order = jnp.argsort(objective.class_weights, stable=True)
    rest, last = order[:-1], order[-1]

    def rotate(spent, inputs):
        weight, feature = inputs
        half = half_rotation(basis, feature)
        return spent + weight * half, _quadratic(modes, half)

    remaining, quadratics = jax.lax.scan(
        rotate,
        jnp.zeros_like(basis.vectors),
        (objective.class_weights[rest], objective.train.feature[rest]),
    )
    half = (jnp.diag(0.5 * basis.values) - remaining) / objective.class_weights[last]
    found = jnp.concatenate([quadratics, _quadratic(modes, half)[None, :]])
    return jnp.zeros_like(found).at[order].set(found)


def _linear(
    objective: Objective, basis: Eigenbasis, modes: Modes, covariances: FeatureCovariances
) -> Float[Array, "class time"]:
    """2 sqrt(Delta) Tr(a V_c) of every class on the time grid, by one product for all classes."""
    scale = 2.0 * jnp.sqrt(objective.noise / objective.dim)

    def overlap(vectors: Array) -> Array:
        """rowsum(vectors o O^T diag(b_c) W) for every class."""
        return covariances.slope @ ((objective.features.weights @ vectors.T) * basis.vectors)

    linear = -scale * overlap(modes.target) @ modes.filter.T
    if modes.start is not None:
        linear = linear + scale * overlap(modes.start) @ modes.decay.T
    return linear


def _quadratic(modes: Modes, half: Float[Array, "feature feature"]) -> Float[Array, " time"]:
    """Delta Tr(a U_c a^T) of one class on the time grid, from Z_c."""
    f, decay = modes.filter, modes.decay
    total = 2.0 * _form(f, modes.target_pairs * half, f)
    if modes.start is not None:
        mixed = modes.start @ modes.target.T
        total = total + 2.0 * _form(decay, (modes.start @ modes.start.T) * half, decay)
        total = total - 2.0 * _form(decay, mixed * half, f) - 2.0 * _form(f, mixed.T * half, decay)
    if modes.start_variance is not None:
        # the loss has Delta s_0^2/p Tr(E U_c E), not divided by d as the rest will be
        dim = modes.target.shape[1]
        total = total + 2.0 * dim * modes.start_variance * (decay**2 @ jnp.diagonal(half))
    return total


def _form(left: Array, matrix: Array, right: Array) -> Float[Array, " time"]:
    """left^T M right for every time."""
    return jnp.sum((left @ matrix) * right, axis=1)
