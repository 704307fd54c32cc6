"""Effective potential of the backward drift along the line through two centroids.

The drift x + 2 s* is minus the gradient of V(x) = -|x|^2/2 - 2 log p_t(x).  Along the unit vector
through the centroids of classes 0 and 1 the law of x is a mixture of one-dimensional Gaussians,

    V(q) = -q^2/2 - 2 log sum_k rho_k N(q; e a_k, Gamma_k),

a_k the projection of mu_k.  For two classes of equal variance and centroids +-mu it is, up to a
constant, -q^2/2 + q^2/Gamma - 2 log cosh(e m q/Gamma + h), m = |mu|, h = log(rho_0/rho_1)/2, and
has the minima of the full drift.  With unequal variances it leaves out what the norm tells.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.backward.reduction import check_mixture, check_times, signal
from diffjax.diffusion import noisy_variance
from diffjax.mixture import Mixture
from diffjax.typing import Array, ArrayLike, Float

WIDEST_OVERLAP = 2.6


class Potential(NamedTuple):
    """V(q, t), zero at its lowest grid point at each t.

    Attributes:
        overlaps: (Q,) q/(e m), m half the distance of the centroids, from the mid-point; class 0
            at positive, class 1 at negative values.  Saturated minima lie at 2/(2 - Gamma).
        potential: (T, Q).
    """

    overlaps: Float[Array, " overlap"]
    potential: Float[Array, "diffusion_time overlap"]


def effective_potential(
    mixture: Mixture, dim: int, diffusion_times: ArrayLike, num_overlaps: int = 105
) -> Potential:
    """The potential on a grid of diffusion times and overlaps.

    Args:
        mixture: two or more isotropic classes; the line joins the centroids of the first two.
        dim: d.
        diffusion_times: (T,) t > 0.
        num_overlaps: Q.

    Returns:
        Potential.  With coinciding centroids the unit of q is e instead of e m.

    Raises:
        InputError: t <= 0, one class, anisotropic classes.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> found = effective_potential(two_classes((1.0, 1.0), 1.0), 64, [0.5, 3.0])
        >>> [abs(float(found.overlaps[curve.argmin()])) > 0.1 for curve in found.potential]
        [True, False]
    """
    check_mixture(mixture, dim)
    return potential_on(mixture, dim, check_times(diffusion_times), num_overlaps)


def potential_on(mixture: Mixture, dim: int, times: Array, num_overlaps: int) -> Potential:
    """`effective_potential` without checks."""
    gram = dim * mixture.gram
    distance = jnp.sqrt(jnp.maximum(gram[0, 0] + gram[1, 1] - 2.0 * gram[0, 1], 0.0))
    unit = jnp.where(distance > 0, 0.5 * distance, 1.0)
    along = jnp.where(
        distance > 0, (gram[:, 0] - gram[:, 1]) / jnp.where(distance > 0, distance, 1.0), 0.0
    )
    overlaps = WIDEST_OVERLAP * jnp.linspace(-1.0, 1.0, num_overlaps)

    def at(time):
        middle = 0.5 * signal(time) * (along[0] + along[1])
        q = middle + signal(time) * unit * overlaps
        noisy = noisy_variance(mixture.variances, time)
        offsets = q[:, None] - signal(time) * along[None]
        prior = jnp.log(mixture.class_weights) - 0.5 * jnp.log(noisy)
        exponents = prior[None] - 0.5 * offsets**2 / noisy[None]
        height = -0.5 * q**2 - 2.0 * jax.nn.logsumexp(exponents, axis=1)
        return height - height.min()

    return Potential(overlaps, jax.vmap(at)(times))
