"""Run folders of other kinds, which `open_run` opens as well.

A package that writes run folders of its own puts ``{"format": "my kind of run"}`` into their
run.json and names its reader, a function from a path to a dataset, in the entry-point group
``diffjax.runs`` under that format, spaces as hyphens.  Only installed readers are ever called.
"""

import importlib.metadata
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diffjax.files import parse_json, read_regular
from diffjax.sweep.record import FORMAT

ENTRY_POINT_GROUP = "diffjax.runs"
LARGEST_RECORD = 2**24


def other_reader(path: str | os.PathLike) -> Callable[[Any], Any] | None:
    """The reader of a run that is not a sweep's; None for a sweep's or for what nobody reads."""
    try:
        record = parse_json(read_regular(Path(path) / "run.json", LARGEST_RECORD))
        kind = record["format"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    if not isinstance(kind, str) or kind == FORMAT:
        return None
    name = kind.replace(" ", "-")
    found = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP, name=name)
    return next(iter(found)).load() if found else None
