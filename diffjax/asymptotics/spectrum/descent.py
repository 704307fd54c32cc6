"""Solutions next to the real axis at many eigenvalues: density and mass there.

F maps the unknowns with Im delta_c > 0 and Im h positive definite strictly into themselves where
Im z > 0, and such a holomorphic map has one fixed point (Earle and Hamilton, 1970).  So it does not
matter how a solution was found, only that it solves the equations and lies in that domain, and
most points may take large steps along their arcs and jump from an angle of a few thousandths to
the axis.  The few where that fails, next to edges mostly, follow their arcs in small steps.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.asymptotics.deterministic_equivalent import Resolvent, resolvent_of
from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.spectrum.arcs import (
    Arcs,
    Solution,
    arcs_to,
    atom_origin,
    follow,
    from_infinity,
    large_steps,
    small_steps,
)
from diffjax.asymptotics.spectrum.atoms import atom_transform, relative_to_atom, residual_atom
from diffjax.asymptotics.spectrum.newton import unpacked
from diffjax.asymptotics.spectrum.potential import mass_below
from diffjax.typing import Array, Complex, Float

LAST_ANGLE = 1e-8
SETTLED = 1e-9
ROUNDING = 1e-13
REPAIRED = 32


class ArcEnds(NamedTuple):
    """What is known next to the axis, one entry per lambda.

    Attributes:
        points: the points z, at an angle of 1e-8 to lambda.
        unknowns: (n, z) packed delta and h there.
        stieltjes: m_U there, without the part of the residual atom.
        mass_below: N(lambda), atom included.
        residual: relative size of Newton's last step.
        physical: whether it converged to the solution with Im delta_c > 0 and Im g > 0.
    """

    points: Complex[Array, " z"]
    unknowns: Complex[Array, "unknown z"]
    stieltjes: Complex[Array, " z"]
    mass_below: Float[Array, " z"]
    residual: Float[Array, " z"]
    physical: Array


def descend(
    ensemble: Ensemble, eigenvalues: Float[Array, " z"], last_angle: float = LAST_ANGLE
) -> ArcEnds:
    """Solve next to the axis at all eigenvalues together; jit-able.

    Args:
        ensemble: the problem's ensemble.
        eigenvalues: (z,) positive.
        last_angle: how close to the axis, static.
    """
    atom = residual_atom(ensemble)
    arcs, moved = arcs_to(eigenvalues, atom), relative_to_atom(ensemble, atom)
    points, begin = arcs.points(last_angle), from_infinity(moved, arcs)
    found = follow(moved, arcs, begin, large_steps(last_angle))
    found = _repaired(moved, arcs, begin, found, last_angle)
    resolvent = resolvent_of(moved, points, unpacked(found.values, ensemble.num_classes))
    stieltjes = ensemble.neuron_average(resolvent.green.T)
    return ArcEnds(
        atom_origin(atom) + points,
        found.values,
        stieltjes - atom_transform(arcs.atom, points),
        mass_below(moved, resolvent),
        found.residual,
        _physical(found, resolvent) & (jnp.imag(stieltjes) > 0),
    )


def _physical(found: Solution, resolvent: Resolvent) -> Array:
    """Whether a solution is converged and lies in the domain, up to rounding."""
    green, delta = resolvent.green, resolvent.unknowns.delta
    inside = jnp.all(jnp.imag(green) > -ROUNDING * jnp.abs(green), axis=0)
    return inside & jnp.all(jnp.imag(delta) >= 0, axis=0) & (found.residual <= SETTLED)


def _repaired(
    ensemble: Ensemble, arcs: Arcs, begin: Array, found: Solution, last_angle: float
) -> Solution:
    """Points without a physical solution follow their arcs in small steps, a few at a time."""
    count, points = min(REPAIRED, arcs.radius.shape[0]), arcs.points(last_angle)
    unknowns = unpacked(found.values, ensemble.num_classes)
    good = _physical(found, resolvent_of(ensemble, points, unknowns))

    def waiting(carry):
        return ~jnp.all(carry[1])

    def repair(carry):
        solution, done = carry
        worst = jnp.argsort(done, stable=True)[:count]
        some = Arcs(arcs.centre[worst], arcs.radius[worst], arcs.atom)
        values, residual = follow(ensemble, some, begin[:, worst], small_steps(last_angle))
        kept = done[worst]
        values = jnp.where(kept[None], solution.values[:, worst], values)
        residual = jnp.where(kept, solution.residual[worst], residual)
        after = Solution(
            solution.values.at[:, worst].set(values), solution.residual.at[worst].set(residual)
        )
        return after, done.at[worst].set(True)

    return jax.lax.while_loop(waiting, repair, (found, good))[0]
