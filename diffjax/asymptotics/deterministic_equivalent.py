"""The resolvent of p U in high dimension: K + K(K+1)/2 equations at every point z.

Letters as in the package docstring; lambda_c stands for e^(-2t) lambda_cl, E_l averages over
directions and E_m over neurons.

    kappa_c(l) = lambda_c/(1 + delta_c) + Delta,      W(l) = diag(omega_c kappa_c(l))
    A(l) = (1 + W h)^(-1),   S(l) = A W,   R(l) = h A
    g(m) = 1/( sum_c omega_c [gamma_c^2/(1 + delta_c) + s_c^2] - z + b^T E_l[S] b )
    h = psi_p E_m[b b^T g]
    delta_c = (omega_c/(f_c psi_n)) ( E_l[lambda_c R_cc] + psi_p E_m[gamma_c^2 g] )

Covariances that do not commute have d x d blocks in place of directions (`covariance_blocks`).
E_m[g] is the Stieltjes transform (1/p) tr (p U - z)^(-1), and h_cc' and E_l[R_cc'] are the traces
of Q-free and Q-dressed products of the features' linear parts.  Plain iteration from z = infinity
converges at every z off the spectrum; it needs about 25 steps on the contour of the learning
curves.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.asymptotics.covariance_blocks import block_traces, direction_blocks
from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.options import TheoryOptions
from diffjax.numerics.fixed_point import FixedPoint, fixed_point
from diffjax.numerics.small_matrices import reciprocal, small_inverse, small_product
from diffjax.typing import Array, Complex, Float

ERROR_SHARE = 0.2


class Unknowns(NamedTuple):
    """delta and h at some points z.

    Attributes:
        delta: (K, z).
        gram: (K, K, z) symmetric.
    """

    delta: Complex[Array, "class z"]
    gram: Complex[Array, "class class z"]


class Resolvent(NamedTuple):
    """All that the solution determines at some points z.

    Attributes:
        unknowns: delta and h.
        green: (Q, z) g(m).
        inverse: (K, K, L, z) A; L = d^2 entries of blocks if the ensemble has matrices.
        signal: (K, K, L, z) S.
        dressed: (K, K, L, z) R.
    """

    unknowns: Unknowns
    green: Complex[Array, "neuron z"]
    inverse: Complex[Array, "class class direction z"]
    signal: Complex[Array, "class class direction z"]
    dressed: Complex[Array, "class class direction z"]

    def conjugate(self) -> "Resolvent":
        """At the conjugate points."""
        return jax.tree.map(jnp.conj, self)


class EquivalentSolution(NamedTuple):
    """The resolvent with the quality of the iteration.

    Attributes:
        resolvent: see `Resolvent`.
        residual: relative size of the last step, the worst of all z.
        steps: iterations taken.
    """

    resolvent: Resolvent
    residual: Float[Array, ""]
    steps: Array


def solve_resolvent(
    ensemble: Ensemble, points: Complex[Array, " z"], options: TheoryOptions
) -> EquivalentSolution:
    """The physical solution at points off the spectrum.

    Args:
        ensemble: the problem's ensemble.
        points: (z,) complex points; all iterate together.
        options: budget and tolerance.
    """
    features = pair_features(ensemble)

    def update(unknowns: Unknowns) -> Unknowns:
        return update_unknowns(ensemble, features, points, unknowns)

    found: FixedPoint = fixed_point(
        update,
        start_at_infinity(ensemble, points),
        _relative_step,
        tolerance=options.tolerance,
        max_steps=options.max_steps,
    )
    resolvent = resolvent_of(ensemble, points, found.value)
    return EquivalentSolution(resolvent, found.residual, found.steps)


def pair_features(ensemble: Ensemble) -> Float[Array, "pair_and_class neuron"]:
    """(K(K+1)/2 + K, Q) the functions b_a b_b (a <= b) and gamma_c^2 of m."""
    slope = ensemble.constants.slope
    rows, columns = jnp.triu_indices(ensemble.num_classes)
    products = slope[rows] * slope[columns]
    return jnp.concatenate([products, ensemble.constants.sample_variance])


def start_at_infinity(ensemble: Ensemble, points: Array) -> Unknowns:
    """Leading order of delta and h for large |z|."""
    constants, minus = ensemble.constants, -reciprocal(points)
    slope, psi_p = constants.slope, ensemble.features_per_dim
    gram = psi_p * (slope * ensemble.neurons.weights[None, :]) @ slope.T
    signal = ensemble.signals @ ensemble.shares
    delta = signal * jnp.diagonal(gram) + psi_p * ensemble.neuron_average(constants.sample_variance)
    delta = ensemble.emphasis / ensemble.samples_per_dim * delta
    return Unknowns(delta[:, None] * minus[None, :], gram[:, :, None] * minus[None, None, :])


def resolvent_of(ensemble: Ensemble, points: Array, unknowns: Unknowns) -> Resolvent:
    """What the solution determines."""
    inverse, signal, dressed = _direction_matrices(ensemble, unknowns)
    lift = direction_average(ensemble, signal)
    green = _green(ensemble, pair_features(ensemble), points, unknowns.delta, lift)
    return Resolvent(unknowns, green, inverse, signal, dressed)


def update_unknowns(
    ensemble: Ensemble, features: Array, points: Array, unknowns: Unknowns
) -> Unknowns:
    """One application of the map."""
    lift, spread = _direction_traces(ensemble, unknowns)
    green = _green(ensemble, features, points, unknowns.delta, lift)
    return unknowns_of(ensemble, features, green, spread)


def unknowns_of(ensemble: Ensemble, features: Array, green: Array, spread: Array) -> Unknowns:
    """delta and h from (Q, z) g and (K, z) E_l[lambda_c R_cc]."""
    moments = ensemble.features_per_dim * neuron_moments(ensemble, features, green)
    num_classes = ensemble.num_classes
    num_pairs = features.shape[0] - num_classes
    gram = unpack_symmetric(moments[:num_pairs], num_classes)
    emphasis = ensemble.emphasis / ensemble.samples_per_dim
    return Unknowns(emphasis[:, None] * (spread + moments[num_pairs:]), gram)


def _direction_traces(ensemble: Ensemble, unknowns: Unknowns) -> tuple[Array, Array]:
    """E_l[S] (K, K, z) and E_l[lambda_c R_cc] (K, z)."""
    if ensemble.matrices is not None:
        return block_traces(ensemble.matrices, ensemble.noise, ensemble.weights, *unknowns)
    _, signal, dressed = _direction_matrices(ensemble, unknowns)
    return direction_average(ensemble, signal), dressed_signal(ensemble, dressed)


def dressed_signal(ensemble: Ensemble, dressed: Array) -> Array:
    """(K, z) E_l[lambda_c R_cc] from R along directions."""
    diagonal = jnp.diagonal(dressed).transpose(2, 0, 1)
    return direction_average(ensemble, ensemble.signals[:, :, None] * diagonal)


def _direction_matrices(ensemble: Ensemble, unknowns: Unknowns) -> tuple[Array, Array, Array]:
    """A, S and R, each (K, K, L, z); full matrices have d^2 entries as directions."""
    if ensemble.matrices is not None:
        return direction_blocks(ensemble.matrices, ensemble.noise, ensemble.weights, *unknowns)
    shrink = reciprocal(1.0 + unknowns.delta)
    kappa = ensemble.signals[:, :, None] * shrink[:, None, :] + ensemble.noise
    weight = ensemble.weights[:, None, None] * kappa
    gram = unknowns.gram[:, :, None, :]
    unit = jnp.eye(ensemble.num_classes, dtype=weight.dtype)[:, :, None, None]
    inverse = small_inverse(unit + weight[:, None] * gram)
    return inverse, inverse * weight[None], small_product(gram, inverse)


def _green(ensemble: Ensemble, features: Array, points: Array, delta: Array, lift: Array) -> Array:
    """(Q, z) g(m) from E_l[S]."""
    coefficients = [
        pack_symmetric(lift, both=True),
        ensemble.weights[:, None] * reciprocal(1.0 + delta),
    ]
    lifted = real_matmul(features.T, jnp.concatenate(coefficients))
    return reciprocal(lifted + ensemble.residual_noise[:, None] - points[None, :])


def neuron_error(ensemble: Ensemble, resolvent: Resolvent) -> Float[Array, ""]:
    """Estimated error of the losses by the quadrature over neurons.

    The averages h and delta are taken once more by the coarser rule that the nodes contain, with
    g as it is.  A fifth of the largest relative difference, to the power that the two spacings
    differ by, bounds the error of the losses relative to max(1, loss) in random problems of all
    activations; it is mostly ten times too large.

    Args:
        ensemble: the problem's ensemble.
        resolvent: the solution on the contour.
    """
    neurons, unknowns = ensemble.neurons, resolvent.unknowns
    difference = (neurons.coarse_weights - neurons.weights)[None, :] * pair_features(ensemble)
    moments = ensemble.features_per_dim * jnp.abs(real_matmul(difference, resolvent.green))
    num_classes = ensemble.num_classes
    rate = ensemble.emphasis / ensemble.samples_per_dim
    sample = rate[:, None] * moments[-num_classes:] / (1.0 + jnp.abs(unknowns.delta))
    gram = moments[:-num_classes] / jnp.max(jnp.abs(unknowns.gram), axis=(0, 1))[None, :]
    largest = jnp.maximum(jnp.max(sample), jnp.max(gram))
    return ERROR_SHARE * jax.lax.stop_gradient(largest) ** neurons.order


def neuron_moments(ensemble: Ensemble, features: Array, values: Array) -> Array:
    """(F, z) E_m[feature value] for (F, Q) real features and (Q, z) complex values."""
    return real_matmul(features * ensemble.neurons.weights[None, :], values)


def real_matmul(left: Array, right: Array) -> Array:
    """Product of a real with a complex matrix, as two real products."""
    return jax.lax.complex(left @ jnp.real(right), left @ jnp.imag(right))


def direction_average(ensemble: Ensemble, values: Array) -> Array:
    """E_l over the last axis but one."""
    if values.shape[-2] == 1:
        return values[..., 0, :]
    return jnp.einsum("...lz,l->...z", values, ensemble.trace_shares)


def pack_symmetric(matrix: Array, both: bool = False) -> Array:
    """(K(K+1)/2, ...) upper triangle; `both` adds the lower one to it."""
    rows, columns = jnp.triu_indices(matrix.shape[0])
    upper = matrix[rows, columns]
    if not both:
        return upper
    twice = jnp.where(rows == columns, 0.0, 1.0).reshape((-1,) + (1,) * (matrix.ndim - 2))
    return upper + twice * matrix[columns, rows]


def unpack_symmetric(packed: Array, size: int) -> Array:
    """(K, K, ...) from the upper triangle."""
    places = [[0] * size for _ in range(size)]
    pairs = [(a, b) for a in range(size) for b in range(a, size)]
    for number, (a, b) in enumerate(pairs):
        places[a][b] = places[b][a] = number
    return packed[jnp.asarray(places)]


def _relative_step(after: Unknowns, before: Unknowns) -> Array:
    """Largest step of any z, relative to 1 + |delta| and to the largest h."""
    steps = [jnp.abs(x - y) for x, y in zip(after, before, strict=True)]
    size = jnp.max(jnp.abs(after.gram), axis=(0, 1))
    delta = jnp.max(steps[0] / (1.0 + jnp.abs(after.delta)))
    return jnp.maximum(delta, jnp.max(steps[1] / size[None, None, :]))
