"""The training clock: dA/dtau = -d^2 grad_A L, and the times at which curves are wanted."""

from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np

from diffjax.diffusion import noise_variance
from diffjax.errors import InputError
from diffjax.typing import Array, ArrayLike, Float
from diffjax.validation import check_vector

POINTS_PER_DECADE = 40
DECADES = 12


@runtime_checkable
class Timed(Protocol):
    """A problem with a diffusion time, a dimension and perhaps training times of its own."""

    @property
    def diffusion_time(self) -> Any:
        """t."""
        ...

    @property
    def training_times(self) -> Any:
        """(T,) or None."""
        ...

    @property
    def dim(self) -> int:
        """d."""
        ...


def default_training_times(diffusion_time: ArrayLike, dim: int) -> Float[Array, " training_time"]:
    """481 training times, 40 per decade, from 1e-2/(2 Delta_t d) over twelve decades.

    A mode of eigenvalue lambda relaxes as exp(-2 Delta_t lambda tau/psi_p) and no eigenvalue of
    a bounded activation exceeds p, so the first time is a hundredth of the fastest e-fold.
    """
    start = 1e-2 / (2.0 * noise_variance(diffusion_time) * dim)
    exponents = jnp.arange(DECADES * POINTS_PER_DECADE + 1) / POINTS_PER_DECADE
    return start * 10.0**exponents


def training_times(problem: Timed) -> Array:
    """(T,) the problem's training times, or the default ones."""
    if problem.training_times is not None:
        return jnp.asarray(problem.training_times)
    return default_training_times(problem.diffusion_time, problem.dim)


def check_training_times(times: np.ndarray) -> None:
    """Raise InputError unless there are two or more positive, increasing times."""
    check_vector("training_times", times, positive=True)
    if times.size < 2 or (np.diff(times) <= 0).any():
        raise InputError(
            f"training_times has {times.size} entries and is not increasing"
            if times.size > 1
            else "training_times has one entry",
            "at least two positive, strictly increasing times",
            "sort them, or use numpy.geomspace",
        )
