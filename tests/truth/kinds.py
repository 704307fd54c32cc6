"""The models, each with its random problems and its finer computation."""

from tests.truth import boundary, finite, screening, speciation, spectrum, theory
from tests.truth.trial import Outcome, campaign

KINDS = {
    "gradient_flow": (finite.cases(), finite.check),
    "asymptotic_dynamics": (theory.cases(), theory.check),
    "screening": (theory.cases(3), screening.check),
    "boundary": (boundary.cases(), boundary.check),
    "spectrum": (theory.cases(2), spectrum.check),
    "speciation": (speciation.cases(), speciation.check),
}
"""Name of the row: strategy of the cases and their check."""


def run(name: str, cases: int, chance: int) -> Outcome:
    """Try one model on random problems."""
    strategy, check = KINDS[name]
    return campaign(name, strategy, check, cases, chance)
