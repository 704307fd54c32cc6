"""By how much late losses may be off, and the status that follows.

U is known up to a perturbation E: what truncated series leave out, errors of moments, rounding.
A late readout a answers it like a ridge: with E between +- epsilon, eigenvalues lambda may as well
be lambda + epsilon, and the losses move by what that ridge moves them.  The quadratic form of a
class itself is off by (Delta/d) Tr(a E_c a^T) <= epsilon_c A^2, A^2 = (Delta/d) |a|^2.  Small
eigenvalues count as much as late losses depend on them, which a condition number does not know.

Bounds on truncation take all neglected terms to be of the worst sign.  Signs are independent
between the d components of the readout, so the estimate is the bound over sqrt(d): on random
problems of 2 to 64 dimensions it still exceeds the true error, mostly by a factor of ten or more.
"""

from typing import NamedTuple

import jax.numpy as jnp

from diffjax.status import Status, worst
from diffjax.typing import Array, Float, Int

COARSE_FROM = 1e-5
IMPRECISE_FROM = 1e-3


class LossErrors(NamedTuple):
    """By how much any class's late losses may be off, relative to max(1, loss).

    Attributes:
        covariances: by truncated series and quadratures.
        rounding: by rounding of the solver.
    """

    covariances: Float[Array, ""]
    rounding: Float[Array, ""]

    @property
    def status(self) -> Int[Array, ""]:
        """COARSE above 1e-5 by the covariances, IMPRECISE above 1e-3 by rounding."""
        coarse = jnp.where(self.covariances > COARSE_FROM, int(Status.COARSE), int(Status.OK))
        imprecise = jnp.where(self.rounding > IMPRECISE_FROM, int(Status.IMPRECISE), int(Status.OK))
        return worst(coarse, imprecise)


def errors_from_moves(
    final: Float[Array, "split class"],
    moved: Float[Array, "ridge split class"],
    direct: Float[Array, "split class"],
    moments: Float[Array, "split class"],
    dim: int,
) -> LossErrors:
    """Errors relative to the losses.

    Args:
        final: late losses of train and test samples.
        moved: changes of these by the ridge of the truncation and by that of rounding.
        direct: truncation in the quadratic forms of the classes themselves.
        moments: what errors of the Hermite moments amount to.
        dim: d.
    """
    scale = 1.0 / jnp.maximum(1.0, jnp.abs(final))
    truncation = (direct + jnp.abs(moved[0])) / jnp.sqrt(dim)
    return LossErrors(jnp.max(scale * (truncation + moments)), jnp.max(scale * jnp.abs(moved[1])))


def errors_from_samples(
    times: Float[Array, " sample"],
    losses: Float[Array, "sample split class"],
    final: Float[Array, "split class"],
    class_weights: Float[Array, " class"],
    truncation: Float[Array, "split class"],
    moment_error: Float[Array, "split class"],
    rounding: Float[Array, ""],
    dim: int,
) -> LossErrors:
    """Errors from curves alone, for solvers without an eigenbasis.

    1/(lambda + epsilon) is the mean of (1 - exp(-lambda s))/lambda over times s of density
    epsilon exp(-epsilon s): a ridge is an average over readouts of earlier times.

    Args:
        times: s at equal steps of their logarithm.
        losses: at these times.
        final: at infinite time.
        class_weights: omega_c.
        truncation: largest epsilon of every class.
        moment_error: of every class.
        rounding: of U.
        dim: d.
    """
    step = jnp.log(times[1] / times[0])
    ridge = jnp.maximum(class_weights @ truncation[0], jnp.finfo(losses.dtype).tiny)

    def average(epsilon: Array) -> Array:
        density = epsilon * times * jnp.exp(-epsilon * times) * step
        return jnp.einsum("s,sxc->xc", density, losses - final[None])

    moved = jnp.stack([average(ridge), average(rounding)])
    energy = 2.0 * jnp.abs(class_weights @ average(rounding)[0]) / rounding  # A^2
    direct, moments = truncation * energy, 2.0 * moment_error * jnp.sqrt(energy)
    return errors_from_moves(final, moved, direct, moments, dim)
