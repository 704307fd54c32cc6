"""A contour around an interval of the positive axis, for functions of a positive matrix.

A function f that is analytic for Re z > 0 is evaluated on a matrix U with spectrum in [low, high]
as f(U) = -(1/2 pi i) oint f(z) (U - z)^(-1) dz.  With Z = z^2 the half plane becomes the plane
without its negative axis, and the conformal map of Hale, Higham and Trefethen (SIAM J. Numer.
Anal. 46, 2505, 2008) from an annulus to that plane without [low^2, high^2] puts the nodes of the
trapezoid rule where its error is exp(-pi^2 N/(2 log(high/low) + 3)), N nodes in the upper half.

Letters: k = (r - 1)/(r + 1) with r = high/low, K and K' the complete elliptic integrals of k and
of k' = sqrt(1 - k^2), a = pi/(2K').  On the line u = x + i K'/2 the map is dz/du = z k cd(u, k),
and the expansion of cd in the complementary nome exp(-pi K/K'), which is tiny, integrates to

    log z = log(low high)/2 + a u + sum_n (-1)^n [ log(1 + exp(-2a(u + (2n+1)K)))
                                                  - log(1 + exp(2a(u - (2n+1)K))) ].
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.numerics.small_matrices import reciprocal
from diffjax.typing import Array, ArrayLike, Complex

AGM_STEPS = 10
SERIES_TERMS = 6


class Contour(NamedTuple):
    """Nodes in the upper half plane; those in the lower one are their conjugates.

    Attributes:
        nodes: (N,) z_j.
        weights: (N,) w_j, so that a function F with F(conj z) = conj F(z) has
            -(1/2 pi i) oint F dz = (1/pi) Im sum_j w_j F(z_j), counter-clockwise.
    """

    nodes: Complex[Array, " node"]
    weights: Complex[Array, " node"]


def positive_contour(low: ArrayLike, high: ArrayLike, num_nodes: int) -> Contour:
    """The contour around [low, high], between it and the imaginary axis.

    It is a way of integrating, not a result: derivatives do not pass through it.

    Args:
        low: positive, where the spectrum may begin.
        high: where it may end.
        num_nodes: N, static.

    Example:
        >>> z, w = positive_contour(0.1, 10.0, 24)
        >>> round(float(jnp.imag(jnp.sum(w * jnp.sqrt(z) / (2.0 - z))) / np.pi), 6)   # sqrt(2)
        1.414214
    """
    low, high = (jax.lax.stop_gradient(jnp.asarray(edge)) for edge in (low, high))
    ratio = high / low
    modulus, complement = (ratio - 1.0) / (ratio + 1.0), 2.0 * jnp.sqrt(ratio) / (ratio + 1.0)
    quarter, other = np.pi / (2.0 * _agm(jnp.stack([complement, modulus])))
    step = 2.0 * quarter / num_nodes
    u = step * (jnp.arange(num_nodes) + 0.5) - quarter + 0.5j * other
    log_z, rate = _map(u, quarter, np.pi / (2.0 * other))
    z = jnp.exp(log_z + 0.5 * jnp.log(low * high))
    return Contour(z, step * rate * z)


def contour_error(low: ArrayLike, high: ArrayLike, num_nodes: int) -> Array:
    """exp(-pi^2 N/(2 log(high/low) + 3)), the relative error of integrals along the contour.

    Args:
        low: as of `positive_contour`.
        high: likewise.
        num_nodes: N.
    """
    low, high = (jax.lax.stop_gradient(jnp.asarray(edge)) for edge in (low, high))
    return jnp.exp(-(np.pi**2) * num_nodes / (2.0 * jnp.log(high / low) + 3.0))


def _map(u: Array, quarter: Array, a: Array) -> tuple[Array, Array]:
    """log(z/sqrt(low high)) and d log z/du on the line Im u = K'/2."""
    n = jnp.arange(SERIES_TERMS)[:, None]
    sign, shift, u = (-1.0) ** n, (2 * n + 1) * quarter, u[None, :]
    left, right = jnp.exp(-2.0 * a * (u + shift)), jnp.exp(2.0 * a * (u - shift))
    log_z = a * u[0] + jnp.sum(sign * (jnp.log(1.0 + left) - jnp.log(1.0 + right)), axis=0)
    terms = left * reciprocal(1.0 + left) + right * reciprocal(1.0 + right)
    return log_z, a - 2.0 * a * jnp.sum(sign * terms, axis=0)


def _agm(complement: Array) -> Array:
    """Arithmetic-geometric mean of 1 and `complement`."""

    def step(_, pair):
        a, b = pair
        return 0.5 * (a + b), jnp.sqrt(a * b)

    return jax.lax.fori_loop(0, AGM_STEPS, step, (jnp.ones_like(complement), complement))[0]
