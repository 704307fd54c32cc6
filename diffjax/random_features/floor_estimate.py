"""The Bayes floor of a class from a limited number of its samples, with its standard error.

The floor B = (1/d) tr Sigma (Sigma + x)^(-1) with x = Delta e^(2t) is a spectral statistic of the
covariance.  The one of the sample covariance S of N = n - 1 degrees of freedom,

    B_S(y) = (1/d) tr S (S + y)^(-1),

is too low at y = x, by an amount of order d/N.  The deterministic equivalent of the resolvent,
(S + y)^(-1) ~ (s Sigma + y)^(-1) with s = 1 - (d/N) B_S(y), says where to read it off instead:

    B = B_S(y),   y + x (d/N) B_S(y) = x.

The left side is convex in y, and Newton's iteration from y = x falls to its largest root, which is
about x (1 - (d/N) B): more than B d samples are needed.  With fewer the floor is that of the linear
shrinkage of S towards a multiple of the identity (Ledoit and Wolf, J. Multivariate Anal. 88 (2004)
365), whose error nobody knows: the standard error is then inf.

The standard error is the jackknife over samples, which asks nothing of their distribution.  With
c = n/(n - 1)^2 and the resolvent Q of S at y, leaving out a centred sample v changes tr Q by
c v Q^2 v/(1 - c v Q v); the root moves along, which divides by the slope 1 + x (d/N) B_S'(y).

Source: Girko's G-estimators of the resolvent; Mestre, IEEE Trans. Inf. Theory 54 (2008) 5113.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.diffusion import noise_variance, signal_scale
from diffjax.errors import DataWarning
from diffjax.status import Status
from diffjax.typing import Array, ArrayLike, Float

STEPS = 40
SMALLEST_ROOT = 1e-3
DECIDED_SHARE = 0.05
"""Largest standard error of a floor, in units of B - L_train(inf) and of 1 - B, that leaves the
status alone: on an exponential approach the time half way then moves by 1.44 times as much, 7 %."""


class FewSamplesWarning(DataWarning):
    """A class has too few samples for its Bayes floor."""


class FloorEstimate(NamedTuple):
    """Bayes floors of classes and how well the samples determine them.

    Attributes:
        floor: (K,) B_c.
        standard_error: (K,) of B_c; inf where the samples are too few to tell.
    """

    floor: Float[Array, " class"]
    standard_error: Float[Array, " class"]

    def status(self, final_train_loss: Float[Array, " class"]) -> Array:
        """FEW_SAMPLES if the error of a floor may move what depends on it.

        That is the memorisation time, unless the train loss surely stays above the floor, and the
        score error.
        """
        limit = DECIDED_SHARE * (self.floor - final_train_loss)
        memorises = self.floor + 2.0 * self.standard_error > final_train_loss
        few = memorises & (self.standard_error > limit)
        few |= self.standard_error > DECIDED_SHARE * (1.0 - self.floor)
        return jnp.where(jnp.any(few), Status.FEW_SAMPLES, Status.OK).astype(jnp.int8)


def estimated_floor(
    samples: Float[Array, "sample dim"], members: Float[Array, " sample"], diffusion_time: ArrayLike
) -> FloorEstimate:
    """Floor of the class that `members` marks among the samples.

    Args:
        samples: (n, d) of all classes.
        members: (n,) one for samples of the class, zero for others.
        diffusion_time: t > 0.

    Example:
        >>> from diffjax.random_features.floor_estimate import estimated_floor
        >>> samples = jnp.asarray(np.random.default_rng(0).normal(size=(40, 60)))
        >>> found = estimated_floor(samples, jnp.ones(40), 0.1)
        >>> exact = np.exp(-0.2)                           # of a standard normal class
        >>> bool(abs(found.floor - exact) < 3 * found.standard_error)
        True
    """
    count, dim = jnp.sum(members), samples.shape[1]
    freedom = jnp.maximum(count - 1.0, 1.0)
    centred = (samples - (members @ samples / count)[None, :]) * members[:, None]
    values, basis = jnp.linalg.eigh(centred.T @ centred / freedom)
    values = jnp.where(values > _rounding(values), values, 0.0)
    x = noise_variance(diffusion_time) / signal_scale(diffusion_time) ** 2
    y = _shifted(values, x, x * dim / freedom)
    floor = jnp.mean(values / (values + y))
    found = y > SMALLEST_ROOT * x
    slope = 1.0 - x * dim / freedom * jnp.mean(values / (values + y) ** 2)
    squares = (centred @ basis) ** 2
    error = _jackknife(squares, members, values, y, count) / dim / slope
    shrunk = _shrunk(values, jnp.sum(centred**2, axis=1), count)
    return FloorEstimate(
        jnp.where(found, floor, jnp.mean(shrunk / (shrunk + x))), jnp.where(found, error, jnp.inf)
    )


def _shrunk(values: Array, norms: Array, count: Array) -> Array:
    """Eigenvalues drawn together to their mean by the share of their spread that is noise."""
    mean = jnp.mean(values)
    spread = jnp.sum((values - mean) ** 2)
    noise = (jnp.sum(norms**2) / count - jnp.sum(values**2)) / count
    share = jnp.clip(noise / jnp.maximum(spread, jnp.finfo(values.dtype).tiny), 0.0, 1.0)
    return share * mean + (1.0 - share) * values


def _rounding(values: Array) -> Array:
    return 10.0 * values.size * jnp.finfo(values.dtype).eps * values[-1]


def _shifted(values: Array, x: Array, pull: Array) -> Array:
    """The largest root y of y + pull B_S(y) = x, at least a millionth of x."""

    def step(_, y):
        excess = y + pull * jnp.mean(values / (values + y)) - x
        slope = 1.0 - pull * jnp.mean(values / (values + y) ** 2)
        return jnp.maximum(y - excess / jnp.maximum(slope, 1e-3), 1e-6 * x)

    return jax.lax.fori_loop(0, STEPS, step, x)


def _jackknife(squares: Array, members: Array, values: Array, y: Array, count: Array) -> Array:
    """Standard error of y tr Q."""
    scale = count / jnp.maximum(count - 1.0, 1.0) ** 2
    once, twice = squares @ (1.0 / (values + y)), squares @ (1.0 / (values + y) ** 2)
    change = members * scale * twice / jnp.maximum(1.0 - scale * once, 1e-9)
    change = members * (change - jnp.sum(change) / count)
    return y * jnp.sqrt(jnp.sum(change**2) * (count - 1.0) / count)
