"""Solutions along arcs |z| = lambda from the far side of the plane down to the real axis.

With z = lambda exp(i theta) the mass of the spectrum below lambda is

    N(lambda) = -(1/pi) int_0^pi Re[ z m_U(z) ] d theta

and the density is Im m_U/pi at the end of the arc.  The integrand is even about theta = pi, and
theta = 2 pi/(1 + exp(s)) makes it analytic in a strip of half width pi/2 around real s: the
midpoint rule with spacing h errs by exp(-pi^2/h).  Its nodes shrink by the factor exp(-h), which is
also a step that Newton's method follows without leaving the physical branch.  The first node is
reached by plain iteration from infinity.
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
from diffjax.asymptotics.spectrum.atoms import Atom, atom_transform, residual_atom
from diffjax.asymptotics.spectrum.newton import chord_steps, packed, relative_size, unpacked
from diffjax.numerics.fixed_point import fixed_point
from diffjax.typing import Array, ArrayLike, Complex, Float

SPACING = 0.75
TURN = 1e-4
LAST_ANGLES = (1e-6, 1e-8)
ON_THE_WAY = 3e-4
AT_THE_END = 1e-11
SETTLED = 3e-3
START_TOLERANCE = 1e-4
START_STEPS = 400
NEWTON_STEPS = 14
CHORD_STEPS = 2


class ArcEnds(NamedTuple):
    """What the arcs give, one entry per lambda.

    Attributes:
        unknowns: (n, z) packed delta and h at the ends.
        stieltjes: m_U at the ends, without the part of the residual atom.
        mass_below: N(lambda), atom included.
        residual: relative size of Newton's last step at the end.
        physical: whether Newton converged with Im m_U > 0 and Im delta_c > 0 all along.
    """

    unknowns: Complex[Array, "unknown z"]
    stieltjes: Complex[Array, " z"]
    mass_below: Float[Array, " z"]
    residual: Float[Array, " z"]
    physical: Array


class _State(NamedTuple):
    """The last three solutions, newest first, and running sums."""

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
    schedule = _schedule()
    first = _from_infinity(ensemble, _points(eigenvalues, schedule[0, 0]))
    nothing, good = jnp.zeros_like(eigenvalues), jnp.ones(eigenvalues.shape, bool)
    state = _State(first, first, first, nothing, nothing, nothing, good, nothing)

    atom = residual_atom(ensemble)

    def advance(state: _State, row: Array):
        return _advanced(ensemble, atom, _points(eigenvalues, row[0]), row, state), None

    state, _ = jax.lax.scan(advance, state, jnp.asarray(schedule))
    mass = -state.angle_sum / np.pi + jnp.where(eigenvalues > atom.location, atom.mass, 0.0)
    stieltjes = jax.lax.complex(state.real, state.imaginary)
    return ArcEnds(state.last, stieltjes, mass, state.residual, state.physical)


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


def _points(eigenvalues: Array, angle: ArrayLike) -> Array:
    return jax.lax.complex(eigenvalues * jnp.cos(angle), eigenvalues * jnp.sin(angle))


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


def _advanced(ensemble: Ensemble, atom: Atom, points: Array, row: Array, state: _State) -> _State:
    """One stage: guess from the last three solutions, Newton's method, running sums."""
    guess = row[2] * state.last + row[3] * state.before + row[4] * state.earlier
    upper = jnp.all(jnp.imag(guess[: ensemble.num_classes]) > 0, axis=0)
    start = jnp.where(upper[None], guess, state.last)
    values, residual = _newton(ensemble, points, start, row[5])
    stieltjes = _stieltjes(ensemble, points, values)
    delta = values[: ensemble.num_classes]
    physical = (jnp.imag(stieltjes) > 0) & jnp.all(jnp.imag(delta) >= 0, axis=0)
    smooth = stieltjes - atom_transform(atom, points)
    return _State(
        values,
        state.last,
        state.before,
        state.angle_sum + row[1] * jnp.real(points * smooth),
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
