"""How code travels to other processes: by name wherever the name gives the very same object there.

A process then has it once, however often it comes, and what was compiled for it is found again.
Code that cannot be imported (of a notebook, of a script) travels by value, and equal bytes make one
object.
"""

import functools
import io
import pickle
import sys
from typing import Any

_KEPT = 32


def is_importable(value: Any) -> bool:
    """Whether other processes can import a function or another named object.

    Example:
        >>> is_importable(io.open), is_importable(lambda x: x)
        (True, False)
    """
    module, path = getattr(value, "__module__", None), _path(value)
    if module is None or module == "__main__" or "<" in path or _travels_by_value(module):
        return False
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found is value


def packed(value: Any) -> bytes:
    """A value for other processes; needs cloudpickle, which Dask requires."""
    import cloudpickle

    class ByName(cloudpickle.Pickler):
        """Names also what hides a function of its name, as jitted functions do."""

        def reducer_override(self, obj: Any) -> Any:
            if callable(obj) and not isinstance(obj, type) and is_importable(obj):
                return _path(obj)
            return super().reducer_override(obj)

    stream = io.BytesIO()
    ByName(stream, protocol=pickle.DEFAULT_PROTOCOL).dump(value)
    return stream.getvalue()


@functools.lru_cache(maxsize=_KEPT)
def unpacked(content: bytes) -> Any:
    """What `packed` packed; the same object for equal bytes."""
    return pickle.loads(content)


def _path(value: Any) -> str:
    """The qualified name of an object, not of its class; ``<`` where it has none."""
    path = getattr(value, "__qualname__", "<")
    return path if isinstance(path, str) else "<"


def _travels_by_value(module: str) -> bool:
    """Whether the user told cloudpickle that other processes lack a module."""
    registered = getattr(sys.modules.get("cloudpickle"), "list_registry_pickle_by_value", set)()
    return any(module == name or module.startswith(f"{name}.") for name in registered)
