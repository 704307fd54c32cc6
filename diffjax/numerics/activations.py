"""Activation functions by name, with closed-form Gaussian moments where they exist.

h_k = He_k/sqrt(k!) are the orthonormal Hermite polynomials, N and Phi the standard normal density
and distribution function.  The moments are Psi_k(a, v) = E[phi(a + sqrt(v) g) h_k(g)].
"""

import dataclasses
import difflib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf
from jax.scipy.stats import norm

from diffjax.errors import InputError
from diffjax.typing import Array, Float


@dataclasses.dataclass(frozen=True)
class Activation:
    """A nonlinearity with what is known of its Gaussian moments in closed form.

    Args:
        name: what messages, stores and figures call it.
        function: acts elementwise on arrays.  It must be smooth if `moments` is None: the
            trapezoid rule converges geometrically for functions analytic near the real axis only.
        moments: (mean, variance, max_order) -> (max_order + 1, ...) normalised moments Psi_k.
        second_moment: (mean, variance) -> E phi(mean + sqrt(variance) g)^2.

    Example:
        >>> Activation("softsign-like", lambda x: x / jnp.sqrt(1 + x**2)).name
        'softsign-like'
    """

    name: str
    function: Callable[[Array], Array]
    moments: Callable[[Array, Array, int], Array] | None = None
    second_moment: Callable[[Array, Array], Array] | None = None

    def __call__(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.function(value)


def hermite_polynomials(argument: Float[Array, "..."], max_order: int) -> Float[Array, "order ..."]:
    """Orthonormal Hermite polynomials h_0 .. h_max_order at `argument` (unit Gaussian weight)."""
    argument = jnp.asarray(argument)
    values = [jnp.ones_like(argument), argument]
    for order in range(1, max_order):
        values.append(
            (argument * values[order] - np.sqrt(order) * values[order - 1]) / np.sqrt(order + 1)
        )
    return jnp.stack(values[: max_order + 1])


def _erf_moments(mean: Array, variance: Array, max_order: int) -> Array:
    """Psi_k = 2 N(u) w^k (-1)^(k-1) h_(k-1)(u)/sqrt(k), u^2 = 2a^2/(1+2v), w^2 = 2v/(1+2v)."""
    scale = jnp.sqrt(2.0 / (1.0 + 2.0 * variance))
    u, w = scale * mean, scale * jnp.sqrt(variance)
    moments = [erf(u / np.sqrt(2.0))]
    if max_order > 0:
        hermite, density = hermite_polynomials(u, max_order - 1), norm.pdf(u)
        for k in range(1, max_order + 1):
            sign = 2.0 * (-1.0) ** (k - 1)
            moments.append(sign * density * w**k * hermite[k - 1] / np.sqrt(k))
    return jnp.stack(jnp.broadcast_arrays(*moments))


def _relu_moments(mean: Array, variance: Array, max_order: int) -> Array:
    """Psi_0 = a Phi(u) + s N(u), Psi_1 = s Phi(u), Psi_k = s (-1)^k h_(k-2)(u) N(u)/sqrt(k^2-k)."""
    s = jnp.sqrt(variance)
    u = mean / s
    density, distribution = norm.pdf(u), norm.cdf(u)
    moments = [mean * distribution + s * density, s * distribution]
    if max_order > 1:
        hermite = hermite_polynomials(u, max_order - 2)
        for k in range(2, max_order + 1):
            sign = (-1.0) ** k
            moments.append(sign * s * hermite[k - 2] * density / np.sqrt(k * (k - 1)))
    return jnp.stack(jnp.broadcast_arrays(*moments[: max_order + 1]))


def _relu_second_moment(mean: Array, variance: Array) -> Array:
    """E relu^2 = (a^2 + v) Phi(u) + a s N(u), u = a/s."""
    s = jnp.sqrt(variance)
    u = mean / s
    return (mean**2 + variance) * norm.cdf(u) + mean * s * norm.pdf(u)


ACTIVATIONS = {
    "tanh": Activation("tanh", jnp.tanh),
    "erf": Activation("erf", erf, _erf_moments),
    "relu": Activation("relu", jax.nn.relu, _relu_moments, _relu_second_moment),
}


def resolve_activation(activation: "str | Callable | Activation") -> Activation:
    """The activation meant by a name, by a user's elementwise function, or itself.

    Raises:
        InputError: for an unknown name, or an object that is not callable.

    Example:
        >>> resolve_activation("erf").name
        'erf'
    """
    if isinstance(activation, Activation):
        return activation
    if isinstance(activation, str):
        return _named_activation(activation)
    if not callable(activation):
        raise InputError(
            f"activation={activation!r} is a {type(activation).__name__}",
            f"a name ({', '.join(ACTIVATIONS)}) or an elementwise function of a JAX array",
            "pass one of these",
        )
    module = getattr(activation, "__module__", "unknown")
    name = getattr(activation, "__qualname__", type(activation).__name__)
    return Activation(f"{module}.{name}", activation)


def _named_activation(name: str) -> Activation:
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    close = difflib.get_close_matches(name, ACTIVATIONS, n=1)
    raise InputError(
        f"activation={name!r} is unknown",
        f"the names are {', '.join(ACTIVATIONS)}; any elementwise JAX function will do as well",
        f"did you mean {close[0]!r}?" if close else "pass one of these names or a function",
    )
