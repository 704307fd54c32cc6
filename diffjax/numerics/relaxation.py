"""Linear relaxation towards a fixed point, driven by a small symmetric matrix.

With f_r(l) = (1 - exp(-r l))/l, x(r) = f_r(S) v solves dx/dr = v - S x from x = 0.
"""

import jax
import jax.numpy as jnp

from diffjax.numerics.jacobi import symmetric_eigensystem
from diffjax.typing import Array, Float

CLOSE = 1e-4
"""Relative distance of eigenvalues below which a difference quotient is replaced by a derivative;
both are then right to 1e-9."""


@jax.custom_jvp
def relaxation(
    matrix: Float[Array, "n n"], vector: Float[Array, " n"], durations: Float[Array, " duration"]
) -> Float[Array, "duration n"]:
    """(T, n) the states f_r(S) v after (T,) durations r.

    Derivatives hold at equal eigenvalues too (the formula of Daleckii and Krein), which plain
    differentiation of eigenvectors does not.

    Args:
        matrix: (n, n) S, symmetric positive semi-definite.
        vector: (n,) v.
        durations: (T,) r, at least 0.

    Example:
        >>> relaxation(jnp.eye(2), jnp.array([1.0, 2.0]), jnp.array([50.0])).round(6).tolist()
        [[1.0, 2.0]]
    """
    values, basis = symmetric_eigensystem(matrix)
    return (relaxation_filter(values, durations) * (basis.T @ vector)[None, :]) @ basis.T


@relaxation.defjvp
def _relaxation_jvp(primals, tangents):
    matrix, vector, durations = primals
    matrix_dot, vector_dot, durations_dot = tangents
    values, basis = symmetric_eigensystem(matrix)
    inside, inside_dot = (basis.T @ vector)[None, :], (basis.T @ vector_dot)[None, :]
    filters = relaxation_filter(values, durations)
    turned = basis.T @ matrix_dot @ basis
    quotients = _difference_quotients(values, durations)
    change = jnp.einsum("tij,ij,j->ti", quotients, turned, inside[0])
    change += filters * inside_dot
    change += durations_dot[:, None] * jnp.exp(-durations[:, None] * values[None, :]) * inside
    return (filters * inside) @ basis.T, change @ basis.T


def relaxation_filter(values: Array, durations: Array) -> Array:
    """(T, n) f_r(l) of (n,) values after (T,) durations, entire in l."""
    product = durations[:, None] * values[None, :]
    small = jnp.abs(product) < 1e-12
    share = jnp.where(small, 1.0, -jnp.expm1(-product) / jnp.where(small, 1.0, product))
    return durations[:, None] * share


def _filter_slope(values: Array, durations: Array) -> Array:
    """(T, n, n) df_r/dl at (n, n) values."""
    r = durations[:, None, None]
    x = r * values[None]
    small = jnp.abs(x) < 1e-3
    safe = jnp.where(small, 1.0, x)
    direct = (safe * jnp.exp(-safe) + jnp.expm1(-safe)) / safe**2
    series = -0.5 + x / 3.0 - x**2 / 8.0 + x**3 / 30.0
    return r**2 * jnp.where(small, series, direct)


def _difference_quotients(values: Array, durations: Array) -> Array:
    """(T, n, n) (f(l_i) - f(l_j))/(l_i - l_j)."""
    left, right = values[:, None], values[None, :]
    gap = left - right
    close = jnp.abs(gap) <= CLOSE * (jnp.abs(left) + jnp.abs(right)) + 1e-300
    filters = relaxation_filter(values, durations)
    quotient = (filters[:, :, None] - filters[:, None, :]) / jnp.where(close, 1.0, gap)[None]
    slope = _filter_slope(0.5 * (left + right), durations)
    return jnp.where(close[None], slope, quotient)
