"""`spectrum`: the limiting spectrum of p U for one problem."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from diffjax.asymptotics.dynamics import ensemble_status
from diffjax.asymptotics.ensemble import Ensemble, make_ensemble
from diffjax.asymptotics.problem import AsymptoticProblem, along_directions, resolved
from diffjax.asymptotics.spectrum.atoms import residual_atom
from diffjax.asymptotics.spectrum.bulks import named_bulks
from diffjax.asymptotics.spectrum.continuum import (
    continuum_end,
    continuum_knots,
    spread_out,
    without_negligible_spread,
)
from diffjax.asymptotics.spectrum.density import (
    ContinuumMass,
    SpectralDensity,
    assembled,
    continuum_mass,
)
from diffjax.asymptotics.spectrum.edges import Support, find_support
from diffjax.asymptotics.spectrum.gaps import solved_points
from diffjax.asymptotics.spectrum.outliers import centroid_outliers, spike_outliers
from diffjax.asymptotics.spectrum.result import Spectrum
from diffjax.errors import InputError
from diffjax.precision import require_float64
from diffjax.status import Status, worst, worst_along
from diffjax.validation import check_vector, float_leaf

LINE_NODES = 96
LARGEST_MASS_ERROR = 1e-3
POINTS_PER_PART = 72
CONTINUUM_POINTS = 160
ROUNDS = 9
CELL_ERROR = 3e-6
BESIDE_EDGE = 1e-3
INSIDE_EDGE = 1e-5

_make_ensemble = jax.jit(lambda problem: without_negligible_spread(make_ensemble(problem)))


def spectrum(
    problem: AsymptoticProblem,
    eigenvalues: ArrayLike | None = None,
    *,
    num_features: float | None = None,
    centroids: ArrayLike | None = None,
) -> Spectrum:
    """Density, atoms, bulks and outliers of the feature covariance p U for d, p, n to infinity.

    Anisotropic classes are taken along common directions: full covariances are replaced by their
    diagonals in the basis of the pooled one.

    Args:
        problem: an `AsymptoticProblem`.
        eigenvalues: (L,) increasing positive eigenvalues at which density and mass are wanted.
            By default a grid that resolves every edge.
        num_features: p; adds the eigenvalues of order p that extensive centroids, or an
            activation that is not odd, send out of the bulk.
        centroids: (K, r) coordinates of centroids whose norm is of order one, not sqrt(d), in a
            problem without extensive centroids and with an odd activation; adds the eigenvalues
            that they send out of the bulk.

    Returns:
        Spectrum.

    Raises:
        PrecisionError: JAX is in 32-bit mode.
        InputError: another kind of problem, a grid that is not positive and increasing, or
            outliers that the problem does not have.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> from diffjax.mixture import GaussianMixture
        >>> problem = AsymptoticProblem(GaussianMixture([1.0], [1.0]), 64.0, 8.0, 0.01)
        >>> [round(bulk.mass, 4) for bulk in spectrum(problem).bulks]
        [0.0156, 0.1094, 0.0156]
    """
    require_float64("spectrum")
    ensemble = concrete_ensemble(problem)
    wanted = None if eigenvalues is None else _checked_grid(eigenvalues)
    support = find_support(ensemble)
    atom = residual_atom(ensemble)
    mass = float(atom.mass)
    table = _resolved(ensemble, support, float(atom.location) if mass > 0 else None)
    found = table if wanted is None else _density(ensemble, wanted, _continuum(ensemble))
    outliers = [np.zeros(0)]
    if num_features is not None:
        outliers.append(spike_outliers(problem, num_features))
    if centroids is not None:
        outliers.append(centroid_outliers(problem, centroids))
    result = Spectrum(
        *(np.asarray(field) for field in found),
        atom_locations=np.asarray([atom.location] if mass > 0 else []),
        atom_masses=np.asarray([mass] if mass > 0 else []),
        bulks=named_bulks(ensemble, support),
        outliers=np.concatenate(outliers),
        resolved=table,
        status=np.asarray(Status.OK, np.int8),
    )
    return dataclasses.replace(result, status=_status(ensemble, result))


def concrete_ensemble(problem: AsymptoticProblem) -> Ensemble:
    """The ensemble of a problem given in numbers, with a quadrature fine enough for densities.

    Raises:
        InputError: another kind of problem.
    """
    if not isinstance(problem, AsymptoticProblem):
        raise InputError(
            f"the problem is a {type(problem).__name__}",
            "an AsymptoticProblem",
            "build one, with features_per_dim and samples_per_dim in place of sizes",
        )
    given, full = problem.theory_options.centroid_nodes, resolved(along_directions(problem))
    options = full.theory_options
    if given is None and options.centroid_rank == 1 and options.quadrature == "product":
        options = dataclasses.replace(options, centroid_nodes=LINE_NODES)
    return _make_ensemble(dataclasses.replace(full, theory_options=options))


def _checked_grid(eigenvalues: ArrayLike) -> np.ndarray:
    grid = np.asarray(float_leaf(eigenvalues, "eigenvalues"))
    check_vector("eigenvalues", grid, positive=True)
    if (np.diff(grid) <= 0).any():
        raise InputError(
            "eigenvalues are not strictly increasing", "an increasing grid", "sort it, drop repeats"
        )
    return grid


def _continuum(ensemble: Ensemble) -> ContinuumMass | None:
    if not bool(spread_out(ensemble)):
        return None
    knots = continuum_knots(ensemble)
    return continuum_mass(knots, solved_points(ensemble, np.asarray(knots)).ends)


def _density(
    ensemble: Ensemble, eigenvalues: np.ndarray, continuum: ContinuumMass | None
) -> SpectralDensity:
    ends = solved_points(ensemble, eigenvalues).ends
    found = assembled(ensemble, jnp.asarray(eigenvalues), ends, continuum)
    return jax.tree.map(np.asarray, found)


def _resolved(ensemble: Ensemble, support: Support, atom: float | None) -> SpectralDensity:
    """On a grid dense at edges, bisected where the density does not integrate to the mass."""
    continuum = _continuum(ensemble)
    grid = _edge_grid(ensemble, support, atom)
    found = _density(ensemble, grid, continuum)
    for _ in range(ROUNDS):
        lam, density, mass = (np.asarray(field) for field in found[:3])
        cells = 0.5 * (density[1:] + density[:-1]) * np.diff(lam)
        error = np.abs(cells - np.diff(mass))
        if atom is not None:
            error[(lam[:-1] <= atom) & (lam[1:] >= atom)] = 0.0
        bad = np.flatnonzero((error > CELL_ERROR) & (np.diff(lam) > 1e-7 * lam[1:]))
        if not bad.size:
            break
        added = _density(ensemble, np.sqrt(lam[bad] * lam[bad + 1]), continuum)
        found = jax.tree.map(lambda *pair: np.concatenate(pair), found, added)
        order = np.argsort(found.eigenvalues)
        found = jax.tree.map(lambda field, order=order: field[order], found)
    return found


def _edge_grid(ensemble: Ensemble, support: Support, atom: float | None) -> np.ndarray:
    """Points over every part, dense at its edges, with points beside them and in the gaps."""
    parts, start = [support.gaps], max(float(continuum_end(ensemble)), support.gaps[0] * 1.01)
    if atom is not None:
        parts.append(atom * (1.0 + np.array([-0.3, -1e-4, 1e-4])))
    for lower, upper, below in zip(support.lower, support.upper, support.gaps[:-1], strict=True):
        if np.isnan(lower):
            end = start if np.isnan(upper) else upper
            parts.append(np.geomspace(below, start, CONTINUUM_POINTS))
            lower = start
            if end <= start:
                continue
        angles = np.linspace(0.0, np.pi, POINTS_PER_PART)
        middle, half = 0.5 * np.log(lower * upper), 0.5 * np.log(upper / lower)
        half *= 1.0 - INSIDE_EDGE  # rounding grows at an edge, where two solutions meet
        parts.append(np.exp(middle - half * np.cos(angles)))
    for edges, gaps in ((support.lower, support.gaps[:-1]), (support.upper, support.gaps[1:])):
        beside = edges + BESIDE_EDGE * (gaps - edges)
        parts.append(beside[np.isfinite(beside)])
    return np.unique(np.concatenate(parts))


def _status(ensemble: Ensemble, result: Spectrum) -> np.ndarray:
    total = sum(bulk.mass for bulk in result.bulks) + float(result.atom_masses.sum())
    missed = max(abs(total - 1.0), abs(result.integral - 1.0))
    found = worst(
        worst_along(np.asarray(result.point_status)),
        worst_along(np.asarray(result.resolved.status)),
        np.asarray(Status.OK if missed <= LARGEST_MASS_ERROR else Status.COARSE),
        np.asarray(ensemble_status(ensemble)),
    )
    return np.asarray(found, np.int8)
