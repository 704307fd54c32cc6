"""Checks of concrete values, made when a spec is built and skipped for traced ones."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from diffjax.errors import InputError

LARGEST_COUNT = 2**53
"""Whole numbers up to here are exact in float64."""


def numbers(name: str) -> Callable[[Any], Any]:
    """The converter of a field of numbers: `float_leaf`, whose messages name the field."""
    return functools.partial(float_leaf, name=name)


def float_leaf(value: Any, name: str = "") -> Any:
    """A float64 NumPy leaf; traced and JAX arrays of real numbers pass unchanged, None stays None.

    NumPy leaves keep 64 bits even while JAX is in 32-bit mode.  A list with traced numbers in it
    becomes a traced array.

    Args:
        value: a number, a list or an array.
        name: of the argument, for messages.

    Raises:
        InputError: a value that float64 numbers would hold only in part: complex numbers, truth
            values, text, dates, masked entries, whole numbers beyond 2^53.
    """
    if value is None:
        return value
    if not isinstance(value, jax.Array) and any(
        isinstance(part, Tracer) for part in jax.tree.leaves(value)
    ):
        value = jnp.asarray(value)
    if isinstance(value, jax.Array):
        real = jnp.issubdtype(value.dtype, jnp.number)
        if not real or jnp.issubdtype(value.dtype, jnp.complexfloating):
            raise _loses(f"{shown(value)} of type {value.dtype}", name)
        return value
    array = _array(value)
    if array.dtype.kind not in "fiu":
        raise _loses(shown(value), name)
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise _loses(f"an array with {int(np.ma.count_masked(value))} masked entries", name)
    converted = array.astype(np.float64)
    with np.errstate(invalid="ignore"):
        same = converted.astype(array.dtype) == array
    if not np.all(same | (converted != converted)):
        raise _loses(f"{array[~same].ravel()[0]}, which float64 cannot hold", name)
    return converted


def integer_leaf(value: Any) -> Any:
    """An integer NumPy leaf; traced and JAX arrays of whole numbers pass unchanged.

    Raises:
        InputError: anything else than whole numbers of 64 bits.
    """
    if isinstance(value, jax.Array):
        if not jnp.issubdtype(value.dtype, jnp.integer):
            raise _not_whole(value)
        return value
    array = _array(value)
    rounds = array.dtype.kind in "iu" or (
        array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.round(array)).all()
    )
    if not rounds or (array.dtype.kind != "i" and (np.abs(array.astype(float)) >= 2.0**63).any()):
        raise _not_whole(value)
    return array.astype(np.int64)


def whole_number(value: Any) -> Any:
    """A Python integer for one whole number of any numeric type; everything else unchanged.

    Sizes are static: they are part of what a program is compiled for, and arrays cannot be.

    Example:
        >>> whole_number(np.int64(32)), whole_number(64.0), whole_number(64.5)
        (32, 64, 64.5)
    """
    if isinstance(value, Tracer | bool | np.bool_ | str) or np.shape(value) != ():
        return value
    array = np.asarray(value)
    if array.dtype.kind in "iu" or (array.dtype.kind == "f" and float(array).is_integer()):
        return int(array)
    return value


def shown(value: Any) -> str:
    """A short value as it is; an array by shape, type and the first place that is no number."""
    if isinstance(value, jax.Array):
        return f"an array of shape {value.shape}" if value.shape else f"{value!r:.200}"
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        return f"{value!r:.80}, lists of different lengths,"
    if not array.shape:
        return f"{value!r:.200}"
    text = f"an array of shape {array.shape} and type {array.dtype}"
    parts = np.array(value, dtype=object) if isinstance(value, list | tuple) else array
    for place in itertools.islice(np.ndindex(parts.shape), _LOOKED_AT):
        if not _is_real(part := parts[place]):
            return f"{text}, with {_named(part)} at {list(place)},"
    return text


def _named(part: Any) -> str:
    return repr(part)[:40] if isinstance(part, str | bytes) else f"{part!s:.40}"


_LOOKED_AT = 100_000


def _is_real(part: Any) -> bool:
    if isinstance(part, complex | np.complexfloating):
        return part.imag == 0
    real = isinstance(part, int | float | np.integer | np.floating)
    return real and not isinstance(part, bool | np.bool_)


def _loses(what: str, name: str) -> InputError:
    return InputError(
        f"{name}: {what} cannot be read as numbers"
        if name
        else f"{what} cannot be read as numbers",
        "a number or an array of real numbers",
        "convert it yourself, so that nothing is lost unseen",
    )


def _not_whole(value: Any) -> InputError:
    key = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    what = "a JAX random key" if key else shown(value)
    return InputError(
        f"{what} is not a whole number of 64 bits",
        "an integer from -2^63 to 2^63 - 1",
        "pass the number that the key was made from" if key else "round it yourself",
    )


def _array(value: Any) -> np.ndarray:
    """The value as an array; one of objects if its parts have different shapes."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        return np.asarray(None)


def namespace(*values: Any) -> Any:
    """numpy if all values are plain numbers or NumPy arrays, else jax.numpy.

    Checking a grid builds every problem of it on the host, where NumPy is a hundred times faster.
    """
    return jnp if any(isinstance(value, jax.Array) for value in values) else np


def concrete(tree: Any) -> bool:
    """Whether every leaf holds numbers, so that they can be checked."""
    leaves = jax.tree.leaves(tree)
    return not any(isinstance(leaf, Tracer) for leaf in leaves) and all(
        isinstance(leaf, np.ndarray | np.generic | jax.Array | int | float) for leaf in leaves
    )


def check_finite(name: str, value: Any) -> None:
    """Raise InputError if `value` holds nan or inf, naming the first place."""
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise InputError(f"{name} is {value!r:.200}", "numbers only", "give it numbers")
    bad = ~np.isfinite(array)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f"{name}{list(place)}" if place else name
        count = int(bad.sum())
        raise InputError(
            f"{where} is {array[place]} ({count} such value{'s' if count > 1 else ''})",
            "finite numbers only",
            "remove or replace them",
        )


def check_vector(
    name: str, value: Any, *, positive: bool = False, length: int | None = None
) -> int:
    """Raise InputError unless `value` is a finite vector; return its length."""
    array = np.asarray(value)
    if array.ndim != 1 or array.size == 0 or (length is not None and array.size != length):
        wanted = f"{length} numbers" if length is not None else "one number per class"
        raise InputError(
            f"{name} has shape {array.shape}", f"it holds {wanted}", "give one value per class"
        )
    check_finite(name, array)
    if positive and (array <= 0).any():
        index = int(np.argmax(array <= 0))
        raise InputError(f"{name}[{index}]={array[index]:g}", f"{name} are positive", "raise it")
    return array.size


def check_scalar(name: str, value: Any, allowed: str, *, low: float, strict: bool) -> None:
    """Raise InputError unless `value` is one finite number above `low`."""
    if np.shape(value) != ():
        raise InputError(
            f"{name} has shape {np.shape(value)}", "it is one number", "sweep over its values"
        )
    check_finite(name, value)
    if value < low or (strict and value == low):
        raise InputError(f"{name}={float(value):g}", f"{name} is {allowed}", "choose such a value")


def check_count(name: str, value: Any, minimum: int = 1) -> None:
    """Raise InputError unless `value` is a whole number of at least `minimum`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not minimum <= value <= LARGEST_COUNT:
        most = f" and at most {LARGEST_COUNT}" if whole and value > minimum else ""
        raise InputError(
            f"{name}={value!r:.200}",
            f"{name} is a whole number of at least {minimum}{most}",
            "choose such a number",
        )


def check_positive_semidefinite(name: str, matrix: np.ndarray) -> None:
    """Raise InputError unless `matrix` is finite, symmetric and positive semi-definite."""
    check_finite(name, matrix)
    scale = max(float(np.abs(matrix).max()), 1e-300)
    if np.abs(matrix - matrix.T).max() > 1e-8 * scale:
        raise InputError(
            f"{name} is not symmetric (largest difference {np.abs(matrix - matrix.T).max():.3g})",
            "it equals its transpose",
            f"pass ({name} + {name}.T)/2 if the difference is rounding",
        )
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if lowest < -1e-8 * scale:
        raise InputError(
            f"{name} has the negative eigenvalue {lowest:.6g}",
            "it is positive semi-definite",
            "no vectors have these scalar products: check the entries off the diagonal",
        )


def check_class_weights(weights: np.ndarray, num_classes: int) -> None:
    """Raise InputError unless there is one non-negative weight per class and they sum to one."""
    check_vector("class_weights", weights, length=num_classes)
    if (weights < 0).any() or abs(weights.sum() - 1) > 1e-6:
        raise InputError(
            f"class_weights={weights.tolist()} (sum {weights.sum():.6g})",
            "non-negative weights that sum to 1",
            normalised("class_weights", weights),
        )


def normalised(name: str, weights: np.ndarray) -> str:
    """What to write instead of weights that do not sum to one.

    They are not normalised in silence: a slip in one of them, or a sweep over one of them, would
    change all the others.

    Example:
        >>> normalised("weights", np.array([1.0, 4.0]))
        'if these are proportions or counts, pass weights=[0.2, 0.8]'
    """
    total = weights.sum()
    if (weights < 0).any() or not total > 0:
        return "give shares"
    shares = ", ".join(f"{share:.6g}" for share in weights / total)
    return f"if these are proportions or counts, pass {name}=[{shares}]"
