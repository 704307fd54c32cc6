"""Per-class feature covariances in half storage, each device from its own features.

The formulas are those of `diffjax.random_features.covariances`; there whole matrices are built,
here every device builds the blocks it stores.  What travels are Hermite moments, (order, m, block
of samples), and rows of W.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.diffusion import noise_variance, signal_scale
from diffjax.numerics.activations import Activation
from diffjax.numerics.gaussian_expectations import gaussian_moments, quadrature_error
from diffjax.numerics.trapezoid import Quadrature, adapted_trapezoid
from diffjax.random_features.covariances import PROBES
from diffjax.random_features.features import RandomFeatures
from diffjax.random_features.options import SeriesOrders
from diffjax.random_features.sharded.half_storage import (
    Half,
    empty_half,
    fill_half,
    get_tile,
    halve_diagonal,
    put_tile,
    visit_half,
)
from diffjax.random_features.sharded.layout import AXIS, FeatureLayout
from diffjax.typing import Array, Float, Int


class HalfCovariance(NamedTuple):
    """Covariance of one class as one device stores it.

    Attributes:
        half: (slot, m, m) half of p U_c.
        slope: (m,) b_c = E phi' of the device's own features.
        truncation: (m,) what the truncated series may be wrong by, as in `FeatureCovariances`.
        moment_error: (m,) error of the Hermite moments of a device, the same for its features.
    """

    half: Half
    slope: Float[Array, " row"]
    truncation: Float[Array, " row"]
    moment_error: Float[Array, " row"]


def sample_half(
    layout: FeatureLayout,
    activation: Activation,
    orders: SeriesOrders,
    features: RandomFeatures,
    points: Float[Array, "sample dim"],
    weights: Float[Array, " sample"],
    num_blocks: Int[Array, ""],
    diffusion_time: Float[Array, ""],
) -> HalfCovariance:
    """Covariance of a weighted sample, on one device.

    Args:
        layout: where the features are.
        activation: the nonlinearity.
        orders: truncation of the series; `block_size` samples at a time.
        features: the device's own rows of W and beta.
        points: (n, d), n a multiple of the block size.
        weights: (n,) non-negative.
        num_blocks: how many blocks of samples have weights at all.
        diffusion_time: t.
    """
    variance = noise_variance(diffusion_time) * features.squared_norms
    rule = _common_rule(variance, orders.nodes, orders.train_order)
    correlation = _noise_correlation(layout, features)
    scaled = signal_scale(diffusion_time) * points

    def add_samples(index, sums):
        half, square, slope = sums
        first, size = index * orders.block_size, orders.block_size
        block = jax.lax.dynamic_slice_in_dim(scaled, first, size)
        share = jax.lax.dynamic_slice_in_dim(weights, first, size)
        means = features.preactivation_means(block)
        moments = gaussian_moments(activation, means, variance[:, None], orders.train_order, rule)
        weighted = moments.hermite * share[None, None, :]
        half = _add_series(layout, half, correlation, weighted, moments.hermite)
        return half, square + moments.square @ share, slope + jnp.sum(weighted[1], axis=1)

    zeros = jnp.zeros_like(variance)
    start = (empty_half(layout, variance.dtype), zeros, zeros)
    half, square, slope = jax.lax.fori_loop(0, num_blocks, add_samples, start)
    unit = _unit(features)
    neglected = square - jnp.diagonal(half[0])
    probes = features.preactivation_means(scaled[:: -(-len(points) // PROBES)])
    return HalfCovariance(
        halve_diagonal(half, square),
        slope / jnp.sqrt(variance),
        _truncation(layout, (unit, unit), neglected, orders.train_order),
        _moment_error(activation, probes, variance[:, None], rule),
    )


def _add_series(
    layout: FeatureLayout,
    half: Half,
    correlation: Half,
    weighted: Float[Array, "order row sample"],
    hermite: Float[Array, "order row sample"],
) -> Half:
    """Add sum_k r^k o (Psi_k diag(w) Psi_k^T) tile by tile, by Horner's rule."""

    def visit(half, slot, rows, columns, moving):
        r = get_tile(correlation, slot, rows, columns)
        left, right = weighted[:, slice(*rows)], moving[:, slice(*columns)]

        def add_order(total, pair):
            a, b = pair
            return total * r + a @ b.T, None

        pairs = (left[-2::-1], right[-2::-1])
        total, _ = jax.lax.scan(add_order, left[-1] @ right[-1].T, pairs)
        return put_tile(half, slot, rows, columns, get_tile(half, slot, rows, columns) + total)

    return visit_half(layout, hermite, half, visit)


def _noise_correlation(layout: FeatureLayout, features: RandomFeatures) -> Half:
    """Correlations of pre-activations under isotropic noise, tile by tile."""
    unit = _unit(features)

    def tile(rows, columns, moving):
        return unit[slice(*rows)] @ moving[slice(*columns)].T

    return fill_half(layout, unit, tile, unit.dtype)


def _unit(features: RandomFeatures) -> Float[Array, "row dim"]:
    return features.weights / jnp.sqrt(features.dim * features.squared_norms)[:, None]


def _truncation(
    layout: FeatureLayout,
    factors: tuple[Array, Array],
    neglected: Float[Array, " row"],
    order: int,
) -> Float[Array, " row"]:
    """Row sums of |r|^(K+1) sqrt(rho_i rho_j) for r = left right^T, whose right rows travel."""
    left, right = factors
    root = jnp.sqrt(jnp.maximum(neglected, 0.0))

    def add_block(_, state):
        total, (others, their_root) = state
        power = jnp.abs((left @ others.T) ** (order + 1))
        return total + power @ their_root, layout.rotate((others, their_root))

    start = (jnp.zeros_like(root), (right, root))
    total, _ = jax.lax.fori_loop(0, layout.num_devices, add_block, start)
    return root * jnp.maximum(total - root, 0.0)


def _moment_error(
    activation: Activation, means: Array, variance: Array, rule: Quadrature
) -> Float[Array, " row"]:
    """Largest error of the quadrature among some of the device's features, once per feature."""
    some = slice(None, None, -(-len(means) // PROBES))
    error = quadrature_error(activation, means[some], variance[some], rule)
    return jnp.full(len(means), jnp.max(error))


def population_half(
    layout: FeatureLayout,
    activation: Activation,
    orders: SeriesOrders,
    features: RandomFeatures,
    centroid: Float[Array, " dim"],
    covariance: Array,
    diffusion_time: Float[Array, ""],
) -> HalfCovariance:
    """Covariance of one Gaussian class averaged over its whole population, on one device.

    Args:
        layout: where the features are.
        activation: the nonlinearity.
        orders: truncation of the series.
        features: the device's own rows of W and beta.
        centroid: (d,) mu_c.
        covariance: variance (), variances (d,) or matrix (d, d) of the class.
        diffusion_time: t.
    """
    weights = features.weights / jnp.sqrt(features.dim)
    field = _field_weights(weights, covariance, diffusion_time)
    variance = jnp.sum(field * weights, axis=1)
    rule = _common_rule(variance, orders.population_nodes, orders.population_order)
    means = features.preactivation_means(signal_scale(diffusion_time) * centroid[None, :])[:, 0]
    moments = gaussian_moments(activation, means, variance, orders.population_order, rule)
    scale = 1.0 / jnp.sqrt(variance)[:, None]
    field, weights, hermite = scale * field, scale * weights, moments.hermite

    def tile(rows, columns, moving):
        others, other_hermite = moving
        r = field[slice(*rows)] @ others[slice(*columns)].T

        def add_order(total, pair):
            a, b = pair
            return total * r + a[:, None] * b[None, :], None

        pairs = (hermite[::-1, slice(*rows)], other_hermite[::-1, slice(*columns)])
        total, _ = jax.lax.scan(add_order, jnp.zeros_like(r), pairs)
        return total

    half = fill_half(layout, (weights, hermite), tile, variance.dtype)
    neglected = moments.square - jnp.sum(hermite**2, axis=0)
    return HalfCovariance(
        halve_diagonal(half, moments.square),
        hermite[1] / jnp.sqrt(variance),
        _truncation(layout, (field, weights), neglected, orders.population_order),
        _moment_error(activation, means, variance, rule),
    )


def _field_weights(
    weights: Float[Array, "row dim"], covariance: Array, diffusion_time: Array
) -> Float[Array, "row dim"]:
    """w_i (e^(-2t) Sigma + Delta) for every row w_i = W_i/sqrt(d)."""
    decay, noise = signal_scale(diffusion_time) ** 2, noise_variance(diffusion_time)
    if covariance.ndim == 2:
        return decay * weights @ covariance + noise * weights
    return weights * (decay * jnp.broadcast_to(covariance, weights.shape[1:]) + noise)[None, :]


def _common_rule(variance: Float[Array, " row"], nodes: int, order: int) -> Quadrature:
    """The quadrature of the largest variance on any device."""
    return adapted_trapezoid(jax.lax.pmax(jnp.max(variance), AXIS), nodes, order)
