"""What a run is: the facts that must agree before results may lie in one folder."""

import datetime
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from diffjax.errors import StoreMismatch
from diffjax.fields import all_fields
from diffjax.sweep.grid import Grid
from diffjax.sweep.identity import describe_mapping, describe_value
from diffjax.sweep.model import Model, Output
from diffjax.sweep.saved_grid import grid_description

FORMAT = "diffjax run"
FORMAT_VERSION = 1
SWEPT = "swept"

_PACKAGES = ("diffjax", "jax", "jaxlib", "equinox", "numpy", "xarray", "zarr")
_COMPARED = ("format_version", "model", "model_version", "precision", "options")


def make_record(
    model: Model,
    problem: Any,
    grid: Grid,
    options: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of ``run.json``: plain JSON, no code.

    Args:
        model: the model.
        problem: the base problem.
        grid: the axes of the call that creates the run.
        options: options of the model.
        provenance: what the caller wants to keep with the run, e.g. the text of the study.
    """
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "model": model.name,
        "model_version": model.version,
        "precision": precision(),
        "options": describe_mapping(options),
        "problem_type": type(problem).__qualname__,
        "problem": describe_problem(problem, grid),
        "outputs": {name: _output_description(output) for name, output in model.outputs.items()},
        "axes": grid_description(grid),
        "provenance": describe_mapping(provenance),
        "citations": list(model.citations),
        **session_facts(),
    }


def session_facts() -> dict[str, Any]:
    """When and with what something is computed."""
    now = datetime.datetime.now(datetime.UTC)
    return {"created": now.isoformat(timespec="seconds"), "versions": versions()}


def versions() -> dict[str, str]:
    """Versions of the packages that matter for the numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


def device_facts(devices: Sequence[Any]) -> dict[str, Any]:
    """Kind and number of the devices of a session."""
    return {"platform": devices[0].platform, "kind": devices[0].device_kind, "count": len(devices)}


def precision() -> str:
    """Which floating-point numbers JAX uses now."""
    return str(jax.dtypes.canonicalize_dtype(np.float64))


def describe_problem(problem: Any, grid: Grid) -> dict[str, Any]:
    """Every field of the problem under its dotted name; swept ones are marked as such."""
    whole = {c.field.dotted for c in grid.columns if c.field and not c.field.element}
    elements = [c.field for c in grid.columns if c.field and c.field.element]
    described = {}
    for field in all_fields(problem):
        value = field.value
        inside = [element.element for element in elements if element.path == field.path]
        if inside:
            value = np.array(value)
            for index in inside:
                value[index] = 0
        described[field.dotted] = SWEPT if field.dotted in whole else describe_value(value)
    return described


def outputs_of(record: Mapping[str, Any]) -> dict[str, Output]:
    """The labels of the outputs that a record keeps."""
    return {
        name: Output(**{**labels, "dims": tuple(labels["dims"])})
        for name, labels in record["outputs"].items()
    }


def require_same(stored: Mapping[str, Any], wanted: Mapping[str, Any], where: str) -> None:
    """Raise unless results of both may lie in one folder.

    Args:
        stored: the record in the folder.
        wanted: the record of the call.
        where: the folder, for the message.

    Raises:
        StoreMismatch: names the first difference with both values.
    """
    for name in _COMPARED:
        _require_equal(name, stored.get(name), wanted[name], where)
    _require_equal("outputs", _output_dims(stored), _output_dims(wanted), where)
    _require_equal("axes", _axis_fields(stored), _axis_fields(wanted), where)
    _require_equal("problem_type", stored["problem_type"], wanted["problem_type"], where)
    for name in {**stored["problem"], **wanted["problem"]}:
        held, asked = stored["problem"].get(name), wanted["problem"].get(name)
        _require_equal(f"problem.{name}", held, asked, where)


def _axis_fields(record: Mapping[str, Any]) -> list[list[str]]:
    """The fields of each axis, whatever the order and the names of the axes."""
    return sorted(sorted(column["path"] for column in axis["columns"]) for axis in record["axes"])


def _output_dims(record: Mapping[str, Any]) -> dict[str, list[str]]:
    """What has to agree about outputs; their descriptions may be improved."""
    return {name: list(labels["dims"]) for name, labels in record["outputs"].items()}


def _require_equal(name: str, stored: Any, wanted: Any, where: str) -> None:
    if stored == wanted:
        return
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for key in sorted({*stored, *wanted}):
            _require_equal(f"{name}.{key}", stored.get(key), wanted.get(key), where)
    raise StoreMismatch(
        f"{where} holds a run with {name}={stored!r}, this call has {name}={wanted!r}",
        "a folder holds one model, problem and set of axes; values along axes may be added",
        "choose another folder, or go back to the stored value",
    )


def _output_description(output: Output) -> dict[str, Any]:
    described = describe_value(output)
    described.pop("type")
    return described
