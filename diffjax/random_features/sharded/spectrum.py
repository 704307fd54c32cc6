"""Bounds and ends of the spectrum of U by products with vectors."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.random_features.sharded.half_storage import whole_rows
from diffjax.random_features.sharded.layout import AXIS, WHOLE, FeatureLayout
from diffjax.random_features.sharded.losses import ShardedObjective, objective_specs
from diffjax.random_features.sharded.products import vector_product
from diffjax.typing import Array, Float, Int

POWER_STEPS = 256
WEAKEST_DECAY = 1e-6
"""exp(-s lambda) below which rounding of 1 - F is felt."""


class LargestEigenvalue(NamedTuple):
    """From above and from below.

    Attributes:
        bound: the smaller of the row-sum norm and the trace.
        estimate: Rayleigh quotient after a power iteration.
    """

    bound: Float[Array, ""]
    estimate: Float[Array, ""]


class SlowestMode(NamedTuple):
    """Power iteration with exp(-s U) at growing s.

    Attributes:
        vector: (p,) unit vector that turns into the slowest mode.
        eigenvalue: -log(v^T exp(-s U) v)/s, never below the smallest eigenvalue but for rounding.
    """

    vector: Float[Array, " feature"]
    eigenvalue: Float[Array, ""]

    @classmethod
    def from_start(cls, num_features: int, dtype) -> "SlowestMode":
        """A vector in no particular direction."""
        return cls(_any_direction(num_features, dtype), jnp.array(jnp.inf, dtype))


def _any_direction(num_features: int, dtype) -> Float[Array, " feature"]:
    vector = jax.random.normal(jax.random.key(0), (num_features,), dtype)
    return vector / jnp.linalg.norm(vector)


@functools.partial(jax.jit, static_argnames="layout")
def training_spectrum(layout: FeatureLayout, objective: ShardedObjective) -> LargestEigenvalue:
    """The largest eigenvalue of U = sum_c omega_c U_c."""

    def on_device(objective: ShardedObjective) -> LargestEigenvalue:
        return largest_eigenvalue(layout, objective.feature)

    return layout.on_devices(on_device, (objective_specs(),), WHOLE)(objective)


def largest_eigenvalue(
    layout: FeatureLayout, half: Float[Array, "slot row column"]
) -> LargestEigenvalue:
    """The largest eigenvalue of a positive semi-definite matrix, on one device."""
    rows = whole_rows(layout, half)
    row_sum = jax.lax.pmax(jnp.max(jnp.sum(jnp.abs(rows), axis=1)), AXIS)
    trace = jax.lax.psum(2.0 * jnp.trace(half[0]), AXIS)

    def step(_, vector):
        product = vector_product(layout, rows, vector)
        return product / jnp.linalg.norm(product)

    start = _any_direction(layout.num_features, half.dtype)
    vector = jax.lax.fori_loop(0, POWER_STEPS, step, start)
    estimate = vector @ vector_product(layout, rows, vector)
    return LargestEigenvalue(jnp.minimum(row_sum, trace), estimate)


def follow_slowest(
    layout: FeatureLayout,
    filter_rows: Float[Array, "row feature"],
    scaled_time: Float[Array, ""],
    slowest: SlowestMode,
    steps: Int[Array, ""],
) -> SlowestMode:
    """Some products with exp(-s U) = 1 - F(s), as long as rounding of F does not matter."""

    def step(_, slowest: SlowestMode) -> SlowestMode:
        vector = slowest.vector
        product = vector_product(layout, filter_rows, vector)
        passed = vector @ product
        decayed = vector - product
        accurate = 1.0 - passed > WEAKEST_DECAY
        return SlowestMode(
            jnp.where(accurate, decayed / jnp.linalg.norm(decayed), vector),
            jnp.where(accurate, -jnp.log1p(-passed) / scaled_time, slowest.eigenvalue),
        )

    return jax.lax.fori_loop(0, steps, step, slowest)
