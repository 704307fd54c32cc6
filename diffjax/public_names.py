"""Public names of JAX's functions: private modules move between releases, public names stay."""

import re

_PRIVATE = re.compile(r"jax\._src\.((\w+)[\w.]*)\.(\w+)")
_PUBLIC = {"numpy": "jax.numpy", "nn": "jax.nn", "lax": "jax.lax"}
"""Part of the private modules to the public module that has what they define."""


def public_path(path: str) -> str:
    """The public path of a function of JAX that is given by its private one; others unchanged.

    Example:
        >>> public_path("jax._src.scipy.special.erf"), public_path("mine.erf")
        ('jax.scipy.special.erf', 'mine.erf')
    """
    found = _PRIVATE.fullmatch(path)
    if found is None:
        return path
    if found[2] == "scipy":  # laid out in private as in public
        return f"jax.{found[1]}.{found[3]}"
    return f"{_PUBLIC[found[2]]}.{found[3]}" if found[2] in _PUBLIC else path
