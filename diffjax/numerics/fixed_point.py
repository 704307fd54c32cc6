"""Fixed points by plain iteration with a budget, differentiated implicitly."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffjax.typing import Array, Float, Int


class FixedPoint(NamedTuple):
    """Where an iteration came to rest.

    Attributes:
        value: the last iterate, of the structure of the start.
        residual: size of the last step, as the caller's measure gives it.
        steps: iterations taken.
    """

    value: Any
    residual: Float[Array, ""]
    steps: Int[Array, ""]


def fixed_point(
    function: Callable[[Any], Any],
    start: Any,
    distance: Callable[[Any, Any], Array],
    *,
    tolerance: float,
    max_steps: int,
) -> FixedPoint:
    """Iterate x -> function(x) until a step is shorter than `tolerance` or the budget is spent.

    Derivatives, forward and backward, come from the linearised equation dx = J dx + df at the
    fixed point, iterated in the same way, and not from the path that led there.

    Args:
        function: a contraction near its fixed point; may close over traced parameters.
        start: a pytree of arrays.
        distance: of two iterates, a non-negative number.
        tolerance: of the last step.
        max_steps: budget of the iteration, and of its linearisation.

    Returns:
        FixedPoint; `residual` and `steps` carry no derivative.

    Example:
        >>> def far(x, y): return jnp.max(jnp.abs(x - y))
        >>> root = fixed_point(jnp.cos, jnp.array(1.0), far, tolerance=1e-12, max_steps=200)
        >>> round(float(root.value), 6)
        0.739085
    """

    def solve(_, initial):
        return _iterate(function, initial, distance, tolerance, max_steps)

    def defect(point):
        return jax.tree.map(jnp.subtract, point, function(point))

    def tangent_solve(linear, right):
        return _solve_linear(linear, right, distance, tolerance, max_steps)

    value, (residual, steps) = jax.lax.custom_root(
        defect, jax.lax.stop_gradient(start), solve, tangent_solve, has_aux=True
    )
    return FixedPoint(value, jax.lax.stop_gradient(residual), steps.astype(int))


def _iterate(function, start, distance, tolerance, max_steps):
    """(value, (residual, steps)); the count is a float, as auxiliary results have a tangent."""

    def moving(state):
        _, residual, count = state
        return (residual > tolerance) & (count < max_steps)

    def advance(state):
        point, _, count = state
        after = function(point)
        return after, distance(after, point), count + 1

    leaf = jax.tree.leaves(start)[0]
    far = jnp.full((), jnp.inf, jnp.real(leaf).dtype)
    value, residual, steps = jax.lax.while_loop(moving, advance, (start, far, jnp.zeros_like(far)))
    return value, (residual, steps)


def _solve_linear(linear, right, distance, tolerance, max_steps):
    """x with linear(x) = x - J x = right, by x <- right + J x; its transpose likewise."""

    def solve(operator, target):
        def once(point):
            return jax.tree.map(lambda x, y, z: x + y - z, point, target, operator(point))

        return _iterate(once, target, distance, tolerance, max_steps)[0]

    return jax.lax.custom_linear_solve(linear, right, solve, solve)
