"""The table of ratios: where the package stands against peers and limits, from measured rows.

A row says by its `ratio` which line of the table it answers; a line may be answered by several
rows, all of which must reach their targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from benchmarks.report import Row, markdown_table, show_table, value_text

HEAD = ("ratio", "must", "reach for", "measured", "met")
TINY = "Measured with --quick: at tiny sizes the ratios answer nothing."


@dataclass(frozen=True)
class Ratio:
    """One line of the table.

    Attributes:
        key: what rows call it.
        title: what is divided by what.
        must: what to reach, as written in the table; the rows carry the numbers.
        reach_for: what would be excellent.
        missed: why a row may stay below its target.
        absent: what is said when no row answers.
    """

    key: str
    title: str
    must: str
    reach_for: str
    missed: str = "see the rows"
    absent: str = "not run"


RATIOS = (
    Ratio(
        "explicit",
        "CPU seconds per full curve: explicit training (40 epochs and one log point, scaled by "
        "the stated counts) / engine",
        "3e3",
        "1e4",
        "the ratio goes as the inverse of the smallest eigenvalue",
    ),
    Ratio(
        "grid",
        "64-point grid, float64, equal cores: NumPy without sharing / engine (p = 512 / 1024)",
        "1.4 / 1.15",
        "1.7 / 1.45",
        "NumPy's symmetric products do half the operations that XLA's do",
    ),
    Ratio(
        "limit",
        "share of the limit: (operations / measured GEMM + measured eigh) / time",
        "0.65",
        "0.80",
        "the limit counts elementwise work at the speed of products, and more training times "
        "mean more of it",
    ),
    Ratio(
        "devices",
        "two host devices / one, wall",
        "1.8",
        "1.95",
        "cores share caches and memory bandwidth; other load on the machine counts",
    ),
    Ratio(
        "spectrum",
        "spectrum at 400 eigenvalues: SciPy root solver / engine",
        "100",
        "1000",
        "more directions of the centroids make the equations larger",
    ),
    Ratio(
        "speciation",
        "speciation curve at d = 4096: d-dimensional clones / quadrature",
        "100",
        "d/10",
    ),
    Ratio(
        "unet",
        "U-Net training step, one thread each: PyTorch / ours",
        "0.8",
        "1.2",
        "convolutions between few channels run below the speed of products",
    ),
    Ratio(
        "compile",
        "compile, cold / warm cache, wall",
        "5 s / 0.5 s",
        "2 s / 0.2 s",
        "the cache spares XLA's work, not tracing and lowering in Python",
    ),
    Ratio(
        "accelerator",
        "64 points at p = 1024, float64: this machine's cores / a GPU",
        "20",
        "50",
        absent="no accelerator here: python -m benchmarks.accelerator",
    ),
)


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Cells of every line, in the order of `RATIOS`."""
    return [_line(ratio, [row for row in rows if row.ratio == ratio.key]) for ratio in RATIOS]


def _line(ratio: Ratio, rows: Sequence[Row]) -> tuple[str, ...]:
    first = (ratio.title, ratio.must, ratio.reach_for)
    if not rows:
        return (*first, ratio.absent, "")
    return (*first, _numbers(rows), _verdict(ratio, rows))


def _numbers(rows: Sequence[Row]) -> str:
    """Values by quantity, each with its case; words that all cases begin with are left out."""
    by_quantity: dict[str, list[str]] = {}
    for row, place in zip(rows, _places([row.case for row in rows]), strict=True):
        found = f"{value_text(row, 3)} ({place})" if place else value_text(row, 3)
        by_quantity.setdefault(row.quantity, []).append(found)
    return "; ".join(f"{name}: {', '.join(found)}" for name, found in by_quantity.items())


def _places(cases: Sequence[str]) -> list[str]:
    words = [case.split() for case in cases]
    common = 0
    if len(set(cases)) > 1:
        columns = zip(*words, strict=False)
        common = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    return [" ".join(some[common:]) for some in words]


def _verdict(ratio: Ratio, rows: Sequence[Row]) -> str:
    judged = [row for row in rows if row.met is not None]
    missed = [row for row in judged if not row.met]
    if not judged:
        return ""
    if not missed:
        return "yes"
    good = len(judged) - len(missed)
    count = f"{good} of {len(judged)}" if good else "no"
    return f"{count}: {ratio.missed}"


def show(rows: Sequence[Row], quick: bool = False) -> None:
    """Print the table."""
    if quick:
        print(TINY)
    show_table(HEAD, table(rows))


def markdown(rows: Sequence[Row], quick: bool = False) -> str:
    """The table for a README."""
    cells = markdown_table(HEAD, table(rows))
    return f"{TINY}\n\n{cells}" if quick else cells
