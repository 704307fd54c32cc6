"""What changed since an earlier run, beyond noise.

    python -m benchmarks.comparison OLD.json NEW.json
    python -m benchmarks --compare OLD.json

A number has changed if it moved by more than twice the root of the sum of both runs' squared
noise (half the interquartile range of the rounds), and by more than 3 %: processes that run the
same program differ by that much. A number without rounds counts as known to 10 %.
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.report import KIND, Row, show_table

DEFAULT_NOISE = 0.10
"""Share of a value that is taken as its noise where it was measured once."""

LEAST_CHANGE = 0.03
MACHINE = ("processor", "cores", "memory_gib", "system", "python", "versions", "openblas_coretype")
"""Facts that two runs must share for their numbers to be comparable."""


class NotResults(ValueError):
    """A file that holds no results of these benchmarks."""


@dataclass(frozen=True)
class Results:
    """What a results file holds."""

    machine: Mapping[str, Any]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Change:
    """One row in two runs; `changed` says whether it moved beyond noise."""

    old: Row
    new: Row
    changed: bool

    @property
    def ratio(self) -> float:
        """New by old."""
        return self.new.value / self.old.value if self.old.value else math.inf


def read(path: Path) -> Results:
    """A file of `--json`, or the last line of a history.

    Raises:
        NotResults: there is no such file, or it is something else.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise NotResults(f"{path} cannot be read ({error})") from None
    lines = text.strip().splitlines()
    for candidate in (text, lines[-1] if lines else ""):
        found = _parsed(candidate)
        if found is not None:
            return found
    raise NotResults(f"{path} holds no results: give a file that --json or --history wrote")


def _parsed(text: str) -> Results | None:
    try:
        content = json.loads(text)
        # files of before the kind was written have machine and rows all the same
        if not isinstance(content, dict) or content.get("kind", KIND) != KIND:
            return None
        machine, known = content["machine"], {field.name for field in fields(Row)}
        rows = [Row(**{k: v for k, v in row.items() if k in known}) for row in content["rows"]]
        numbers = all(isinstance(row.value, int | float) for row in rows)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Results(machine, rows) if numbers and isinstance(machine, dict) else None


def changes(old: Sequence[Row], new: Sequence[Row]) -> list[Change]:
    """Rows of both runs, in the order of the new one; equal names are paired in turn."""
    waiting: dict[tuple[str, str], list[Row]] = {}
    for row in old:
        waiting.setdefault((row.case, row.quantity), []).append(row)
    found = []
    for row in new:
        partners = waiting.get((row.case, row.quantity))
        if partners:
            before = partners.pop(0)
            found.append(Change(before, row, _beyond_noise(before, row)))
    return found


def _beyond_noise(old: Row, new: Row) -> bool:
    spread = 2 * math.hypot(_noise(old), _noise(new))
    least = LEAST_CHANGE * max(abs(old.value), abs(new.value))
    return abs(new.value - old.value) > max(spread, least)


def _noise(row: Row) -> float:
    return DEFAULT_NOISE * abs(row.value) if row.noise is None else row.noise


def machine_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Which facts of the machines differ, in words."""
    return [
        f"{name}: {old.get(name)} -> {new.get(name)}"
        for name in MACHINE
        if old.get(name) != new.get(name)
    ]


def show(old: Results, new: Results) -> None:
    """Print differences of the machines, every row in both, and how many changed."""
    for difference in machine_differences(old.machine, new.machine):
        print(f"not the same machine: {difference}")
    found = changes(old.rows, new.rows)
    lines = [
        (
            change.new.case,
            change.new.quantity,
            f"{change.old.value:.4g}",
            f"{change.new.value:.4g} {change.new.unit}".strip(),
            f"{change.ratio:.3f}",
            "changed" if change.changed else "",
        )
        for change in found
    ]
    show_table(("case", "quantity", "old", "new", "new / old", ""), lines)
    count = sum(change.changed for change in found)
    only = len(new.rows) - len(found), len(old.rows) - len(found)
    print(
        f"{count} of {len(found)} rows changed beyond noise; {only[0]} are new, {only[1]} missing"
    )


def main(arguments: Sequence[str]) -> int:
    """Compare two files; 2 if one of them holds no results."""
    if len(arguments) != 2:
        print("usage: python -m benchmarks.comparison OLD.json NEW.json", file=sys.stderr)
        return 2
    try:
        old, new = (read(Path(name)) for name in arguments)
    except NotResults as problem:
        print(problem, file=sys.stderr)
        return 2
    show(old, new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
