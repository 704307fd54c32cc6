"""Speciation as a model of the sweep engine; calling it computes one mixture."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.backward.basins import basin_times, returning_times
from diffjax.backward.cloning import estimated_curve, stated_error
from diffjax.backward.imbalance_laws import delay_laws
from diffjax.backward.memory import SpeciationTimes, common_time_of, split_memory, times_of
from diffjax.backward.potential import potential_on
from diffjax.backward.problem import SpeciationProblem, diffusion_times
from diffjax.backward.reduction import check_precision
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, Mixture, two_classes
from diffjax.status import Status, worst, worst_along
from diffjax.sweep.model import Output, model
from diffjax.typing import Array, Float, Int

_TIME = "diffusion time"

OUTPUTS = {
    "diffusion_times": Output(("diffusion_time",), "diffusion time", _TIME, "t", coordinate=True),
    "cloning_probability": Output(
        ("diffusion_time", "class", "returned_class"),
        "probability to come back as each class",
        symbol=r"\Phi",
    ),
    "memory": Output(("diffusion_time", "split"), "memory of each split", symbol=r"\lambda"),
    "common_time": Output((), "common speciation time", _TIME, r"t_\mathrm{S}"),
    "split_time": Output(("split",), "time of each split", _TIME, r"t_k"),
    "speciation_time": Output(("class",), "speciation time", _TIME, r"t_\mathrm{S}"),
    "certain_time": Output(("class",), "time of certain return", _TIME, r"t_\mathrm{cert}"),
    "plurality_time": Output(("class",), "plurality time", _TIME, r"t_\mathrm{plur}"),
    "spinodal_time": Output(("class",), "spinodal time", _TIME, r"t_\mathrm{sp}"),
    "trajectory_time": Output(("class",), "trajectory time", _TIME, r"t_\mathrm{traj}"),
    "balanced_common_time": Output(
        (), "common time at equal weights", _TIME, r"t_\mathrm{S}^{\mathrm{bal}}"
    ),
    "balanced_spinodal_time": Output(
        (), "spinodal time at equal weights", _TIME, r"t_\mathrm{sp}^{\mathrm{bal}}"
    ),
    "speciation_delay": Output(
        ("class",),
        "delay of speciation",
        _TIME,
        r"t_\mathrm{S}^{\mathrm{bal}}-t_\mathrm{S}^{(c)}",
    ),
    "spinodal_delay": Output(
        ("class",), "delay of the basin", _TIME, r"t_\mathrm{sp}^{\mathrm{bal}}-t_\mathrm{sp}^{(c)}"
    ),
    "weak_imbalance_delay": Output(
        ("class",), "delay of the basin, weak imbalance", _TIME, r"\frac{1}{2}(3h/2)^{2/3}"
    ),
    "strong_imbalance_delay": Output(
        ("class",),
        "delay of the basin, strong imbalance",
        _TIME,
        r"\frac{1}{2}\log(h+\frac{1}{2}+\frac{1}{2}\log 4h)",
    ),
    "overlaps": Output(
        ("overlap",), "overlap with the centroids", symbol=r"q/(e^{-t}m)", coordinate=True
    ),
    "potential": Output(("diffusion_time", "overlap"), "effective potential", symbol="V"),
    "status": Output((), "status of the point"),
}


class Speciation(NamedTuple):
    """How the classes of a mixture part in the backward diffusion.

    A time is the largest t at which a class is told apart: a smaller one is later in backward
    time.  inf: the class is the default at any noise.  0: never, with the status NOT_REACHED.
    Delays are positive where a class is later; 0 for a default class, inf for one that never parts.

    Attributes:
        diffusion_times: (T,) t.
        cloning_probability: (T, K, K) Phi_cc'.
        memory: (T, K - 1) eigenvalues of Phi below the trivial one.
        common_time: () memory of the first split 1/2.
        split_time: (K - 1,) memory of each split 1/2.
        speciation_time: (K,) phi_c = 1/2.
        certain_time: (K,) phi_c = certainty.
        plurality_time: (K,) class c comes back as c most often.
        spinodal_time: (K,) basin of the class appears.
        trajectory_time: (K,) typical trajectories return.
        balanced_common_time: () common_time with equal weights.
        balanced_spinodal_time: () first birth of a basin with equal weights.
        speciation_delay: (K,) balanced_common_time - speciation_time.
        spinodal_delay: (K,) balanced_spinodal_time - spinodal_time.
        weak_imbalance_delay: (K,) its law for two classes of unit variance and weak imbalance.
        strong_imbalance_delay: (K,) the same for strong imbalance.
        overlaps: (Q,) q/(e m), m half the distance of the centroids.
        potential: (T, Q) V(q, t).
        status: () the worst of: NOT_REACHED if a class or split never parts, with the given or with
            equal weights; COARSE if a quadrature error may exceed `stated_error` or a search cannot
            exclude a further time; IMPRECISE if rounding decides about a basin; NON_FINITE for nan.
    """

    diffusion_times: Float[Array, " diffusion_time"]
    cloning_probability: Float[Array, "diffusion_time class returned_class"]
    memory: Float[Array, "diffusion_time split"]
    common_time: Float[Array, ""]
    split_time: Float[Array, " split"]
    speciation_time: Float[Array, " class"]
    certain_time: Float[Array, " class"]
    plurality_time: Float[Array, " class"]
    spinodal_time: Float[Array, " class"]
    trajectory_time: Float[Array, " class"]
    balanced_common_time: Float[Array, ""]
    balanced_spinodal_time: Float[Array, ""]
    speciation_delay: Float[Array, " class"]
    spinodal_delay: Float[Array, " class"]
    weak_imbalance_delay: Float[Array, " class"]
    strong_imbalance_delay: Float[Array, " class"]
    overlaps: Float[Array, " overlap"]
    potential: Float[Array, "diffusion_time overlap"]
    status: Int[Array, ""]


def default_problem() -> SpeciationProblem:
    """One sample of class 0 to nineteen of class 1 in a thousand dimensions."""
    mixture = two_classes(stds=(1.0, 1.0), distance=1.0, imbalance_ratio=1 / 19)
    return SpeciationProblem(mixture, dim=1000)


def _coords(problem: SpeciationProblem) -> dict[str, Any]:
    labels = np.arange(problem.num_classes)
    return {"class": labels, "returned_class": labels, "split": labels[1:]}


def _flops(problem: SpeciationProblem) -> float:
    """Quadrature of the curves and of the searches for the times; the basins of two classes."""
    classes = problem.num_classes
    nodes = {2: 8e3, 3: 3e4, 4: 1e5}.get(classes, 2e4)
    times = 48 if problem.diffusion_times is None else len(problem.diffusion_times)
    searches = 24 + 24 * (3 * classes - 1)
    return (times + searches) * nodes * classes**2 * (classes - 1) + 5e7 * classes


@model(
    version=2,
    outputs=OUTPUTS,
    coords=_coords,
    default_problem=default_problem,
    flops=_flops,
    precision="float64",
    citations=("arXiv:2605.06367",),
)
def speciation(problem: SpeciationProblem) -> Speciation:
    """How and when the classes of a mixture part in the exact backward diffusion.

    Cloning probabilities by quadrature, all times of speciation, spinodal and trajectory times,
    delays, and the potential along the line through two centroids; nothing is sampled.

    Args:
        problem: a `SpeciationProblem`.

    Returns:
        Speciation.

    Raises:
        InputError: another kind of problem.
        PrecisionError: JAX is in 32-bit mode.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> found = speciation(default_problem())
        >>> found.certain_time.round(2).tolist(), float(found.balanced_spinodal_time.round(2))
        ([1.68, 2.17], 3.11)

    References:
        Biroli, Bonnaire, de Bortoli, Mezard, arXiv 2402.18491; classes: arXiv 2605.06367.
    """
    check_precision("speciation")
    if not isinstance(problem, SpeciationProblem):
        raise InputError(
            f"the problem is a {type(problem).__name__}", "a SpeciationProblem", "build one"
        )
    return _speciation(problem)


@functools.partial(jax.jit)
def _speciation(problem: SpeciationProblem) -> Speciation:
    mixture, dim, times = problem.mixture, problem.dim, diffusion_times(problem)
    cloning, error = estimated_curve(mixture, dim, times)
    found = times_of(mixture, dim, jnp.asarray(problem.certainty))
    balanced = _with_weights(mixture, jnp.full_like(mixture.class_weights, 1 / mixture.num_classes))
    # one compiled search serves both weights
    basins = jax.lax.map(
        lambda weights: basin_times(_with_weights(mixture, weights), dim),
        jnp.stack([mixture.class_weights, balanced.class_weights]),
    )
    spinodal, balanced_spinodal = basins.times[0], _earliest(basins.times[1])
    trajectories, balanced_common = returning_times(mixture, dim), common_time_of(balanced, dim)
    laws = delay_laws(mixture.class_weights)
    landscape = potential_on(mixture, dim, times, problem.num_overlaps)
    return Speciation(
        diffusion_times=times,
        cloning_probability=cloning,
        memory=split_memory(cloning, mixture.class_weights),
        common_time=found.common_time,
        split_time=found.split_times,
        speciation_time=found.class_times,
        certain_time=found.certain_times,
        plurality_time=found.plurality_times,
        spinodal_time=spinodal,
        trajectory_time=trajectories.times,
        balanced_common_time=balanced_common.position[0],
        balanced_spinodal_time=balanced_spinodal,
        speciation_delay=_delay(balanced_common.position[0], found.class_times),
        spinodal_delay=_delay(balanced_spinodal, spinodal),
        weak_imbalance_delay=laws.weak,
        strong_imbalance_delay=laws.strong,
        overlaps=landscape.overlaps,
        potential=landscape.potential,
        status=worst(
            _status_of_cloning(cloning, error, found),
            worst_along(basins.status),
            trajectories.status,
            jnp.where(balanced_common.never[0], int(Status.NOT_REACHED), int(Status.OK)),
        ),
    )


def _with_weights(mixture: Mixture, weights: Array) -> GaussianMixture:
    """The same classes with other weights."""
    return GaussianMixture(jnp.sqrt(mixture.variances), weights, mixture.gram)


def _earliest(times: Array) -> Array:
    """The largest finite time, 0 if there is none."""
    return jnp.max(jnp.where(jnp.isfinite(times), times, 0.0))


def _delay(reference: Array, times: Array) -> Array:
    """How much later than the reference; 0 for the default class, inf for one that never parts."""
    own = jnp.where(jnp.isfinite(times), reference - times, 0.0)
    return jnp.where(times > 0, own, jnp.inf)


def _status_of_cloning(cloning: Array, error: Array, found: SpeciationTimes) -> Array:
    """Of the probabilities and of the times that are read off them."""
    coarse = (error > stated_error(cloning.shape[-1])).any() | found.doubt
    broken = jnp.isnan(cloning).any() | jnp.isnan(found.class_times).any()
    return worst(
        jnp.where(found.never, int(Status.NOT_REACHED), int(Status.OK)),
        jnp.where(coarse, int(Status.COARSE), int(Status.OK)),
        jnp.where(broken, int(Status.NON_FINITE), int(Status.OK)),
    )
