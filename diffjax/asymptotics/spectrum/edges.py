"""Ends of the support of the spectrum: a scan for gaps, then multisection of every change."""

from typing import NamedTuple

import numpy as np

from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.spectrum.atoms import residual_atom
from diffjax.asymptotics.spectrum.continuum import continuum_end
from diffjax.asymptotics.spectrum.density import support_bounds
from diffjax.asymptotics.spectrum.gaps import solved_points

SCAN = 640
NEAREST = 2e-5
INSIDE_BRACKET = 20
ROUNDS = 5
HIDDEN_MASS = 1e-5
HIDDEN_ROUNDS = 6


class Support(NamedTuple):
    """Where the spectrum lies; host arrays.

    Attributes:
        lower: (B,) lower edges; nan for the continuum of residual eigenvalues, which has none.
        upper: (B,) upper edges; nan for a continuum that nothing else overlaps.
        gaps: (B + 1,) a point below (but above an atom), between and above the parts.
        mass_below: (B + 1,) mass of the spectrum below each of these points.
    """

    lower: np.ndarray
    upper: np.ndarray
    gaps: np.ndarray
    mass_below: np.ndarray


def find_support(ensemble: Ensemble) -> Support:
    """All connected parts of the support but atoms, lowest first.

    Parts that the scan steps over are found by their mass.  Gaps narrower than two percent of
    lambda, or of its distance from an atom, may escape the scan.  What begins within 2e-5 of an
    atom, relative to its place, is taken to begin there.

    Args:
        ensemble: of one problem, concrete.
    """
    low, high = (float(bound) for bound in support_bounds(ensemble))
    end, atom = float(continuum_end(ensemble)), residual_atom(ensemble)
    origin = max(float(atom.location), 0.0) if float(atom.mass) > 0 else 0.0
    continuum, start = end > 0, end or low
    grid = _grid(origin, start, high)
    grid, outside = _scanned(ensemble, grid, origin)
    edges = _refined(ensemble, grid, outside, origin)
    if not outside[-1]:
        edges = np.append(edges, high)
    lower, upper = _paired(edges, outside[0], continuum)
    if origin > 0 and np.isnan(lower[0]):
        lower[0] = origin
    gaps = _gap_points(lower, upper, origin or low, high, start)
    mass = solved_points(ensemble, gaps).ends.mass_below
    return Support(lower, upper, gaps, np.asarray(mass))


def _grid(origin: float, start: float, high: float) -> np.ndarray:
    """Equidistant in the logarithm of lambda, or of the distance above an atom."""
    if origin == 0:
        return np.geomspace(start, high, SCAN)
    return origin + np.geomspace(NEAREST * origin, high - origin, 2 * SCAN)


def _scanned(ensemble: Ensemble, grid: np.ndarray, origin: float) -> tuple[np.ndarray, np.ndarray]:
    """The grid and `outside` on it, with points added until no gap of it holds a hidden part.

    Between neighbours that are both outside the mass must not rise; where it does, the cell is
    divided evenly in the logarithm of the distance from the origin.
    """
    found = solved_points(ensemble, grid)
    outside, mass = np.asarray(found.outside), np.asarray(found.ends.mass_below)
    shares = np.arange(1, INSIDE_BRACKET + 1) / (INSIDE_BRACKET + 1)
    for _ in range(HIDDEN_ROUNDS):
        hidden = np.flatnonzero(outside[1:] & outside[:-1] & (np.diff(mass) > HIDDEN_MASS))
        if not hidden.size:
            break
        left, right = np.log(grid[hidden] - origin), np.log(grid[hidden + 1] - origin)
        added = (origin + np.exp(left[:, None] + shares * (right - left)[:, None])).ravel()
        found = solved_points(ensemble, added)
        grid = np.concatenate([grid, added])
        order = np.argsort(grid)
        grid = grid[order]
        outside = np.concatenate([outside, found.outside])[order]
        mass = np.concatenate([mass, found.ends.mass_below])[order]
    return grid, outside


def _refined(
    ensemble: Ensemble, grid: np.ndarray, outside: np.ndarray, origin: float
) -> np.ndarray:
    """Positions of all changes of `outside`, to about 1e-8 of their distance from the origin."""
    changes = np.flatnonzero(outside[1:] != outside[:-1])
    left, right = np.log(grid[changes] - origin), np.log(grid[changes + 1] - origin)
    before, rows = outside[changes], np.arange(changes.size)
    shares = np.arange(1, INSIDE_BRACKET + 1) / (INSIDE_BRACKET + 1)
    for _ in range(ROUNDS if changes.size else 0):
        inner = left[:, None] + shares * (right - left)[:, None]
        places = origin + np.exp(inner).ravel()
        found = np.asarray(solved_points(ensemble, places).outside)
        same = found.reshape(inner.shape) == before[:, None]
        kept = np.cumprod(same, axis=1).sum(axis=1)
        places = np.concatenate([left[:, None], inner, right[:, None]], axis=1)
        left, right = places[rows, kept], places[rows, kept + 1]
    return origin + np.exp(0.5 * (left + right))


def _paired(
    edges: np.ndarray, starts_outside: bool, continuum: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edges; the continuum comes first, alone or merged with what is above."""
    if continuum and starts_outside:
        edges = np.concatenate([[np.nan, np.nan], edges])
    elif not starts_outside:
        edges = np.concatenate([[np.nan], edges])
    return edges[0::2], edges[1::2]


def _gap_points(
    lower: np.ndarray, upper: np.ndarray, floor: float, high: float, start: float
) -> np.ndarray:
    """Geometric means of neighbouring edges, and the bounds of the support outside."""
    below = np.where(np.isnan(upper), start, upper)[:-1]
    between = np.sqrt(below * lower[1:])
    first = floor if np.isnan(lower[0]) else np.sqrt(floor * lower[0])
    last = max(high, 1.01 * upper[-1]) if not np.isnan(upper[-1]) else high
    return np.concatenate([[first], between, [last]])
