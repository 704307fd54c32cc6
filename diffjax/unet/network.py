"""The U-Net: predicts the noise in a diffused image, in explicit 32-bit or 16-bit numbers.

eps(x_t, t) is trained towards xi in x_t = e^-t x + sqrt(Delta_t) xi, so that the score is
s(x_t, t) = -eps(x_t, t)/sqrt(Delta_t).  The last convolution starts at zero: the loss per
dimension of an untrained network is that of a zero readout, 1.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from diffjax.diffusion import noise_variance
from diffjax.errors import InputError
from diffjax.typing import Array, Float, Int
from diffjax.unet.config import NetworkConfig
from diffjax.unet.network_parts import Parts

_SLOWEST, _FASTEST = 0.1, 10.0
"""Frequencies of the time embedding, in units of the log signal-to-noise ratio."""


class UNet(nnx.Module):
    """Noise predicted in diffused images, by a U-Net with residual blocks.

    Args:
        config: sizes.
        image_size: height and width, divisible by 2 once per level below the first.
        channels: of the images.
        num_classes: classes it may be told; needed if it is class-conditional.
        seed: of the initial weights.

    Raises:
        InputError: an image size that cannot be halved as often as needed, or no classes.

    Example:
        >>> network = UNet(NetworkConfig(width=4, multipliers=(1, 2), groups=2, embedding=4), 8)
        >>> network(jnp.zeros((2, 8, 8, 1)), jnp.full(2, 0.1)).shape
        (2, 8, 8, 1)
    """

    def __init__(
        self,
        config: NetworkConfig,
        image_size: int,
        channels: int = 1,
        num_classes: int = 0,
        seed: int = 0,
    ):
        config.check_image_size(image_size)
        if config.class_conditional and num_classes < 1:
            raise InputError(
                "class_conditional=True without classes",
                "the network knows how many classes there are",
                "pass num_classes",
            )
        parts = Parts(config, seed)
        widths = [config.width * multiplier for multiplier in config.multipliers]
        condition = 4 * config.embedding
        self.frequencies = config.embedding // 2
        self.embed = nnx.List(
            [
                parts.linear(config.embedding, condition),
                parts.linear(condition, condition),
            ]
        )
        told = config.class_conditional
        self.classes = parts.classes(num_classes, condition) if told else None
        self.enter = parts.convolution(channels, widths[0])
        self.down, skips = _down_path(widths, condition, parts)
        self.middle = nnx.List([Block(widths[-1], widths[-1], condition, parts)])
        self.look = Attention(widths[-1], parts) if config.attention else None
        self.up = _up_path(widths, skips, condition, parts)
        self.norm = parts.norm(widths[0])
        self.leave = parts.convolution(widths[0], channels, zero=True)

    def __call__(
        self,
        images: Float[Array, "image height width channel"],
        diffusion_times: Float[Array, " image"],
        labels: Int[Array, " image"] | None = None,
    ) -> Float[Array, "image height width channel"]:
        """The noise eps in images at their diffusion times, in float32."""
        condition = self._condition(diffusion_times, labels)
        hidden = self.enter(images.astype(jnp.float32))
        skips = [hidden]
        for part in self.down:
            hidden = part(hidden, condition)
            skips.append(hidden)
        for block in self.middle:
            hidden = block(hidden, condition)
        if self.look is not None:
            hidden = self.look(hidden)
        for part in self.up:
            if isinstance(part, Block):
                hidden = jnp.concatenate([hidden, skips.pop()], axis=-1)
            hidden = part(hidden, condition)
        return self.leave(nnx.silu(self.norm(hidden))).astype(jnp.float32)

    def _condition(self, diffusion_times: Array, labels: Array | None) -> Array:
        waves = time_waves(diffusion_times, self.frequencies)
        first, second = self.embed
        condition = second(nnx.silu(first(waves)))
        if self.classes is not None:
            if labels is None:
                raise InputError(
                    "no labels", "a class-conditional network is told the class", "pass labels"
                )
            condition = condition + self.classes(labels)
        return nnx.silu(condition)


class Block(nnx.Module):
    """Two normalised convolutions with the condition added in between, and a short cut."""

    def __init__(self, inputs: int, outputs: int, condition: int, parts: Parts):
        self.first_norm = parts.norm(inputs)
        self.first = parts.convolution(inputs, outputs)
        self.shift = parts.linear(condition, outputs)
        self.second_norm = parts.norm(outputs)
        self.second = parts.convolution(outputs, outputs, zero=True)
        same = inputs == outputs
        self.short = None if same else parts.pointwise(inputs, outputs)

    def __call__(self, hidden: Array, condition: Array) -> Array:
        update = self.first(nnx.silu(self.first_norm(hidden)))
        update = update + self.shift(condition)[:, None, None, :].astype(update.dtype)
        update = self.second(nnx.silu(self.second_norm(update)))
        return (hidden if self.short is None else self.short(hidden)) + update


class Halve(nnx.Module):
    """A convolution with stride 2."""

    def __init__(self, width: int, parts: Parts):
        self.convolution = parts.convolution(width, width, stride=2)

    def __call__(self, hidden: Array, condition: Array) -> Array:
        del condition
        return self.convolution(hidden)


class Double(nnx.Module):
    """Every pixel four times, then a convolution."""

    def __init__(self, width: int, parts: Parts):
        self.convolution = parts.convolution(width, width)

    def __call__(self, hidden: Array, condition: Array) -> Array:
        del condition
        return self.convolution.of_doubled(hidden)


class Attention(nnx.Module):
    """Self-attention between all pixels, one head, added to its input."""

    def __init__(self, width: int, parts: Parts):
        self.norm = parts.norm(width)
        self.project = parts.linear(width, 3 * width)
        self.leave = parts.linear(width, width, zero=True)

    def __call__(self, hidden: Array) -> Array:
        count, height, width, channels = hidden.shape
        pixels = self.norm(hidden).reshape(count, height * width, channels)
        query, key, value = jnp.split(self.project(pixels), 3, axis=-1)
        logits = jnp.einsum("npc,nqc->npq", query, key) / channels**0.5
        seen = jnp.einsum("npq,nqc->npc", nnx.softmax(logits, axis=-1), value)
        return hidden + self.leave(seen).reshape(hidden.shape).astype(hidden.dtype)


def time_waves(diffusion_times: Float[Array, " image"], frequencies: int) -> Array:
    """Cosines and sines of the log signal-to-noise ratio log(e^-2t/Delta_t), in float32."""
    times = diffusion_times.astype(jnp.float32)
    log_ratio = -2.0 * times - jnp.log(noise_variance(times))
    decades = jnp.linspace(0.0, 1.0, frequencies, dtype=jnp.float32)
    angles = log_ratio[:, None] * (_SLOWEST * (_FASTEST / _SLOWEST) ** decades)[None, :]
    return jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], axis=-1)


def num_parameters(network: nnx.Module) -> int:
    """How many numbers are trained."""
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))


def _down_path(widths: list[int], condition: int, parts: Parts):
    """The parts on the way down, and the channels that each leaves for the way up."""
    made, width, skips = [], widths[0], [widths[0]]
    for level, outputs in enumerate(widths):
        for _ in range(parts.config.blocks):
            made.append(Block(width, outputs, condition, parts))
            width = outputs
            skips.append(width)
        if level < len(widths) - 1:
            made.append(Halve(width, parts))
            skips.append(width)
    return nnx.List(made), skips


def _up_path(widths: list[int], skips: list[int], condition: int, parts: Parts) -> nnx.List:
    made, width, left = [], widths[-1], list(skips)
    for level, outputs in reversed(list(enumerate(widths))):
        for _ in range(parts.config.blocks + 1):
            made.append(Block(width + left.pop(), outputs, condition, parts))
            width = outputs
        if level > 0:
            made.append(Double(width, parts))
    return nnx.List(made)
