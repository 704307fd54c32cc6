"""Points of a sweep grouped by the quadratures that their numbers ask for."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from diffjax.asymptotics.boundary import (
    numbers_of_ends,
    with_options,
    with_options_by_rule,
)
from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.options_by_rule import (
    RuleNumbers,
    along_known_directions,
    options_by_rule,
    options_of_points,
    rule_numbers,
)
from diffjax.asymptotics.problem import AsymptoticProblem, along_directions
from diffjax.sweep.model import Points, Special


def by_quadrature(points: Points) -> list[Special]:
    """Problems of the theory with the options that a problem alone would have."""
    problem = points.problem
    found = options_of_theories(points, lambda theory: theory, rule_numbers)
    return grouped(found, lambda options: dataclasses.replace(problem, theory_options=options))


def by_quadrature_of_directions(points: Points) -> list[Special]:
    """Likewise for models that take classes along common directions."""
    problem = along_directions(points.problem)
    found = options_at(points, rule_numbers, problem)
    return grouped(found, lambda options: dataclasses.replace(problem, theory_options=options))


def by_quadrature_of_axis(points: Points) -> list[Special]:
    """Boundaries with options for both ends of their axes."""
    problem = points.problem
    if along_known_directions(problem.theory):
        found = options_at(points, numbers_of_ends, problem.theory)
    else:
        ends = [with_options_by_rule(points.problem_at(i)).theory for i in range(points.count)]
        found = [theory.theory_options for theory in ends]
    return grouped(found, functools.partial(with_options, problem))


def options_of_theories(
    points: Points,
    theory_of: Callable[[Any], AsymptoticProblem],
    numbers: Callable[[Any], RuleNumbers],
) -> list[TheoryOptions]:
    """Options by rule of the theory that belongs to every point.

    Args:
        points: of one group.
        theory_of: from the problem of a point to that of the theory.
        numbers: from the problem of a point to the numbers of the rules; pure, and always the same
            function, for which it is compiled once.
    """
    theory = theory_of(points.problem)
    if along_known_directions(theory):
        return options_at(points, numbers, theory)
    return [options_by_rule(theory_of(points.problem_at(i))) for i in range(points.count)]


def options_at(
    points: Points, numbers: Callable[[Any], RuleNumbers], theory: Any
) -> list[TheoryOptions]:
    """Options by rule at every point, from the numbers of the problem of a point.

    Args:
        points: of one group.
        numbers: from such a problem to the numbers of the rules; pure.
        theory: a problem of the theory along known directions that gives the static fields.
    """
    options = dataclasses.replace(theory.theory_options, method="commuting")
    if None not in (options.centroid_rank, options.centroid_nodes):
        return [options] * points.count
    found = RuleNumbers(*points.values(numbers))
    return options_of_points(theory.activation, options, found, least_rank=1)


def grouped(found: list[TheoryOptions], fill: Callable[[TheoryOptions], Any]) -> list[Special]:
    """Points with equal options together, coarse quadratures first."""
    order = sorted(set(found), key=lambda o: (o.centroid_rank or 0, o.centroid_nodes or 0))
    places = np.array([order.index(options) for options in found])
    return [
        Special(np.flatnonzero(places == number), fill(options))
        for number, options in enumerate(order)
    ]
