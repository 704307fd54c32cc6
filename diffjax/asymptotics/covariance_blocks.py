"""The K d x K d blocks of the deterministic equivalent for covariances that do not commute.

With Sigma_c standing for e^(-2t) Sigma_c and 1 for the d x d identity,

    K = blockdiag(omega_c (Sigma_c/(1 + delta_c) + Delta 1)),   H = h (x) 1
    A = (1 + K H)^(-1),   S = A K,   R = H A = H - H S H

are (K d)^2 matrices per point z, and E_l becomes (1/d) tr of a block.  S is symmetric.  In the
eigenbasis of the last class its block of K is diagonal and is eliminated by hand: with
k = omega_K (Sigma_K/(1 + delta_K) + Delta), f = k/(1 + k h_KK), rest = the other K - 1 classes,

    S_rest = (1 + K_rest Y)^(-1) K_rest,   Y_ab = h_ab 1 - h_aK h_bK diag(f)
    S_aK = - sum_b S_ab h_bK diag(f),      S_KK = diag(f) + diag(f) sum_ab h_Ka S_ab h_bK diag(f)

so that two classes need one d x d solve per point.  Points are visited one after the other:
batches of LAPACK calls serialise or deadlock on CPU.
"""

import jax
import jax.numpy as jnp

from diffjax.errors import InputError
from diffjax.numerics.small_matrices import reciprocal
from diffjax.typing import Array, Complex, Float

MOST_BYTES = 6e9
BLOCK_ARRAYS = 8
SECONDS_PER_SOLVE = 3e-9
TYPICAL_STEPS = 40


def eigenbasis_of_last(matrices: Float[Array, "class dim dim"]) -> Float[Array, "class dim dim"]:
    """All covariances in the eigenbasis of the last one."""
    basis = jnp.linalg.eigh(matrices[-1])[1]
    return jnp.einsum("ji,cjk,kl->cil", basis, matrices, basis)


def class_eigenvalues(matrices: Float[Array, "class dim dim"]) -> Float[Array, "class dim"]:
    """(K, d) ascending eigenvalues of each class, at least zero."""
    return jnp.maximum(jax.lax.map(jnp.linalg.eigvalsh, matrices), 0.0)


def check_block_cost(num_classes: int, dim: int, num_nodes: int, largest: int) -> None:
    """Raise InputError if full matrices would take too long or too much memory, naming both."""
    storage = BLOCK_ARRAYS * 16.0 * num_classes**2 * num_nodes * dim**2
    rest = max(num_classes - 1, 1) * dim
    seconds = SECONDS_PER_SOLVE * rest**3 * num_nodes * TYPICAL_STEPS
    if dim > largest or storage > MOST_BYTES:
        raise InputError(
            f"full covariance matrices of {num_classes} classes in {dim} dimensions (about "
            f"{storage / 1e9:.2g} GB and {seconds:.2g} s on one core)",
            f"at most {largest} dimensions and {MOST_BYTES / 1e9:.0f} GB",
            "choose method='commuting' (variances in the pooled basis), fewer dimensions, or a "
            "larger TheoryOptions(largest_matrix=...)",
        )


def block_traces(
    matrices: Float[Array, "class dim dim"],
    noise: Array,
    weights: Float[Array, " class"],
    delta: Complex[Array, "class z"],
    gram: Complex[Array, "class class z"],
) -> tuple[Complex[Array, "class class z"], Complex[Array, "class z"]]:
    """E_l[S] and E_l[lambda_c R_cc].

    Args:
        matrices: e^(-2t) Sigma_c, the last one diagonal.
        noise: Delta.
        weights: omega_c.
        delta: unknowns at points z.
        gram: likewise.
    """
    dim = matrices.shape[-1]
    own = jnp.trace(matrices, axis1=1, axis2=2) / dim

    def at_one_point(unknowns):
        delta, gram = unknowns
        blocks = _signal_blocks(matrices, noise, weights, delta, gram)
        along = jnp.einsum("cij,abij->abc", matrices, blocks) / dim
        spread = jnp.diagonal(gram) * own - jnp.einsum("ca,abc,bc->c", gram, along, gram)
        return jnp.trace(blocks, axis1=2, axis2=3) / dim, spread

    lift, spread = jax.lax.map(at_one_point, (delta.T, jnp.moveaxis(gram, -1, 0)))
    return jnp.moveaxis(lift, 0, -1), spread.T


def direction_blocks(
    matrices: Float[Array, "class dim dim"],
    noise: Array,
    weights: Float[Array, " class"],
    delta: Complex[Array, "class z"],
    gram: Complex[Array, "class class z"],
) -> tuple[Array, Array, Array]:
    """A, S and R with the d^2 entries of a block as directions, each (K, K, d^2, z)."""
    num_classes, dim = matrices.shape[:2]
    unit = jnp.einsum("ab,ij->abij", jnp.eye(num_classes), jnp.eye(dim))

    def at_one_point(unknowns):
        delta, gram = unknowns
        signal = _signal_blocks(matrices, noise, weights, delta, gram)
        inverse = unit - jnp.einsum("acij,cb->abij", signal, gram)
        return inverse, signal, jnp.einsum("ac,cbij->abij", gram, inverse)

    found = jax.lax.map(at_one_point, (delta.T, jnp.moveaxis(gram, -1, 0)))
    flat = (num_classes, num_classes, dim * dim, -1)
    inverse, signal, dressed = (jnp.moveaxis(x, 0, -1).reshape(flat) for x in found)
    return inverse, signal, dressed


def times_covariance(blocks: Array, matrices: Float[Array, "class dim dim"], side: str) -> Array:
    """X_ac Sigma_c (side "right") or Sigma_a X_ac ("left") for (..., K, d^2, z) blocks.

    On the left, the class of the first axis of a (K, d^2, z) or (K, K, d^2, z) array counts.
    """
    dim = matrices.shape[-1]
    square = blocks.reshape(*blocks.shape[:-2], dim, dim, blocks.shape[-1])
    if side == "right":
        product = jnp.einsum("acijz,cjk->acikz", square, matrices.astype(square.dtype))
    else:
        product = jnp.einsum("aij,a...jkz->a...ikz", matrices.astype(square.dtype), square)
    return product.reshape(blocks.shape)


def _signal_blocks(matrices, noise, weights, delta, gram):
    """(K, K, d, d) the blocks of S at one point."""
    dim, rest = matrices.shape[-1], matrices.shape[0] - 1
    shrink = reciprocal(1.0 + delta)
    last = weights[-1] * (jnp.diagonal(matrices[-1]) * shrink[-1] + noise)
    last = last * reciprocal(1.0 + last * gram[-1, -1])
    if rest == 0:
        return jnp.diag(last)[None, None]
    kappa = matrices[:-1] * shrink[:-1, None, None] + noise * jnp.eye(dim)[None]
    kappa = weights[:-1, None, None] * kappa
    across = gram[:-1, -1]
    folded = (across[:, None] * across[None, :])[:, :, None] * last[None, None, :]
    folded = gram[:-1, :-1, None] - folded
    first = _solve_rest(kappa, folded)
    side = -jnp.einsum("abij,b->aij", first, across) * last[None, None, :]
    corner = -last[:, None] * jnp.einsum("a,aij->ij", across, side) + jnp.diag(last)
    top = jnp.concatenate([first, side[:, None]], axis=1)
    bottom = jnp.concatenate([side.swapaxes(1, 2), corner[None]])
    return jnp.concatenate([top, bottom[None]])


def _solve_rest(kappa: Array, folded: Array) -> Array:
    """(R, R, d, d) blocks of (1 + K Y)^(-1) K, K block diagonal and Y of diagonal blocks."""
    rest, dim = kappa.shape[:2]
    unit = jnp.einsum("ab,ij->aibj", jnp.eye(rest), jnp.eye(dim))
    matrix = unit + jnp.einsum("aij,abj->aibj", kappa, folded)
    right = jnp.einsum("ab,aij->aibj", jnp.eye(rest), kappa)
    shape = (rest * dim, rest * dim)
    found = jnp.linalg.solve(matrix.reshape(shape), right.reshape(shape))
    return found.reshape(rest, dim, rest, dim).transpose(0, 2, 1, 3)
