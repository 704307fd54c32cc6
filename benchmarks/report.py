"""Results as a readable table and as JSON."""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

KIND = "diffjax benchmarks"
"""What a results file says that it is."""


@dataclass(frozen=True)
class Row:
    """One measured number.

    Attributes:
        case: what was run, with its size.
        quantity: what is measured.
        value: the number.
        unit: of the number; "" for a ratio.
        target: the ratio to reach, "" where there is none.
        met: whether the target is reached; None where there is none.
        note: how it was measured, or why a target is missed.
        noise: half the interquartile range of the rounds, in the unit; None if there was one.
        ratio: key of the ratio (see ratios.py) that this number answers, "" where there is none.
    """

    case: str
    quantity: str
    value: float
    unit: str = ""
    target: str = ""
    met: bool | None = None
    note: str = ""
    noise: float | None = None
    ratio: str = ""


def summary(values: float | Sequence[float]) -> tuple[float, float | None]:
    """Median and half the interquartile range; a single number has no range."""
    if not isinstance(values, Sequence):
        return float(values), None
    if len(values) < 2:
        return float(values[0]), None
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return float(middle), float(high - low) / 2


def measured(
    case: str, quantity: str, values: float | Sequence[float], unit: str = "", **more: Any
) -> Row:
    """The median of some rounds with their spread."""
    value, noise = summary(values)
    return Row(case, quantity, value, unit, noise=noise, **more)


def against(
    case: str, quantity: str, values: float | Sequence[float], target: float, **more: Any
) -> Row:
    """A ratio that should be at least `target`."""
    value, noise = summary(values)
    met = value >= target
    return Row(case, quantity, value, target=f">= {target:g}", met=met, noise=noise, **more)


def below(
    case: str, quantity: str, values: float | Sequence[float], target: float, **more: Any
) -> Row:
    """Seconds that should be at most `target`."""
    value, noise = summary(values)
    met = value <= target
    return Row(case, quantity, value, "s", f"<= {target:g}", met, noise=noise, **more)


def agreement(case: str, quantity: str, value: float, **more: Any) -> Row:
    """How far answers differ: rounding, so that its own size is its noise."""
    return Row(case, quantity, value, noise=abs(value), **more)


def show(rows: Sequence[Row], machine: Mapping[str, Any]) -> None:
    """Print the machine and one line per number."""
    facts = ", ".join(f"{k}: {v}" for k, v in machine.items() if k != "versions")
    console().print(f"{facts}\n{machine['versions']}", highlight=False)
    show_table(
        ("case", "quantity", "value", "target", "met", "note"),
        [
            (row.case, row.quantity, value_text(row), row.target, _met(row, "no"), row.note)
            for row in rows
        ],
    )


def show_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print cells under their heads."""
    table = Table(*head)
    for cells in lines:
        table.add_row(*cells)
    console().print(table)


def console() -> Console:
    """Standard output, of a fixed width where it is no terminal, so that logs stay readable."""
    return Console(width=None if sys.stdout.isatty() else 150)


def markdown(rows: Sequence[Row]) -> str:
    """The same table for a README."""
    return markdown_table(
        ("case", "quantity", "value", "target", "met", "note"),
        [
            (row.case, row.quantity, value_text(row, 3), row.target, _met(row, "**no**"), row.note)
            for row in rows
        ],
    )


def markdown_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Cells under their heads."""
    cut = [head, ["---"] * len(head), *lines]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in cut)


def value_text(row: Row, digits: int = 4) -> str:
    """The number with its unit."""
    return f"{row.value:.{digits}g} {row.unit}".strip()


def _met(row: Row, missed: str) -> str:
    return {None: "", True: "yes", False: missed}[row.met]


def content(
    rows: Sequence[Row], machine: Mapping[str, Any], settings: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """Machine facts, settings and every number, as plain JSON."""
    numbers = [asdict(row) for row in rows]
    return {"kind": KIND, "machine": machine, "settings": settings, **more, "rows": numbers}


def write(
    path: Path,
    rows: Sequence[Row],
    machine: Mapping[str, Any],
    settings: Mapping[str, Any],
    **more: Any,
) -> None:
    """Write `content` to a file."""
    path.write_text(json.dumps(content(rows, machine, settings, **more), indent=1) + "\n")
