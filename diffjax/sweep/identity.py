"""What a value *is*, as plain JSON: so that two runs can be compared without pickling anything."""

import dataclasses
import enum
import functools
import hashlib
import json
import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.sweep.by_name import is_importable

LISTED_SIZE = 64
"""Arrays of at most this many numbers are written out, larger ones by their SHA-256."""

_DEPTH = 12


def describe_value(value: Any, depth: int = _DEPTH) -> Any:
    """A JSON value that is equal for two values exactly if they compute the same.

    Numbers keep all their bits (Python writes the shortest decimal that reads back exactly).
    Functions are named by where users import them from; functions that cannot be imported
    (lambdas, closures) by a hash of their code and of what they enclose.  A value that has a name
    of its own says so by an attribute ``known_as``, and is described by its type and that name.

    Args:
        value: a number, array, text, function, dataclass, or a tuple, list or mapping of these.
        depth: nesting allowed before giving up, against functions that enclose themselves.

    Raises:
        InputError: nothing reproducible can be said about the value.
    """
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, enum.Enum)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, enum.Enum):
        return value.name
    if depth == 0:
        return "..."
    return _describe_object(value, depth - 1)


def canonical(description: Any) -> str:
    """The description as text with one spelling."""
    return json.dumps(description, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(data: bytes) -> bytes:
    """16 bytes that stand for the data."""
    return hashlib.blake2b(data, digest_size=16).digest()


def _describe_object(value: Any, depth: int) -> Any:
    if isinstance(known := getattr(value, "known_as", None), str):
        return {type(value).__qualname__.lower(): known}
    if isinstance(value, np.generic) or hasattr(value, "__array__"):
        return _describe_array(np.asarray(value), depth)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"type": type(value).__qualname__, **describe_mapping(fields, depth)}
    if isinstance(value, Mapping):
        return describe_mapping(value, depth)
    if isinstance(value, list | tuple):
        return [describe_value(item, depth) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((describe_value(item, depth) for item in value), key=canonical)
    return _describe_callable(value, depth)


def describe_mapping(values: Mapping[str, Any], depth: int = _DEPTH) -> dict[str, Any]:
    """The descriptions of a mapping's values under their names."""
    return {str(name): describe_value(value, depth) for name, value in values.items()}


def _describe_array(array: np.ndarray, depth: int) -> Any:
    if array.dtype.kind not in "biufcUS":
        raise _not_describable(f"an array of {array.dtype}")
    if array.ndim == 0 and array.dtype.kind in "biufUS":
        return describe_value(array.item(), depth)
    if array.size <= LISTED_SIZE and array.dtype.kind in "biufUS":
        return describe_value(array.tolist(), array.ndim + 1)
    content = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return {"dtype": str(array.dtype), "shape": list(array.shape), "sha256": content}


def _describe_callable(value: Any, depth: int) -> Any:
    name = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    if is_importable(value):
        return public_name(value)
    if isinstance(value, functools.partial):
        parts = (value.func, value.args, value.keywords)
        return {"partial": [describe_value(part, depth) for part in parts]}
    inner = getattr(value, "__wrapped__", value)
    if hasattr(inner, "__code__"):
        return f"{name}#{_code_digest(inner, depth)}"
    raise _not_describable(f"a {type(value).__qualname__}")


def public_name(value: Any) -> str:
    """Where users import a function from: the shortest path of its package without private parts.

    Example:
        >>> import jax
        >>> public_name(jax.scipy.special.erf)
        'jax.scipy.special.erf'
    """
    module, name = value.__module__, value.__qualname__
    if "._" not in f".{module}" or "." in name:
        return f"{module}.{name}"
    package = module.partition(".")[0]
    modules = [m for m in list(sys.modules) if m == package or m.startswith(f"{package}.")]
    public = [
        f"{m}.{name}"
        for m in modules
        if "._" not in f".{m}" and getattr(sys.modules[m], name, None) is value
    ]
    return min(public, key=lambda path: (len(path), path), default=f"{module}.{name}")


def _code_digest(function: Any, depth: int) -> str:
    enclosed = [cell.cell_contents for cell in function.__closure__ or ()]
    described = [describe_value(item, depth) for item in (*enclosed, function.__defaults__)]
    parts = [*_code_parts(function.__code__), canonical(described)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _code_parts(code: Any) -> list[str]:
    """Byte code, names and constants, also of the functions defined inside."""
    parts = [code.co_code.hex(), *code.co_names]
    for constant in code.co_consts:
        parts += _code_parts(constant) if hasattr(constant, "co_code") else [repr(constant)]
    return parts


def _not_describable(got: str) -> InputError:
    return InputError(
        f"the problem or an option holds {got}",
        "a run is identified by numbers, arrays, texts, functions and dataclasses of these",
        "replace it by one of these",
    )
