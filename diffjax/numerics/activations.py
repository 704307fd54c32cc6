"""Activation functions by name, with closed-form Gaussian moments where they exist.

h_k = He_k/sqrt(k!) are the orthonormal Hermite polynomials, N and Phi the standard normal density
and distribution function.  The moments are Psi_k(a, v) = E[phi(a + sqrt(v) g) h_k(g)].
"""

import dataclasses
import difflib
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf
from jax.scipy.stats import norm

from diffjax.errors import InputError
from diffjax.numerics.hermite import hermite_functions
from diffjax.numerics.hermite import hermite_polynomials as hermite_polynomials
from diffjax.public_names import public_path
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
        pair_moment: (mean, variance, other mean, other variance, correlation) ->
            E[phi(x_i) phi(x_j)] of two correlated fields, where the series of `moments` converges
            too slowly for strong correlations, as it does for a kink.
        bounded: whether |phi| is at most one.

    Example:
        >>> Activation("softsign-like", lambda x: x / jnp.sqrt(1 + x**2)).name
        'softsign-like'
    """

    name: str
    function: Callable[[Array], Array]
    moments: Callable[[Array, Array, int], Array] | None = None
    second_moment: Callable[[Array, Array], Array] | None = None
    pair_moment: Callable[[Array, Array, Array, Array, Array], Array] | None = None
    bounded: bool = False

    def __call__(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.function(value)

    @property
    def known_as(self) -> str | None:
        """Its name if it is one of `ACTIVATIONS`: all that a stored run needs to say of it."""
        return self.name if ACTIVATIONS.get(self.name) is self else None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by name, or by the names of its functions where they can be imported."""
        if self.known_as is not None:
            return resolve_activation, (self.name,)
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return _rebuilt, ({name: _reference(value) for name, value in values.items()},)


class _Imported(NamedTuple):
    """A function by the place that it is imported from; jitted ones cannot be pickled."""

    path: str


def _reference(value: Any) -> Any:
    if not callable(value):
        return value
    path = f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', '')}"
    try:
        return _Imported(path) if pkgutil.resolve_name(path) is value else value
    except (ImportError, AttributeError, ValueError):
        return value


def _rebuilt(references: dict[str, Any]) -> Activation:
    values = {
        name: pkgutil.resolve_name(value.path) if isinstance(value, _Imported) else value
        for name, value in references.items()
    }
    return Activation(**values)


def _erf_moments(mean: Array, variance: Array, max_order: int) -> Array:
    """Psi_k = 2 N(u) w^k (-1)^(k-1) h_(k-1)(u)/sqrt(k), u^2 = 2a^2/(1+2v), w^2 = 2v/(1+2v)."""
    scale = jnp.sqrt(2.0 / (1.0 + 2.0 * variance))
    u, w = scale * mean, scale * jnp.sqrt(variance)
    first = erf(u / np.sqrt(2.0))[None]
    if max_order == 0:
        return first
    k = _orders(1, max_order, u)
    factors = 2.0 * (-1.0) ** (k - 1) * w[None] ** k / np.sqrt(k)
    return jnp.concatenate([first, factors * hermite_functions(u, max_order - 1)])


def _relu_moments(mean: Array, variance: Array, max_order: int) -> Array:
    """Psi_0 = a Phi(u) + s N(u), Psi_1 = s Phi(u), Psi_k = s (-1)^k h_(k-2)(u) N(u)/sqrt(k^2-k)."""
    s = jnp.sqrt(variance)
    u = mean / s
    density, distribution = norm.pdf(u), norm.cdf(u)
    first = jnp.stack([mean * distribution + s * density, s * distribution])[: max_order + 1]
    if max_order < 2:
        return first
    k = _orders(2, max_order, u)
    factors = (-1.0) ** k / np.sqrt(k * (k - 1))
    return jnp.concatenate([first, factors * s[None] * hermite_functions(u, max_order - 2)])


def _orders(first: int, last: int, like: Array) -> np.ndarray:
    """Orders along a new leading axis."""
    return np.arange(first, last + 1.0).astype(like.dtype).reshape(-1, *[1] * like.ndim)


def _relu_second_moment(mean: Array, variance: Array) -> Array:
    """E relu^2 = (a^2 + v) Phi(u) + a s N(u), u = a/s."""
    s = jnp.sqrt(variance)
    u = mean / s
    return (mean**2 + variance) * norm.cdf(u) + mean * s * norm.pdf(u)


PAIR_NODES = 40


def _relu_pair_moment(
    mean: Array, variance: Array, other_mean: Array, other_variance: Array, correlation: Array
) -> Array:
    """From the orders 0 and 1 of the series and its second derivative in r, the density at 0.

    E = Psi_0 Psi_0 + r Psi_1 Psi_1 + (s_i s_j/2 pi) int_0^arcsin(r) (r - sin q) exp(-Q) dq with
    Q = (u_i - u_j)^2/(4(1 - sin q)) + (u_i + u_j)^2/(4(1 + sin q)), u = a/s (Plackett's identity).
    """
    first, second = (
        _relu_moments(*pair, 1) for pair in ((mean, variance), (other_mean, other_variance))
    )
    s, others = jnp.sqrt(variance), jnp.sqrt(other_variance)
    apart, along = (mean / s - other_mean / others) ** 2, (mean / s + other_mean / others) ** 2
    end = jnp.arcsin(correlation)
    nodes, weights = np.polynomial.legendre.leggauss(PAIR_NODES)

    def add_node(total, node):
        sine = jnp.sin(0.5 * end * (1.0 + node[0]))
        density = jnp.exp(-0.25 * (apart / (1.0 - sine) + along / (1.0 + sine)))
        return total + node[1] * (correlation - sine) * density, None

    rule = jnp.asarray(np.stack([nodes, weights], axis=1), end.dtype)
    integral, _ = jax.lax.scan(add_node, jnp.zeros_like(apart + end), rule)
    series = first[0] * second[0] + correlation * first[1] * second[1]
    return series + s * others / (4.0 * np.pi) * end * integral


ACTIVATIONS = {
    "tanh": Activation("tanh", jnp.tanh, bounded=True),
    "erf": Activation("erf", erf, _erf_moments, bounded=True),
    "relu": Activation("relu", jax.nn.relu, _relu_moments, _relu_second_moment, _relu_pair_moment),
}


def resolve_activation(activation: "str | Callable | Activation") -> Activation:
    """The activation meant by a name, by a user's elementwise function, or itself.

    ``jnp.tanh``, ``jax.nn.relu`` and ``jax.scipy.special.erf`` mean the activations of these names.

    Raises:
        InputError: for an unknown name, or an object that is not callable.

    Example:
        >>> resolve_activation("erf").name, resolve_activation(jax.nn.silu).name
        ('erf', 'jax.nn.silu')
    """
    if isinstance(activation, Activation):
        return activation
    if isinstance(activation, str):
        return _named_activation(activation)
    for known in ACTIVATIONS.values():
        if activation is known.function:
            return known
    if not callable(activation):
        raise InputError(
            f"activation={activation!r} is a {type(activation).__name__}",
            f"a name ({', '.join(ACTIVATIONS)}) or an elementwise function of a JAX array",
            "pass one of these",
        )
    module = getattr(activation, "__module__", None) or "unknown"
    name = getattr(activation, "__qualname__", type(activation).__name__)
    return Activation(public_path(f"{module}.{name}"), activation)


def _named_activation(name: str) -> Activation:
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    close = difflib.get_close_matches(name, ACTIVATIONS, n=1)
    raise InputError(
        f"activation={name!r} is unknown",
        f"the names are {', '.join(ACTIVATIONS)}; any elementwise JAX function will do as well",
        f"did you mean {close[0]!r}?" if close else "pass one of these names or a function",
    )
