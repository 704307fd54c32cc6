"""Values of one axis: from what the user gave to an array of the field's type and shape."""

import math
from typing import Any

import numpy as np

from diffjax.errors import InputError
from diffjax.fields import Field

MOST_VALUES = 2**22
"""Values of the longest axis."""


def axis_values(label: str, field: Field, values: Any) -> Any:
    """The values of a field along an axis, checked.

    Args:
        label: the axis as the user named it, for messages.
        field: the field, with the value of the base problem.
        values: a sequence, range or array, one entry per position.

    Returns:
        An array (position, *shape of the field) of the field's type, or a tuple if it is static.

    Raises:
        InputError: there are no values, or the field cannot take them.
    """
    listed = _listed(label, values)
    if field.kind == "static":
        whole = isinstance(field.value, int) and not isinstance(field.value, bool)
        return tuple(_static_value(label, value, whole) for value in listed)
    return _leaf_values(label, field, listed)


def _listed(label: str, values: Any) -> list[Any]:
    try:
        if hasattr(values, "__len__") and len(values) > MOST_VALUES:
            raise OverflowError
        listed = None if isinstance(values, str | bytes | dict) else list(values)
    except OverflowError:  # also from the length of an absurd range
        raise InputError(
            f"axis {label!r} has more than {MOST_VALUES} values", "fewer", "sweep parts of it"
        ) from None
    except TypeError:
        listed = None
    if listed is None:
        raise InputError(
            f"axis {label!r} is {values!r}", "a sequence of values", f"write [{values!r}]"
        )
    if not listed:
        raise InputError(f"axis {label!r} is empty", "at least one value", "give it values")
    return listed


def _static_value(label: str, value: Any, whole: bool) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if whole and isinstance(value, float) and value.is_integer():  # 64.0 is the size 64
        value = int(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise _not_finite(label, [value])
    try:
        hash(value)
    except TypeError:
        raise InputError(
            f"axis {label!r} holds a {type(value).__name__}",
            "values of a static field are hashable (numbers, texts, functions, tuples)",
            "turn lists into tuples",
        ) from None
    return value


def _leaf_values(label: str, field: Field, listed: list[Any]) -> np.ndarray:
    array = _array(label, listed)
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"axis {label!r} holds {listed[0]!r}", "only numbers", "replace it by numbers"
        )
    if array.shape[1:] != field.value.shape:
        raise InputError(
            f"axis {label!r} has values of shape {array.shape[1:]}",
            f"{field.name} has shape {field.value.shape}",
            "give one value of that shape per position, or sweep an element as name[0]",
        )
    if not np.isfinite(array).all():
        raise _not_finite(label, array[~np.isfinite(array)].tolist())
    return _cast(label, field, array)


def _array(label: str, listed: list[Any]) -> np.ndarray:
    try:
        return np.asarray(listed)
    except ValueError:
        raise InputError(
            f"axis {label!r} has values of different shapes",
            "one shape",
            "make them equal",
        ) from None


def _cast(label: str, field: Field, array: np.ndarray) -> np.ndarray:
    """The array in the type of the field, without changing any value."""
    target = np.asarray(field.value).dtype
    if target.kind == "f":
        return array.astype(target) + target.type(0)  # + 0 turns -0.0 into 0.0
    with np.errstate(invalid="ignore"):
        cast = array.astype(target)
    if not np.array_equal(cast, array):
        wrong = array[cast != array].ravel()[0]
        raise InputError(
            f"axis {label!r} holds {wrong}",
            f"{field.name} takes values of type {target}",
            "use whole numbers in its range",
        )
    return cast


def _not_finite(label: str, values: list[Any]) -> InputError:
    return InputError(
        f"axis {label!r} holds {values[0]}", "values are finite", "remove it or replace it"
    )
