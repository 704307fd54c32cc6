"""The models, each with its random problems and its finer computation."""

import functools

from tests.truth import boundary, finite, screening, speciation, spectrum, theory
from tests.truth.trial import Outcome, campaign

KINDS = {
    "gradient_flow": (finite.case, finite.check),
    "asymptotic_dynamics": (theory.case, theory.check),
    "screening": (functools.partial(theory.case, most_classes=3), screening.check),
    "boundary": (boundary.case, boundary.check),
    "spectrum": (functools.partial(theory.case, most_classes=2), spectrum.check),
    "speciation": (speciation.case, speciation.check),
}
"""Name of the row: what draws a case, and their check."""


def run(name: str, cases: int, chance: int, first: int = 0) -> Outcome:
    """Try one model on random problems."""
    draw, check = KINDS[name]
    return campaign(name, draw, check, cases, chance, first)
