"""The backward diffusion of a mixture as a problem of the sweep engine."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from diffjax.backward.memory import CERTAINTY, check_certainty
from diffjax.backward.reduction import check_mixture, check_times
from diffjax.mixture import Mixture
from diffjax.spec import Spec
from diffjax.typing import Array, Float
from diffjax.validation import check_count, concrete, numbers, whole_number

DEFAULT_COUNT = 48
FIRST_TIME = 0.05


class SpeciationProblem(Spec):
    """Which classes part when, in the backward diffusion of a mixture.

    Args:
        mixture: two or more isotropic classes (`two_classes` or `GaussianMixture`).
        dim: d, static; up to 1e6 and more at no cost.
        diffusion_times: (T,) times t > 0 of the curves.  Default: 48 from 0.05 to
            (1/2) log d + 3, beyond the speciation of centroids of order sqrt(d).
        certainty: probability in (0, 1) to come back that the times of certain return ask for.
        num_overlaps: points of the potential V(q, t), static.

    Raises:
        InputError: one class, anisotropic classes, t <= 0.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> SpeciationProblem(two_classes(imbalance_ratio=0.1), dim=1000).num_classes
        2
    """

    mixture: Mixture
    dim: int = eqx.field(static=True, converter=whole_number)
    diffusion_times: Float[Array, " diffusion_time"] | None = eqx.field(
        converter=numbers("diffusion_times"), default=None
    )
    certainty: Float[Array, ""] = eqx.field(converter=numbers("certainty"), default=CERTAINTY)  # pyright: ignore[reportAssignmentType]
    num_overlaps: int = eqx.field(static=True, converter=whole_number, default=105)

    def __check_init__(self):
        check_mixture(self.mixture, self.dim)
        check_count("num_overlaps", self.num_overlaps, minimum=3)
        if self.diffusion_times is not None and concrete(self.diffusion_times):
            check_times(self.diffusion_times)
        check_certainty(self.certainty)

    @property
    def num_classes(self) -> int:
        """K."""
        return self.mixture.num_classes


def diffusion_times(problem: SpeciationProblem) -> Float[Array, " diffusion_time"]:
    """(T,) the problem's diffusion times, or the default ones, which depend on d only."""
    if problem.diffusion_times is not None:
        return jnp.asarray(problem.diffusion_times)
    return jnp.linspace(FIRST_TIME, 0.5 * np.log(problem.dim) + 3.0, DEFAULT_COUNT)
