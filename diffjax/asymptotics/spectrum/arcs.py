"""Arcs |z - c| = lambda - c from the far side of the plane to the real axis.

With z = c + r exp(i theta), r = lambda - c, the solution is reached by plain iteration from
infinity where theta is large, and followed by Newton's method to the axis.  Angles shrink by a
factor at which the quadratic through the last three solutions starts Newton's method well.

An atom is the lowest of all eigenvalues, and bulks may lie much closer to it than to zero.  Where
there is one, p U - s^2 takes the place of p U: arcs that end above the atom are centred on it, and
those below stay as far from it as their ends.  All unknowns then have the pole 1/z, which is taken
out where solutions are extrapolated.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.deterministic_equivalent import (
    pair_features,
    start_at_infinity,
    update_unknowns,
)
from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.spectrum.atoms import Atom
from diffjax.asymptotics.spectrum.newton import chord_steps, packed, relative_size
from diffjax.numerics.small_matrices import reciprocal
from diffjax.typing import Array, ArrayLike, Complex, Float

LARGE_STEPS = tuple(2.0 * 0.2**stage for stage in range(5))
FACTOR = 0.5
TURN = 1e-4
BEFORE_LAST = 100.0
ON_THE_WAY = 3e-4
AT_THE_END = 1e-11
CLOSEST = 1e-5
START_TOLERANCE = 1e-2
START_STEPS = 400
NEWTON_STEPS = 14
LAST_NEWTON_STEPS = 3
CHORD_STEPS = 1


class Arcs(NamedTuple):
    """The arcs of some eigenvalues, relative to the atom.

    Attributes:
        centre: c.
        radius: r.
        atom: the residual atom, at zero; of no mass without one.
    """

    centre: Float[Array, " z"]
    radius: Float[Array, " z"]
    atom: Atom

    def points(self, angle: ArrayLike) -> Complex[Array, " z"]:
        """z at an angle."""
        across = self.centre + self.radius * jnp.cos(angle)
        return jax.lax.complex(across, self.radius * jnp.sin(angle))

    def distance(self, points: Complex[Array, " z"]) -> Complex[Array, "1 z"]:
        """The inverse of the pole, -z; one without an atom."""
        return jnp.where(self.atom.mass > 0, -points, jnp.ones_like(points))[None]


class Solution(NamedTuple):
    """Packed unknowns at some points, and the relative size of Newton's last step."""

    values: Complex[Array, "unknown z"]
    residual: Float[Array, " z"]


def arcs_to(eigenvalues: Float[Array, " z"], atom: Atom) -> Arcs:
    """Centres and radii; eigenvalues at the atom are moved off it, as rounding grows there.

    Args:
        eigenvalues: where the arcs end.
        atom: the residual atom.
    """
    origin = atom_origin(atom)
    places, closest = eigenvalues - origin, CLOSEST * origin
    places = jnp.where(places < 0, jnp.minimum(places, -closest), jnp.maximum(places, closest))
    centre = jnp.where(places < 0, jnp.maximum(2.0 * places, -origin), 0.0)
    return Arcs(centre, places - centre, Atom(jnp.zeros_like(origin), atom.mass))


def atom_origin(atom: Atom) -> Float[Array, ""]:
    """Where the coordinates of the arcs begin: at the atom, or at zero without one."""
    return jnp.where(atom.mass > 0, atom.location, 0.0)


def large_steps(last_angle: float) -> np.ndarray:
    """(stages, 6) a few angles with one step of Newton's method each, and the end.

    Columns: angle, weights of the last three solutions in the guess, tolerance, and most steps.
    """
    angles = np.array([angle for angle in LARGE_STEPS if angle > last_angle])
    return _schedule(angles, [last_angle], 1, LAST_NEWTON_STEPS)


def small_steps(last_angle: float) -> np.ndarray:
    """(stages, 6) as many angles and steps of Newton's method as the slowest point needs."""
    turn = max(TURN, last_angle)
    count = int(np.ceil(np.log(LARGE_STEPS[0] / turn) / -np.log(FACTOR)))
    angles = LARGE_STEPS[0] * (turn / LARGE_STEPS[0]) ** (np.arange(count + 1) / count)
    last = [x for x in (BEFORE_LAST * last_angle, last_angle) if x < turn]
    return _schedule(angles, last, NEWTON_STEPS, NEWTON_STEPS)


def follow(
    ensemble: Ensemble, arcs: Arcs, begin: Complex[Array, "unknown z"], stages: np.ndarray
) -> Solution:
    """The solution at the last stage, each started from the solutions at earlier ones.

    Args:
        ensemble: relative to the atom.
        arcs: the arcs.
        begin: (n, z) a rough solution at the first angle.
        stages: `large_steps` or `small_steps`.
    """
    first = begin * arcs.distance(arcs.points(stages[0, 0]))

    def advance(state: tuple[Array, Array, Array], row: Array):
        last, before, earlier = state
        points = arcs.points(row[0])
        distance = arcs.distance(points)
        pole = reciprocal(distance)
        guess = pole * (row[1] * last + row[2] * before + row[3] * earlier)
        start = _upper_half(guess, pole * last, ensemble.num_classes)
        found = _newton(ensemble, points, start, row[4], row[5])
        return (found.values * distance, last, before), found.residual

    state, residuals = jax.lax.scan(advance, (first, first, first), jnp.asarray(stages))
    return Solution(state[0] * reciprocal(arcs.distance(arcs.points(stages[-1, 0]))), residuals[-1])


def from_infinity(ensemble: Ensemble, arcs: Arcs) -> Complex[Array, "unknown z"]:
    """A rough solution at the first angle, where plain iteration converges quickly."""
    features, num_classes = pair_features(ensemble), ensemble.num_classes
    points = arcs.points(LARGE_STEPS[0])

    def moving(carry):
        _, change, count = carry
        return (change > START_TOLERANCE) & (count < START_STEPS)

    def step(carry):
        unknowns, _, count = carry
        after = update_unknowns(ensemble, features, points, unknowns)
        values = packed(after)
        change = relative_size(values - packed(unknowns), values, num_classes)
        return after, jnp.max(change), count + 1

    begin = (start_at_infinity(ensemble, points), jnp.inf, 0)
    return packed(jax.lax.while_loop(moving, step, begin)[0])


def _newton(
    ensemble: Ensemble, points: Array, start: Array, tolerance: Array, most: Array
) -> Solution:
    """Newton's method on all points until the worst has converged, in at most `most` steps."""

    def moving(carry):
        _, residual, count = carry
        return (jnp.max(residual) > tolerance) & (count < most)

    def step(carry):
        values, _, count = carry
        after, move = chord_steps(ensemble, points, values, CHORD_STEPS)
        size = relative_size(move, after, ensemble.num_classes)
        return after, jnp.where(jnp.isnan(size), jnp.inf, size), count + 1

    far = jnp.full(points.shape, jnp.inf)
    values, residual, _ = jax.lax.while_loop(moving, step, (start, far, 0))
    return Solution(values, residual)


def _schedule(
    angles: np.ndarray, last: Sequence[float], on_the_way: int, at_the_end: int
) -> np.ndarray:
    """Rows for the angles and for `last`, so close to the axis that hardly anything changes."""
    rows = np.zeros((angles.size + len(last), 6))
    rows[:, 0], rows[:, 1] = np.append(angles, last), 1.0
    rows[:, 4], rows[:, 5] = ON_THE_WAY, on_the_way
    for stage in range(3, angles.size):
        rows[stage, 1:4] = _extrapolation(angles[stage], angles[stage - 3 : stage][::-1])
    rows[-1, 4:] = AT_THE_END, at_the_end
    return rows


def _upper_half(guess: Array, otherwise: Array, num_classes: int) -> Array:
    """A guess where all its delta_c have positive imaginary parts, else another one."""
    upper = jnp.all(jnp.imag(guess[:num_classes]) > 0, axis=0)
    return jnp.where(upper[None], guess, otherwise)


def _extrapolation(target: float, nodes: np.ndarray) -> np.ndarray:
    """Weights of the values at the nodes in their polynomial's value at the target."""
    others = [np.delete(nodes, i) for i in range(nodes.size)]
    return np.array([np.prod((target - o) / (x - o)) for x, o in zip(nodes, others, strict=True)])
