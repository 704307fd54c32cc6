"""The mass below an eigenvalue from the solution there alone: the logarithmic potential.

The deterministic equivalent makes stationary, in h, E_l[S], delta and tau = 1/(1 + delta),

    phi(z) = -E_m log g + (1/psi_p) { E_l log det(1 + W h) - tr(h E_l[S]) }
             + (psi_n/psi_p) sum_c f_c (tau_c - 1 - log tau_c),       f_c the share of samples,

whose explicit derivative by z is -E_m[g]: it is (1/p) log det(p U - z), and N(lambda) is
-Im phi(lambda + i 0)/pi, atoms included.  No path has to be integrated: all arguments stay in one
half plane.  1/g, tau and the entries of W lie in the lower one.  W^(-1) + h has a positive definite
imaginary part and so have its Schur complements, so that each pivot of 1 + W h, which is such a
complement times an entry of W, has an argument between -pi and pi.  As phi is stationary, an error
of the solution enters quadratically.
"""

import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.deterministic_equivalent import Resolvent, direction_average
from diffjax.asymptotics.ensemble import Ensemble
from diffjax.numerics.small_matrices import reciprocal
from diffjax.typing import Array, Float


def mass_below(ensemble: Ensemble, resolvent: Resolvent) -> Float[Array, " z"]:
    """(z,) N(Re z) for points z just above the real axis.

    Args:
        ensemble: the problem's ensemble, with directions.
        resolvent: the physical solution at the points.
    """
    delta, gram = resolvent.unknowns
    shrink = reciprocal(1.0 + delta)
    determinant = direction_average(ensemble, _determinant_argument(ensemble, shrink, gram))
    overlap = jnp.sum(jnp.imag(direction_average(ensemble, resolvent.signal) * gram), axis=(0, 1))
    fractions = jnp.where(ensemble.emphasis > 0, ensemble.weights / ensemble.emphasis, 0.0)
    samples = fractions @ (jnp.imag(shrink) - _argument(shrink))
    neurons = ensemble.neuron_average(_argument(resolvent.green).T)
    directions = determinant - overlap + ensemble.samples_per_dim * samples
    return (neurons - directions / ensemble.features_per_dim) / np.pi


def _determinant_argument(ensemble: Ensemble, shrink: Array, gram: Array) -> Array:
    """(L, z) argument of det(1 + W h), by elimination."""
    kappa = ensemble.signals[:, :, None] * shrink[:, None, :] + ensemble.noise
    weight = ensemble.weights[:, None, None] * kappa
    size = ensemble.num_classes
    unit = jnp.eye(size)[:, :, None, None]
    rest, total = unit + weight[:, None] * gram[:, :, None], 0.0
    for _ in range(size):
        pivot, row, column = rest[0, 0], rest[0, 1:], rest[1:, 0]
        total = total + _argument(pivot)
        rest = rest[1:, 1:] - (column * reciprocal(pivot)[None])[:, None] * row[None]
    return jnp.asarray(total)


def _argument(value: Array) -> Array:
    return jnp.arctan2(jnp.imag(value), jnp.real(value))
