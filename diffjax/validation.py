"""Checks of concrete values, made when a spec is built and skipped for traced ones."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from diffjax.errors import InputError

LARGEST_COUNT = 2**53
"""Whole numbers up to here are exact in float64."""


def float_leaf(value: Any) -> Any:
    """A float64 NumPy leaf; traced and JAX arrays pass unchanged, None stays None.

    NumPy leaves keep 64 bits even while JAX is in 32-bit mode.  A list with traced numbers in it
    becomes a traced array.
    """
    if value is None or isinstance(value, jax.Array):
        return value
    if any(isinstance(part, Tracer) for part in jax.tree.leaves(value)):
        return jnp.asarray(value)
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{value!r:.200} cannot be read as numbers",
            "a number or an array of numbers",
            "check for text, ragged lists and missing values",
        ) from error


def integer_leaf(value: Any) -> Any:
    """An integer NumPy leaf; traced and JAX arrays pass unchanged."""
    if isinstance(value, jax.Array):
        return value
    array = _array(value)
    rounds = array.dtype.kind in "iu" or (
        array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.round(array)).all()
    )
    if not rounds or (np.abs(array.astype(float)) >= 2.0**63).any():
        raise InputError(
            f"{value!r:.200} is not a whole number of 64 bits", "an integer", "round it yourself"
        )
    return array.astype(np.int64)


def _array(value: Any) -> np.ndarray:
    """The value as an array; one of objects if its parts have different shapes."""
    try:
        return np.asarray(value)
    except ValueError:
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
            "divide them by their sum",
        )
