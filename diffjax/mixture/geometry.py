"""Centroids and covariances of single classes."""

import jax.numpy as jnp

from diffjax.typing import Array, Float


def mean_variance(covariance: Array) -> Float[Array, ""]:
    """tr Sigma / d of one class, from a scalar variance, d variances or a d x d matrix."""
    return jnp.mean(jnp.diagonal(covariance)) if covariance.ndim == 2 else jnp.mean(covariance)


def principal_variances(covariance: Array) -> Array:
    """Eigenvalues of Sigma: () if isotropic, else (d,)."""
    return jnp.linalg.eigvalsh(covariance) if covariance.ndim == 2 else covariance


def centroid_coordinates(gram: Float[Array, "class class"]) -> Float[Array, "class class"]:
    """Rows L_c with L_c . L_c' = M_cc': the centroids per sqrt(d) in an orthonormal frame.

    A Cholesky factor that accepts semi-definite matrices.  Row c depends on the classes up to c
    only, so that a class keeps its coordinates bit by bit while a later one moves.
    """
    num_classes = gram.shape[0]
    floor = 1e-14 * jnp.maximum(jnp.trace(gram), 1e-300)
    rows = jnp.zeros_like(gram)
    for j in range(num_classes):
        rest = gram[j, j] - jnp.sum(rows[j, :j] ** 2)
        positive = rest > floor
        pivot = jnp.where(positive, jnp.sqrt(jnp.where(positive, rest, 1.0)), 0.0)
        inverse = jnp.where(positive, 1.0 / jnp.where(positive, pivot, 1.0), 0.0)
        rows = rows.at[j, j].set(pivot)
        for i in range(j + 1, num_classes):
            rows = rows.at[i, j].set((gram[i, j] - jnp.sum(rows[i, :j] * rows[j, :j])) * inverse)
    return rows
