"""Kernels of the library are compiled even where the caller has switched compilation off."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def compiled() -> Iterator[None]:
    """Inside, `jax.disable_jit()` of the caller does not hold.

    It is meant for looking into one's own functions.  Operation by operation the loops of a small
    problem would take many minutes.

    Example:
        >>> from diffjax.compiled import compiled
        >>> with jax.disable_jit(), compiled():
        ...     print(jax.config.jax_disable_jit)
        False
    """
    import jax  # describing a model loads no JAX

    if not jax.config.jax_disable_jit:  # pyright: ignore[reportAttributeAccessIssue]
        yield
        return
    with jax.disable_jit(False):
        yield
