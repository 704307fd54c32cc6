"""What older runs say of a value, in the words of today: so that they are continued.

They named functions by where JAX defines them, and activations by their functions.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from diffjax.public_names import public_path
from diffjax.sweep.saved_grid import grid_from_description

_ACTIVATIONS = {"jax.numpy.tanh": "tanh", "jax.scipy.special.erf": "erf", "jax.nn.relu": "relu"}
_LATER_FIELDS = {"pair_moment": None, "bounded": False}
_OWN_MOMENTS = re.compile(r"diffjax\.[\w.]+\._(erf|relu)_(?:second_|pair_)?moments?")


def current(description: Any) -> Any:
    """The description of a value as it is written today.

    Example:
        >>> current("jax._src.scipy.special.erf")
        'jax.scipy.special.erf'
    """
    if isinstance(description, str):
        return public_path(description)
    if isinstance(description, list):
        return [current(item) for item in description]
    if not isinstance(description, Mapping):
        return description
    renamed = {name: current(value) for name, value in description.items()}
    if renamed.get("type") != "Activation":
        return renamed
    known = _known_activation(renamed)
    return {**_LATER_FIELDS, **renamed} if known is None else {"activation": known}


def current_keys(axes: list[dict[str, Any]], keys: np.ndarray) -> np.ndarray:
    """Identities of points as of today, from those that an older session wrote with its axes.

    Args:
        axes: the axes of the session, as it described them.
        keys: bytes (row, 16); those of no point of the grid stay.
    """
    renamed = current(axes)
    if renamed == axes:
        return keys
    old, new = (grid_from_description(described).keys() for described in (axes, renamed))
    translated = {a.tobytes(): b for a, b in zip(old, new, strict=True)}
    return np.array([translated.get(key.tobytes(), key) for key in keys], np.uint8).reshape(-1, 16)


def _known_activation(described: Mapping[str, Any]) -> str | None:
    """The name of one of diffjax's activations, if it is one."""
    known = _ACTIVATIONS.get(str(described.get("function")))
    if known is None or described.get("name") not in (known, described["function"]):
        return None
    for name in ("moments", "second_moment", "pair_moment"):
        function = described.get(name)
        own = _OWN_MOMENTS.fullmatch(str(function))
        if function is not None and (own is None or own[1] != known):
            return None
    return known
