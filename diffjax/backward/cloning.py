"""Probability that a sample noised up to t comes back as each class: Phi_cc' = E_c P(c'|x_t).

Phi_cc' = rho_c' S_cc', S_cc' = int p_c p_c'/p dx symmetric, so rho_c Phi_cc' = rho_c' Phi_c'c holds
exactly.  S is integrated under the geometric mean sqrt(p_c p_c'), which is Gaussian:

    S_cc' = Z E*[1 / sum_k rho_k p_k/sqrt(p_c p_c')],   Z = int sqrt(p_c p_c') dx.

The bracket is of the kind 1/cosh(log-odds/2).  Where the log-odds vary fast, and a quadrature rule
would miss it, Z is small: with s their standard deviation Z = exp(-s^2/8), so that the error of a
trapezoid rule is Z exp(-2 pi^2/(h s)), uniformly small.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.backward.reduction import (
    ReducedMixture,
    check_mixture,
    check_precision,
    check_times,
    seen_from_first,
    signal,
)
from diffjax.mixture import Mixture
from diffjax.numerics.radial_rules import (
    LARGEST_PRODUCT,
    LatticeRule,
    ProductRule,
    lattice_rule,
    product_rule,
)
from diffjax.typing import Array, ArrayLike, Float

STATED_ERRORS = {2: 1e-7, 3: 1e-6, 4: 2e-5}
"""Largest error of a probability by number of classes; 1e-3 for more than four (lattice rule).

Below ten dimensions and with stds that differ ten times it is 1e-5 for two classes."""

TRUNCATION = {2: 1e-11, 3: 1e-7, 4: 5e-6}
"""What the Gaussian beyond the rule adds to its error, by number of classes."""

_OF_SQUARE = 0.5
_LARGEST_EXPONENT = 700.0
_LARGEST_RADIAL = 300.0


def stated_error(num_classes: int) -> float:
    """Largest quadrature error of a cloning probability.

    Example:
        >>> stated_error(2), stated_error(10)
        (1e-07, 0.001)
    """
    return STATED_ERRORS.get(num_classes, 1e-3)


def cloning_probabilities(
    mixture: Mixture, dim: int, diffusion_times: ArrayLike
) -> Float[Array, "diffusion_time class returned_class"]:
    """Phi_cc'(t): a sample of class c, noised up to t and brought back, is of class c'.

    Computed by quadrature over the K - 1 coordinates in which centroids differ and over the
    squared norm of the rest; the cost does not depend on d.

    Args:
        mixture: two or more isotropic classes, any geometry, variances and weights.
        dim: d, up to 1e6 and more.
        diffusion_times: (T,) t > 0.

    Returns:
        (T, K, K) with rows that sum to one, accurate to `stated_error`.

    Raises:
        InputError: t <= 0, one class, anisotropic classes.
        PrecisionError: JAX is in 32-bit mode.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> from diffjax.mixture import two_classes
        >>> mixture = two_classes(stds=(1.0, 1.0), distance=1.0, imbalance_ratio=0.25)
        >>> returned = cloning_probabilities(mixture, 1000, [2.0, 4.0])[:, 0, 0]
        >>> [round(value, 3) for value in returned.tolist()]
        [0.953, 0.243]

    References:
        U-turns: Sclocchi, Favero, Wyart, arXiv 2402.16991; Biroli et al., arXiv 2402.18491.
    """
    check_mixture(mixture, dim)
    check_precision("cloning_probabilities")
    return _compiled_curve(mixture, dim, check_times(diffusion_times))


def cloning_curve(mixture: Mixture, dim: int, times: Array) -> Array:
    """`cloning_probabilities` without checks; times may be 0 or traced."""
    return estimated_curve(mixture, dim, times)[0]


def estimated_curve(
    mixture: Mixture, dim: int, times: Array
) -> tuple[Float[Array, "diffusion_time class class"], Float[Array, " diffusion_time"]]:
    """The probabilities and, per time, an estimate of their largest quadrature error."""
    reduced = seen_from_first(mixture, dim)
    if mixture.num_classes == 2:
        return jax.vmap(lambda t: _probabilities(reduced, dim, t))(times)
    return jax.lax.map(lambda t: _probabilities(reduced, dim, t), times)


@functools.partial(jax.jit, static_argnames="dim")
def _compiled_curve(mixture: Mixture, dim: int, times: Array) -> Array:
    return cloning_curve(mixture, dim, times)


def _probabilities(reduced: ReducedMixture, dim: int, time: Array) -> tuple[Array, Array]:
    classes = reduced.weights.shape[0]
    first, second = np.triu_indices(classes, 1)
    overlaps, errors = _pair_overlaps(reduced, dim, time, first, second)
    upper = jnp.zeros((2, classes, classes)).at[:, first, second].set(jnp.stack([overlaps, errors]))
    elsewhere, error = (upper + upper.swapaxes(1, 2)) * reduced.weights[None, None]
    cloning = elsewhere + jnp.diag(1.0 - elsewhere.sum(axis=1))
    floor = TRUNCATION.get(classes, 0.0)
    return cloning, floor + jnp.sqrt((error**2).sum(axis=1).max())


def _pair_overlaps(
    reduced: ReducedMixture, dim: int, time: Array, first: np.ndarray, second: np.ndarray
) -> tuple[Array, Array]:
    """S_cc' of every pair of classes, and its estimated error."""
    rank, rest = reduced.centroids.shape[1], dim - reduced.centroids.shape[1]
    if rank <= LARGEST_PRODUCT:
        rule = product_rule(rank, rest)
        pairs = tuple(map(jnp.asarray, (first, second)))
        return jax.vmap(lambda c, k: _product_overlap(reduced, rest, time, c, k, rule))(*pairs)
    lattice = lattice_rule(rank, rest)
    pairs = tuple(map(jnp.asarray, (first, second)))
    return jax.lax.map(
        lambda pair: _lattice_overlap(reduced, rest, time, pair[0], pair[1], lattice), pairs
    )


def _product_overlap(
    reduced: ReducedMixture, rest: int, time: Array, c: Array, other: Array, rule: ProductRule
) -> tuple[Array, Array]:
    """The exponential of a sum is a product: one matrix product over classes joins both rules.

    Every second node is a rule of twice the spacing.  A trapezoid rule of spacing h is off by
    Z e^(-a/h), so that E_h = E_2h^2/Z.
    """
    span, radial, log_mass = _exponents(reduced, rest, time, c, other, rule.normals, rule.squares)
    limited = jnp.clip(span, -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
    along = jnp.exp(limited)
    across = jnp.exp(jnp.clip(radial, -_LARGEST_RADIAL, _LARGEST_RADIAL))
    values = 1.0 / (along @ across.T)
    across_rest = values @ rule.square_weights
    found = rule.normal_weights @ across_rest
    coarse = jnp.stack(
        [
            rule.every_second_normal @ across_rest,
            (rule.normal_weights @ values) @ rule.every_second_square,
        ]
    )
    squared = _OF_SQUARE * ((coarse - found) ** 2).sum()  # in units of Z, as is the bracket
    return jnp.exp(log_mass) * found, jnp.exp(log_mass) * squared


def _lattice_overlap(
    reduced: ReducedMixture, rest: int, time: Array, c: Array, other: Array, rule: LatticeRule
) -> tuple[Array, Array]:
    """The first half of the points is a rule of twice the error."""
    span, radial, log_mass = _exponents(reduced, rest, time, c, other, rule.normals, rule.squares)
    values = 1.0 / jnp.exp(jnp.minimum(span + radial, _LARGEST_EXPONENT)).sum(axis=1)
    found, half = values.mean(), values[: values.shape[0] // 2].mean()
    return jnp.exp(log_mass) * found, 1.5 * jnp.exp(log_mass) * jnp.abs(found - half)


def _exponents(
    reduced: ReducedMixture,
    rest: int,
    time: Array,
    c: Array,
    other: Array,
    normals: np.ndarray,
    squares: np.ndarray,
) -> tuple[Array, Array, Array]:
    """log rho_k p_k/sqrt(p_c p_c') split into the part of the span and the part of the norm.

    Returns:
        (n, K) of the Gaussian nodes, (m, K) of the squared norms, and log Z.
    """
    e, noisy = signal(time), reduced.noisy(time)
    centroids = e * reduced.centroids
    between = 2.0 / (1.0 / noisy[c] + 1.0 / noisy[other])
    middle = 0.5 * between * (centroids[c] / noisy[c] + centroids[other] / noisy[other])
    points = middle[None] + jnp.sqrt(between) * normals
    offsets = points[:, None, :] - centroids[None, :, :]
    # relative to class 0, so that terms of order d cancel before they are formed
    excess = e**2 * (reduced.variances - reduced.variances[0]) / noisy[0]
    slope = 0.5 * between * excess / noisy  # of minus the squared norm, per degree of freedom
    dim = rest + normals.shape[1]
    volume = -0.5 * dim * jnp.log1p(excess) + rest * slope
    span = volume[None] - 0.5 * (offsets**2).sum(axis=-1) / noisy[None]
    radial = (jnp.asarray(squares) - rest)[:, None] * slope[None]
    span = span - 0.5 * (span[:, c] + span[:, other])[:, None]
    span = span + reduced.log_weights[None]
    radial = radial - 0.5 * (radial[:, c] + radial[:, other])[:, None]
    return span, radial, _log_mass(dim, centroids, noisy, c, other)


def _log_mass(dim: int, centroids: Array, noisy: Array, c: Array, other: Array) -> Array:
    """log Z = -(d/2) log cosh(log(Gamma_c/Gamma_c')/2) - e^2 D^2/(4 (Gamma_c + Gamma_c'))."""
    quarter = 0.25 * jnp.log1p((noisy[c] - noisy[other]) / noisy[other])
    distance = ((centroids[c] - centroids[other]) ** 2).sum()
    volume = 0.5 * dim * jnp.log1p(2.0 * jnp.sinh(quarter) ** 2)
    return -volume - distance / (4.0 * (noisy[c] + noisy[other]))
