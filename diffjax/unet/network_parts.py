"""Layers of the U-Net, made with one precision and one source of initial weights."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from diffjax.typing import Array, Float
from diffjax.unet.config import NetworkConfig
from diffjax.unet.convolution import convolution
from diffjax.unet.doubling import convolution_of_doubled

_SMALL = 1e-6


class GroupNorm(nnx.Module):
    """Group normalisation with a scale and a shift per channel.

    Sums run over pixels first and over the channels of a group, of which there are few, last: on
    CPU that is five times faster than one sum over both.
    """

    def __init__(self, width: int, groups: int):
        self.groups = groups
        self.scale = nnx.Param(jnp.ones(width, jnp.float32))
        self.bias = nnx.Param(jnp.zeros(width, jnp.float32))

    def __call__(self, hidden: Array) -> Array:
        values = hidden.astype(jnp.float32)
        mean = self._over_groups(values.mean((1, 2)))
        variance = self._over_groups((values**2).mean((1, 2))) - mean**2
        gain = jax.lax.rsqrt(jnp.maximum(variance, 0.0) + _SMALL) * self.scale[None, :]
        shift = self.bias[None, :] - mean * gain
        return (values * gain[:, None, None, :] + shift[:, None, None, :]).astype(hidden.dtype)

    def _over_groups(self, per_channel: Float[Array, "image channel"]) -> Array:
        count, width = per_channel.shape
        means = per_channel.reshape(count, self.groups, -1).mean(-1)
        return jnp.repeat(means, width // self.groups, axis=1)


class Convolution(nnx.Module):
    """A 3 x 3 convolution and a shift per channel, with zeros around the images."""

    def __init__(self, inputs: int, outputs: int, stride: int, precision: Any, start: Any):
        self.stride, self.precision = stride, precision
        self.kernel = nnx.Param(start(None, (3, 3, inputs, outputs), jnp.float32))
        self.bias = nnx.Param(jnp.zeros(outputs, jnp.float32))

    def __call__(self, hidden: Array) -> Array:
        return self._shifted(convolution(*self._operands(hidden), self.stride))

    def of_doubled(self, hidden: Array) -> Array:
        """The same of images of twice the size, every pixel repeated."""
        return self._shifted(convolution_of_doubled(*self._operands(hidden)))

    def _operands(self, hidden: Array) -> tuple[Array, Array]:
        return hidden.astype(self.precision), self.kernel[...].astype(self.precision)

    def _shifted(self, hidden: Array) -> Array:
        return hidden + self.bias[...].astype(self.precision)[None, None, None, :]


class Parts:
    """Makes layers: parameters in 32 bits, activations as the config says.

    Args:
        config: of the network.
        seed: of the initial weights, which are normal with variance 1/fan-in.
    """

    def __init__(self, config: NetworkConfig, seed: int):
        self.config = config
        self._draws = ScaledNormal(seed)
        self._rngs = nnx.Rngs(0)  # the layers ask for one, the draws do not use it

    def convolution(
        self, inputs: int, outputs: int, *, stride: int = 1, zero: bool = False
    ) -> "Convolution":
        """A 3 x 3 convolution that keeps the size, or halves it with a stride of 2."""
        return Convolution(
            inputs, outputs, stride, jnp.dtype(self.config.precision), self._start(zero)
        )

    def linear(self, inputs: int, outputs: int, *, zero: bool = False) -> nnx.Linear:
        """A dense layer in 32 bits."""
        return nnx.Linear(
            inputs,
            outputs,
            dtype=jnp.float32,
            param_dtype=jnp.float32,
            kernel_init=self._start(zero),
            rngs=self._rngs,
        )

    def pointwise(self, inputs: int, outputs: int) -> nnx.Linear:
        """A dense layer on the channels of every pixel.

        It is a 1 x 1 convolution, whose gradient XLA computes several times slower on CPU.
        """
        return nnx.Linear(
            inputs,
            outputs,
            dtype=jnp.dtype(self.config.precision),
            param_dtype=jnp.float32,
            kernel_init=self._draws,
            rngs=self._rngs,
        )

    def classes(self, count: int, width: int) -> nnx.Embed:
        """A vector per class."""
        return nnx.Embed(
            count,
            width,
            dtype=jnp.float32,
            param_dtype=jnp.float32,
            embedding_init=self._draws,
            rngs=self._rngs,
        )

    def norm(self, width: int) -> GroupNorm:
        """Group normalisation."""
        return GroupNorm(width, self.config.groups)

    def _start(self, zero: bool) -> Any:
        return nnx.initializers.zeros_init() if zero else self._draws


class ScaledNormal:
    """Normal weights of variance 1/fan-in, drawn on the host: no program to compile per shape.

    All instances are equal, so that networks of one size have equal definitions.
    """

    def __init__(self, seed: int):
        self._draws = np.random.default_rng([seed, 4])

    def __call__(self, key: Array, shape: tuple[int, ...], dtype: Any, **_: Any) -> Array:
        del key
        fan_in = math.prod(shape[:-1])
        drawn = self._draws.standard_normal(shape, dtype=np.float32)
        return jnp.asarray(drawn / np.float32(math.sqrt(fan_in)), dtype)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScaledNormal)

    def __hash__(self) -> int:
        return hash(ScaledNormal)
