"""The study that a name, a file or a finished run means."""

from pathlib import Path
from typing import TYPE_CHECKING

from diffjax.errors import InputError
from diffjax.studies.catalogue import find_study
from diffjax.studies.study import Study
from diffjax.studies.study_file import parse_study, read_study

if TYPE_CHECKING:
    import xarray as xr


def load_study(name_or_file: str) -> Study:
    """A bundled study by its name, or the study of a .toml file.

    Raises:
        InputError: no such study, or a fault in the file.
        OSError: the file cannot be read.
    """
    if not name_or_file.endswith(".toml"):
        return find_study(name_or_file)
    return read_study(Path(name_or_file))


def study_of_run(dataset: "xr.Dataset") -> Study:
    """The study that a run was made from, from what its dataset remembers.

    Raises:
        InputError: the run was not made from a study, or from one that no longer exists.
    """
    name, text = dataset.attrs.get("study", ""), dataset.attrs.get("study_text", "")
    if text:
        return parse_study(text, f"{name}.toml")
    if not name:
        raise InputError(
            "this run was not made from a study",
            "a study says which figures and claims belong to a run",
            "use diffjax.open_run and diffjax.plot from Python",
        )
    return find_study(name)
