"""Whether the JSON of a run folder describes a run, so that the engine may rely on it."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from diffjax.sweep.grid import MOST_POINTS

_TEXTS = ("model", "precision", "problem_type", "created")
_TABLES = ("problem", "options", "outputs", "versions")
_OUTPUT = {"dims", "description", "units", "symbol", "coordinate"}
_DTYPE = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)")
_LONGEST = 500


def check_record(record: Mapping[str, Any]) -> None:
    """Raise ValueError unless the content of run.json has the form that this engine writes."""
    for name in _TEXTS:
        _text(record.get(name), name)
    for name in _TABLES:
        _require(isinstance(record.get(name), dict), f"{name} is no table")
    _require(type(record.get("model_version")) is int, "model_version is no whole number")
    provenance = record.get("provenance", {})
    _require(isinstance(provenance, dict), "provenance is no table")
    if isinstance(provenance.get("study"), str):
        _text(provenance["study"], "the name of the study", empty=True)
    _require(isinstance(record.get("citations", []), list), "citations are no list")
    for name, output in record["outputs"].items():
        _require(name.isidentifier(), f"{name!r:.60} is no name of an output")
        _check_output(name, output)
    check_axes(record.get("axes"), None)
    _check_distinct(record)


def _check_distinct(record: Mapping[str, Any]) -> None:
    """No output has a dimension that is an axis, and no name stands for two things."""
    axes = [axis["name"] for axis in record["axes"]]
    labels = {column["label"] for axis in record["axes"] for column in axis["columns"]}
    _require(len({*axes}) == len(axes), "two axes have one name")
    for name, output in record["outputs"].items():
        both = {*output["dims"]} & {*axes, *labels}
        _require(not both, f"output {name} has the dimension {min(both, default='')!r} of an axis")
        _require(name not in {*axes, *labels}, f"{name} is the name of an axis and of an output")


def _check_output(name: str, output: Any) -> None:
    _require(isinstance(output, dict) and set(output) == _OUTPUT, f"output {name} is described so")
    _require(isinstance(output["dims"], list), f"output {name} has no list of dimensions")
    for dim in output["dims"]:
        _text(dim, f"a dimension of output {name}")
    _require(len({*output["dims"]}) == len(output["dims"]), f"output {name} repeats a dimension")
    for key in ("description", "units", "symbol"):
        _text(output[key], f"{key} of output {name}", empty=True)
    _require(isinstance(output["coordinate"], bool), f"output {name} has no coordinate")
    _require(not output["coordinate"] or len(output["dims"]) == 1, f"output {name} labels nothing")


def check_axes(axes: Any, like: Any) -> None:
    """Raise ValueError unless these are the axes of a grid, over the same fields as `like`."""
    _require(isinstance(axes, list), "axes are no list")
    for axis in axes:
        _require(isinstance(axis, dict) and isinstance(axis.get("columns"), list), "an axis is bad")
        _text(axis.get("name"), "the name of an axis")
        _require(len(axis["columns"]) > 0, "an axis has no values")
        for column in axis["columns"]:
            _check_column(column)
        lengths = {len(column["values"]) for column in axis["columns"]}
        _require(len(lengths) == 1 and 0 not in lengths, "an axis has columns of many lengths")
    points = math.prod(len(axis["columns"][0]["values"]) for axis in axes)
    _require(points <= MOST_POINTS, f"a grid of more than {MOST_POINTS} points")
    if like is not None:
        _require(_fields(axes) == _fields(like), "a segment has axes of another run")


def _fields(axes: list[Any]) -> list[list[str]]:
    return sorted(sorted(column["path"] for column in axis["columns"]) for axis in axes)


def _check_column(column: Any) -> None:
    _require(isinstance(column, dict), "a column of an axis is no table")
    for name in ("label", "path"):
        _text(column.get(name), f"the {name} of an axis")
    _require(isinstance(column.get("static"), bool), "a column does not say whether it is static")
    values = column.get("values")
    _require(isinstance(values, list), "a column has no values")
    if column["static"]:
        return
    dtype = column.get("dtype")
    good = isinstance(dtype, str) and _DTYPE.fullmatch(dtype) is not None
    _require(good, "a column whose type is not that of real numbers")
    try:
        np.asarray(values, np.dtype(dtype))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"an axis holds no numbers ({error})") from None


def check_labels(labels: Any) -> None:
    """Raise ValueError unless these are labels of inner dimensions: flat lists by name."""
    _require(isinstance(labels, dict), "labels of dimensions are no table")
    for name, values in labels.items():
        _text(name, "a dimension")
        _require(isinstance(values, list), f"labels of {name} are no list")
        flat = all(isinstance(value, str | int | float) for value in values)
        _require(flat, f"labels of {name} are no list of numbers or texts")


def _text(value: Any, what: str, *, empty: bool = False) -> None:
    """Printable, so that it cannot steer a terminal, and of a length for one line."""
    good = isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST
    _require(good and (empty or bool(value)), f"{what} is no short printable text")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
