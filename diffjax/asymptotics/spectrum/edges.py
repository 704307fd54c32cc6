"""Ends of the support of the spectrum: a scan for gaps, then multisection of every change."""

from typing import NamedTuple

import numpy as np

from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.spectrum.atoms import residual_atom
from diffjax.asymptotics.spectrum.continuum import continuum_end
from diffjax.asymptotics.spectrum.density import support_bounds
from diffjax.asymptotics.spectrum.gaps import solved_points

SCAN = 640
NEAREST = 1e-5
"""Distance from an atom, relative to its place, at which the scan begins."""

EMPTY = 1e-5
INSIDE_BRACKET = 20
ROUNDS = 5


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

    Parts or gaps narrower than one percent may escape the scan.

    Args:
        ensemble: of one problem, concrete.
    """
    low, high = (float(bound) for bound in support_bounds(ensemble))
    end, atom = float(continuum_end(ensemble)), residual_atom(ensemble)
    floor = float(atom.location) if float(atom.mass) > 0 else None
    continuum, start = end > 0, end or low
    grid = np.geomspace(start, high, SCAN) if floor is None else _grid_above(floor, high)
    outside = np.asarray(solved_points(ensemble, grid).outside)
    edges = _refined(ensemble, grid, outside)
    if not outside[-1]:
        edges = np.append(edges, high)
    lower, upper = _paired(edges, outside[0], continuum)
    if floor is not None and np.isnan(lower[0]):
        lower[0] = floor
    gaps = _gap_points(lower, upper, low if floor is None else floor, high, start)
    mass = np.array(solved_points(ensemble, gaps).ends.mass_below)
    if floor is not None:
        mass[0] = float(atom.mass)  # nothing lies below the atom
    return _without_empty(Support(lower, upper, gaps, mass))


def _without_empty(support: Support) -> Support:
    """Without parts that hold no mass: next to an atom the iteration may fail outside as well."""
    kept = np.diff(support.mass_below) > EMPTY
    bounds = np.concatenate([kept, [True]])
    return Support(
        support.lower[kept], support.upper[kept], support.gaps[bounds], support.mass_below[bounds]
    )


def _grid_above(floor: float, high: float) -> np.ndarray:
    """Points above an atom, dense next to it, where a narrow gap may end."""
    near = floor * (1.0 + np.geomspace(NEAREST, 0.1, SCAN // 8))
    return np.unique(np.concatenate([near, np.geomspace(1.1 * floor, high, SCAN)]))


def _refined(ensemble: Ensemble, grid: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Positions of all changes of `outside`, to about 1e-8."""
    changes = np.flatnonzero(outside[1:] != outside[:-1])
    left, right = np.log(grid[changes]), np.log(grid[changes + 1])
    before, rows = outside[changes], np.arange(changes.size)
    shares = np.arange(1, INSIDE_BRACKET + 1) / (INSIDE_BRACKET + 1)
    for _ in range(ROUNDS if changes.size else 0):
        inner = left[:, None] + shares * (right - left)[:, None]
        found = np.asarray(solved_points(ensemble, np.exp(inner).ravel()).outside)
        same = found.reshape(inner.shape) == before[:, None]
        kept = np.cumprod(same, axis=1).sum(axis=1)
        places = np.concatenate([left[:, None], inner, right[:, None]], axis=1)
        left, right = places[rows, kept], places[rows, kept + 1]
    return np.exp(0.5 * (left + right))


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
