"""Connected parts of the support with their masses, and what they are made of."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.spectrum.edges import Support
from diffjax.asymptotics.spectrum.groups import RESIDUAL, Group, predicted_groups

MIXED = "mixed"
MASS_TOLERANCE = 2e-3


class Bulk(NamedTuple):
    """A connected part of the spectrum.

    Attributes:
        lower: lower edge; nan for residual eigenvalues of saturated neurons, which have none.
        upper: upper edge; nan for residual eigenvalues alone.
        mass: share of all eigenvalues, exact.
        kind: "generalization", "sample", "memorization", "residual", several of them joined by
            "+" where they overlap, or "mixed" where the mass is not a sum of theirs.
        class_label: the class whose modes they are; None for several, or for residual ones.
    """

    lower: float
    upper: float
    mass: float
    kind: str
    class_label: int | None


def named_bulks(ensemble: Ensemble, support: Support) -> tuple[Bulk, ...]:
    """Bulks from the highest to the lowest.

    From the top down every bulk takes the groups of modes whose masses sum to its own and whose
    predicted places lie nearest to it.

    Args:
        ensemble: of one problem, concrete.
        support: from `find_support`.
    """
    remaining, bulks = predicted_groups(ensemble), []
    masses = np.diff(support.mass_below)
    for number in reversed(range(masses.size)):
        lower, upper = float(support.lower[number]), float(support.upper[number])
        chosen = _matching(remaining, float(masses[number]), lower, upper)
        remaining = [group for group in remaining if group not in chosen]
        bulks.append(Bulk(lower, upper, float(masses[number]), _kind(chosen), _class(chosen)))
    return tuple(bulks)


def _matching(
    groups: Sequence[Group], mass: float, lower: float, upper: float
) -> tuple[Group, ...]:
    """The groups that make up a mass, nearest to an interval; none if no sum fits."""
    found, nearest = (), np.inf
    for size in range(1, len(groups) + 1):
        for chosen in itertools.combinations(groups, size):
            total = sum(group.mass for group in chosen)
            if abs(total - mass) > MASS_TOLERANCE * max(mass, 0.1):
                continue
            distance = sum(_distance(group.location, lower, upper) for group in chosen)
            if distance < nearest:
                found, nearest = chosen, distance
    return found


def _distance(location: float, lower: float, upper: float) -> float:
    """In the logarithm, zero inside; an edge that is nan counts as far away."""
    if location <= 0:
        return 0.0 if np.isnan(lower) else np.inf
    below = 0.0 if np.isnan(lower) else max(0.0, float(np.log(lower / location)))
    above = 0.0 if np.isnan(upper) else max(0.0, float(np.log(location / upper)))
    return below + above


def _kind(groups: Sequence[Group]) -> str:
    """Kinds of the groups without repetition, highest first."""
    return "+".join(dict.fromkeys(group.kind for group in groups)) or MIXED


def _class(groups: Sequence[Group]) -> int | None:
    """The class of all groups that have one, if it is the same."""
    labels = {group.class_label for group in groups if group.kind != RESIDUAL}
    return labels.pop() if len(labels) == 1 else None
