"""Times of speciation from the cloning probabilities: common, of each split, of each class.

The eigenvalues 1 = l_0 > l_1 >= ... >= 0 of Phi are the memory of successive splits.  They, and
every phi_c = Phi_cc, fall with t, because noise only destroys information.  For two classes
(phi_c - rho_c)/(1 - rho_c) = l_1 for *both*: a memory relative to the prior gives one common time,
and only an absolute criterion tells the classes apart.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.backward.cloning import cloning_curve
from diffjax.backward.reduction import check_mixture, check_precision, noise_horizon
from diffjax.errors import InputError
from diffjax.mixture import Mixture
from diffjax.numerics.jacobi import symmetric_eigenvalues
from diffjax.numerics.multisection import LastZero, last_zero
from diffjax.typing import Array, ArrayLike, Bool, Float
from diffjax.validation import check_scalar, concrete

HALF = 0.5
CERTAINTY = 0.99
_ROUNDING = 1e-9


class SpeciationTimes(NamedTuple):
    """Diffusion times at which classes part in the backward process; larger is earlier.

    Attributes:
        common_time: () memory of the first split is 1/2.
        split_times: (K - 1,) memory of each successive split is 1/2.
        class_times: (K,) sup of t with phi_c >= 1/2; inf for a class of weight 1/2 or more.
        certain_times: (K,) sup of t with phi_c >= `certainty`; inf for a class of larger weight.
        plurality_times: (K,) sup of t at which class c returns to c more often than to any other
            class; the same as `class_times` for two classes, inf for the heaviest class.
        never: () some class or split is not told apart even without noise; its time is 0.
        doubt: () a condition may hold once more beyond its time.
    """

    common_time: Float[Array, ""]
    split_times: Float[Array, " split"]
    class_times: Float[Array, " class"]
    certain_times: Float[Array, " class"]
    plurality_times: Float[Array, " class"]
    never: Bool[Array, ""]
    doubt: Bool[Array, ""]


def split_memory(
    cloning: Float[Array, "... class class"], weights: Float[Array, " class"]
) -> Float[Array, "... split"]:
    """The K - 1 eigenvalues of Phi below the trivial one, largest first.

    Args:
        cloning: cloning probabilities.
        weights: (K,) class weights, in which Phi is reversible.

    Example:
        >>> phi = jnp.array([[0.9, 0.1], [0.1, 0.9]])
        >>> [round(value, 12) for value in split_memory(phi, jnp.array([0.5, 0.5])).tolist()]
        [0.8]
    """
    root = jnp.sqrt(weights)
    # sqrt(rho_c) Phi / sqrt(rho_c') is symmetric; its eigenvector sqrt(rho) of eigenvalue 1 goes
    symmetric = cloning.reshape(-1, *cloning.shape[-2:]) * (root[:, None] / root[None, :])[None]
    matrices = symmetric - (root[:, None] * root[None, :])[None]
    values = jax.vmap(symmetric_eigenvalues)(0.5 * (matrices + matrices.swapaxes(1, 2)))
    by_size = -jnp.sort(-values, axis=1)[:, :-1]
    return jnp.maximum(by_size, 0.0).reshape(*cloning.shape[:-2], -1)


def speciation_times(
    mixture: Mixture, dim: int, certainty: ArrayLike = CERTAINTY
) -> SpeciationTimes:
    """When classes part in the backward process, by every definition in use.

    For two classes of different weight phi_c = 1/2 asks little: the minority reaches it slightly
    before the common time, the majority never leaves it.  The same `certainty` asked of both
    orders them: the minority always reaches it later (at smaller t).

    Args:
        mixture: two or more isotropic classes.
        dim: d.
        certainty: level of phi_c of `certain_times`, in (0, 1); above the largest weight every
            class has a time of its own.

    Returns:
        SpeciationTimes.

    Raises:
        InputError: one class, anisotropic classes.
        PrecisionError: JAX is in 32-bit mode.

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> from diffjax.mixture import two_classes
        >>> times = speciation_times(two_classes((1.0, 1.0), 1.0, imbalance_ratio=1 / 9), 1000)
        >>> float(times.common_time.round(2)), times.certain_times.round(2).tolist()
        (2.64, [1.72, 2.06])
    """
    check_mixture(mixture, dim)
    check_precision("speciation_times")
    check_certainty(certainty)
    return _compiled_times(mixture, dim, jnp.asarray(certainty))


@functools.partial(jax.jit, static_argnames="dim")
def _compiled_times(mixture: Mixture, dim: int, certainty: Array) -> SpeciationTimes:
    return times_of(mixture, dim, certainty)


def times_of(mixture: Mixture, dim: int, certainty: Array) -> SpeciationTimes:
    """`speciation_times` without checks."""
    weights = mixture.class_weights
    splits, classes = mixture.num_classes - 1, mixture.num_classes

    def margins(times: Array) -> Array:
        cloning = cloning_curve(mixture, dim, times)
        returns = jnp.diagonal(cloning, axis1=1, axis2=2)
        memory = split_memory(cloning, weights)
        conditions = [memory - HALF, returns - HALF, returns - certainty]
        if classes > 2:
            conditions.append(returns - _best_other(cloning))
        return jnp.concatenate(conditions, axis=1)

    conditions = splits + (2 if classes == 2 else 3) * classes
    horizon = noise_horizon(mixture, dim)
    found = last_zero(margins, 0.0, horizon, conditions=conditions)
    split_times, class_times, certain_times, plurality = jnp.split(
        found.position, (splits, splits + classes, splits + 2 * classes)
    )
    # a weight at the level keeps phi_c above it at any noise, by less than rounding far out
    class_times = jnp.where(weights >= HALF - _ROUNDING, jnp.inf, class_times)
    certain_times = jnp.where(weights >= certainty - _ROUNDING, jnp.inf, certain_times)
    plurality = class_times if classes == 2 else plurality
    reached = jnp.concatenate([split_times, class_times, certain_times, plurality]) > 0
    return SpeciationTimes(
        split_times[0],
        split_times,
        class_times,
        certain_times,
        plurality,
        ~reached.all(),
        found.doubt[splits + 2 * classes :].any(),  # all others fall with t
    )


def common_time_of(mixture: Mixture, dim: int) -> LastZero:
    """The common time alone: memory of the first split is 1/2, which falls with t."""

    def margins(times: Array) -> Array:
        cloning = cloning_curve(mixture, dim, times)
        return split_memory(cloning, mixture.class_weights)[:, :1] - HALF

    return last_zero(margins, 0.0, noise_horizon(mixture, dim), points=16, rounds=4)


def check_certainty(certainty: ArrayLike) -> None:
    """Raise InputError unless the level is one number in (0, 1)."""
    if not concrete(jnp.asarray(certainty)):
        return
    check_scalar("certainty", np.asarray(certainty), "in (0, 1)", low=0.0, strict=True)
    if float(np.asarray(certainty)) >= 1.0:
        raise InputError(
            f"certainty={float(np.asarray(certainty)):g}",
            "a probability in (0, 1)",
            "Gaussian classes overlap at any noise: ask for less than 1",
        )


def _best_other(cloning: Array) -> Array:
    classes = cloning.shape[-1]
    return jnp.where(jnp.eye(classes, dtype=bool)[None], -jnp.inf, cloning).max(axis=2)
