"""Delay of the minority's basin behind the balanced one: two limits in closed form.

For two classes of unit variance and weights of ratio e^(2h), the balanced spinodal lies at
A(t) = 1 and the minority's at h = A s - artanh s, s = sqrt(1 - 1/A), A = e^(-2t) D^2/2, so that the
delay is (1/2) log A:

    h << 1:  A = 1 + (3h/2)^(2/3);        h >> 1:  A = h + 1/2 + (1/2) log(4h).
"""

from typing import NamedTuple

import jax.numpy as jnp

from diffjax.typing import Array, Float


class DelayLaws(NamedTuple):
    """Delay in t of each class's spinodal behind equal weights; 0 for weights above one half.

    Attributes:
        weak: (K,) (1/2)(3h/2)^(2/3), whose A - 1 is good to 5 % for h <= 0.1.
        strong: (K,) (1/2) log(h + 1/2 + (1/2) log(4h)), good to 5 % in A for h >= 3.
    """

    weak: Float[Array, " class"]
    strong: Float[Array, " class"]


def delay_laws(weights: Float[Array, " class"]) -> DelayLaws:
    """Both limits, with h = (1/2) log((1 - rho_c)/rho_c).

    Example:
        >>> laws = delay_laws(jnp.array([0.01, 0.99]))
        >>> laws.strong.round(2).tolist()
        [0.68, 0.0]
    """
    weights = jnp.asarray(weights)
    field = jnp.maximum(0.5 * (jnp.log1p(-weights) - jnp.log(weights)), 0.0)
    weak = 0.5 * (1.5 * field) ** (2.0 / 3.0)
    coupling = field + 0.5 + 0.5 * jnp.log(4.0 * jnp.maximum(field, 1e-3))
    return DelayLaws(weak, 0.5 * jnp.log(jnp.maximum(coupling, 1.0)))
