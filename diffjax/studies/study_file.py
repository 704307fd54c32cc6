"""Studies as TOML files, checked key by key before anything is computed.

name = "my-study"                      # default: the file's name
title = "Order of the classes at two noise levels"
model = "gradient_flow"                # default
claims = ["higher-variance-generalises-first"]

[problem]                              # fields of the model's problem
dim = 32
num_features = 512
num_samples = 256
diffusion_time = 0.3

[problem.mixture]
kind = "two_classes"                   # or "gaussian_mixture"
stds = [1.5, 1.0]

[axes]                                 # in the order of the dataset's dimensions
"stds[0]" = [1.0, 1.5, 2.0]
imbalance_ratio = {geomspace = [0.1, 10.0, 9]}
seed = {range = [0, 4]}
noise = {zip = {diffusion_time = [0.01, 0.3], num_features = [512, 256]}}

[options]                              # keyword options of the model
solver = "eigh"

[[figures]]
name = "memorization"
plot = "phase_maps"
arguments = {quantity = "memorization_time", x = "imbalance_ratio"}

"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.studies.catalogue import find_claim
from diffjax.studies.figures import check_figure
from diffjax.studies.problem_table import KeyPath, build_problem, check_keys, line_of, option_names
from diffjax.studies.study import Figure, Study
from diffjax.sweep.grid import Zipped
from diffjax.sweep.model import find_model
from diffjax.sweep.values import MOST_VALUES

_TOP_KEYS = (
    "name",
    "title",
    "model",
    "problem",
    "axes",
    "options",
    "figures",
    "claims",
    "citations",
)
_LONGEST_NAME = 100
_LARGEST = 1e300
_FIGURE_KEYS = ("name", "plot", "arguments", "at")
_AXIS_FORMS = {
    "linspace": (3, lambda first, last, number: np.linspace(first, last, int(number))),
    "geomspace": (3, lambda first, last, number: np.geomspace(first, last, int(number))),
    "range": (2, lambda start, stop: np.arange(int(start), int(stop))),
}


def read_study(file: Path) -> Study:
    """The study that a TOML file describes.

    Args:
        file: path to the file.

    Raises:
        InputError: the syntax is wrong, a key is unknown, or a value cannot be used; the message
            names the line.
        OSError: the file cannot be read.
    """
    try:
        return parse_study(file.read_text(encoding="utf-8-sig"), str(file))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} is no text: {error}", "a TOML file in UTF-8", "save it as UTF-8"
        ) from error


def parse_study(text: str, file: str) -> Study:
    """The study that the text of a TOML file describes.

    Args:
        text: the content.
        file: its name, for messages.

    Raises:
        InputError: as for `read_study`.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"{file} is not valid TOML: {error}", "a study file is TOML 1.0", "mend that line"
        ) from error
    except (RecursionError, ValueError) as error:  # such as a number of 5000 digits
        raise InputError(
            f"{file} cannot be read: {str(error) or 'it is nested too deeply'}",
            "tables and lists of numbers and texts",
            "make it simpler",
        ) from None
    return _study(content, KeyPath(file, text))


def _study(content: Mapping[str, Any], where: KeyPath) -> Study:
    check_keys(content, _TOP_KEYS, where)
    for key in ("problem", "axes", "options"):
        _require(isinstance(content.get(key, {}), dict), where / key, "a table")
    model = find_model(_text(content, "model", "gradient_flow", where))
    options = content.get("options", {})
    check_keys(options, option_names(model), where / "options")
    problem = build_problem(model, content.get("problem", {}), where / "problem")
    name = _name(content, Path(where.file).stem, where)
    return Study(
        name=name,
        title=_text(content, "title", name, where),
        model=model.name,
        problem=problem,
        axes=_axes(content.get("axes", {}), where / "axes"),
        citations=_texts(content, "citations", where),
        options=options,
        figures=_figures(content.get("figures", []), where / "figures"),
        claims=tuple(find_claim(claim) for claim in _texts(content, "claims", where)),
        text=where.text,
    )


def _text(table: Mapping[str, Any], key: str, default: str, where: KeyPath) -> str:
    value = table.get(key, default)
    _require(isinstance(value, str) and value.isprintable(), where / key, "a text of one line")
    return value


def _texts(table: Mapping[str, Any], key: str, where: KeyPath) -> tuple[str, ...]:
    values = table.get(key, [])
    texts = isinstance(values, list) and all(isinstance(value, str) for value in values)
    _require(texts, where / key, "a list of texts")
    return tuple(values)


def _name(table: Mapping[str, Any], default: str, where: KeyPath) -> str:
    """A name that is also one of a file or folder."""
    name = _text(table, "name", default, where)
    plain = re.fullmatch(r"\w[\w .+-]*", name) is not None and len(name) <= _LONGEST_NAME
    _require(plain, where / "name", "letters, digits, spaces and . + - _, a letter or digit first")
    return name


def _axes(table: Mapping[str, Any], where: KeyPath) -> dict[str, Any]:
    return {name: _axis(value, where / name) for name, value in table.items()}


def _axis(value: Any, where: KeyPath) -> Any:
    """The values of one axis: a list, one of the forms above, or zipped fields."""
    if isinstance(value, list):
        return value
    _require(isinstance(value, dict) and len(value) == 1, where, _axis_syntax())
    ((form, content),) = value.items()
    if form == "zip":
        _require(isinstance(content, dict), where, "zip = {field = [...], ...}")
        return Zipped({name: _axis(values, where / name) for name, values in content.items()})
    check_keys(value, (*_AXIS_FORMS, "zip"), where)
    count, build = _AXIS_FORMS[form]
    numbers = isinstance(content, list) and all(_is_number(x) for x in content)
    _require(numbers and len(content) == count, where, _axis_syntax())
    sizes = content if form == "range" else content[-1:]
    _require(all(float(x).is_integer() for x in sizes), where, f"{form} counts in whole numbers")
    crossing = form == "geomspace" and content[0] * content[1] <= 0
    _require(not crossing, where, "geomspace between two positive or two negative numbers")
    length = content[-1] - (content[0] if form == "range" else 0)
    _require(abs(length) <= MOST_VALUES, where, f"at most {MOST_VALUES} values")
    try:
        return build(*content)
    except ValueError as error:  # such as a geometric sequence through zero
        place = f"{where.file}{line_of(where)}: {where.dotted}: {error}"
        raise InputError(place, _axis_syntax(), "change the numbers") from error


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= _LARGEST


def _axis_syntax() -> str:
    return (
        "a list of values, {linspace = [first, last, number]}, {geomspace = [first, last, number]},"
        " {range = [first, one past the last]} or {zip = {field = [...], ...}}"
    )


def _figures(tables: Any, where: KeyPath) -> tuple[Figure, ...]:
    _require(isinstance(tables, list), where, "a list of tables, [[figures]]")
    return tuple(_figure(table, index, where) for index, table in enumerate(tables))


def _figure(table: Any, index: int, where: KeyPath) -> Figure:
    _require(isinstance(table, dict) and "plot" in table, where, "a table with the key plot")
    check_keys(table, _FIGURE_KEYS, where)
    plot = _text(table, "plot", "", where)
    for key in ("arguments", "at"):
        _require(isinstance(table.get(key, {}), dict), where / key, "a table")
    figure = Figure(**{**table, "name": _name(table, f"{plot}-{index + 1}", where)})
    check_figure(figure)
    return figure


def _require(holds: bool, where: KeyPath, allowed: str) -> None:
    if not holds:
        raise InputError(
            f"{where.file}{line_of(where)}: {where.dotted} has the wrong form", allowed, "mend it"
        )
