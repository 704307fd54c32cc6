"""Learning curves per class by contour integrals over one and two resolvents.

With f_tau(z) = (1 - exp(-2 Delta z tau/psi_p))/z and Q_z = (p U - z)^(-1) the readout at training
time tau is a function of p U, and

    L_c(tau) = 1 - 2 Delta S_c + Delta S2_c
    S_c  = -(1/2 pi i) oint f_tau(z) (omega^T E_l[R])_c dz
    S2_c = (1/2 pi i)^2 oint oint f_tau(z_1) f_tau(z_2) kernel_c(z_1, z_2) dz_1 dz_2

for train and test losses alike; only the kernel differs.  At infinite time f = 1/z.  Both
resolvents live on one contour, on N points of the upper half plane and their conjugates; with
f w = u + i v the double integral is a real quadratic form in (u, v).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.deterministic_equivalent import (
    EquivalentSolution,
    Resolvent,
    direction_average,
    neuron_error,
    solve_resolvent,
)
from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.linear_response import Kernels, loss_kernels
from diffjax.asymptotics.options import TheoryOptions
from diffjax.numerics.contour import Contour, contour_error, positive_contour
from diffjax.numerics.small_matrices import reciprocal
from diffjax.typing import Array, Float

LOWEST_RATIO = 1e-10
CONTOUR_FACTOR = 3.0


class LossCurves(NamedTuple):
    """Losses per dimension at the training times and at infinite training time.

    Attributes:
        train: (K, T).
        test: (K, T).
        final_train: (K,).
        final_test: (K,).
        mass: of the spectrum inside the contour; one if nothing was missed.
        residual: of the deterministic equivalent.
        error: estimate of that of the losses by quadratures, relative to max(1, loss).
    """

    train: Float[Array, "class training_time"]
    test: Float[Array, "class training_time"]
    final_train: Float[Array, " class"]
    final_test: Float[Array, " class"]
    mass: Float[Array, ""]
    residual: Float[Array, ""]
    error: Float[Array, ""]


def loss_curves(
    ensemble: Ensemble, times: Float[Array, " training_time"], options: TheoryOptions
) -> LossCurves:
    """Learning curves of every class.

    Args:
        ensemble: the problem's ensemble.
        times: (T,) training times, any order.
        options: contour nodes and budget of the iteration.
    """
    # without barriers XLA recomputes the contour and the resolvent in each of their many uses
    barrier = jax.lax.optimization_barrier
    low, high = spectral_range(ensemble)
    contour = barrier(positive_contour(low, high, options.contour_nodes))
    solution = barrier(solve_resolvent(ensemble, contour.nodes, options))
    rates = 2.0 * ensemble.noise * times / ensemble.features_per_dim
    filters = jnp.concatenate([_filter(rates, contour), reciprocal(contour.nodes)[None, :]])
    losses = _losses(ensemble, contour, solution.resolvent, filters)
    num_classes = ensemble.num_classes
    return LossCurves(
        losses[:num_classes, :-1],
        losses[num_classes:, :-1],
        losses[:num_classes, -1],
        losses[num_classes:, -1],
        spectral_mass(ensemble, contour, solution),
        solution.residual,
        jnp.maximum(  # each is an upper estimate, and one of them is mostly far below the other
            neuron_error(ensemble, solution.resolvent),
            CONTOUR_FACTOR * contour_error(low, high, options.contour_nodes),
        ),
    )


def spectral_range(ensemble: Ensemble) -> tuple[Array, Array]:
    """Between which eigenvalues all of the spectrum that carries weight lies.

    It starts at half the smallest residual eigenvalue s^2(m) of any neuron; its end is three times
    a sum of the largest generalisation, sample and residual eigenvalues.  Saturated neurons, whose
    residual is below 1e-10 of that, are left outside: they have nothing to learn.
    """
    constants, psi_p = ensemble.constants, ensemble.features_per_dim
    residual = ensemble.residual_noise
    low = 0.5 * jnp.min(residual)
    power = jnp.max(ensemble.noisy_signals, axis=1) * ensemble.neuron_average(constants.slope**2)
    sample = ensemble.neuron_average(constants.sample_variance)
    scale = psi_p * ensemble.weights @ power
    scale += psi_p / ensemble.samples_per_dim * (ensemble.weights * ensemble.emphasis) @ sample
    scale += jnp.max(residual)
    high = 3.0 * scale * (1.0 + psi_p**-0.5) ** 2
    return jnp.maximum(low, LOWEST_RATIO * high), high


def spectral_contour(ensemble: Ensemble, num_nodes: int) -> Contour:
    """The contour of the learning curves, around `spectral_range`."""
    return positive_contour(*spectral_range(ensemble), num_nodes)


def spectral_mass(ensemble: Ensemble, contour: Contour, solution: EquivalentSolution) -> Array:
    """-(1/2 pi i) oint m_U: the share of the eigenvalues that the contour encloses."""
    stieltjes = ensemble.neuron_average(solution.resolvent.green.T)
    return jnp.sum(jnp.imag(contour.weights * stieltjes)) / np.pi


def _filter(rates: Array, contour: Contour) -> Array:
    """(T, N) (1 - exp(-rate z))/z, accurate for small and for large rate z."""
    z = contour.nodes[None, :]
    decay, turn = rates[:, None] * jnp.real(z), rates[:, None] * jnp.imag(z)
    real = 2.0 * jnp.sin(0.5 * turn) ** 2 * jnp.exp(-decay) - jnp.expm1(-decay)
    return jax.lax.complex(real, jnp.exp(-decay) * jnp.sin(turn)) * reciprocal(z)


def _losses(ensemble: Ensemble, contour: Contour, resolvent: Resolvent, filters: Array) -> Array:
    """(2K, T) losses of the readouts made by (T, N) filters, train first."""
    single = _single_vectors(ensemble, resolvent)
    forms = jax.lax.optimization_barrier(_quadratic_forms(loss_kernels(ensemble, resolvent)))
    weighted = filters * contour.weights[None, :]
    vectors = jnp.concatenate([jnp.real(weighted), jnp.imag(weighted)], axis=1)
    linear = single @ vectors.T / np.pi
    halves = (vectors @ forms).reshape(vectors.shape[0], -1, vectors.shape[1])
    quadratic = -jnp.sum(halves * vectors[:, None, :], axis=2).T / (2.0 * np.pi**2)
    noise = ensemble.noise
    return 1.0 - 2.0 * noise * jnp.concatenate([linear, linear]) + noise * quadratic


def _single_vectors(ensemble: Ensemble, resolvent: Resolvent) -> Array:
    """(K, 2N) the coefficients of (u, v) in pi S_c = Im sum_j w_j f_j (omega^T E_l[R])_c."""
    tilted = ensemble.weights[:, None, None] * direction_average(ensemble, resolvent.dressed)
    total = jnp.sum(tilted, axis=0)
    return jnp.concatenate([jnp.imag(total), jnp.real(total)], axis=1)


def _quadratic_forms(kernels: Kernels) -> Array:
    """(2N, source 2N) the matrices B with -2 pi^2 S2 = (u, v) B (u, v)^T, side by side.

    With F = w f it is Re sum_ij [ F_i F_j kernel(z_i, z_j) - F_i conj(F_j) kernel(z_i, conj z_j) ].
    """
    upper, mixed = kernels
    first = jnp.real(upper) - jnp.real(mixed)
    last = -jnp.real(upper) - jnp.real(mixed)
    cross = -(jnp.imag(upper) + jnp.imag(mixed))
    top = jnp.concatenate([first, cross], axis=2)
    bottom = jnp.concatenate([cross.swapaxes(1, 2), last], axis=2)
    forms = jnp.concatenate([top, bottom], axis=1)
    return forms.transpose(1, 0, 2).reshape(forms.shape[1], -1)
