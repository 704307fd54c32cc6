"""Solutions along arcs |z - c| = lambda - c from the far side of the plane to the real axis.

With z = c + r exp(i theta), r = lambda - c, the mass of the spectrum below lambda is

    N(lambda) = -(1/pi) int_0^pi Re[ (z - c) m_U(z) ] d theta

and the density is Im m_U/pi at the end of the arc.  The integrand is even about theta = pi, and
theta = 2 pi/(1 + exp(s)) makes it analytic in a strip of half width pi/2 around real s: the
midpoint rule with spacing h errs by exp(-pi^2/h).  Its nodes shrink by the factor exp(-h), which is
also a step that Newton's method follows without leaving the physical branch.  The first node is
reached by plain iteration from infinity.

An atom is the lowest of all eigenvalues, and bulks may lie much closer to it than to zero.  Where
there is one, p U - s^2 takes the place of p U: arcs that end above the atom are centred on it, and
those below stay as far from it as their ends.  All unknowns then have the pole 1/z, which is taken
out where solutions are extrapolated.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.deterministic_equivalent import (
    Unknowns,
    pair_features,
    resolvent_of,
    start_at_infinity,
    update_unknowns,
)
from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.spectrum.atoms import Atom, atom_transform, relative_to_atom, residual_atom
from diffjax.asymptotics.spectrum.newton import chord_steps, packed, relative_size, unpacked
from diffjax.numerics.fixed_point import fixed_point
from diffjax.numerics.small_matrices import reciprocal
from diffjax.typing import Array, ArrayLike, Complex, Float

SPACING = 0.75
TURN = 1e-4
LAST_ANGLES = (1e-6, 1e-8)
ON_THE_WAY = 3e-4
AT_THE_END = 1e-11
CLOSEST = 1e-5
SETTLED = 3e-3
START_TOLERANCE = 1e-4
START_STEPS = 400
NEWTON_STEPS = 14
CHORD_STEPS = 2


class ArcEnds(NamedTuple):
    """What the arcs give, one entry per lambda.

    Attributes:
        points: the ends, z next to lambda.
        unknowns: (n, z) packed delta and h there.
        stieltjes: m_U at the ends, without the part of the residual atom.
        mass_below: N(lambda), atom included.
        residual: relative size of Newton's last step at the end.
        physical: whether Newton converged with Im m_U > 0 and Im delta_c > 0 all along.
    """

    points: Complex[Array, " z"]
    unknowns: Complex[Array, "unknown z"]
    stieltjes: Complex[Array, " z"]
    mass_below: Float[Array, " z"]
    residual: Float[Array, " z"]
    physical: Array


class _Arcs(NamedTuple):
    """The arcs of all eigenvalues, relative to the atom.

    Attributes:
        centre: c.
        radius: r.
        atom: the residual atom, at zero; of no mass without one.
    """

    centre: Float[Array, " z"]
    radius: Float[Array, " z"]
    atom: Atom

    def offsets(self, angle: ArrayLike) -> Array:
        """z - c."""
        return jax.lax.complex(self.radius * jnp.cos(angle), self.radius * jnp.sin(angle))

    def distance(self, points: Array) -> Array:
        """(1, z) the inverse of the pole, -z; one without an atom."""
        return jnp.where(self.atom.mass > 0, -points, 1.0)[None]


class _State(NamedTuple):
    """The last three solutions without the pole, newest first, and running sums."""

    last: Array
    before: Array
    earlier: Array
    angle_sum: Array
    real: Array
    imaginary: Array
    physical: Array
    residual: Array


def arc_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Angles, descending, and their weights in the integral over theta.

    Below TURN the integrand hardly changes: one more node stands for the rest, and the last ones,
    of no weight, lead to the axis.
    """
    count = int(np.ceil(np.log(2.0 * np.pi / TURN) / SPACING))
    angles = 2.0 * np.pi / (1.0 + np.exp(SPACING * (np.arange(count) + 0.5)))
    weights = SPACING * angles * (1.0 - angles / (2.0 * np.pi))
    rest = 2.0 * np.pi / (1.0 + np.exp(SPACING * count))
    return np.append(angles, [0.5 * rest, *LAST_ANGLES]), np.append(weights, [rest, 0.0, 0.0])


def descend(ensemble: Ensemble, eigenvalues: Float[Array, " z"]) -> ArcEnds:
    """Follow the arcs of all eigenvalues together; jit-able.

    Args:
        ensemble: the problem's ensemble.
        eigenvalues: (z,) positive.
    """
    schedule, atom = _schedule(), residual_atom(ensemble)
    origin = jnp.where(atom.mass > 0, atom.location, 0.0)
    arcs = _arcs(atom, eigenvalues, origin)
    moved = relative_to_atom(ensemble, atom)
    begin, end = (arcs.centre + arcs.offsets(schedule[stage, 0]) for stage in (0, -1))
    first = _from_infinity(moved, begin) * arcs.distance(begin)
    nothing, good = jnp.zeros_like(eigenvalues), jnp.ones(eigenvalues.shape, bool)
    state = _State(first, first, first, nothing, nothing, nothing, good, nothing)

    def advance(state: _State, row: Array):
        return _advanced(moved, arcs, row, state), None

    state, _ = jax.lax.scan(advance, state, jnp.asarray(schedule))
    above = jnp.where(eigenvalues >= origin, atom.mass, 0.0)
    return ArcEnds(
        origin + end,
        state.last * reciprocal(arcs.distance(end)),
        jax.lax.complex(state.real, state.imaginary),
        above - state.angle_sum / np.pi,
        state.residual,
        state.physical,
    )


def _arcs(atom: Atom, eigenvalues: Array, origin: Array) -> _Arcs:
    """Centres and radii; eigenvalues at the atom are moved off it, as rounding grows there."""
    places, closest = eigenvalues - origin, CLOSEST * origin
    places = jnp.where(places < 0, jnp.minimum(places, -closest), jnp.maximum(places, closest))
    centre = jnp.where(places < 0, jnp.maximum(2.0 * places, -origin), 0.0)
    return _Arcs(centre, places - centre, Atom(jnp.zeros_like(origin), atom.mass))


def _schedule() -> np.ndarray:
    """(stages, 6) angle, weight in the integral, weights of the guess, and tolerance.

    The guess is the quadratic through the last three solutions, the last one near both ends.
    """
    angles, weights = arc_nodes()
    rows = np.zeros((angles.size, 6))
    rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 5] = angles, weights, 1.0, ON_THE_WAY
    for stage in range(4, angles.size - len(LAST_ANGLES)):
        rows[stage, 2:5] = _extrapolation(angles[stage], angles[stage - 3 : stage][::-1])
    rows[-1, 5] = AT_THE_END
    return rows


def _extrapolation(target: float, nodes: np.ndarray) -> np.ndarray:
    """Weights of the values at the nodes in their polynomial's value at the target."""
    others = [np.delete(nodes, i) for i in range(nodes.size)]
    return np.array([np.prod((target - o) / (x - o)) for x, o in zip(nodes, others, strict=True)])


def _from_infinity(ensemble: Ensemble, points: Array) -> Array:
    """A rough solution by plain iteration."""
    features, num_classes = pair_features(ensemble), ensemble.num_classes

    def update(unknowns: Unknowns) -> Unknowns:
        return update_unknowns(ensemble, features, points, unknowns)

    def distance(after: Unknowns, before: Unknowns) -> Array:
        after_values = packed(after)
        step = after_values - packed(before)
        return jnp.max(relative_size(step, after_values, num_classes))

    found = fixed_point(
        update, start_at_infinity(ensemble, points), distance,
        tolerance=START_TOLERANCE, max_steps=START_STEPS,
    )  # fmt: skip
    return packed(found.value)


def _advanced(ensemble: Ensemble, arcs: _Arcs, row: Array, state: _State) -> _State:
    """One stage: guess from the last three solutions, Newton's method, running sums."""
    offsets = arcs.offsets(row[0])
    points = arcs.centre + offsets
    distance = arcs.distance(points)
    pole = reciprocal(distance)
    guess = pole * (row[2] * state.last + row[3] * state.before + row[4] * state.earlier)
    upper = jnp.all(jnp.imag(guess[: ensemble.num_classes]) > 0, axis=0)
    start = jnp.where(upper[None], guess, pole * state.last)
    values, residual = _newton(ensemble, points, start, row[5])
    stieltjes = _stieltjes(ensemble, points, values)
    delta = values[: ensemble.num_classes]
    physical = (jnp.imag(stieltjes) > 0) & jnp.all(jnp.imag(delta) >= 0, axis=0)
    smooth = stieltjes - atom_transform(arcs.atom, points)
    return _State(
        values * distance,
        state.last,
        state.before,
        state.angle_sum + row[1] * jnp.real(offsets * smooth),
        jnp.real(smooth),
        jnp.imag(smooth),
        state.physical & physical & (residual <= SETTLED),
        residual,
    )


def _newton(
    ensemble: Ensemble, points: Array, start: Array, tolerance: Array
) -> tuple[Array, Array]:
    """Newton's method on all points until the worst has converged, with a budget."""

    def moving(carry):
        _, residual, count = carry
        return (jnp.max(residual) > tolerance) & (count < NEWTON_STEPS)

    def step(carry):
        values, _, count = carry
        after, move = chord_steps(ensemble, points, values, CHORD_STEPS)
        size = relative_size(move, after, ensemble.num_classes)
        return after, jnp.where(jnp.isnan(size), jnp.inf, size), count + 1

    far = jnp.full(points.shape, jnp.inf)
    values, residual, _ = jax.lax.while_loop(moving, step, (start, far, 0))
    return values, residual


def _stieltjes(ensemble: Ensemble, points: Array, values: Array) -> Array:
    """m_U = E_m[g]."""
    unknowns = unpacked(values, ensemble.num_classes)
    return ensemble.neuron_average(resolvent_of(ensemble, points, unknowns).green.T)
