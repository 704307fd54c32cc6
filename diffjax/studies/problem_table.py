"""Problems from tables of field values, with the line of the file in every message."""

import dataclasses
import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.sweep.model import Model

MIXTURES: Mapping[str, Callable[..., Any]] = {
    "two_classes": two_classes,
    "gaussian_mixture": GaussianMixture,
}
"""What ``kind`` may be in the table of a mixture."""


@dataclass(frozen=True)
class KeyPath:
    """A place in a TOML file: the file, its text and the keys that lead there."""

    file: str
    text: str
    keys: tuple[str, ...] = ()

    def __truediv__(self, key: str) -> "KeyPath":
        return KeyPath(self.file, self.text, (*self.keys, key))

    @property
    def dotted(self) -> str:
        """The keys joined by dots."""
        return ".".join(self.keys)


def line_of(where: KeyPath) -> str:
    """``, line 7`` for the line that sets this key or opens this table; empty if not found."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(where.text.splitlines(), start=1):
        if header := re.match(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?$", line):
            table = _split_keys(header[1])
            found = table
        elif assignment := re.match(r"\s*([^=#\[{]+|\"[^\"]+\"|'[^']+')\s*=", line):
            found = (*table, *_split_keys(assignment[1]))
        else:
            continue
        # an inline table {a = 1} holds the last keys of the path on its own line
        if found == where.keys or (found and found == where.keys[:-1] and where.keys[-1] in line):
            return f", line {number}"
    return ""


def _split_keys(dotted: str) -> tuple[str, ...]:
    parts = re.findall(r"\"[^\"]+\"|'[^']+'|[^.\s]+", dotted)
    return tuple(part.strip("\"'") for part in parts)


def check_keys(table: Iterable[str], allowed: Iterable[str], where: KeyPath) -> None:
    """Raise InputError for the first key that is not allowed, with the closest one that is."""
    allowed = tuple(allowed)
    for key in table:
        if key not in allowed:
            place = where / key
            close = difflib.get_close_matches(key, allowed, n=1)
            raise InputError(
                f"{where.file}{line_of(place)}: unknown key {place.dotted!r}",
                f"known here are {', '.join(allowed) or 'none'}",
                f"did you mean {close[0]!r}?" if close else "remove it or use one of these",
            )


def option_names(model: Model) -> tuple[str, ...]:
    """Options of a model's function: its parameters after the problem."""
    return tuple(inspect.signature(model.function).parameters)[1:]


def build_problem(model: Model, table: Mapping[str, Any], where: KeyPath) -> Any:
    """The model's problem with the fields of a table.

    A field that the table leaves out has the default of the problem's class; one without such a
    default is taken from the model's default problem.

    Raises:
        InputError: an unknown key, or a value that the problem refuses.
    """
    if model.default_problem is None:
        raise InputError(
            f"model {model.name!r} has no default problem",
            "a study file builds on one",
            "use diffjax.sweep from Python",
        )
    return _build(model.default_problem(), table, where)


def _build(default: Any, table: Mapping[str, Any], where: KeyPath) -> Any:
    """An object like `default`, with the fields of the table; nested tables recursively."""
    builder = _builder(default, table, where)
    fields = {key: value for key, value in table.items() if key != "kind"}
    parameters = inspect.signature(builder).parameters
    check_keys(fields, parameters, where)
    for key, value in fields.items():
        if isinstance(value, Mapping):
            fields[key] = _build(getattr(default, key, None), value, where / key)
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in fields:
            fields[name] = getattr(default, name)
    return _call(builder, fields, where)


def _builder(default: Any, table: Mapping[str, Any], where: KeyPath) -> Callable[..., Any]:
    if "kind" in table or not dataclasses.is_dataclass(default):
        kind = str(table.get("kind"))
        if kind not in MIXTURES:
            raise InputError(
                f"{where.file}{line_of(where / 'kind')}: {where.dotted}.kind={kind!r}",
                f"kind is one of {', '.join(MIXTURES)}",
                "change it",
            )
        return MIXTURES[kind]
    return type(default)


def _call(builder: Callable[..., Any], fields: Mapping[str, Any], where: KeyPath) -> Any:
    try:
        return builder(**fields)
    except InputError as error:
        place = f"{where.file}{line_of(where)}: [{where.dotted}] "
        raise InputError(place + error.got, error.allowed, error.remedy) from error
