"""Quadratic and cubic parts of the features that concentrated spectra turn from noise into signal.

For isotropic classes in high dimension the parts of phi beyond the linear one act as white noise,
of variance gamma_c^2 (fixed by each sample) and s_c^2 (averaged by the diffusion noise).  If few
directions dominate, part of it lies along few products of directions and is learned.  With
b_q = E phi^(q)(m_c + sqrt(Gamma_c) g), a = e^(-2t) lambda_c/d and g = Gamma_c(l)/d for the d
directions l, and h_q the complete homogeneous polynomial, the energies of order q = 2, 3 are
counted at their value for the actual spectrum:

    gamma_c^2 -> gamma_c^2 - sum_q b_q^2 [ (e^(-2t) v_c)^q/q! - f_q(a) h_q(a) ]
    s_c^2     -> s_c^2 - sum_q b_q^2 [ (Gamma_c^q - (e^(-2t) v_c)^q)/q! - f_q(g) h_q(g)
                                       + f_q(a) h_q(a) ]
    f_2 = 1/(1 + 2 pi_2),   f_3 = 1/(1 + 6 pi_2 + 8 pi_3),   pi_k = p_k/p_1^k

with p_k the power sums.  It vanishes as 1/d_eff and removes about half of the error of that
order; the rest needs the learned products as directions of their own.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.class_law import ClassLaw
from diffjax.asymptotics.constants import FeatureConstants, field_hermite_moments
from diffjax.diffusion import noise_variance, noisy_variance, signal_scale
from diffjax.numerics.activations import Activation
from diffjax.typing import Array, ArrayLike, Float

LEAST_SAMPLE_SHARE = 1e-3
LEAST_NOISE_SHARE = 0.02


class _Energies(NamedTuple):
    """f_q h_q for q = 2, 3, (2, K) each, of the diffused classes and of what samples fix of it."""

    total: Array
    sample: Array


def closed_constants(
    constants: FeatureConstants,
    activation: Activation,
    means: Float[Array, "class neuron"],
    law: ClassLaw,
    diffusion_time: ArrayLike,
    field_nodes: int,
) -> FeatureConstants:
    """gamma_c^2 and s_c^2 with the energies of order 2 and 3 at the actual spectrum.

    Args:
        constants: of classes whose directions all count alike.
        activation: phi.
        means: (K, Q) m_c.
        law: spectra of the classes.
        diffusion_time: t.
        field_nodes: nodes of the grid of pre-activations.
    """
    field = noisy_variance(law.variances, diffusion_time)
    signal = signal_scale(diffusion_time) ** 2 * law.variances
    moments = field_hermite_moments(activation, means, field, diffusion_time, field_nodes)
    energies = _energies(law, diffusion_time)
    sample, noise = jnp.zeros_like(means), jnp.zeros_like(means)
    for number, order in enumerate((2, 3)):
        squared_slope = moments[order] ** 2 * (_factorial(order) / field**order)[:, None]
        flat_sample = signal**order / _factorial(order)
        flat_noise = (field**order - signal**order) / _factorial(order)
        kept_sample = energies.sample[number]
        kept_noise = energies.total[number] - kept_sample
        sample += squared_slope * (flat_sample - kept_sample)[:, None]
        noise += squared_slope * (flat_noise - kept_noise)[:, None]
    return constants._replace(
        sample_variance=_reduced(constants.sample_variance, sample, LEAST_SAMPLE_SHARE),
        noise_variance=_reduced(constants.noise_variance, noise, LEAST_NOISE_SHARE),
    )


def _reduced(value: Array, part: Array, least: float) -> Array:
    return jnp.maximum(value - part, least * value)


def _energies(law: ClassLaw, diffusion_time: ArrayLike) -> _Energies:
    dim = jnp.sum(law.counts)
    decay, noise = signal_scale(diffusion_time) ** 2, noise_variance(diffusion_time)
    along = decay * law.directions / dim
    return _Energies(
        _closed_polynomials(along + noise / dim, law.counts),
        _closed_polynomials(along, law.counts),
    )


def _closed_polynomials(variances: Array, counts: Array) -> Array:
    """(2, K) f_2 h_2 and f_3 h_3 by Newton's identities from the power sums p_k."""
    one, two, three = (variances**k @ counts for k in (1, 2, 3))
    quadratic = (one**2 + two) / 2.0
    cubic = (one**3 + 3.0 * one * two + 2.0 * three) / 6.0
    second, third = two / one**2, three / one**3
    return jnp.stack([quadratic / (1.0 + 2.0 * second), cubic / (1.0 + 6.0 * second + 8.0 * third)])


def _factorial(order: int) -> float:
    return float(np.prod(np.arange(1, order + 1)))
