"""``diffjax cite``: BibTeX."""

import importlib.metadata


def cite(study: str | None = None, /) -> int:
    """Print BibTeX for the theory that a study rests on, and for the software.

    Args:
        study: a bundled study or a .toml file [all theory that diffjax uses].
    """
    from diffjax.studies.citations import BIBTEX, bibtex

    print(bibtex(_keys(study) if study else BIBTEX, importlib.metadata.version("diffjax")))
    return 0


def _keys(study: str) -> tuple[str, ...]:
    from diffjax.studies.loading import load_study
    from diffjax.sweep.model import find_model

    loaded = load_study(study)
    return (*find_model(loaded.model).citations, *loaded.citations)
