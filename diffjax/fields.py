"""Names of the numbers inside a problem: which there are, which one a text means.

A problem is a tree of frozen dataclasses (`equinox.Module`). Its leaves are numbers and arrays;
fields marked ``static=True`` are sizes, names and functions that a compiled program is built for.
"""

import dataclasses
import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from diffjax.errors import InputError

_NAME = re.compile(
    r"(?P<dotted>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\[(?P<element>\d+(?:,\s*\d+)*)\])?"
)

Kind = Literal["leaf", "static", "unset", "other"]


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a problem, or one element of an array field.

    Attributes:
        path: names from the root of the problem.
        element: index into the array, ``()`` for the whole.
        kind: a numeric leaf, a static field, a field that is None, or anything else.
        value: what the problem holds there: a NumPy array for a leaf.
    """

    path: tuple[str, ...]
    element: tuple[int, ...]
    kind: Kind
    value: Any

    @property
    def dotted(self) -> str:
        """The name from the root, e.g. ``mixture.stds``."""
        return ".".join(self.path)

    @property
    def name(self) -> str:
        """The full name with the element, e.g. ``mixture.stds[0]``."""
        index = ",".join(map(str, self.element))
        return f"{self.dotted}[{index}]" if self.element else self.dotted

    def overlaps(self, other: "Field") -> bool:
        """Whether setting both would set one number twice."""
        mine, others = (*self.path, *self.element), (*other.path, *other.element)
        length = min(len(mine), len(others))
        return mine[:length] == others[:length]


class SweepableField(NamedTuple):
    """What `sweepable_fields` tells about a field: its shape is ``"static"`` for a static one."""

    name: str
    shape: tuple[int, ...] | Literal["static"]
    value: Any


def sweepable_fields(problem: Any) -> list[SweepableField]:
    """The fields of a problem that can be an axis, under their shortest unambiguous names.

    Args:
        problem: a tree of frozen dataclasses.

    Raises:
        InputError: it is something else.

    Example:
        >>> [field.name for field in sweepable_fields(problem)]
        ['stds', 'distance', 'imbalance_ratio', 'cosine', ...]
    """
    fields = [field for field in all_fields(problem) if field.kind in ("leaf", "static")]
    return [
        SweepableField(
            _shortest_name(field, fields),
            "static" if field.kind == "static" else field.value.shape,
            field.value,
        )
        for field in fields
    ]


def all_fields(problem: Any) -> list[Field]:
    """Every field of the problem, in order of definition, those of its parts in place.

    A static field is one field, even if its value has fields of its own.
    """
    if not _is_spec(problem):
        raise InputError(
            f"problem is a {type(problem).__name__}",
            "a problem is a dataclass or equinox.Module",
            "build one, or start from the model's default_problem()",
        )
    return list(_walk(problem, ()))


def find_field(problem: Any, name: str) -> Field:
    """The field that an axis name means.

    Args:
        problem: a tree of frozen dataclasses.
        name: a field's name if it is unique, a dotted name, either with an element as ``stds[0]``.

    Raises:
        InputError: no field or several fields have that name, or it cannot be swept.
    """
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise InputError(
            f"axis name {name!r}",
            "a name is a field as distance, mixture.distance or stds[0]",
            f"choose one of {_listed(problem)}",
        )
    field = _unique(problem, match["dotted"], name)
    _require_sweepable(field, name)
    if match["element"] is None:
        return field
    return _element(field, tuple(int(part) for part in match["element"].split(",")), name)


def replaced(spec: Any, changes: Mapping[str, Any]) -> Any:
    """A copy of a spec with some fields changed; its own checks run again."""
    return dataclasses.replace(spec, **changes)


def value_at(problem: Any, path: tuple[str, ...]) -> Any:
    """The value of a field."""
    for name in path:
        problem = getattr(problem, name)
    return problem


def _walk(spec: Any, prefix: tuple[str, ...]) -> Iterator[Field]:
    for entry in dataclasses.fields(spec):
        value, path = getattr(spec, entry.name), (*prefix, entry.name)
        static = entry.metadata.get("static", False)
        if not entry.init:
            continue
        if _is_spec(value) and not static:
            yield from _walk(value, path)
        else:
            yield _field(path, value, static)


def _inside_static(fields: list[Field]) -> list[Field]:
    """Fields of the values of static fields, e.g. of options; they can be named, too."""
    return [
        Field((*field.path, entry.name), (), "static", getattr(field.value, entry.name))
        for field in fields
        if field.kind == "static" and _is_spec(field.value)
        for entry in dataclasses.fields(field.value)
        if entry.init
    ]


def _field(path: tuple[str, ...], value: Any, static: bool) -> Field:
    if value is None and not static:
        return Field(path, (), "unset", None)
    if static:
        return Field(path, (), "static", value)
    if isinstance(value, bool | int | float | np.generic) or hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            return Field(path, (), "leaf", array)
    return Field(path, (), "other", value)


def _is_spec(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _unique(problem: Any, dotted: str, name: str) -> Field:
    fields = all_fields(problem)
    inside = _inside_static(fields)
    exact = [field for field in [*fields, *inside] if field.dotted == dotted]
    ending = [field for field in fields if field.dotted.endswith("." + dotted)]
    found = exact or ending or [f for f in inside if f.dotted.endswith("." + dotted)]
    if not found:
        raise _unknown(problem, name, dotted)
    if len(found) > 1:
        raise InputError(
            f"axis name {name!r} is ambiguous",
            f"it may be {' or '.join(field.dotted for field in found)}",
            "write the dotted name",
        )
    return found[0]


def _unknown(problem: Any, name: str, dotted: str) -> InputError:
    candidates = [field.name for field in sweepable_fields(problem)]
    close = difflib.get_close_matches(dotted, candidates, n=1, cutoff=0.5)
    remedy = f"did you mean {close[0]!r}?" if close else "choose one of these"
    return InputError(
        f"axis name {name!r} is no field of {type(problem).__name__}",
        f"sweepable are {', '.join(candidates)}",
        remedy,
    )


def _require_sweepable(field: Field, name: str) -> None:
    if field.kind == "unset":
        raise InputError(
            f"axis {name!r} is None in this problem",
            "a field without a value has no shape to sweep",
            "give it a value in the problem first",
        )
    if field.kind == "other":
        raise InputError(
            f"axis {name!r} holds a {type(field.value).__name__}",
            "only numbers, arrays of numbers and static fields can be swept",
            "sweep another field",
        )


def _element(field: Field, element: tuple[int, ...], name: str) -> Field:
    shape = () if field.kind == "static" else field.value.shape
    inside = len(element) == len(shape) and all(
        index < size for index, size in zip(element, shape, strict=True)
    )
    if not inside:
        raise InputError(
            f"axis {name!r} with {field.dotted} of shape {shape}",
            "an element has one index per dimension, counted from 0",
            "mend the index or sweep the whole field",
        )
    return dataclasses.replace(field, element=element, value=field.value[element])


def _shortest_name(field: Field, fields: list[Field]) -> str:
    """The fewest trailing parts of the dotted name that mean this field and no other."""
    dotted = [other.dotted for other in fields]
    for length in range(1, len(field.path)):
        short = ".".join(field.path[-length:])
        clashes = [name for name in dotted if name == short or name.endswith("." + short)]
        if len(clashes) == 1:
            return short
    return field.dotted


def _listed(problem: Any) -> str:
    return ", ".join(field.name for field in sweepable_fields(problem))
