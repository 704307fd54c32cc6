"""The bundled studies and claims by name, each imported when asked for."""

import difflib
import importlib

from diffjax.errors import InputError
from diffjax.studies.study import Claim, Study

MODULES = {
    "phase-diagram": "phase_diagram",
    "centroid-geometry": "centroid_geometry",
    "variance-order": "variance_order",
    "speciation": "speciation",
    "generated-classes": "generated_classes",
    "finite-size-scaling": "finite_size_scaling",
    "finite-size-scaling-three-classes": "three_class_scaling",
    "theory-phase-diagram": "theory_phase_diagram",
    "finite-size-boundary": "finite_size_boundary",
    "learning-order": "learning_order",
    "fashion-mnist": "fashion_mnist",
    "fashion-mnist-full": "fashion_mnist_full",
}
"""Study name to module of this package; the module holds it as STUDY."""


def find_study(name: str) -> Study:
    """The bundled study of that name.

    Raises:
        InputError: there is none.
    """
    if name not in MODULES:
        raise _unknown("study", name, tuple(MODULES), "name one, or the path of a .toml file")
    return importlib.import_module(f"diffjax.studies.{MODULES[name]}").STUDY


def all_studies() -> tuple[Study, ...]:
    """Every bundled study."""
    return tuple(find_study(name) for name in MODULES)


def find_claim(name: str) -> Claim:
    """The claim of that name from any bundled study.

    Raises:
        InputError: there is none.
    """
    claims = {claim.name: claim for study in all_studies() for claim in study.claims}
    if name not in claims:
        raise _unknown("claim", name, tuple(claims), "name claims of the bundled studies")
    return claims[name]


def _unknown(what: str, name: str, known: tuple[str, ...], remedy: str) -> InputError:
    close = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean {close[0]!r}?" if close else remedy
    return InputError(f"{what} {name!r} is unknown", f"known are {', '.join(known)}", remedy)
