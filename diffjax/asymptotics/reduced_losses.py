"""Losses of the reduced model: a few modes per class and direction, no contour.

With E = E_m[b b^T], omega_c the training weights, f_c the shares of the samples and lambda_c the
diffused variance of class c along one direction, two vectors per class in feature space, w_c with
Gram matrix psi_p E and eta_c, orthogonal to all others, with
|eta_c|^2 = psi_p E_m[gamma_c^2]/(psi_n f_c), carry

    p U_c = Delta w_c w_c^T + (sqrt(lambda_c) w_c + eta_c)(...)^T + s_c^2 + (gamma_c^2/phi) P,
    p U = sum_c omega_c p U_c,   V_c = sqrt(Delta) w_c,

P the projection onto the share phi = min(psi_n/psi_p, 1) of feature space that the other samples
span; every vector has that share of its square in it.  The population has
(lambda_c + Delta) w_c w_c^T + gamma_c^2 + s_c^2 instead.

Finite ratios scatter the eigenvalues of W^T W by 1/sqrt(psi_p) and those of the sample covariance
of class c by 1/sqrt(psi_n f_c).  Losses are averages over factors 1 +- scatter, at pairwise
uncorrelated signs: right to first order in 1/psi_p and in 1/(psi_n f_c).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.ensemble import Ensemble
from diffjax.numerics.jacobi import symmetric_eigensystem
from diffjax.numerics.relaxation import relaxation, relaxation_filter
from diffjax.typing import Array, Float

LARGEST_FLUCTUATION = 0.95
LARGEST_SPAN = 0.999


class Moments(NamedTuple):
    """Averages over neurons: E (K, K), E_m gamma_c^2 (K,) and E_m s_c^2 (K,)."""

    slopes: Array
    sample: Array
    noise: Array


def neuron_moments(ensemble: Ensemble) -> Moments:
    """E, E_m gamma^2 and E_m s^2 of an ensemble."""
    constants = ensemble.constants
    slopes = (constants.slope * ensemble.neurons.weights[None, :]) @ constants.slope.T
    return Moments(
        slopes,
        ensemble.neuron_average(constants.sample_variance),
        ensemble.neuron_average(constants.noise_variance),
    )


def residual(ensemble: Ensemble, moments: Moments) -> Array:
    """E_m s^2."""
    return ensemble.weights @ moments.noise


def reduced_losses(
    ensemble: Ensemble, moments: Moments, times: Float[Array, " training_time"]
) -> Float[Array, "loss training_time"]:
    """(2K, T) train and test losses, averaged over directions and fluctuations."""
    design = jnp.asarray(fluctuations(ensemble.num_classes))
    at_signals = jax.vmap(_losses_at, (None, None, 0, None, None))
    everywhere = jax.vmap(at_signals, (None, None, None, 0, None))
    losses = everywhere(ensemble, moments, ensemble.signals.T, design, times)
    return jnp.einsum("rlct,l->ct", losses, ensemble.shares) / design.shape[0]


def fluctuations(num_classes: int) -> np.ndarray:
    """(R, 1 + K) signs, pairwise uncorrelated: rows of a Hadamard matrix without its first column.

    Example:
        >>> fluctuations(1).tolist()
        [[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]]
    """
    signs = np.ones((1, 1))
    while signs.shape[0] < max(num_classes + 2, 4):
        signs = np.block([[signs, signs], [signs, -signs]])
    return signs[:, 1 : num_classes + 2]


def _losses_at(
    ensemble: Ensemble, moments: Moments, signal: Array, signs: Array, times: Array
) -> Array:
    """(2K, T) of one direction and one set of fluctuations.

    Readouts are coefficients y of the vectors (w, eta) in the free features and in those spanned
    by samples, which carry the shares q^2 of every vector.  With A = L L^T and N = L^T G L,

        p U = q q^T x N + diag(s^2, s^2 + h) x 1,

    which is symmetric and smooth in all parameters, even where G is singular.
    """
    noise, weights, psi_p = ensemble.noise, ensemble.weights, ensemble.features_per_dim
    wide = 1.0 + signs[0] * jnp.minimum(psi_p**-0.5, LARGEST_FLUCTUATION)
    scatter = jnp.minimum(samples_per_class(ensemble) ** -0.5, LARGEST_FLUCTUATION)
    sampled = signal * (1.0 + signs[1:] * scatter)
    factor, gram = _factor(ensemble, sampled), _gram(ensemble, moments, wide)
    inner, size = factor.T @ gram @ factor, weights.shape[0]
    spanned = _spanned(ensemble)
    parts = jnp.sqrt(jnp.stack([1.0 - spanned, spanned]))
    lifts = jnp.stack([jnp.zeros(()), weights @ moments.sample / spanned])
    diagonal = residual(ensemble, moments) + lifts
    rates = 2.0 * noise * times / psi_p
    readout = _shared_relaxation(inner, _start(ensemble, sampled), parts, diagonal, rates)
    overlaps = jnp.einsum("tsj,s->tj", readout, parts) @ (factor.T @ gram)
    slope, sample = overlaps[:, :size].T, overlaps[:, size:].T
    powers = jnp.einsum("tsj,tsj->st", readout @ inner, readout)
    power, lifted = powers[0] + powers[1], powers[1] / spanned
    train = noise * slope**2 + (jnp.sqrt(sampled)[:, None] * slope + sample) ** 2
    train += moments.noise[:, None] * power[None] + moments.sample[:, None] * lifted[None]
    test = (signal + noise)[:, None] * slope**2
    test += (moments.noise + moments.sample)[:, None] * power[None]
    start = 1.0 - 2.0 * jnp.sqrt(noise) * slope
    return jnp.concatenate([start + train, start + test])


@jax.custom_jvp
def _shared_relaxation(
    inner: Array, start: Array, parts: Array, diagonal: Array, durations: Array
) -> Array:
    """(T, 2, n) `relaxation` of q q^T x N + diagonal x 1 towards q x v, from the modes of N.

    Every mode of N meets a 2 x 2 matrix of its own; its smaller eigenvalue, counted from the
    smaller diagonal element, is taken from the determinant.
    """
    values, basis = symmetric_eigensystem(inner)
    lift, values = diagonal[1] - diagonal[0], jnp.maximum(values, 0.0)
    half = 0.5 * (values + lift)
    free, spanned = parts[0] ** 2, parts[1] ** 2
    root = jnp.hypot(0.5 * (values * (spanned - free) + lift), values * parts[0] * parts[1])
    high = half + root
    low = values * free * lift / jnp.where(high > 0, high, 1.0)
    acted = (
        values[None] * parts[:, None] + jnp.stack([jnp.zeros(()), lift])[:, None] * parts[:, None]
    )
    tilt = (acted - half[None] * parts[:, None]) / jnp.where(root > 0, 2.0 * root, 1.0)[None]
    upper, lower = 0.5 * parts[:, None] + tilt, 0.5 * parts[:, None] - tilt
    above = relaxation_filter(diagonal[0] + high, durations)[:, None]
    below = relaxation_filter(diagonal[0] + low, durations)[:, None]
    return ((above * upper[None] + below * lower[None]) * (basis.T @ start)[None, None]) @ basis.T


@_shared_relaxation.defjvp
def _shared_relaxation_jvp(primals, tangents):
    """By the whole matrix, whose relaxation has derivatives at equal eigenvalues too."""
    _, change = jax.jvp(_whole_relaxation, primals, tangents)
    return _shared_relaxation(*primals), change


def _whole_relaxation(
    inner: Array, start: Array, parts: Array, diagonal: Array, durations: Array
) -> Array:
    size = start.shape[0]
    matrix = jnp.kron(jnp.outer(parts, parts), inner) + jnp.diag(jnp.repeat(diagonal, size))
    return relaxation(matrix, jnp.kron(parts, start), durations).reshape(-1, 2, size)


def samples_per_class(ensemble: Ensemble) -> Array:
    """(K,) psi_n f_c."""
    return ensemble.samples_per_dim * ensemble.weights / ensemble.emphasis


def _spanned(ensemble: Ensemble) -> Array:
    """The share of feature space that samples span."""
    return jnp.minimum(ensemble.samples_per_dim / ensemble.features_per_dim, LARGEST_SPAN)


def _gram(ensemble: Ensemble, moments: Moments, wide: Array) -> Array:
    """(2K, 2K) G, the weights of the features stretched."""
    psi_p, size = ensemble.features_per_dim, ensemble.num_classes
    norms = psi_p * moments.sample / samples_per_class(ensemble)
    zero = jnp.zeros((size, size))
    return jnp.block([[psi_p * wide * moments.slopes, zero], [zero, jnp.diag(norms)]])


def _factor(ensemble: Ensemble, signal: Array) -> Array:
    """(2K, 2K) L with L L^T = A."""
    gamma = signal + ensemble.noise
    root = jnp.sqrt(ensemble.weights)
    first, below = jnp.sqrt(gamma), jnp.sqrt(signal / gamma)
    last = jnp.sqrt(ensemble.noise / gamma)
    zero = jnp.zeros((signal.shape[0],) * 2)
    return jnp.block(
        [[jnp.diag(root * first), zero], [jnp.diag(root * below), jnp.diag(root * last)]]
    )


def _start(ensemble: Ensemble, signal: Array) -> Array:
    """(2K,) L^(-1) times the coefficients sqrt(Delta) (omega, 0) of V."""
    gamma = signal + ensemble.noise
    first = jnp.sqrt(ensemble.noise * ensemble.weights / gamma)
    return jnp.concatenate([first, -first * jnp.sqrt(signal / ensemble.noise)])
