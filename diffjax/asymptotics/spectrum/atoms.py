"""The residual atom of a mixture without extensive centroids."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp

from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.spectrum.continuum import spread_out
from diffjax.numerics.small_matrices import reciprocal
from diffjax.typing import Array, Float


class Atom(NamedTuple):
    """The eigenvalue s^2 that many neurons share if all centroids are at the origin.

    Attributes:
        location: s^2; nan where there is no atom.
        mass: 1 - (1 + psi_n)/psi_p, or 0 if that is negative.
    """

    location: Float[Array, ""]
    mass: Float[Array, ""]


def residual_atom(ensemble: Ensemble) -> Atom:
    """The atom at s^2: what samples and directions leave of the neurons.

    Samples of classes without weight, or on which the features do not depend, take no mode.
    """
    lifted = ensemble.weights * ensemble.constants.sample_variance[:, 0] > 0
    shares = jnp.where(ensemble.emphasis > 0, ensemble.weights / ensemble.emphasis, 0.0)
    modes = 1.0 + ensemble.samples_per_dim * jnp.sum(jnp.where(lifted, shares, 0.0))
    rest = jnp.maximum(1.0 - modes / ensemble.features_per_dim, 0.0)
    mass = jnp.where(spread_out(ensemble), 0.0, rest)
    return Atom(jnp.where(mass > 0, ensemble.residual_noise[0], jnp.nan), mass)


def relative_to_atom(ensemble: Ensemble, atom: Atom) -> Ensemble:
    """The ensemble of p U - s^2, whose atom lies at zero; the same ensemble without an atom.

    Its unknowns at z are those of p U at s^2 + z, without the rounding of s^2 - z near the atom.
    """
    residual = ensemble.constants.noise_variance
    constants = ensemble.constants._replace(noise_variance=jnp.where(atom.mass > 0, 0.0, residual))
    return dataclasses.replace(ensemble, constants=constants)


def atom_transform(atom: Atom, points: Array) -> Array:
    """Its part of the Stieltjes transform, mass/(s^2 - z)."""
    there = atom.mass > 0
    location = jnp.where(there, atom.location, -1.0)
    return jnp.where(there, atom.mass, 0.0) * reciprocal(location - points)
