"""Whether real points lie outside the support, where the solution is real and stable.

There dx/dz = (1 - J)^(-1) dF/dz is positive: delta_c and h_aa increase with z.  At an edge the
largest eigenvalue of J reaches one and the derivative becomes infinite; beyond it a real solution
is either absent or unphysical (Silverstein and Choi, 1995).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.spectrum.atoms import relative_to_atom, residual_atom
from diffjax.asymptotics.spectrum.descent import ArcEnds, descend
from diffjax.asymptotics.spectrum.newton import (
    linearised,
    relative_size,
    solve_identity_minus,
)
from diffjax.typing import Array, Bool, Float

REAL_STEPS = 4
TOLERANCE = 1e-8
CLOSEST = 1e-3
CHUNK = 256


class AxisPoints(NamedTuple):
    """What is known at points of the real axis.

    Attributes:
        outside: (z,) whether the point lies outside the support.
        values: (n, z) packed unknowns on the axis, real; meaningless inside the support.
        ends: the solution next to the axis.
    """

    outside: Bool[Array, " z"]
    values: Float[Array, "unknown z"]
    ends: ArcEnds


def axis_points(ensemble: Ensemble, eigenvalues: Float[Array, " z"]) -> AxisPoints:
    """Solve next to the axis, then on it, and test for the support; jit-able.

    Args:
        ensemble: the problem's ensemble.
        eigenvalues: (z,) positive.
    """
    ends = descend(ensemble, eigenvalues)
    atom = residual_atom(ensemble)
    relative = relative_to_atom(ensemble, atom)
    origin = jnp.where(atom.mass > 0, atom.location, 0.0)
    points = (eigenvalues - origin).astype(ends.unknowns.dtype)
    num_classes = ensemble.num_classes
    rows, columns = jnp.triu_indices(num_classes)
    own = jnp.concatenate([jnp.ones(num_classes, bool), rows == columns])

    def step(_, carry):
        values = carry[0]
        found = linearised(relative, points, values)
        move = solve_identity_minus(found.jacobian, found.value - values)
        slope = jnp.real(solve_identity_minus(found.jacobian, found.drift))
        rising = jnp.all(jnp.where(own[:, None], slope > 0, True), axis=0)
        return values + move, relative_size(move, values, num_classes), rising

    start = jnp.real(ends.unknowns).astype(points.dtype)
    begun = start, jnp.zeros_like(eigenvalues), jnp.zeros(eigenvalues.shape, bool)
    values, last, rising = jax.lax.fori_loop(0, REAL_STEPS, step, begun)
    moved = relative_size(values - ends.unknowns, values, num_classes)
    outside = (last < TOLERANCE) & rising & (moved < CLOSEST)
    return AxisPoints(outside, jnp.real(values), ends)


_compiled = jax.jit(axis_points)


def solved_points(ensemble: Ensemble, eigenvalues: np.ndarray) -> AxisPoints:
    """Any number of points on the host, in chunks of one shape; compiled once per ensemble shape.

    Args:
        ensemble: of one problem, concrete.
        eigenvalues: (z,) positive.
    """
    size = eigenvalues.size
    padded = np.resize(eigenvalues, -(-size // CHUNK) * CHUNK)
    parts = [_compiled(ensemble, padded[i : i + CHUNK]) for i in range(0, padded.size, CHUNK)]
    return jax.tree.map(lambda *x: np.concatenate(x, axis=-1)[..., :size], *parts)
