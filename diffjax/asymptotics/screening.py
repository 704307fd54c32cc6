"""Times per class from a few modes per direction: a screening of the theory in microseconds.

With E = E_m[b b^T], Gamma_c(l) = e^(-2t) lambda_cl + Delta and omega_c the training weights, for
every direction l of the class covariances:

Generalisation, psi_p and psi_n to infinity at fixed training time tau:

    dy_c/dtau = 2 Delta omega_c (1 - Gamma_c u_c),   u = E y,
    L_c^test = E_l[1 - 2 Delta u_c + Delta Gamma_c u_c^2]

Memorisation, psi_p >> psi_n f_c >> 1: two vectors per class, w_c with Gram matrix psi_p E and
eta_c, orthogonal to all others, with |eta_c|^2 = psi_p E_m[gamma_c^2]/(psi_n f_c), carry

    p U_c = Delta w_c w_c^T + (e^(-t) sqrt(lambda_c) w_c + eta_c)(...)^T + s_c^2,
    p U = sum_c omega_c p U_c,   V_c = sqrt(Delta) w_c

and the train losses follow in this space of 2K dimensions.  Spectral proxies are e-fold times
1/(2 Delta omega_c Gamma_c E_cc) and psi_p/(2 Delta lambda_c) with the memorisation eigenvalue
lambda_c = (Delta/Gamma_c) (psi_p/psi_n) (omega_c/f_c) E_m[gamma_c^2] + E_m[s^2] of well separated
classes.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from diffjax.asymptotics.ensemble import Ensemble
from diffjax.numerics.relaxation import relaxation
from diffjax.status import Status
from diffjax.timescales import timescales
from diffjax.typing import Array, Float, Int

LOWEST_FEATURES_PER_DIM = 16.0
LOWEST_SAMPLES_PER_DIM = 2.0
LONG = 600.0


class Screening(eqx.Module):
    """Learning curves and times per class of the reduced models.

    Attributes:
        training_times: (T,).
        train_loss: (K, T) of the model of memorisation.
        test_loss: (K, T) of the model of generalisation; it never rises by memorisation.
        generalization_time: (K,) see `diffjax.timescales`.
        memorization_time: (K,).
        half_score_error_time: (K,).
        spectral_generalization_time: (K,) e-fold time of the class's own generalisation mode.
        spectral_memorization_time: (K,) e-fold time of its memorisation mode.
        bayes_floor: (K,).
        final_train_loss: (K,).
        status: IMPRECISE where a ratio is too small for the reduced models.
    """

    training_times: Float[Array, " training_time"]
    train_loss: Float[Array, "class training_time"]
    test_loss: Float[Array, "class training_time"]
    generalization_time: Float[Array, " class"]
    memorization_time: Float[Array, " class"]
    half_score_error_time: Float[Array, " class"]
    spectral_generalization_time: Float[Array, " class"]
    spectral_memorization_time: Float[Array, " class"]
    bayes_floor: Float[Array, " class"]
    final_train_loss: Float[Array, " class"]
    status: Int[Array, ""]


class _Moments(NamedTuple):
    """Averages over neurons: E (K, K), E_m gamma_c^2 (K,) and E_m s_c^2 (K,)."""

    slopes: Array
    sample: Array
    noise: Array


def screen(ensemble: Ensemble, times: Float[Array, " training_time"]) -> Screening:
    """The reduced models of an ensemble, at (T,) training times."""
    moments = _moments(ensemble)
    test = _over_directions(ensemble, _test_loss, moments, times)
    long = LONG * ensemble.features_per_dim / (2.0 * ensemble.noise * _residual(ensemble, moments))
    train = _over_directions(ensemble, _train_loss, moments, jnp.append(times, long))
    floor = ensemble.floor
    found = timescales(times, train[:, :-1], test, floor, train[:, -1])
    return Screening(
        training_times=times,
        train_loss=train[:, :-1],
        test_loss=test,
        generalization_time=found.generalization_time,
        memorization_time=found.memorization_time,
        half_score_error_time=found.half_score_error_time,
        spectral_generalization_time=spectral_generalization_times(ensemble),
        spectral_memorization_time=spectral_memorization_times(ensemble),
        bayes_floor=floor,
        final_train_loss=train[:, -1],
        status=_status(ensemble, train, test, found),
    )


def spectral_generalization_times(ensemble: Ensemble) -> Float[Array, " class"]:
    """(K,) 1/(2 Delta omega_c Gamma_c E_cc), Gamma_c of the class's mean variance."""
    own = jnp.diagonal(_moments(ensemble).slopes)
    return 1.0 / (2.0 * ensemble.noise * ensemble.weights * _mean_gamma(ensemble) * own)


def spectral_memorization_times(ensemble: Ensemble) -> Float[Array, " class"]:
    """(K,) psi_p/(2 Delta lambda_c); module docstring for lambda_c."""
    moments, psi_p = _moments(ensemble), ensemble.features_per_dim
    sample = psi_p / ensemble.samples_per_dim * ensemble.emphasis * moments.sample
    eigenvalue = ensemble.noise / _mean_gamma(ensemble) * sample + _residual(ensemble, moments)
    return psi_p / (2.0 * ensemble.noise * eigenvalue)


def _moments(ensemble: Ensemble) -> _Moments:
    constants = ensemble.constants
    slopes = (constants.slope * ensemble.neurons.weights[None, :]) @ constants.slope.T
    return _Moments(
        slopes,
        ensemble.neuron_average(constants.sample_variance),
        ensemble.neuron_average(constants.noise_variance),
    )


def _residual(ensemble: Ensemble, moments: _Moments) -> Array:
    """E_m s^2."""
    return ensemble.weights @ moments.noise


def _mean_gamma(ensemble: Ensemble) -> Array:
    return ensemble.noisy_signals @ ensemble.shares


def _over_directions(ensemble: Ensemble, loss, moments: _Moments, times: Array) -> Array:
    """(K, T) a loss averaged over directions."""
    losses = jax.vmap(lambda signal: loss(ensemble, moments, signal, times))(ensemble.signals.T)
    return jnp.einsum("lct,l->ct", losses, ensemble.shares)


def _test_loss(ensemble: Ensemble, moments: _Moments, signal: Array, times: Array) -> Array:
    """(K, T) of one direction; with D = diag(omega Gamma), y = D^(1/2) f(D^(1/2) E D^(1/2)) ..."""
    noise, weights = ensemble.noise, ensemble.weights
    gamma = signal + noise
    root = jnp.sqrt(weights * gamma)
    matrix = root[:, None] * moments.slopes * root[None, :]
    scaled = relaxation(matrix, weights / root, 2.0 * noise * times)
    learned = ((scaled * root[None, :]) @ moments.slopes).T
    return 1.0 - 2.0 * noise * learned + noise * gamma[:, None] * learned**2


def _train_loss(ensemble: Ensemble, moments: _Moments, signal: Array, times: Array) -> Array:
    """(K, T) of one direction, in coefficients x of the 2K vectors (w_1 .. w_K, eta_1 .. eta_K).

    p U acts on them as A G + s^2, A made of 2 x 2 blocks A_c = [[Gamma_c, r], [r, 1]] with
    r = e^(-t) sqrt(lambda_c), G the Gram matrix.  With A = L L^T the matrix L^T G L is symmetric
    and smooth in all parameters, even where G is singular.
    """
    noise, weights, psi_p = ensemble.noise, ensemble.weights, ensemble.features_per_dim
    rotation, gram = _factor(ensemble, signal), _gram(ensemble, moments)
    unit = jnp.eye(gram.shape[0])
    matrix = rotation.T @ gram @ rotation + _residual(ensemble, moments) * unit
    start = _start(ensemble, signal)
    readout = relaxation(matrix, start, 2.0 * noise * times / psi_p) @ rotation.T
    overlaps = readout @ gram
    size = weights.shape[0]
    slope, sample = overlaps[:, :size].T, overlaps[:, size:].T
    power = jnp.sum(overlaps * readout, axis=1)
    square = noise * slope**2 + (jnp.sqrt(signal)[:, None] * slope + sample) ** 2
    square += moments.noise[:, None] * power[None, :]
    return 1.0 - 2.0 * jnp.sqrt(noise) * slope + square


def _gram(ensemble: Ensemble, moments: _Moments) -> Array:
    """(2K, 2K) G."""
    psi_p, size = ensemble.features_per_dim, ensemble.num_classes
    fractions = ensemble.weights / ensemble.emphasis
    norms = psi_p * moments.sample / (ensemble.samples_per_dim * fractions)
    zero = jnp.zeros((size, size))
    return jnp.block([[psi_p * moments.slopes, zero], [zero, jnp.diag(norms)]])


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


def _status(ensemble: Ensemble, train: Array, test: Array, found) -> Array:
    fractions = ensemble.weights / ensemble.emphasis
    coarse = (ensemble.features_per_dim < LOWEST_FEATURES_PER_DIM) | (
        jnp.min(fractions) * ensemble.samples_per_dim < LOWEST_SAMPLES_PER_DIM
    )
    main = jnp.stack([found.generalization_time, found.memorization_time])
    finite = jnp.all(jnp.isfinite(train)) & jnp.all(jnp.isfinite(test))
    status = jnp.where(jnp.all(jnp.isfinite(main)), Status.OK, Status.NOT_REACHED)
    status = jnp.where(coarse, Status.IMPRECISE, status)
    return jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int8)
