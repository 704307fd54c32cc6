"""Density and mass of the spectrum on a grid of eigenvalues, as one compiled function."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.spectrum.continuum import (
    MonotoneCubic,
    continuum_end,
    continuum_knots,
    evaluate,
    has_continuum,
    monotone_cubic,
)
from diffjax.asymptotics.spectrum.descent import ArcEnds, descend
from diffjax.status import Status, worst_along
from diffjax.typing import Array, Float, Int

LARGEST_RESIDUAL = 1e-8
REACH = 1.3
LOWEST = 0.5
LOWEST_RATIO = 1e-10


class SpectralDensity(NamedTuple):
    """The spectrum on a grid.

    Attributes:
        eigenvalues: (L,) lambda.
        density: (L,) with respect to lambda, without atoms.
        cumulative: (L,) mass below lambda, atoms included.
        status: (L,) `Status` of every point.
    """

    eigenvalues: Float[Array, " eigenvalue"]
    density: Float[Array, " eigenvalue"]
    cumulative: Float[Array, " eigenvalue"]
    status: Int[Array, " eigenvalue"]


class ContinuumMass(NamedTuple):
    """The mass below any point of the continuum of residual eigenvalues.

    Attributes:
        cubic: through the mass at the knots.
        status: the worst of the knots.
    """

    cubic: MonotoneCubic
    status: Int[Array, ""]


def spectral_density(
    ensemble: Ensemble, eigenvalues: Float[Array, " eigenvalue"]
) -> SpectralDensity:
    """Density and mass at every lambda; jit-able.

    Args:
        ensemble: the problem's ensemble.
        eigenvalues: (L,) positive, any order.
    """
    size = eigenvalues.shape[0]
    if not has_continuum(ensemble):
        return assembled(ensemble, eigenvalues, descend(ensemble, eigenvalues), None)
    knots = continuum_knots(ensemble)
    ends = descend(ensemble, jnp.concatenate([eigenvalues, knots]))
    own, at_knots = (jax.tree.map(lambda x, part=part: x[..., part], ends)
                     for part in (slice(size), slice(size, None)))  # fmt: skip
    return assembled(ensemble, eigenvalues, own, continuum_mass(knots, at_knots))


def continuum_mass(knots: Array, ends: ArcEnds) -> ContinuumMass:
    """From arcs at the knots."""
    return ContinuumMass(monotone_cubic(knots, ends.mass_below), worst_along(_status(ends)))


def assembled(
    ensemble: Ensemble, eigenvalues: Array, ends: ArcEnds, continuum: ContinuumMass | None
) -> SpectralDensity:
    """Density and mass from the ends of the arcs, inside a continuum from its mass.

    There the arcs end among near-atoms of single neurons and are not used, nor is their status.
    """
    status, density = _status(ends), jnp.maximum(jnp.imag(ends.stieltjes), 0.0) / np.pi
    mass = ends.mass_below
    if continuum is not None:
        smooth_mass, smooth_density = evaluate(continuum.cubic, eigenvalues)
        within = eigenvalues < continuum_end(ensemble)
        density = jnp.where(within, smooth_density, density)
        mass = jnp.where(within, smooth_mass, mass)
        status = jnp.where(within, continuum.status, status)
    return SpectralDensity(eigenvalues, density, mass, status)


def support_bounds(ensemble: Ensemble) -> tuple[Array, Array]:
    """Eigenvalues between which all mass lies but the spikes of the centroids.

    Half the smallest residual eigenvalue of a neuron, and a sum of the largest generalisation,
    sample and residual eigenvalues, broadened; at least 1e-10 of that.
    """
    constants, psi_p = ensemble.constants, ensemble.features_per_dim
    residual = ensemble.residual_noise
    psi_n = ensemble.samples_per_dim
    by_samples = (jnp.sqrt(ensemble.weights) + jnp.sqrt(ensemble.emphasis / psi_n)) ** 2
    power = jnp.max(ensemble.signals, axis=1) * by_samples + ensemble.noise * ensemble.weights
    power = power @ ensemble.neuron_average(constants.slope**2)
    top = psi_p * power * (1.0 + jnp.sqrt(1.0 / psi_p)) ** 2
    sample = ensemble.neuron_average(constants.sample_variance)
    lift = psi_p / psi_n * jnp.max(ensemble.emphasis * sample)
    top += lift * (1.0 + jnp.sqrt(psi_n / psi_p)) ** 2 + jnp.max(residual)
    high = REACH * top
    return jnp.maximum(LOWEST * jnp.min(residual), LOWEST_RATIO * high), high


def eigenvalue_grid(ensemble: Ensemble, count: int) -> Float[Array, " eigenvalue"]:
    """`count` eigenvalues, equidistant in the logarithm, over the bounds of the support."""
    low, high = support_bounds(ensemble)
    return jnp.exp(jnp.linspace(jnp.log(low), jnp.log(high), count))


def _status(ends: ArcEnds) -> Array:
    """Per point."""
    good = (ends.residual <= LARGEST_RESIDUAL) & ends.physical
    finite = jnp.isfinite(ends.mass_below) & jnp.isfinite(jnp.imag(ends.stieltjes))
    status = jnp.where(good, Status.OK, Status.NOT_CONVERGED)
    return jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int8)
