"""Density and mass of the spectrum on a grid of eigenvalues, as one compiled function."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.dynamics import LARGEST_MISSING, LOWEST_RESOLUTION
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
from diffjax.status import Status
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


def continuum_mass(knots: Array, ends: ArcEnds) -> MonotoneCubic:
    """The mass below any point of the continuum, from arcs at its knots."""
    return monotone_cubic(knots, ends.mass_below)


def assembled(
    ensemble: Ensemble, eigenvalues: Array, ends: ArcEnds, continuum: MonotoneCubic | None
) -> SpectralDensity:
    """Density and mass from the ends of the arcs, inside a continuum from its mass."""
    density, mass = jnp.maximum(jnp.imag(ends.stieltjes), 0.0) / np.pi, ends.mass_below
    if continuum is not None:
        smooth_mass, smooth_density = evaluate(continuum, eigenvalues)
        within = eigenvalues < continuum_end(ensemble)
        density = jnp.where(within, smooth_density, density)
        mass = jnp.where(within, smooth_mass, mass)
    return SpectralDensity(eigenvalues, density, mass, _status(ends))


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


def ensemble_status(ensemble: Ensemble) -> Int[Array, ""]:
    """NOT_CONVERGED if a quadrature is too coarse or leaves out part of the centroids."""
    size = jnp.maximum(jnp.sum(ensemble.neurons.means**2), 1e-300)
    coarse = jnp.min(ensemble.constants.resolution) < LOWEST_RESOLUTION
    missing = ensemble.neurons.missing > LARGEST_MISSING * size
    return jnp.where(coarse | missing, Status.NOT_CONVERGED, Status.OK).astype(jnp.int8)


def _status(ends: ArcEnds) -> Array:
    """Per point."""
    good = (ends.residual <= LARGEST_RESIDUAL) & ends.physical
    finite = jnp.isfinite(ends.mass_below) & jnp.isfinite(jnp.imag(ends.stieltjes))
    status = jnp.where(good, Status.OK, Status.NOT_CONVERGED)
    return jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int8)
