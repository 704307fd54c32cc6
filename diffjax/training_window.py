"""Training times where nobody chose any, and the check of chosen ones.

A mode of eigenvalue lambda of p U relaxes as exp(-2 Delta_t lambda tau/psi_p), and no eigenvalue
exceeds the trace, p times the mean of E phi^2 over the features.  That mean is at most one for a
bounded activation.  For others it grows with the data, and with it the fastest rate.
"""

import jax.numpy as jnp
import numpy as np

from diffjax.errors import InputError
from diffjax.numerics.activations import Activation
from diffjax.typing import Array, Float
from diffjax.validation import check_vector

POINTS_PER_DECADE = 40
DECADES_BOUNDED = 12
DECADES_UNBOUNDED = 16
_NODES = np.linspace(-10.0, 10.0, 257)
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()


def default_count(activation: Activation) -> int:
    """How many training times there are by default: 481 for a bounded activation, else 641.

    Example:
        >>> from diffjax.numerics.activations import resolve_activation
        >>> default_count(resolve_activation("tanh")), default_count(resolve_activation("relu"))
        (481, 641)
    """
    decades = DECADES_BOUNDED if activation.bounded else DECADES_UNBOUNDED
    return decades * POINTS_PER_DECADE + 1


def default_window(
    start: Float[Array, ""], activation: Activation, preactivation_variances: Float[Array, " any"]
) -> Float[Array, " training_time"]:
    """Training times, 40 per decade, over 12 decades; 16 for an activation without bound.

    Args:
        start: the first time for features with E phi^2 of at most one.
        activation: of the features.
        preactivation_variances: of every class; the largest E phi^2 moves an unbounded
            activation's first time down by as much.

    Returns:
        (T,) times, T as `default_count` says.
    """
    exponents = jnp.arange(default_count(activation)) / POINTS_PER_DECADE
    return start / _largest_energy(activation, preactivation_variances) * 10.0**exponents


def _largest_energy(activation: Activation, variances: Array) -> Array | float:
    """The largest E phi(sqrt(v) g)^2, at least one."""
    if activation.bounded:
        return 1.0
    values = activation(jnp.sqrt(variances)[:, None] * _NODES[None, :])
    return jnp.maximum(jnp.max(values**2 @ _WEIGHTS), 1.0)


def check_training_times(times: np.ndarray) -> None:
    """Raise InputError unless there are two or more positive, increasing times."""
    if times.ndim != 1 or times.size < 2:
        raise InputError(
            f"training_times has shape {times.shape}",
            "at least two positive, strictly increasing times",
            "use numpy.geomspace, or leave it out",
        )
    check_vector("training_times", times, positive=True)
    if (np.diff(times) <= 0).any():
        raise InputError(
            f"training_times has {times.size} entries and is not increasing",
            "at least two positive, strictly increasing times",
            "sort them, or use numpy.geomspace",
        )
