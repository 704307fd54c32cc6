"""What the nonlinearity means for the theory: four functions of a neuron's mean pre-activations.

For a neuron with means m = (m_1 .. m_K), m ~ N(0, e^(-2t) M + s_b^2 1 1^T), and class c of
variance v_c per dimension, Gamma_c = e^(-2t) v_c + Delta, phi_0(a) = E phi(a + sqrt(Delta) g):

    alpha_c   = E phi(m_c + sqrt(Gamma_c) g)
    b_c       = E phi'(m_c + sqrt(Gamma_c) g)
    gamma_c^2 = E phi_0(m_c + e^(-t) sqrt(v_c) u)^2 - alpha_c^2 - e^(-2t) v_c b_c^2
    s_c^2     = E phi(m_c + sqrt(Gamma_c) g)^2 - E phi_0(m_c + e^(-t) sqrt(v_c) u)^2 - Delta b_c^2

s_c^2 is a difference of nearly equal numbers at small t.  All averages of a class are trapezoid
sums over a grid x = w sinh(y) of pre-activations; w is chosen so that the grid resolves both the
activation near the origin and the Gaussians at their places.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.diffusion import noise_variance, noisy_variance, signal_scale
from diffjax.numerics.activations import Activation, hermite_polynomials
from diffjax.numerics.gaussian_expectations import trapezoid
from diffjax.typing import Array, ArrayLike, Float

HALF_WIDTH = 8.4
NOISE_RULE = (41, 7.5)
CANDIDATES = 12
SMOOTH_SPACING = 0.4
KINK_SPACING = 0.6
HIGHEST_MOMENT = 3


class FeatureConstants(NamedTuple):
    """The four functions of m at the nodes of a quadrature.

    Attributes:
        mean: alpha_c.
        slope: b_c.
        sample_variance: gamma_c^2.
        noise_variance: s_c^2.
        resolution: (K,) standard deviation of the Gaussians in units of the spacing of
            the grid; from 0.9 on the averages are exact to 1e-6, from 1.1 on to rounding.
    """

    mean: Float[Array, "class neuron"]
    slope: Float[Array, "class neuron"]
    sample_variance: Float[Array, "class neuron"]
    noise_variance: Float[Array, "class neuron"]
    resolution: Float[Array, " class"]


def is_odd(activation: Activation) -> bool:
    """Whether phi(-x) = -phi(x), from its values at a few points."""
    with jax.ensure_compile_time_eval():
        points = jnp.linspace(0.05, 6.0, 37)
        defect = jnp.max(jnp.abs(activation(points) + activation(-points)))
        return bool(defect <= 1e-14 * jnp.max(jnp.abs(activation(points))))


class _Grid(NamedTuple):
    """Points of one pre-activation and the weights of the trapezoid rule, (X,) each."""

    points: Array
    weights: Array
    resolution: Array


def feature_constants(
    activation: Activation,
    means: Float[Array, "class neuron"],
    variances: Float[Array, " class"],
    diffusion_time: ArrayLike,
    field_nodes: int,
) -> FeatureConstants:
    """The four functions of m.

    Args:
        activation: phi.
        means: (K, Q) m_c.
        variances: (K,) v_c = tr Sigma_c/d.
        diffusion_time: t.
        field_nodes: nodes of the grid of pre-activations.
    """
    one_class = functools.partial(_class_constants, activation, diffusion_time, field_nodes)
    return jax.vmap(one_class)(means, variances)


def field_hermite_moments(
    activation: Activation,
    means: Float[Array, "class neuron"],
    fields: Float[Array, " class"],
    diffusion_time: ArrayLike,
    field_nodes: int,
) -> Float[Array, "order class neuron"]:
    """(4, K, Q) moments E[phi(m_c + sqrt(Gamma_c) g) h_k(g)], h_k orthonormal, for k = 0 .. 3.

    Args:
        activation: phi.
        means: (K, Q) m_c.
        fields: (K,) Gamma_c.
        diffusion_time: t.
        field_nodes: nodes of the grid of pre-activations.
    """
    if activation.moments is not None:
        spread = jnp.broadcast_to(fields[:, None], means.shape)
        return activation.moments(means, spread, HIGHEST_MOMENT)
    spacing = _finest_spacing(activation, noise_variance(diffusion_time))

    def one_class(means, field):
        grid = _field_grid(means, field, spacing, field_nodes)
        argument = (grid.points[:, None] - means[None, :]) / jnp.sqrt(field)
        density = jnp.exp(-0.5 * argument**2) / jnp.sqrt(2.0 * np.pi * field)
        weighted = (grid.weights * activation(grid.points))[:, None] * density
        return jnp.sum(hermite_polynomials(argument, HIGHEST_MOMENT) * weighted[None], axis=1)

    return jnp.moveaxis(jax.vmap(one_class)(means, fields), 0, 1)


def _class_constants(activation, diffusion_time, field_nodes, means, variance):
    noise = noise_variance(diffusion_time)
    signal = signal_scale(diffusion_time) ** 2 * variance
    field = noisy_variance(variance, diffusion_time)
    spacing = _finest_spacing(activation, noise)
    narrow = _field_grid(means, signal, spacing, field_nodes)
    wide = _field_grid(means, field, spacing, field_nodes)
    smooth = _smoothed(activation, narrow.points, noise)
    smoothed_square = _average(narrow, smooth[None, :] ** 2, means, signal)[0]
    mean, slope, square = _field_moments(activation, wide, means, field)
    return FeatureConstants(
        mean,
        slope,
        smoothed_square - mean**2 - signal * slope**2,
        square - smoothed_square - noise * slope**2,
        jnp.minimum(narrow.resolution, wide.resolution),
    )


def _finest_spacing(activation: Activation, noise: Array) -> Array:
    """Needed near the origin: closed forms admit kinks, which the noise smooths."""
    if activation.moments is None:
        return jnp.full_like(noise, SMOOTH_SPACING)
    return KINK_SPACING * jnp.minimum(jnp.sqrt(noise), SMOOTH_SPACING / KINK_SPACING)


def _field_grid(means: Array, variance: Array, spacing: Array, count: int) -> _Grid:
    """x = w sinh(y) with equidistant y, wide enough for N(m, variance); carries no derivative.

    Among a few w the one whose spacing is smallest compared with what is needed at the origin
    and at the farthest mean.
    """
    means, variance, spacing = jax.lax.stop_gradient((means, variance, spacing))
    farthest = jnp.max(jnp.abs(means))
    reach = farthest + HALF_WIDTH * jnp.sqrt(variance)
    trial = spacing * (8.0 * reach / spacing) ** jnp.linspace(0.0, 1.0, CANDIDATES)
    step = 2.0 * jnp.arcsinh(reach / trial) / (count - 1)
    tightest = jnp.sqrt(variance) / (step * jnp.sqrt(trial**2 + farthest**2))
    margin = jnp.minimum(tightest, spacing / (step * trial))
    best = jnp.argmax(margin)
    scale, y = trial[best], step[best] * (jnp.arange(count) - (count - 1) / 2)
    points, weights = scale * jnp.sinh(y), step[best] * scale * jnp.cosh(y)
    return _Grid(points, weights, margin[best])


def _smoothed(activation: Activation, points: Array, noise: Array) -> Array:
    """phi_0 on the grid."""
    if activation.moments is not None:
        return activation.moments(points, jnp.broadcast_to(noise, points.shape), 0)[0]
    rule = trapezoid(*NOISE_RULE)
    fields = points[None, :] + jnp.sqrt(noise) * rule.nodes[:, None]
    return rule.weights @ activation(fields)


def _field_moments(activation: Activation, grid: _Grid, means: Array, variance: Array):
    """alpha, b and the second moment of phi under N(m, Gamma), in closed form where there is one.

    Stein's identity gives the slope without phi'.
    """
    value = activation(grid.points)
    powers = jnp.stack([value, value**2, value * grid.points])
    mean, square, first = _average(grid, powers, means, variance)
    slope = (first - means * mean) / variance
    spread = jnp.broadcast_to(variance, means.shape)
    if activation.moments is not None:
        mean, slope = activation.moments(means, spread, 1)
        slope = slope / jnp.sqrt(spread)
    if activation.second_moment is not None:
        square = activation.second_moment(means, spread)
    return mean, slope, square


def _average(grid: _Grid, values: Array, means: Array, variance: Array) -> Array:
    """(F, Q) averages of (F, X) functions over N(m, variance) for (Q,) means."""
    distance = grid.points[:, None] - means[None, :]
    density = jnp.exp(-0.5 * distance**2 / variance)
    weighted = values * grid.weights[None, :]
    return weighted @ density / jnp.sqrt(2.0 * np.pi * variance)
