"""What verbs write into a run folder stays inside it."""

from pathlib import Path

_WRITTEN = ("figures", "dataset.nc", "dataset.zarr", "verdicts.json", "summary.md")


def refuse_links(folder: Path) -> None:
    """Raise unless the files that a verb is about to write are no links.

    A run folder may come from someone else, and a link in it may point at any file of the user's.

    Args:
        folder: the run.

    Raises:
        InputError: names the first link.
    """
    from diffjax.errors import InputError

    written = [*(folder / name for name in _WRITTEN), *(folder / "figures").glob("*")]
    for path in written:
        if path.is_symlink():
            raise InputError(
                f"{path} is a link", "results are written into the run folder", "remove the link"
            )
