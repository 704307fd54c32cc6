"""``field=value`` on the command line: from text to a problem with these fields."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.fields import (
    Field,
    all_fields,
    find_field,
    replaced,
    sweepable_fields,
    value_at,
)

Path = tuple[str, ...]


def assigned(problem: Any, assignments: Sequence[str]) -> Any:
    """A copy of the problem with some fields replaced, checked as a whole.

    Args:
        problem: where to start from.
        assignments: texts ``field=value``: the field by its unique or dotted name, with an element
            as ``stds[0]`` if need be; the value a number, a word, ``none``, numbers separated by
            commas, or rows of a matrix separated by semicolons.

    Raises:
        InputError: the syntax is wrong, a field is unknown or set twice, or the problem refuses
            a value.
    """
    changes: dict[Path, Any] = {}
    for text in assignments:
        field, value = _read(problem, text)
        _set(problem, changes, field, value, text)
    return _rebuilt(problem, (), changes)


def _read(problem: Any, text: str) -> tuple[Field, Any]:
    name, equals, value = text.partition("=")
    if not equals or not value.strip():
        raise InputError(
            f"{text!r}", "fields are given as field=value, without spaces", "write e.g. dim=32"
        )
    return _find(problem, name.strip()), parse_value(value.strip())


def _find(problem: Any, name: str) -> Field:
    """As `find_field`, and also fields that are None so far."""
    unset = [field for field in all_fields(problem) if field.kind == "unset"]
    found = [field for field in unset if name in (field.dotted, field.path[-1])]
    if len(found) == 1:
        return found[0]
    try:
        return find_field(problem, name)
    except InputError as error:
        if "is no field" not in error.got:
            raise
    known = [*(field.name for field in sweepable_fields(problem)), *(f.path[-1] for f in unset)]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    raise InputError(
        f"{type(problem).__name__} has no field {name!r}",
        f"it has {', '.join(known)}",
        f"did you mean {close[0]!r}?" if close else "choose one of these",
    )


def _set(problem: Any, changes: dict[Path, Any], field: Field, value: Any, text: str) -> None:
    if field.element:
        whole = changes.get(field.path, value_at(problem, field.path))
        changes[field.path] = _with_element(whole, field.element, value, text)
    elif field.path in changes:
        raise InputError(f"{text!r} sets {field.dotted} again", "once", "remove one of the two")
    else:
        changes[field.path] = value


def _with_element(whole: Any, element: tuple[int, ...], value: Any, text: str) -> np.ndarray:
    array = np.array(whole, float)
    if not isinstance(value, int | float):
        raise InputError(f"{text!r}", "an element is one number", "write e.g. stds[0]=1.5")
    array[element] = value
    return array


def parse_value(text: str) -> Any:
    """A number, a word, None, a list of numbers or a list of rows.

    Example:
        >>> parse_value("1.5,1"), parse_value("none"), parse_value("erf")
        ([1.5, 1], None, 'erf')
    """
    if ";" in text:
        return [_items(row) for row in text.split(";")]
    return _items(text) if "," in text else _item(text)


def _items(text: str) -> list[Any]:
    return [_item(part) for part in text.split(",") if part.strip()]


def _item(text: str) -> Any:
    text = text.strip()
    if text.lower() == "none":
        return None
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _rebuilt(spec: Any, path: Path, changes: Mapping[Path, Any]) -> Any:
    """The spec with all changes below `path` made at once, innermost specs first."""
    depth = len(path)
    inside = {target[depth] for target in changes if target[:depth] == path}
    if not inside:
        return spec
    fields = {
        name: changes[(*path, name)]
        if (*path, name) in changes
        else _rebuilt(getattr(spec, name), (*path, name), changes)
        for name in inside
    }
    return replaced(spec, fields)
