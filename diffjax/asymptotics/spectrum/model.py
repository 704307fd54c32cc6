"""The limiting spectrum as a model of the sweep engine."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.asymptotics.dynamics import ensemble_status
from diffjax.asymptotics.ensemble import make_ensemble
from diffjax.asymptotics.problem import AsymptoticProblem, resolved
from diffjax.asymptotics.specialize import by_quadrature
from diffjax.asymptotics.spectrum.atoms import residual_atom
from diffjax.asymptotics.spectrum.continuum import without_negligible_spread
from diffjax.asymptotics.spectrum.density import (
    eigenvalue_grid,
    spectral_density,
)
from diffjax.errors import InputError
from diffjax.mixture import two_classes
from diffjax.precision import require_float64
from diffjax.status import Status, worst, worst_along
from diffjax.sweep.model import Output, model
from diffjax.typing import Array, Float, Int
from diffjax.validation import check_count

LARGEST_MASS_ERROR = 1e-3
MISSED = int(Status.COARSE)


class SpectrumPoint(NamedTuple):
    """The outputs of `asymptotic_spectrum`, see there.

    Attributes:
        eigenvalues: (L,) the grid.
        density: (L,) without atoms.
        cumulative: (L,) with atoms.
        atom_location: s^2, infinite without an atom.
        atom_mass: its mass.
        status: worst outcome of all points.
    """

    eigenvalues: Float[Array, " eigenvalue"]
    density: Float[Array, " eigenvalue"]
    cumulative: Float[Array, " eigenvalue"]
    atom_location: Float[Array, ""]
    atom_mass: Float[Array, ""]
    status: Int[Array, ""]


def default_problem() -> AsymptoticProblem:
    """The default problem of `asymptotic_dynamics`."""
    mixture = two_classes(stds=(1.5, 1.0), distance=1.0, imbalance_ratio=0.25)
    return AsymptoticProblem(mixture, 8.0, 4.0, diffusion_time=0.1)


def spectrum_point(problem: AsymptoticProblem, num_eigenvalues: int) -> SpectrumPoint:
    """Density and mass over the support, on a grid equidistant in the logarithm; jit-able."""
    ensemble = jax.lax.optimization_barrier(
        without_negligible_spread(make_ensemble(resolved(problem)))
    )
    found = spectral_density(ensemble, eigenvalue_grid(ensemble, num_eigenvalues))
    atom = residual_atom(ensemble)
    status = worst(worst_along(found.status), ensemble_status(ensemble))
    ends = jnp.abs(found.cumulative[-1] - 1.0) + jnp.abs(found.cumulative[0])
    status = jnp.where(ends <= LARGEST_MASS_ERROR, status, worst(status, MISSED))
    return SpectrumPoint(
        found.eigenvalues, found.density, found.cumulative,
        jnp.where(atom.mass > 0, atom.location, jnp.inf), atom.mass, status.astype(jnp.int8),
    )  # fmt: skip


_spectrum_point = functools.partial(jax.jit, static_argnums=1)(spectrum_point)


@model(
    version=4,
    outputs={
        "eigenvalues": Output(
            ("eigenvalue",), "eigenvalue of p U", "1", r"\lambda", coordinate=True
        ),
        "density": Output(
            ("eigenvalue",), "density of eigenvalues, without atoms", "1", r"\rho(\lambda)"
        ),
        "cumulative": Output(
            ("eigenvalue",), "share of eigenvalues below lambda", "1", r"N(\lambda)"
        ),
        "atom_location": Output((), "eigenvalue that many features share", "1", "s^2"),
        "atom_mass": Output((), "share of eigenvalues in the atom"),
        "status": Output((), "outcome"),
    },
    default_problem=default_problem,
    specialize=by_quadrature,
    precision="float64",
    citations=("arXiv:2605.06367", "arXiv:2505.17638"),
)
def asymptotic_spectrum(problem: AsymptoticProblem, num_eigenvalues: int = 400) -> SpectrumPoint:
    """Density of the feature covariance's eigenvalues for d, p, n to infinity, over its support.

    Args:
        problem: an `AsymptoticProblem`.
        num_eigenvalues: L, static.

    Returns:
        SpectrumPoint.  The status NOT_CONVERGED says that a solution failed, COARSE that a
        quadrature was too coarse or that mass was left outside the grid: raise the
        `TheoryOptions`.

    Raises:
        PrecisionError: JAX is in 32-bit mode.
        InputError: another kind of problem, or fewer than one eigenvalue.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> asymptotic_spectrum(default_problem(), num_eigenvalues=100).density.shape
        (100,)
    """
    require_float64("asymptotic_spectrum")
    check_count("num_eigenvalues", num_eigenvalues, minimum=2)
    if not isinstance(problem, AsymptoticProblem):
        raise InputError(
            f"the problem is a {type(problem).__name__}",
            "an AsymptoticProblem",
            "build one, with features_per_dim and samples_per_dim in place of sizes",
        )
    return _spectrum_point(resolved(problem), num_eigenvalues)
