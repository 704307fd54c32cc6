"""The losses of all classes at one training time, as contractions over all devices."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffjax.diffusion import noise_variance
from diffjax.random_features.sharded.covariances import HalfCovariance
from diffjax.random_features.sharded.half_storage import get_tile, half_inner, visit_half
from diffjax.random_features.sharded.layout import AXIS, ROWS, WHOLE, FeatureLayout
from diffjax.typing import Array, Float


class ShardedObjective(NamedTuple):
    """What the learning curves depend on, as one device stores it.

    Attributes:
        weights: (m, d) the device's rows of W.
        covariances: of the K classes averaged over their training samples, then over their
            population or held-out samples.
        class_weights: (K,) omega_c.
        diffusion_time: t.
    """

    weights: Float[Array, "row dim"]
    covariances: tuple[HalfCovariance, ...]
    class_weights: Float[Array, " class"]
    diffusion_time: Float[Array, ""]

    @property
    def train(self) -> tuple[HalfCovariance, ...]:
        """Those of the training samples."""
        return self.covariances[: len(self.covariances) // 2]

    @property
    def noise(self) -> Float[Array, ""]:
        """Delta_t."""
        return noise_variance(self.diffusion_time)

    @property
    def feature(self) -> Float[Array, "slot row column"]:
        """Half of U = sum_c omega_c U_c."""
        total = jnp.zeros_like(self.train[0].half)
        for weight, covariance in zip(self.class_weights, self.train, strict=True):
            total = total + weight * covariance.half
        return total

    @property
    def cross(self) -> Float[Array, "row dim"]:
        """Rows of V = sqrt(Delta/d) diag(sum_c omega_c b_c) W."""
        slope = self.class_weights @ jnp.stack([c.slope for c in self.train])
        return jnp.sqrt(self.noise / self.weights.shape[1]) * slope[:, None] * self.weights


def objective_specs() -> Any:
    """How an objective is spread over the devices."""
    return ShardedObjective(ROWS, ROWS, WHOLE, WHOLE)  # pyright: ignore[reportArgumentType]


@jax.jit
def covariance_errors(
    objective: ShardedObjective,
) -> tuple[Float[Array, "split class"], Float[Array, "split class"]]:
    """(2, K) largest truncation and largest error of moments of every covariance."""

    def largest(parts):
        return jnp.stack([jnp.max(part) for part in parts]).reshape(2, -1)

    covariances = objective.covariances
    return (
        largest([c.truncation for c in covariances]),
        largest([c.moment_error for c in covariances]),
    )


def readout_losses(
    layout: FeatureLayout, objective: ShardedObjective, readout: Float[Array, "row dim"]
) -> Float[Array, " loss"]:
    """(2K,) train then test losses of a readout a, of which the device has rows of the transpose.

    L_c = 1 + (2 sqrt(Delta)/d) Tr(a V_c) + (Delta/d) sum_ij (a^T a)_ij (U_c)_ij; the Gram matrix
    a^T a is made tile by tile and serves all classes.
    """
    dim = readout.shape[1]
    overlap = jnp.sum(objective.weights * readout, axis=1)
    slopes = jnp.stack([c.slope for c in objective.covariances])
    linear = jnp.sqrt(objective.noise / dim) * (slopes @ overlap)

    def visit(sums, slot, rows, columns, moving):
        gram = readout[slice(*rows)] @ moving[slice(*columns)].T
        tiles = (get_tile(c.half, slot, rows, columns) for c in objective.covariances)
        return sums + 2.0 * jnp.stack([jnp.sum(gram * tile) for tile in tiles])

    quadratic = visit_half(layout, readout, jnp.zeros_like(linear), visit)
    parts = 2.0 * jnp.sqrt(objective.noise) * linear + objective.noise * quadratic
    return 1.0 + jax.lax.psum(parts, AXIS) / dim


def start_energies(
    layout: FeatureLayout,
    objective: ShardedObjective,
    later: Float[Array, "row feature"],
) -> Float[Array, " loss"]:
    """(2K,) Tr(E U_c E) = Tr(U_c) - sum_ij F(2s)_ij (U_c)_ij from the device's rows of F(2s)."""
    return jnp.stack(
        [
            jax.lax.psum(2.0 * jnp.trace(c.half[0]) - half_inner(layout, later, c.half), AXIS)
            for c in objective.covariances
        ]
    )
