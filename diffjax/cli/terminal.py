"""What the verbs print: tables and verdicts."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from diffjax.studies.study import Claim, Table, Verdict

if TYPE_CHECKING:
    import xarray as xr

_COLORS = {"holds": "green", "fails": "red", "undecided": "yellow"}


class _Console(Console):
    """A console that leaves it to the command what a reader that has gone means."""

    def on_broken_pipe(self) -> None:
        """Raise, as printing would."""
        raise BrokenPipeError


def console() -> Console:
    """A console on the current standard output, as wide as it needs to be where that is a file."""
    made = _Console(highlight=False, soft_wrap=False)
    return made if made.is_terminal else _Console(highlight=False, width=120)


def print_table(out: Console, table: Table) -> None:
    """Print a table with its title."""
    print_columns(out, table.title, table.columns, table.rows)


def print_columns(
    out: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Print rows under column headings; the first column is flush left, the others right."""
    shown = RichTable(
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for index, column in enumerate(columns):
        shown.add_column(column, justify="right" if index else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    out.print(shown)


def print_facts(out: Console, facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values in two columns without a frame."""
    shown = RichTable.grid(padding=(0, 2))
    for name, value in facts:
        shown.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    out.print(shown)


def print_entry(
    out: Console, name: str, description: str, facts: Iterable[tuple[str, str]]
) -> None:
    """Print one entry of a list: its name and description, with facts indented below."""
    out.print(Text.assemble((name, "bold"), f"  {description}"))
    shown = RichTable.grid(padding=(0, 2))
    for label, value in facts:
        shown.add_row("", Text(label, style="dim"), Text(value, overflow="fold"))
    out.print(shown)
    out.print()


def print_verdict(out: Console, claim: Claim, verdict: Verdict) -> None:
    """Print one claim's verdict: the word, the statement, and below it the numbers."""
    shown = RichTable.grid(padding=(0, 2))
    shown.add_column(justify="right", min_width=9)
    shown.add_row(Text(verdict.word, style=_COLORS[verdict.word]), Text(claim.statement))
    shown.add_row("", Text(verdict.text, style="dim"))
    out.print(shown)


def seconds(value: float) -> str:
    """A duration for people.

    Example:
        >>> seconds(0.0123), seconds(75)
        ('12 ms', '1 min 15 s')
    """
    if value < 1:
        return f"{1000 * value:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def print_left_out(lines: Iterable[str]) -> None:
    """Say on standard error which figures were not drawn, and why."""
    for line in lines:
        print(f"diffjax: {line}", file=sys.stderr)


def print_failures(dataset: "xr.Dataset", most: int = 20) -> None:
    """Name the failed points on standard error."""
    from diffjax.sweep.dataset import failed_points

    lines = failed_points(dataset)
    if not lines:
        return
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    listed = "\n  ".join([*lines[:most], *more])
    total = dataset["status"].size
    print(f"diffjax: {len(lines)} of {total} points failed:\n  {listed}", file=sys.stderr)
