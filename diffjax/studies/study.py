"""What a study is: a problem, axes, figures and the claims that it checks, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Verdict:
    """What a claim's criterion found.

    Args:
        holds: True or False, or None where the dataset cannot decide.
        numbers: the figures that the verdict rests on, JSON-able.
        text: one or two sentences with these numbers.
    """

    holds: bool | None
    numbers: Mapping[str, Any]
    text: str

    @property
    def word(self) -> str:
        """``holds``, ``fails`` or ``undecided``."""
        return {True: "holds", False: "fails", None: "undecided"}[self.holds]


@dataclass(frozen=True)
class Claim:
    """A statement that a study can confirm or contradict.

    Args:
        name: identifier, unique among all studies.
        statement: the statement in words.
        source: where it is made.
        grid: the part of the study's grid that it is checked on, in words.
        criterion: from the study's dataset to the verdict; pure.
    """

    name: str
    statement: str
    source: str
    grid: str
    criterion: Callable[["xr.Dataset"], Verdict]


@dataclass(frozen=True)
class Table:
    """A small table for the summary of a run; cells are text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Figure:
    """One figure of a study.

    Args:
        name: the file's name without its ending.
        plot: name of a function in `diffjax.plot` that takes the dataset first.
        arguments: its keyword arguments.
        at: axis name to value; the nearest grid point is taken before plotting.
    """

    name: str
    plot: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    at: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A named, citable sweep.

    Args:
        name: as on the command line and of the run folder.
        title: one line.
        model: name of an installed model.
        problem: the problem whose fields the axes replace.
        axes: axis name to values, see `diffjax.sweep`.
        citations: what to cite besides the model's citations, see `diffjax.studies.citations`.
        options: keyword options of the model.
        figures: see `Figure`.
        claims: see `Claim`.
        tables: functions from the dataset to a `Table` of the summary.
        symbols: axis name to LaTeX without dollar signs, for figures.
        text: the file that the study was read from, empty for a bundled one.
    """

    name: str
    title: str
    model: str
    problem: Any
    axes: Mapping[str, Any]
    citations: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    claims: tuple[Claim, ...] = ()
    tables: tuple[Callable[["xr.Dataset"], Table], ...] = ()
    symbols: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def provenance(self) -> dict[str, str]:
        """What a run remembers of the study; `study_of_run` finds it again."""
        return {"study": self.name, "title": self.title, "study_text": self.text}
