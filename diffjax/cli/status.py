"""``diffjax status``: how far a run is."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


def status(run: Path, /) -> int:
    """Say how far a run is and which points failed.

    Args:
        run: run folder.
    """
    from diffjax.cli.exit_codes import ExitCode
    from diffjax.cli.terminal import console, print_facts, print_failures
    from diffjax.sweep import open_run

    dataset = open_run(run)
    out = console()
    print_facts(out, [*_facts(dataset), *_counts(dataset)])
    print_failures(dataset)
    failed = any(count for count in _failures(dataset))
    return ExitCode.SOME_POINTS_FAILED if failed else ExitCode.DONE


def _facts(dataset: "xr.Dataset") -> list[tuple[str, str]]:
    attributes = dataset.attrs
    axes = ", ".join(f"{dim} ({dataset.sizes[dim]})" for dim in dataset["status"].dims)
    return [
        ("study", attributes.get("study") or "none"),
        ("model", f"{attributes['model']} (version {attributes['model_version']})"),
        ("created", attributes["created"]),
        ("precision", attributes["precision"]),
        ("axes", axes or "none"),
    ]


def _counts(dataset: "xr.Dataset") -> list[tuple[str, str]]:
    import numpy as np

    from diffjax.status import describe

    codes, counts = np.unique(dataset["status"].values, return_counts=True)
    rows = [("points", str(dataset["status"].size))]
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        rows.append(("", f"{count} {describe(code)}"))
    return rows


def _failures(dataset: "xr.Dataset") -> list[int]:
    from diffjax.status import FAILURES

    return [int((dataset["status"] == int(code)).sum()) for code in FAILURES]
