"""What the theory takes each class to be: directions, full matrices, or latent sub-classes.

Three treatments of anisotropic classes, in the order of what they can describe:

* "commuting": the variances of every class along common directions, lambda_c = (lambda_c1 ..
  lambda_cL).  Matrices are replaced by their diagonals in the eigenbasis of the pooled
  covariance sum_c rho_c Sigma_c.
* "matrices": full covariances, one inverse per point of the contour.
* "sub-classes": an eigenvalue of the order of the whole trace makes the theory's small parameter
  1/d_eff large.  Class c is split along its `n` dominant eigen-directions u_k at Gauss-Hermite
  nodes zeta_j of weight w_j: class (c, j) has weight rho_c w_j, centroid mu_c + sum_k zeta_jk
  sqrt(lambda_k) u_k, total variance v_c - sum_k lambda_k/d for the nonlinearity, and the variances
  of the whole class along the directions.  Losses are averaged back, L_c = sum_j w_j L_cj.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.covariance_blocks import class_eigenvalues, eigenbasis_of_last
from diffjax.asymptotics.options import TheoryOptions
from diffjax.mixture import Mixture
from diffjax.typing import Array, Float


class ClassLaw(NamedTuple):
    """The classes that enter the equations, K' of them for K classes of the problem.

    Attributes:
        gram: (K', K') Gram matrix of the centroids per dimension.
        variances: (K',) v_c, total variance per dimension.
        directions: (K', L) variances along directions, or eigenvalues of each class's matrix.
        counts: (L,) number of directions that share each column.
        matrices: (K', d, d) full covariances, or None.
        merge: (K, K') weights w_j that average sub-classes into classes; the identity if K' = K.
    """

    gram: Float[Array, "class class"]
    variances: Float[Array, " class"]
    directions: Float[Array, "class direction"]
    counts: Float[Array, " direction"]
    matrices: Float[Array, "class dim dim"] | None
    merge: Array


def class_law(
    mixture: Mixture,
    options: TheoryOptions,
    direction_counts: Float[Array, " direction"] | None = None,
    centroids: Float[Array, "class dim"] | None = None,
) -> ClassLaw:
    """The classes as the equations see them.

    Args:
        mixture: the data.
        options: with a definite `method`.
        direction_counts: (L,) number of directions behind each column of the variances.
        centroids: (K, d) in the coordinates of the covariances, for sub-classes.
    """
    if options.method == "matrices":
        return _full(mixture)
    directions = common_directions(mixture)
    counts = jnp.ones(directions.shape[1])
    if direction_counts is not None:
        counts = jnp.asarray(direction_counts)
    variances = directions @ (counts / jnp.sum(counts))
    unit = jnp.eye(mixture.num_classes)
    plain = ClassLaw(mixture.gram, variances, directions, counts, None, unit)
    if options.method == "sub-classes":
        return _split(mixture, options, plain, centroids)
    return plain


def common_directions(mixture: Mixture) -> Float[Array, "class direction"]:
    """(K, L) variances in a common basis: as given, or diagonals in the pooled eigenbasis.

    The basis is a choice, through which no derivative passes.
    """
    covariances = mixture.covariances
    if covariances.ndim < 3:
        return covariances.reshape(covariances.shape[0], -1)
    pooled = jnp.einsum("c,cij->ij", mixture.class_weights, covariances)
    basis = jax.lax.stop_gradient(jnp.linalg.eigh(jax.lax.stop_gradient(pooled))[1])
    return jnp.maximum(jnp.einsum("ji,cjk,ki->ci", basis, covariances, basis), 0.0)


def _full(mixture: Mixture) -> ClassLaw:
    matrices = mixture.covariances
    if matrices.ndim < 3:
        matrices = jax.vmap(jnp.diag)(matrices.reshape(matrices.shape[0], -1))
    dim = matrices.shape[-1]
    return ClassLaw(
        mixture.gram,
        jnp.trace(matrices, axis1=1, axis2=2) / dim,
        class_eigenvalues(matrices),
        jnp.ones(dim),
        eigenbasis_of_last(matrices),
        jnp.eye(mixture.num_classes),
    )


def subclass_rule(num_directions: int, num_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """(J, n) Gauss-Hermite nodes for n standard normal coordinates and their (J,) weights.

    Example:
        >>> nodes, weights = subclass_rule(1, 3)
        >>> (nodes[:, 0] ** 2).round(12).tolist(), weights.round(6).tolist()
        ([3.0, 0.0, 3.0], [0.166667, 0.666667, 0.166667])
    """
    line, weights = np.polynomial.hermite_e.hermegauss(num_nodes)
    weights = weights / weights.sum()
    nodes = np.array(list(itertools.product(line, repeat=num_directions)))
    shares = np.array([np.prod(w) for w in itertools.product(weights, repeat=num_directions)])
    return nodes, shares


def _split(
    mixture: Mixture, options: TheoryOptions, plain: ClassLaw, centroids: Array | None
) -> ClassLaw:
    """Sub-classes along the dominant directions of every class."""
    num_classes = mixture.num_classes
    nodes, shares = subclass_rule(options.subclass_directions, options.subclass_nodes)
    sizes, vectors = _dominant(mixture, plain.directions, options.subclass_directions)
    dim = jnp.sum(plain.counts)
    steps = jnp.einsum("jk,ckd->cjd", nodes, jnp.sqrt(sizes)[:, :, None] * vectors)
    steps = steps.reshape(num_classes * shares.size, -1) / jnp.sqrt(dim)
    parent = np.repeat(np.arange(num_classes), shares.size)
    gram = plain.gram[parent][:, parent] + steps @ steps.T
    if centroids is not None:
        cross = jnp.asarray(centroids)[parent] @ steps.T / jnp.sqrt(dim)
        gram = gram + cross + cross.T
    rest = plain.variances - jnp.sum(sizes, axis=1) / dim
    return ClassLaw(
        gram=gram,
        variances=rest[parent],
        directions=plain.directions[parent],
        counts=plain.counts,
        matrices=None,
        merge=jnp.asarray(np.kron(np.eye(num_classes), shares)),
    )


def _dominant(mixture: Mixture, directions: Array, count: int) -> tuple[Array, Array]:
    """(K, n) largest variances of every class and their (K, n, d) directions."""
    covariances = mixture.covariances
    if covariances.ndim == 3:
        values, basis = jax.lax.map(jnp.linalg.eigh, covariances)
        vectors = basis[:, :, ::-1][:, :, :count].swapaxes(1, 2)
        return values[:, ::-1][:, :count], vectors
    sizes, places = jax.lax.top_k(directions, count)
    return sizes, jax.nn.one_hot(places, directions.shape[1])
