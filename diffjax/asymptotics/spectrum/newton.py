"""The equations of the deterministic equivalent linearised at a point, and Newton's step.

The unknowns x = (delta_c, h_ab for a <= b) obey x = F(x, z).  With u = 1/(1 + delta), f the
functions (b_a b_b, gamma_c^2) of a neuron, q their coefficients in 1/g, and sums over both orders
of a pair,

    dW_c(l) = -omega_c lambda_c(l) u_c^2 d delta_c
    dS = E_l[ A dW A^T - S dh S ],     dR(l) = A^T dh A - R dW R
    dq = (dS_ab, -omega_c u_c^2 d delta_c),     dE_m[f g] = -E_m[g^2 f f^T] dq

F is analytic: its derivative at complex x is this matrix, and dx/dz = (1 - J)^(-1) psi_p E_m[g^2 f]
up to the factor of delta.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.asymptotics.deterministic_equivalent import (
    Resolvent,
    Unknowns,
    direction_average,
    dressed_signal,
    neuron_moments,
    pack_symmetric,
    pair_features,
    resolvent_of,
    unknowns_of,
    unpack_symmetric,
    update_unknowns,
)
from diffjax.asymptotics.ensemble import Ensemble
from diffjax.numerics.small_matrices import reciprocal, small_inverse, small_solve
from diffjax.typing import Array, Complex, Float


class Linearised(NamedTuple):
    """F and its derivatives at some unknowns and points z.

    Attributes:
        value: (n, z) F(x, z), n = K + K(K+1)/2.
        jacobian: (n, n, z) dF/dx.
        drift: (n, z) dF/dz.
        resolvent: what x determines.
    """

    value: Complex[Array, "unknown z"]
    jacobian: Complex[Array, "unknown unknown z"]
    drift: Complex[Array, "unknown z"]
    resolvent: Resolvent


def packed(unknowns: Unknowns) -> Complex[Array, "unknown z"]:
    """delta and the upper triangle of h in one array."""
    return jnp.concatenate([unknowns.delta, pack_symmetric(unknowns.gram)])


def unpacked(values: Array, num_classes: int) -> Unknowns:
    """The inverse of `packed`."""
    return Unknowns(values[:num_classes], unpack_symmetric(values[num_classes:], num_classes))


def linearised(ensemble: Ensemble, points: Array, values: Array) -> Linearised:
    """The map and its derivatives.

    Args:
        ensemble: the problem's ensemble.
        points: (z,) complex or real.
        values: (n, z) unknowns, packed.
    """
    # without barriers XLA fuses what follows into its many uses and computes it over and over
    barrier = jax.lax.optimization_barrier
    unknowns = unpacked(values, ensemble.num_classes)
    features = pair_features(ensemble)
    resolvent = barrier(resolvent_of(ensemble, points, unknowns))
    spread = dressed_signal(ensemble, resolvent.dressed)
    value = packed(unknowns_of(ensemble, features, resolvent.green, spread))
    own, mixed = _coefficient_derivative(ensemble, resolvent)
    moments, drift = _moment_tables(ensemble, features, resolvent.green)
    tilted = _spread_derivative(ensemble, resolvent)
    own, mixed, moments, tilted = barrier((own, mixed, moments, tilted))
    rate, num_classes = _rates(ensemble)[:, None, None], ensemble.num_classes
    jacobian = -rate * _compose(moments[:, num_classes:], mixed)
    left = jacobian[:, :num_classes] - rate * moments[:, :num_classes] * own[None]
    jacobian = jnp.concatenate([left, jacobian[:, num_classes:]], axis=1)
    top = jacobian[:num_classes] + rate[:num_classes] * tilted
    jacobian = jnp.concatenate([top, jacobian[num_classes:]])
    return Linearised(value, barrier(jacobian), rate[:, 0] * drift, resolvent)


def chord_steps(
    ensemble: Ensemble, points: Array, values: Array, count: int
) -> tuple[Array, Array]:
    """A step of Newton's method and `count` more with the same matrix; also the last move.

    The map alone is several times cheaper than its derivative.
    """
    found = linearised(ensemble, points, values)
    unit = jnp.eye(values.shape[0], dtype=values.dtype)[:, :, None]
    matrix = unit - found.jacobian
    inverse = jax.lax.optimization_barrier(small_inverse(matrix))
    features, num_classes = pair_features(ensemble), ensemble.num_classes
    move = _applied(inverse, found.value - values)
    for _ in range(count):
        values = values + move
        after = update_unknowns(ensemble, features, points, unpacked(values, num_classes))
        move = _applied(inverse, packed(after) - values)
    return values + move, move


def _applied(matrix: Array, vector: Array) -> Array:
    return jnp.sum(matrix * vector[None], axis=1)


def solve_identity_minus(jacobian: Array, right: Array) -> Array:
    """(1 - J)^(-1) right, (n, z)."""
    unit = jnp.eye(jacobian.shape[0], dtype=jacobian.dtype)[:, :, None]
    return small_solve(unit - jacobian, right[:, None])[:, 0]


def relative_size(step: Array, values: Array, num_classes: int) -> Float[Array, " z"]:
    """Size of a step, relative to 1 + |delta| and to the largest h."""
    delta = jnp.max(jnp.abs(step[:num_classes]) / (1.0 + jnp.abs(values[:num_classes])), axis=0)
    scale = jnp.max(jnp.abs(values[num_classes:]), axis=0)
    return jnp.maximum(delta, jnp.max(jnp.abs(step[num_classes:]), axis=0) / scale)


def _rates(ensemble: Ensemble) -> Array:
    """(n,) omega_c/(f_c psi_n) for delta, one for h."""
    rate = ensemble.emphasis / ensemble.samples_per_dim
    pairs = ensemble.num_classes * (ensemble.num_classes + 1) // 2
    return jnp.concatenate([rate, jnp.ones((pairs,), rate.dtype)])


def _moment_tables(ensemble: Ensemble, features: Array, green: Array) -> tuple[Array, Array]:
    """psi_p E_m[g^2 f f'] and psi_p E_m[g^2 f], f in the order of the unknowns."""
    num_classes = ensemble.num_classes
    ordered = jnp.concatenate([features[-num_classes:], features[:-num_classes]])
    size = ordered.shape[0]
    rows, columns = jnp.triu_indices(size)
    products = jnp.concatenate([ordered[rows] * ordered[columns], ordered])
    table = ensemble.features_per_dim * neuron_moments(ensemble, products, green * green)
    return unpack_symmetric(table[:-size], size), table[-size:]


def _coefficient_derivative(ensemble: Ensemble, resolvent: Resolvent) -> tuple[Array, Array]:
    """(K, z) derivatives of q_c by delta_c, and (pairs, n, z) those of the other q by all."""
    inverse, signal = resolvent.inverse, resolvent.signal
    shrink = reciprocal(1.0 + resolvent.unknowns.delta)
    lifted = _lifts(ensemble, shrink)
    by_delta = direction_average(ensemble, inverse[:, None] * inverse[None] * lifted[None, None])
    by_delta = pack_symmetric(by_delta, both=True)
    outer = signal[:, None, :, None] * signal[None, :, None, :]
    outer = pack_symmetric(direction_average(ensemble, outer), both=True)
    by_gram = -pack_symmetric(jnp.moveaxis(outer, 0, 2), both=True).swapaxes(0, 1)
    own = -ensemble.weights[:, None] * shrink * shrink
    return own, jnp.concatenate([by_delta, by_gram], axis=1)


def _spread_derivative(ensemble: Ensemble, resolvent: Resolvent) -> Array:
    """(K, n, z) derivative of E_l[lambda_a R_aa]."""
    inverse, dressed = resolvent.inverse, resolvent.dressed
    shrink = reciprocal(1.0 + resolvent.unknowns.delta)
    own = ensemble.signals[:, None, :, None]
    by_delta = -direction_average(
        ensemble, own * dressed * dressed * _lifts(ensemble, shrink)[None]
    )
    columns = inverse.swapaxes(0, 1)
    pairs = columns[:, :, None] * columns[:, None, :] * own[:, None]
    pairs = jnp.moveaxis(direction_average(ensemble, pairs), 0, 2)
    by_gram = pack_symmetric(pairs, both=True).swapaxes(0, 1)
    return jnp.concatenate([by_delta, by_gram], axis=1)


def _lifts(ensemble: Ensemble, shrink: Array) -> Array:
    """(K, L, z) dW_c/d delta_c."""
    rate = ensemble.weights[:, None] * ensemble.signals
    return -rate[:, :, None] * (shrink * shrink)[:, None, :]


def _compose(left: Array, right: Array) -> Array:
    """Matrix product over the first two axes, unrolled."""
    total = left[:, 0, None] * right[None, 0]
    for i in range(1, right.shape[0]):
        total = total + left[:, i, None] * right[None, i]
    return total
