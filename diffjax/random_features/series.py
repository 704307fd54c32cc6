"""Mehler's series, carried as far as it takes, and what is left of it.

Letters: r correlation of two pre-activations, Psi_k normalised Hermite moments.

Orders are taken a chunk at a time; a chunk whose largest possible contribution is negligible is
skipped, and so are those above it.  What is left of an entry after the orders up to K is bounded by
the energy that the exact second moment has beyond them, rho = E phi^2 - sum_(k<=K) Psi_k^2:

    |sum_(k>K) r_ij^k Psi_k(i) Psi_k(j)| <= |r_ij|^(K+1) sqrt(rho_i rho_j).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.numerics.activations import Activation
from diffjax.numerics.gaussian_expectations import GaussianMoments, mehler_series
from diffjax.numerics.panels import row_panels
from diffjax.typing import Array, Float

Panels = tuple[Array, ...]


class Chunks(NamedTuple):
    """Moments of all orders, cut into chunks.

    Attributes:
        hermite: (chunk, order, feature, sample) Psi_k.
        worthwhile: (chunk,) whether any entry needs the chunk; the first always, and none after
            one that is not.
        neglected: (feature,) rho, weighted mean over the samples.
    """

    hermite: Float[Array, "chunk order feature sample"]
    worthwhile: Array
    neglected: Float[Array, " feature"]


def chunks_of(
    moments: GaussianMoments,
    weights: Float[Array, " sample"],
    largest: Float[Array, ""],
    size: int,
    negligible: float,
) -> Chunks:
    """Cut moments (order, feature, sample) into chunks and see which of them count.

    Args:
        moments: of all features and samples.
        weights: (sample,) of the average.
        largest: largest |r| of two different features.
        size: orders per chunk.
        negligible: relative to the largest second moment.
    """
    orders = moments.hermite.shape[0]
    count = -(-orders // size)
    padding = [(0, count * size - orders), (0, 0), (0, 0)]
    hermite = jnp.pad(moments.hermite, padding).reshape(count, size, *moments.hermite.shape[1:])
    energies = jnp.einsum("ckis,s->ci", hermite**2, weights)
    square = moments.square @ weights
    if count == 1:
        return Chunks(hermite, jnp.ones(1, bool), square - energies[0])
    left = jnp.einsum("ce,ei->ci", np.triu(np.ones((count, count))), energies)
    power = largest ** (size * np.arange(count)).astype(energies.dtype)
    worthwhile = jnp.max(left, axis=1) * power > negligible * jnp.max(square)
    worthwhile = worthwhile.at[0].set(True)
    used = jnp.sum(energies * worthwhile[:, None], axis=0)
    return Chunks(hermite, worthwhile, square - used)


def chunk_panels(
    weighted: Float[Array, "order feature sample"],
    hermite: Float[Array, "order feature sample"],
    correlation: Float[Array, "feature feature"],
) -> Panels:
    """Rows of sum_k r^k o (Psi_k diag(w) Psi_k^T) up to the diagonal block, by Horner's rule."""
    return tuple(
        _panel(weighted, hermite, correlation, *rows) for rows in row_panels(len(correlation))
    )


def _panel(weighted: Array, hermite: Array, correlation: Array, start: int, stop: int) -> Array:
    r = correlation[start:stop, :stop]
    # all orders in one product: each of its own would compile as long as this one
    products = jnp.einsum("krs,kcs->krc", weighted[:, start:stop], hermite[:, :stop])
    total = products[-1]
    for product in products[-2::-1]:
        total = total * r + product
    return total


def sample_series(
    chunks: Chunks, weights: Float[Array, " sample"], correlation: Float[Array, "feature feature"]
) -> tuple[Panels, Float[Array, "feature feature"]]:
    """Panels of the series of many samples, and |r|^(K+1), K the highest order taken."""
    hermite, weights = chunks.hermite, weights[None, None, :]
    count, size = hermite.shape[:2]
    first = chunk_panels(hermite[0] * weights, hermite[0], correlation)
    step = correlation**size
    if count == 1:
        return first, jnp.abs(step)

    def add(state, piece):
        panels, power = state
        more = chunk_panels(piece * weights, piece, correlation)
        rows = row_panels(len(correlation))
        panels = tuple(
            panel + power[a:b, :b] * extra
            for panel, extra, (a, b) in zip(panels, more, rows, strict=True)
        )
        return panels, power * step

    rest = (hermite[1:], chunks.worthwhile[1:])
    (panels, power), _ = jax.lax.scan(_if_worthwhile(add), (first, step), rest)
    return panels, jnp.abs(power)


def population_series(
    chunks: Chunks, correlation: Float[Array, "feature feature"]
) -> tuple[Float[Array, "feature feature"], Float[Array, "feature feature"]]:
    """The series of one vector of moments per order, and |r|^(K+1), K the highest order taken."""
    hermite = chunks.hermite[..., 0]
    if len(hermite) == 1:
        return mehler_series(hermite[0], correlation), jnp.abs(correlation ** hermite.shape[1])

    def add(state, piece):
        total, power = state
        return total + power * mehler_series(piece, correlation), power * correlation ** len(piece)

    start = (jnp.zeros_like(correlation), jnp.ones_like(correlation))
    (total, power), _ = jax.lax.scan(_if_worthwhile(add), start, (hermite, chunks.worthwhile))
    return total, jnp.abs(power)


def _if_worthwhile(add: Callable) -> Callable:
    def step(state, inputs):
        piece, worthwhile = inputs
        return jax.lax.cond(worthwhile, add, lambda state, _: state, state, piece), None

    return step


def exact_pairs(
    activation: Activation,
    means: Float[Array, "feature sample"],
    variance: Float[Array, " feature"],
    weights: Float[Array, " sample"],
    correlation: Float[Array, "feature feature"],
) -> Float[Array, "feature feature"]:
    """Weighted mean of E phi phi^T by the activation's own pair moments; any diagonal."""
    pair_moment = activation.pair_moment
    assert pair_moment is not None
    apart = jnp.where(jnp.eye(len(correlation), dtype=bool), 0.0, correlation)
    apart = jnp.clip(apart, -1.0 + 1e-14, 1.0 - 1e-14)

    def add(total, inputs):
        mean, weight = inputs
        found = pair_moment(
            mean[:, None], variance[:, None], mean[None, :], variance[None, :], apart
        )
        return total + weight * found

    def add_if_weighty(total, inputs):
        weighty = inputs[1] > 0
        return jax.lax.cond(weighty, add, lambda total, _: total, total, inputs), None

    return jax.lax.scan(add_if_weighty, jnp.zeros_like(correlation), (means.T, weights))[0]


def truncation_bound(
    power: Float[Array, "feature feature"], neglected: Float[Array, " feature"]
) -> Float[Array, " feature"]:
    """Row sums of the bound on what is left: the remainder lies between +- diag of these."""
    root = jnp.sqrt(jnp.maximum(neglected, 0.0))
    return root * jnp.maximum(power @ root - jnp.diagonal(power) * root, 0.0)


def largest_correlation(correlation: Float[Array, "feature feature"]) -> Float[Array, ""]:
    """Largest |r| of two different features."""
    size = len(correlation)
    apart = ~jnp.eye(size, dtype=bool)
    return jnp.max(jnp.abs(correlation), where=apart, initial=0.0)
