"""Phase boundaries: where along one axis two classes swap their order, by root finding.

The boundary is the zero of log(time_0/time_1) as a function of the field that the axis names.
A bracketing search finds it; one Newton step

    x = x_0 - f(x_0, theta)/f'(x_0)

with x_0 and f' held constant then makes it exact and gives it the derivatives of the implicit
function theorem, dx/dtheta = -(df/dtheta)/f', in every other parameter theta.
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.class_times import check_class_time, class_times
from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.options_by_rule import (
    RuleNumbers,
    along_known_directions,
    options_of_points,
    rule_numbers,
)
from diffjax.asymptotics.problem import AsymptoticProblem, resolved
from diffjax.errors import InputError
from diffjax.fields import Field, find_field
from diffjax.numerics.multisection import last_zero
from diffjax.spec import Spec
from diffjax.status import FAILURES, Status, worst, worst_along
from diffjax.typing import Array, Float, Int
from diffjax.validation import check_count, check_scalar, concrete, numbers, whole_number

LARGEST_STEP = 1e-3
"""Newton steps that are larger, relative to the interval, mean that the search has failed."""


class BoundaryProblem(Spec):
    """Where, along one axis of a problem of the theory, two classes swap their order.

    Args:
        theory: the problem; its value on the axis does not matter.
        low: where the search begins.
        high: where it ends.
        axis: a field of the problem, as in a sweep: "imbalance_ratio", "stds[0]"; static.
        time: one of `diffjax.asymptotics.class_times.CLASS_TIMES`; static.
        first: index of one class, static.
        second: index of the other class, static.

    Raises:
        InputError: an unknown field or time, an axis that is not one number, low not below high,
            equal classes, or values on which the problem is not defined.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> mixture = two_classes((1.2, 1.0), 32**0.5, cosine=0.0)
        >>> theory = AsymptoticProblem(mixture, 16.0, 8.0, diffusion_time=0.3)
        >>> BoundaryProblem(theory, low=0.1, high=1.0, axis="imbalance_ratio").time
        'generalization_time'
    """

    theory: AsymptoticProblem
    low: Float[Array, ""] = eqx.field(converter=numbers("low"))
    high: Float[Array, ""] = eqx.field(converter=numbers("high"))
    axis: str = eqx.field(static=True, default="imbalance_ratio")
    time: str = eqx.field(static=True, default="generalization_time")
    first: int = eqx.field(static=True, converter=whole_number, default=0)
    second: int = eqx.field(static=True, converter=whole_number, default=1)

    def __check_init__(self):
        if not isinstance(self.theory, AsymptoticProblem):
            raise InputError(
                f"theory is a {type(self.theory).__name__}", "an AsymptoticProblem", "build one"
            )
        check_class_time(self.time)
        _check_classes(self)
        _axis_field(self)
        if concrete(self):
            _check_interval(self)


class Boundary(Spec):
    """Where the order of two classes changes.

    Attributes:
        position: on the axis; inf if the order does not change between low and high, which the
            status says.
        crossing_time: the training time of both classes there; inf if there is none.
        slope: d log(time_0/time_1)/d axis there; inf likewise.
        log_ratio_at_low: log(time_0/time_1) where the search begins, inf if one time is not
            reached or cannot be trusted.
        log_ratio_at_high: the same where it ends.
        status: that of the times at the boundary, NOT_CONVERGED if the search failed.  If the
            order does not change, NOT_REACHED or the worse status of the times at either end.
            COARSE if it may change once more: where times beyond the boundary fail, or nearly
            agree again more often than the search can tell apart.
            A failure leaves no position.
    """

    position: Float[Array, ""]
    crossing_time: Float[Array, ""]
    slope: Float[Array, ""]
    log_ratio_at_low: Float[Array, ""]
    log_ratio_at_high: Float[Array, ""]
    status: Int[Array, ""]


def find_boundary(problem: BoundaryProblem) -> Boundary:
    """The last change of order between low and high; jit-able and differentiable."""
    held = jax.tree.map(lambda leaf: jax.lax.stop_gradient(jnp.asarray(leaf)), problem)
    guess, crossed, doubt = _searched(held)
    values, slopes, statuses = jax.lax.map(
        lambda x: jax.jvp(lambda y: _logs(held, y), (x,), (jnp.ones_like(x),), has_aux=True),
        jnp.stack([held.low, guess, held.high]),
    )
    ratio, slope = values[1, 0], slopes[1, 0]
    step = ratio / jnp.where(slope == 0, jnp.nan, slope)
    converged = jnp.abs(step) < LARGEST_STEP * (held.high - held.low)
    polished = _Crossing(guess - step, values[1, 1] - slopes[1, 1] * step)
    crossing = _with_derivatives(problem, polished, slopes[1])
    status = _status(statuses, crossed, converged, doubt)
    good = crossed & ~_failed(status)
    return Boundary(
        position=jnp.where(good, crossing.position, jnp.inf),
        crossing_time=jnp.where(good, jnp.exp(crossing.log_time), jnp.inf),
        slope=jnp.where(good, slope, jnp.inf),
        log_ratio_at_low=_trusted(values[0, 0], statuses[0]),
        log_ratio_at_high=_trusted(values[2, 0], statuses[2]),
        status=status,
    )


def _status(statuses: Array, crossed: Array, converged: Array, doubt: Array) -> Array:
    """Of the boundary: that of the times on it, and of those that say whether there is one.

    Before the boundary a time may be out of reach or wrong without moving it.  Where there is
    none, thresholds that are not reached at the ends are part of the answer.
    """
    search = jnp.where(converged, Status.OK, Status.NOT_CONVERGED)
    there = worst(statuses[1], search)
    ends = worst_along(statuses[jnp.array([0, 2])])
    found = jnp.where(crossed, there, worst(ends, Status.NOT_REACHED))
    return worst(found, jnp.where(doubt, Status.COARSE, Status.OK)).astype(jnp.int8)


def _failed(status: Array) -> Array:
    return jnp.isin(status, jnp.asarray(sorted(FAILURES), status.dtype))


def _trusted(ratio: Array, status: Array) -> Array:
    return jnp.where(_failed(status), jnp.inf, ratio)  # nan would fail the whole point


def _searched(held: BoundaryProblem) -> tuple[Array, Array, Array]:
    """A position close to the last change of order, whether there is one, and doubt."""

    def margins(positions: Array) -> Array:
        logs, statuses = jax.lax.map(lambda x: _logs(held, x), positions)
        fails = jnp.where(_failed(statuses), 1.0, -1.0)
        return jnp.stack([logs[:, 0], -logs[:, 0], fails], axis=1)

    found = last_zero(margins, held.low, held.high, conditions=3, points=4)
    inside = (~found.never & ~found.always)[:2]
    crossed, middle = jnp.any(inside), 0.5 * (held.low + held.high)
    position = jnp.where(crossed, found.position[jnp.argmax(inside)], middle)
    fails_beyond = ~found.never[2] & (~crossed | (found.position[2] > position))
    return position, crossed, jnp.any(found.doubt[:2]) | fails_beyond


class _Crossing(NamedTuple):
    """Position on the axis and log of the time there."""

    position: Array
    log_time: Array


@jax.custom_jvp
def _with_derivatives(problem: BoundaryProblem, crossing: _Crossing, slopes: Array) -> _Crossing:
    """The crossing, with the derivatives of the implicit function theorem in the problem."""
    return crossing


@_with_derivatives.defjvp
def _implicit_derivatives(primals, tangents):
    _, crossing, slopes = primals
    _, change = jax.jvp(lambda p: _logs(p, crossing.position)[0], primals[:1], tangents[:1])
    position = -change[0] / slopes[0]
    return crossing, _Crossing(position, change[1] + slopes[1] * position)


def _logs(problem: BoundaryProblem, position: Array) -> tuple[Array, Array]:
    """log(time_first/time_second) and log(time_first) at a position on the axis; the status."""
    times, status = class_times(placed(problem, position), problem.time)
    logs = jnp.log(times)
    ratios = jnp.stack([logs[problem.first] - logs[problem.second], logs[problem.first]])
    return ratios, status


def placed(problem: BoundaryProblem, position: Any) -> AsymptoticProblem:
    """The problem of the theory with the axis's field at a position."""
    field = _axis_field(problem)
    return _replaced(problem.theory, field.path, field.element, position)


def with_options_by_rule(problem: BoundaryProblem) -> BoundaryProblem:
    """Options left to a rule replaced, the rule looking at both ends of a concrete axis."""
    if not concrete(problem):
        return problem
    if along_known_directions(problem.theory):
        numbers = jax.tree.map(lambda leaf: np.asarray(leaf)[None], numbers_of_ends(problem))
        plain = dataclasses.replace(problem.theory.theory_options, method="commuting")
        return with_options(
            problem, options_of_points(problem.theory.activation, plain, numbers)[0]
        )
    ends = [resolved(placed(problem, end)).theory_options for end in (problem.low, problem.high)]
    widest = max(ends, key=lambda o: (o.centroid_rank or 0, o.centroid_nodes or 0))
    return with_options(problem, widest)


def numbers_of_ends(problem: BoundaryProblem) -> RuleNumbers:
    """What the rules of quadratures look at, at both ends of the axis."""
    ends = [rule_numbers(placed(problem, end)) for end in (problem.low, problem.high)]
    return jax.tree.map(lambda *values: jnp.stack(values), *ends)


def with_options(problem: BoundaryProblem, options: TheoryOptions) -> BoundaryProblem:
    """The problem with other options of the theory."""
    theory = dataclasses.replace(problem.theory, theory_options=options)
    return dataclasses.replace(problem, theory=theory)


def _axis_field(problem: BoundaryProblem) -> Field:
    """The field that the axis names, found on a copy whose numbers are zeros."""
    skeleton = jax.tree.map(lambda leaf: np.zeros(np.shape(leaf)), problem.theory)
    field = find_field(skeleton, problem.axis)
    if field.kind != "leaf" or np.shape(field.value) != ():
        raise InputError(
            f"axis={problem.axis!r} is {'static' if field.kind == 'static' else 'an array'}",
            "the axis is one number of the problem",
            f"name an element, as {problem.axis}[0]" if field.kind == "leaf" else "choose another",
        )
    return field


def _replaced(spec: Any, path: tuple[str, ...], element: tuple[int, ...], value: Any) -> Any:
    """A copy of nested specs with one number changed."""
    name, *rest = path
    old = getattr(spec, name)
    if rest:
        new = _replaced(old, tuple(rest), element, value)
    else:
        new = jnp.asarray(old).at[element].set(value) if element else value
    return dataclasses.replace(spec, **{name: new})


def _check_classes(problem: BoundaryProblem) -> None:
    check_count("first", problem.first, minimum=0)
    check_count("second", problem.second, minimum=0)
    count = problem.theory.num_classes
    pair = (problem.first, problem.second)
    if pair[0] == pair[1] or not all(0 <= c < count for c in pair):
        raise InputError(
            f"classes {pair[0]} and {pair[1]} of {count}",
            f"two different classes from 0 to {count - 1}",
            "set first and second",
        )


def _check_interval(problem: BoundaryProblem) -> None:
    for name in ("low", "high"):
        check_scalar(name, getattr(problem, name), "a finite number", low=-np.inf, strict=True)
    if problem.low >= problem.high:
        raise InputError(
            f"low={float(problem.low):g} and high={float(problem.high):g}",
            "low is below high",
            "swap them",
        )
    for end in (problem.low, problem.high):
        _replaced(problem.theory, *_place(problem), np.asarray(end))


def _place(problem: BoundaryProblem) -> tuple[tuple[str, ...], tuple[int, ...]]:
    field = _axis_field(problem)
    return field.path, field.element
