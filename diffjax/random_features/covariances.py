"""Per-class feature covariances U_c and cross-covariances V_c, exact in the noise.

Letters: p features, d dimensions, a pre-activation mean, v pre-activation variance, r correlation
of two pre-activations, Psi_k normalised Hermite moments (`numerics.gaussian_expectations`).
What the series leaves out is known to be small, and by how much (`series`).

    p U_c       = E[phi phi^T] = sum_k r^k o E[Psi_k Psi_k^T]   off the diagonal (Mehler)
    sqrt(p) V_c = E[phi xi^T]  = sqrt(Delta) diag(b_c) W/sqrt(d),   b_c = E phi'   (Stein)

Around a training point x only the noise is random: a = e^(-t) W x/sqrt(d), v = Delta |W_i|^2/d.
Over the population of class c the point is random too: a = e^(-t) W mu_c/sqrt(d),
C_c = W (e^(-2t) Sigma_c + Delta) W^T/d, v_i = (C_c)_ii.  Every term of the series is positive
semi-definite and so is what truncation removes from the exact diagonal: truncated covariances are
positive semi-definite at every order.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.diffusion import noise_variance, signal_scale
from diffjax.numerics.activations import Activation
from diffjax.numerics.gaussian_expectations import gaussian_moments, quadrature_error
from diffjax.numerics.panels import panel_diagonal, row_panels, symmetric_from_panels
from diffjax.numerics.trapezoid import adapted_trapezoid
from diffjax.random_features.features import RandomFeatures
from diffjax.random_features.options import CovarianceOptions
from diffjax.random_features.series import (
    chunk_panels,
    chunks_of,
    exact_pairs,
    largest_correlation,
    population_series,
    sample_series,
    truncation_bound,
)
from diffjax.typing import Array, ArrayLike, Float, Int

NEGLIGIBLE = 1e-15
"""Orders of samples that add less, relative to the largest second moment, are left out."""

PROBES = 4
"""Features and samples whose quadrature is looked at more closely."""


class FeatureCovariances(NamedTuple):
    """Covariances of one class, or of several along a leading axis.

    Attributes:
        feature: (..., p, p) p U_c = E[phi phi^T]; the p U of the literature, eigenvalues of order
            one to p.
        slope: (..., p) b_c = E phi', which gives sqrt(p) V_c = sqrt(Delta) diag(b_c) W/sqrt(d).
        truncation: (..., p) what the truncated series may be wrong by: p U_c lies between the
            exact matrix plus and minus the diagonal matrix of these.
        moment_error: (...) error of the Hermite moments by their quadrature.
    """

    feature: Float[Array, "... feature feature"]
    slope: Float[Array, "... feature"]
    truncation: Float[Array, "... feature"]
    moment_error: Float[Array, "..."]


def cross_covariance(
    features: RandomFeatures, slope: Float[Array, " feature"], diffusion_time: ArrayLike
) -> Float[Array, "feature dim"]:
    """sqrt(p) V_c = E[phi xi^T] = sqrt(Delta) diag(b_c) W/sqrt(d)."""
    scale = jnp.sqrt(noise_variance(diffusion_time) / features.dim)
    return scale * slope[:, None] * features.weights


def sample_covariances(
    features: RandomFeatures,
    points: Float[Array, "sample dim"],
    labels: Int[Array, " sample"],
    num_classes: int,
    diffusion_time: ArrayLike,
    activation: Activation,
    options: CovarianceOptions = CovarianceOptions(),  # noqa: B008
) -> FeatureCovariances:
    """Covariances of every class of a labelled sample, each averaged over its own samples.

    Args:
        features: W and beta.
        points: (n, d).
        labels: (n,) from 0 to num_classes - 1.
        num_classes: K, static.
        diffusion_time: t > 0.
        activation: the nonlinearity.
        options: truncation; None fields by rule.

    Returns:
        FeatureCovariances with leading axis class.  A class without samples gives zeros.
    """
    order = jnp.argsort(labels, stable=True)
    points, labels = points[order], labels[order]

    def one_class(label):
        member = labels == label
        weights = member / jnp.maximum(jnp.sum(member), 1)
        return weighted_covariance(features, points, weights, diffusion_time, activation, options)

    return jax.lax.map(one_class, jnp.arange(num_classes))


def weighted_covariance(
    features: RandomFeatures,
    points: Float[Array, "sample dim"],
    weights: Float[Array, " sample"],
    diffusion_time: ArrayLike,
    activation: Activation,
    options: CovarianceOptions = CovarianceOptions(),  # noqa: B008
    correlation: Array | None = None,
) -> FeatureCovariances:
    """Covariance of a weighted sample; blocks of samples whose weights are all zero cost nothing.

    Args:
        features: W and beta.
        points: (n, d).
        weights: (n,) non-negative; 1/n_c for the samples of a class, else 0.
        diffusion_time: t > 0.
        activation: the nonlinearity.
        options: truncation; None fields by rule.
        correlation: `features.correlation` where it is at hand.
    """
    orders = options.resolve(features.dim, num_features=features.num_features)
    variance = noise_variance(diffusion_time) * features.squared_norms
    correlation = features.correlation if correlation is None else correlation
    if activation.pair_moment is not None and orders.train_pairs:
        means = features.preactivation_means(signal_scale(diffusion_time) * points)
        return _exact(activation, means, variance, weights, correlation)
    rule = adapted_trapezoid(jnp.max(variance), orders.nodes, orders.train_order)
    scaled_points = signal_scale(diffusion_time) * points
    block_size = min(orders.block_size, len(points))
    blocks = _blocks(scaled_points, block_size), _blocks(weights, block_size)
    largest = largest_correlation(correlation)

    def add_block(sums, block):
        block_points, block_weights = block
        means = features.preactivation_means(block_points)
        moments = gaussian_moments(activation, means, variance[:, None], orders.train_order, rule)
        panels, left = add_series(moments, block_weights)
        slope, square = moments.hermite[1] @ block_weights, moments.square @ block_weights
        return jax.tree.map(jnp.add, sums, (panels, square, slope, left))

    def add_series(moments, weights):
        if orders.train_chunk > orders.train_order:  # bounded from the sum of all, see below
            weighted = moments.hermite * weights[None, None, :]
            return chunk_panels(weighted, moments.hermite, correlation), 0.0
        chunks = chunks_of(moments, weights, largest, orders.train_chunk, NEGLIGIBLE)
        panels, power = sample_series(chunks, weights, correlation)
        return panels, truncation_bound(power, chunks.neglected)

    def add_unless_empty(sums, block):
        occupied = jnp.any(block[1] > 0)
        return jax.lax.cond(occupied, add_block, lambda sums, _: sums, sums, block), None

    p = features.num_features
    zeros = jnp.zeros(p, scaled_points.dtype)
    panels = tuple(jnp.zeros((b - a, b), zeros.dtype) for a, b in row_panels(p))
    start = (panels, zeros, zeros, zeros)
    (panels, square, slope, truncation), _ = jax.lax.scan(add_unless_empty, start, blocks)
    feature = symmetric_from_panels(panels, square)
    if orders.train_chunk > orders.train_order:
        power = jnp.abs(correlation ** (orders.train_order + 1))
        truncation = truncation_bound(power, square - panel_diagonal(panels))
    few = _widest_and_others(variance)
    probes = RandomFeatures(features.weights[few], features.biases[few]).preactivation_means(
        scaled_points[:: -(-len(points) // PROBES)]
    )
    error = jnp.max(quadrature_error(activation, probes, variance[few, None], rule))
    return _with_errors(feature, slope / jnp.sqrt(variance), truncation, error)


def population_covariance(
    features: RandomFeatures,
    centroid: Float[Array, " dim"],
    covariance: Array,
    diffusion_time: ArrayLike,
    activation: Activation,
    options: CovarianceOptions = CovarianceOptions(),  # noqa: B008
    correlation: Array | None = None,
) -> FeatureCovariances:
    """Covariance of one Gaussian class, averaged over its whole population.

    Args:
        features: W and beta.
        centroid: (d,) mu_c.
        covariance: variance (), variances (d,) or matrix (d, d) of the class.
        diffusion_time: t > 0.
        activation: the nonlinearity.
        options: truncation; None fields by rule.
        correlation: `features.correlation` where it is at hand.
    """
    orders = options.resolve(features.dim, covariance.ndim > 0, features.num_features)
    variance, correlation = _population_field(features, covariance, diffusion_time, correlation)
    rule = adapted_trapezoid(jnp.max(variance), orders.population_nodes, orders.population_order)
    means = features.preactivation_means(signal_scale(diffusion_time) * centroid[None, :])
    alone = jnp.ones(1, means.dtype)
    if activation.pair_moment is not None and orders.population_pairs:
        return _exact(activation, means, variance, alone, correlation)
    moments = gaussian_moments(activation, means, variance[:, None], orders.population_order, rule)
    largest = largest_correlation(correlation)
    chunks = chunks_of(moments, alone, largest, orders.population_chunk, orders.negligible)
    feature, power = population_series(chunks, correlation)
    few = _widest_and_others(variance)
    return _with_errors(
        _with_diagonal(feature, moments.square[:, 0]),
        moments.hermite[1, :, 0] / jnp.sqrt(variance),
        truncation_bound(power, chunks.neglected),
        jnp.max(quadrature_error(activation, means[few, 0], variance[few], rule)),
    )


def _exact(
    activation: Activation,
    means: Float[Array, "feature sample"],
    variance: Float[Array, " feature"],
    weights: Float[Array, " sample"],
    correlation: Float[Array, "feature feature"],
) -> FeatureCovariances:
    """By pair moments in closed form, without any series."""
    assert activation.moments is not None and activation.second_moment is not None
    feature = exact_pairs(activation, means, variance, weights, correlation)
    square = activation.second_moment(means, variance[:, None]) @ weights
    slope = activation.moments(means, variance[:, None], 1)[1] @ weights / jnp.sqrt(variance)
    none = jnp.zeros_like(variance)
    return FeatureCovariances(_with_diagonal(feature, square), slope, none, none[0])


def _with_errors(
    feature: Array, slope: Array, truncation: Array, error: Array
) -> FeatureCovariances:
    """Covariances with estimates that nobody differentiates: a status has no derivative."""
    return FeatureCovariances(feature, slope, *jax.lax.stop_gradient((truncation, error)))


def _widest_and_others(variance: Float[Array, " feature"]) -> Int[Array, " probe"]:
    """The feature of the widest field and a few that are chosen blindly."""
    others = np.arange(0, len(variance), -(-len(variance) // PROBES))
    return jnp.append(others, jnp.argmax(variance))


def _population_field(
    features: RandomFeatures,
    covariance: Array,
    diffusion_time: ArrayLike,
    isotropic: Array | None,
) -> tuple[Array, Array]:
    """Variances v_i and correlations r_ij of the pre-activations over one class."""
    decay, noise = signal_scale(diffusion_time) ** 2, noise_variance(diffusion_time)
    if covariance.ndim == 0:
        variance = (decay * covariance + noise) * features.squared_norms
        return variance, features.correlation if isotropic is None else isotropic
    weights = features.weights / jnp.sqrt(features.dim)
    spread = weights * covariance[None, :] if covariance.ndim == 1 else weights @ covariance
    field = decay * spread @ weights.T + noise * weights @ weights.T
    variance = jnp.diagonal(field)
    scale = 1.0 / jnp.sqrt(variance)
    return variance, field * scale[:, None] * scale[None, :]


def _with_diagonal(matrix: Array, diagonal: Array) -> Array:
    return matrix - jnp.diag(jnp.diagonal(matrix) - diagonal)


def _blocks(array: Array, block_size: int) -> Array:
    """Cut the leading axis into blocks, the last one filled up with zeros."""
    size = array.shape[0]
    missing = -size % block_size
    padded = jnp.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
    return padded.reshape(-1, block_size, *array.shape[1:])
