"""Derivatives in three ways: forward mode, reverse mode and central differences."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def assert_derivatives_agree(
    function: Callable[[Any], Any],
    point: Any,
    *,
    step: float = 1e-4,
    rtol: float = 2e-4,
    atol: float = 1e-8,
    reverse: bool = True,
) -> np.ndarray:
    """Check d function/d point for a scalar point and any array of results.

    Args:
        function: from a scalar to an array without infinities.
        point: where.
        step: of the central difference of fourth order, relative to the point.
        rtol: of the difference to central differences; the modes agree to 1e-7.
        atol: likewise.
        reverse: whether reverse mode is promised, too.

    Returns:
        The derivative.
    """
    point = jnp.asarray(point, float)
    value, forward = jax.jvp(function, (point,), (jnp.ones_like(point),))
    assert np.isfinite(value).all() and np.isfinite(forward).all()
    h = step * max(1.0, abs(float(point)))
    near = [np.asarray(function(point + k * h)) for k in (-2, -1, 1, 2)]
    central = (near[0] - 8 * near[1] + 8 * near[2] - near[3]) / (12 * h)
    np.testing.assert_allclose(forward, central, rtol=rtol, atol=atol)
    if reverse:
        backward = jax.jacrev(function)(point)
        np.testing.assert_allclose(backward, forward, rtol=1e-7, atol=1e-12)
    return np.asarray(forward)
