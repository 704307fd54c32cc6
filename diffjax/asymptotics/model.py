"""The theory as models of the sweep engine; calling one computes one problem."""

import jax
import numpy as np

from diffjax.asymptotics.dynamics import theory_dynamics
from diffjax.asymptotics.problem import AsymptoticProblem, resolved
from diffjax.dynamics import LABELS, LearningDynamics
from diffjax.errors import InputError
from diffjax.mixture import two_classes
from diffjax.precision import require_float64
from diffjax.sweep.model import Output, model

_AT_FINITE_SIZE_ONLY = ("eigenvalues", "sample_counts")

OUTPUTS = {
    name: Output(*label) for name, label in LABELS.items() if name not in _AT_FINITE_SIZE_ONLY
}


def default_problem() -> AsymptoticProblem:
    """The default problem of the exact engine in the limit of infinite dimension."""
    mixture = two_classes(stds=(1.5, 1.0), distance=1.0, imbalance_ratio=0.25)
    return AsymptoticProblem(mixture, 8.0, 4.0, diffusion_time=0.1)


def _coords(problem: AsymptoticProblem) -> dict[str, np.ndarray]:
    return {"class": np.arange(problem.num_classes)}


_theory_dynamics = jax.jit(theory_dynamics)


@model(
    version=1,
    outputs=OUTPUTS,
    coords=_coords,
    default_problem=default_problem,
    precision="float64",
    citations=("arXiv:2605.06367", "arXiv:2505.17638"),
)
def asymptotic_dynamics(problem: AsymptoticProblem) -> LearningDynamics:
    """Learning dynamics of every class for d, p, n to infinity; no sample is drawn.

    The fields are those of `gradient_flow`, which they approach as 1/d, without eigenvalues and
    sample counts.  The result is differentiable in every parameter of the problem.

    Args:
        problem: an `AsymptoticProblem`.

    Returns:
        LearningDynamics with `eigenvalues` and `sample_counts` None.  The status NOT_CONVERGED
        says that the contour missed more than 1e-3 of the spectrum, that the iteration did not
        converge, or that a quadrature was too coarse: raise the `TheoryOptions`.

    Raises:
        PrecisionError: JAX is in 32-bit mode.
        InputError: another kind of problem.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> from diffjax.mixture import two_classes
        >>> problem = AsymptoticProblem(two_classes(), 8.0, 4.0, diffusion_time=0.1)
        >>> asymptotic_dynamics(problem).test_loss.shape
        (2, 481)
    """
    require_float64("asymptotic_dynamics")
    if not isinstance(problem, AsymptoticProblem):
        raise InputError(
            f"the problem is a {type(problem).__name__}",
            "an AsymptoticProblem",
            "build one, with features_per_dim and samples_per_dim in place of sizes",
        )
    return _theory_dynamics(resolved(problem))
