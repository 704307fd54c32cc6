"""A file with one line of JSON per run: date, machine, and every number with its noise."""

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import KIND, Row

DEFAULT = Path(__file__).parent / "results" / "history.jsonl"


def append(
    path: Path,
    rows: Sequence[Row],
    machine: Mapping[str, Any],
    settings: Mapping[str, Any],
    **more: Any,
) -> None:
    """Add the line of a run; folders are made."""
    line = {
        "kind": KIND,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "settings": settings,
        **more,
        "rows": [_short(row) for row in rows],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def _short(row: Row) -> dict[str, Any]:
    short: dict[str, Any] = {"case": row.case, "quantity": row.quantity, "value": row.value}
    more = {"unit": row.unit, "met": row.met, "noise": row.noise}
    return short | {name: value for name, value in more.items() if value not in (None, "")}
