"""Every function of diffjax checks the shapes and dtypes of its arrays while the tests run.

The annotations speak for the arrays alone: jaxtyping binds the names of their axes over the
arguments and the result of one call, and beartype asks.  NumPy's arrays and plain numbers count as
arrays, since all functions take them where they take those of JAX.  All other annotations belong to
pyright, because tests hand wrong types to public functions on purpose and expect an `InputError`
that tells the remedy.
"""

import functools
import operator
import types
from collections.abc import Callable
from typing import Any, Union, get_args, get_origin

import jaxtyping
from beartype import BeartypeConf, beartype
from jax.typing import ArrayLike
from jaxtyping import AbstractArray, install_import_hook

check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def switch_on() -> None:
    """Before diffjax is imported: its modules are decorated as they are loaded."""
    install_import_hook("diffjax", f"{__name__}.arrays_only")


def is_array(annotation: Any) -> bool:
    """Whether this annotation is one of jaxtyping."""
    return isinstance(annotation, type) and issubclass(annotation, AbstractArray)


def speaks_of_arrays(annotation: Any) -> bool:
    """Whether an annotation has an array in it, at any depth."""
    return is_array(annotation) or any(map(speaks_of_arrays, get_args(annotation)))


def of_any_library(annotation: Any) -> Any:
    """The annotation with every array of JAX replaced by whatever is like an array."""
    if is_array(annotation):
        kind = getattr(jaxtyping, annotation.__name__.partition("[")[0])
        return kind[ArrayLike, annotation.dim_str]
    origin, given = get_origin(annotation), get_args(annotation)
    if not given or origin is Callable or not speaks_of_arrays(annotation):
        return annotation
    made = tuple(map(of_any_library, given))
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, made)
    return origin[made]


def arrays_only(function: Callable) -> Callable:
    """The function as beartype checks it, without the annotations that speak of no array."""
    annotations = function.__annotations__
    kept = {
        name: of_any_library(hint) for name, hint in annotations.items() if speaks_of_arrays(hint)
    }
    if not kept:
        return function
    function.__annotations__ = kept
    return check(function)
