"""How much memory a traced function needs while it runs, from its operations alone.

Operations run in their order and every result is freed after its last use. A compiler fuses some of
them and needs less; libraries that it calls want some room of their own. So it is a guess that is
right within a factor, made without compiling.
"""

from collections.abc import Iterator
from typing import Any


def work_space(traced: Any) -> int:
    """Bytes of the results that are alive at once, inputs of the function not counted.

    Args:
        traced: what `jax.make_jaxpr` returns.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> work_space(jax.make_jaxpr(lambda x: x * 2.0 + 1.0)(jnp.zeros(100, jnp.float32)))
        800
    """
    return _peak(getattr(traced, "jaxpr", traced))


def _peak(jaxpr: Any) -> int:
    last = {id(v): at for at, eqn in enumerate(jaxpr.eqns) for v in eqn.invars}
    kept = {id(v) for v in jaxpr.outvars}
    sizes: dict[int, int] = {}
    alive = peak = 0
    for at, eqn in enumerate(jaxpr.eqns):
        for result in eqn.outvars:
            sizes[id(result)] = _bytes(result.aval)
            alive += sizes[id(result)]
        inside = max((_peak(inner) for inner in _inner(eqn.params)), default=0)
        peak = max(peak, alive + inside)
        for v in {id(v) for v in (*eqn.invars, *eqn.outvars)}:
            if last.get(v, at) == at and v not in kept:
                alive -= sizes.pop(v, 0)
    return peak


def _inner(parameters: dict[str, Any]) -> Iterator[Any]:
    """The functions that an operation calls: bodies of loops, branches, jitted functions."""
    for value in parameters.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            function = getattr(item, "jaxpr", item)
            if hasattr(function, "eqns"):
                yield function


def _bytes(aval: Any) -> int:
    size = getattr(aval, "size", 0)
    return size * getattr(getattr(aval, "dtype", None), "itemsize", 0)
