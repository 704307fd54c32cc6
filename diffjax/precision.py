"""Whether JAX computes in 64 bits. diffjax never changes that setting; it says when it matters."""

import jax

from diffjax.errors import PrecisionError

_CONSENT = ", or pass allow_float32=True and read the status IMPRECISE"


def require_float64(what: str, allow_float32: bool | None = None) -> None:
    """Raise unless JAX is in 64-bit mode or the caller accepted 32 bits.

    Memorisation times are set by eigenvalues that are 1e5 to 1e8 times smaller than the largest
    one; in float32 their relative error is of order one.

    Args:
        what: name of the computation, for the message.
        allow_float32: the user's consent to the loss of accuracy; None where there is no such
            option.

    Raises:
        PrecisionError: in 32-bit mode without consent.
    """
    if jax.config.jax_enable_x64 or allow_float32:  # pyright: ignore[reportAttributeAccessIssue]
        return
    raise PrecisionError(
        f"{what} was called while JAX is in 32-bit mode",
        "it depends on small eigenvalues and needs 64-bit numbers",
        'run  jax.config.update("jax_enable_x64", True)  before the first JAX computation'
        + ("" if allow_float32 is None else _CONSENT),
    )
