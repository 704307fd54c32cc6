"""Results as a readable table and as JSON."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


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
    """

    case: str
    quantity: str
    value: float
    unit: str = ""
    target: str = ""
    met: bool | None = None
    note: str = ""


def against(case: str, quantity: str, value: float, target: float, **more: Any) -> Row:
    """A ratio that should be at least `target`."""
    return Row(case, quantity, value, target=f">= {target:g}", met=value >= target, **more)


def below(case: str, quantity: str, value: float, target: float, **more: Any) -> Row:
    """Seconds that should be at most `target`."""
    return Row(
        case, quantity, value, unit="s", target=f"<= {target:g}", met=value <= target, **more
    )


def show(rows: list[Row], machine: dict[str, Any]) -> None:
    """Print the machine and one line per number."""
    # a fixed width where there is no terminal, so that logs stay readable
    console = Console(width=None if sys.stdout.isatty() else 150)
    facts = ", ".join(f"{k}: {v}" for k, v in machine.items() if k != "versions")
    console.print(f"{facts}\n{machine['versions']}", highlight=False)
    table = Table("case", "quantity", "value", "target", "met", "note")
    for row in rows:
        met = {None: "", True: "yes", False: "no"}[row.met]
        value = f"{row.value:.4g} {row.unit}".strip()
        table.add_row(row.case, row.quantity, value, row.target, met, row.note)
    console.print(table)


def markdown(rows: list[Row]) -> str:
    """The same table for a README."""
    lines = ["| case | quantity | value | target | met | note |", "|---|---|---|---|---|---|"]
    for row in rows:
        met = {None: "", True: "yes", False: "**no**"}[row.met]
        value = f"{row.value:.3g} {row.unit}".strip()
        cells = (row.case, row.quantity, value, row.target, met, row.note)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write(path: Path, rows: list[Row], machine: dict[str, Any], settings: dict[str, Any]) -> None:
    """JSON with machine facts, settings and every number."""
    content = {"machine": machine, "settings": settings, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(content, indent=1) + "\n")
