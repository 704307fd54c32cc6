"""Sizes of the network and settings of its training: frozen, checked when built, plain JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from diffjax.errors import InputError
from diffjax.validation import check_count, check_scalar

Precision = Literal["float32", "bfloat16"]
Optimizer = Literal["adam", "sgd"]


@dataclass(frozen=True)
class NetworkConfig:
    """Size of a `UNet`.

    Args:
        width: channels at full resolution, a multiple of `groups`.
        multipliers: channels of each resolution in units of `width`; every resolution after the
            first is half as large as the one before.
        blocks: residual blocks per resolution.
        groups: groups of the group normalisation.
        embedding: size of the time embedding, even.
        attention: self-attention at the lowest resolution.
        class_conditional: the class is an input.
        precision: of activations and products; parameters and losses stay in float32.

    Raises:
        InputError: a size that does not fit.

    Example:
        >>> NetworkConfig(width=64, multipliers=(1, 2, 4), blocks=2).levels   # 4 million parameters
        3
    """

    width: int = 16
    multipliers: tuple[int, ...] = (1, 2, 4)
    blocks: int = 1
    groups: int = 8
    embedding: int = 32
    attention: bool = False
    class_conditional: bool = False
    precision: Precision = "float32"

    def __post_init__(self):
        object.__setattr__(self, "multipliers", tuple(self.multipliers))
        for name in ("width", "blocks", "groups", "embedding"):
            check_count(name, getattr(self, name))
        if not self.multipliers:
            raise InputError("multipliers is empty", "one per resolution", "give at least one")
        for multiplier in self.multipliers:
            check_count("multipliers", multiplier)
        _check_divides("width", self.width, self.groups)
        _check_divides("embedding", self.embedding, 2)
        _check_choice("precision", self.precision, ("float32", "bfloat16"))

    @property
    def levels(self) -> int:
        """Number of resolutions."""
        return len(self.multipliers)

    def check_image_size(self, size: int) -> None:
        """Raise InputError unless an image of this size can be halved at every level."""
        factor = 2 ** (self.levels - 1)
        if size % factor or size < factor:
            fitting = max(self._fitting_levels(size), 1)
            raise InputError(
                f"images of {size} x {size} pixels and {self.levels} resolutions",
                f"the size is a multiple of {factor}, since it is halved {self.levels - 1} times",
                f"use at most {fitting} multipliers, or pad or crop the images",
            )

    @staticmethod
    def _fitting_levels(size: int) -> int:
        levels = 1
        while size % 2 == 0 and size > 1:
            size, levels = size // 2, levels + 1
        return levels


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    The loss is (1/d) E |eps(x_t, t) - xi|^2 with x_t = e^-t x + sqrt(Delta_t) xi, every diffusion
    time with the same weight; 1 for a network whose output is zero.

    Args:
        steps: optimisation steps.
        batch_size: images per step; the whole set if there are fewer.
        learning_rate: constant.
        optimizer: "adam" or "sgd" with momentum.
        momentum: of "sgd".
        ema_decay: of the average of the weights that is evaluated and sampled from; it warms up
            as min(ema_decay, (1 + step)/(10 + step)). 0 evaluates the weights themselves.
        diffusion_time: the only t that is trained; None for all between `first_time` and
            `last_time`, uniform in the log signal-to-noise ratio.
        first_time: largest diffusion time, near pure noise.
        last_time: smallest diffusion time.
        evaluations_per_decade: density of the logarithmic grid of steps that are evaluated.
        save_every: steps between saved states beside those at evaluations; 0 for none.
        seed: of initial weights, noise and the order of the data.

    Raises:
        InputError: a value out of range.
    """

    steps: int = 4000
    batch_size: int = 32
    learning_rate: float = 2e-3
    optimizer: Optimizer = "adam"
    momentum: float = 0.9
    ema_decay: float = 0.99
    diffusion_time: float | None = None
    first_time: float = 3.5
    last_time: float = 0.01
    evaluations_per_decade: int = 6
    save_every: int = 0
    seed: int = 0

    def __post_init__(self):
        for name in ("steps", "batch_size", "evaluations_per_decade"):
            check_count(name, getattr(self, name))
        check_count("save_every", self.save_every, minimum=0)
        check_count("seed", self.seed, minimum=0)
        check_scalar("learning_rate", self.learning_rate, "> 0", low=0.0, strict=True)
        _check_choice("optimizer", self.optimizer, ("adam", "sgd"))
        for name in ("momentum", "ema_decay"):
            _check_below_one(name, getattr(self, name))
        if self.diffusion_time is not None:
            check_scalar("diffusion_time", self.diffusion_time, "> 0", low=0.0, strict=True)
        if not 0 < self.last_time < self.first_time < math.inf:
            raise InputError(
                f"first_time={self.first_time:g}, last_time={self.last_time:g}",
                "0 < last_time < first_time",
                "exchange them, or choose others",
            )

    def evaluation_steps(self) -> tuple[int, ...]:
        """Steps at which the network is evaluated: a logarithmic grid from 1, and the last one.

        Example:
            >>> TrainingConfig(steps=20, evaluations_per_decade=3).evaluation_steps()
            (1, 2, 5, 10, 20)
        """
        count = math.floor(self.evaluations_per_decade * math.log10(self.steps) + 1e-9)
        grid = {round(10 ** (k / self.evaluations_per_decade)) for k in range(count + 1)}
        return tuple(sorted(grid | {self.steps}))


@dataclass(frozen=True)
class EvaluationConfig:
    """What is measured at every evaluated step.

    Args:
        diffusion_times: at which losses are measured; the losses reported are their mean.
        images: pairs of image and noise per class, diffusion time and split.
        samples: generated images; 0 for none.
        sampling_steps: steps of the backward process.
        method: of `diffjax.samplers`.
        examples: generated images per class that are kept for figures.

    Raises:
        InputError: a value out of range.
    """

    diffusion_times: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0)
    images: int = 64
    samples: int = 128
    sampling_steps: int = 20
    method: str = "ddim"
    examples: int = 4

    def __post_init__(self):
        object.__setattr__(self, "diffusion_times", tuple(map(float, self.diffusion_times)))
        if not self.diffusion_times:
            raise InputError("diffusion_times is empty", "at least one", "give one")
        for time in self.diffusion_times:
            check_scalar("diffusion_times", time, "> 0", low=0.0, strict=True)
        check_count("images", self.images)
        check_count("samples", self.samples, minimum=0)
        check_count("sampling_steps", self.sampling_steps, minimum=2)
        check_count("examples", self.examples, minimum=0)
        _check_choice("method", self.method, ("ddim", "ancestral", "euler-maruyama"))


def to_json(config: Any) -> dict[str, Any]:
    """The fields of a config, tuples as lists."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(config).items()}


def from_json(kind: type, described: Mapping[str, Any]) -> Any:
    """A config of that kind from `to_json`; unknown fields are refused.

    Raises:
        InputError: a field is unknown or out of range.
    """
    known = {field.name for field in fields(kind)}
    for name in described:
        if name not in known:
            raise InputError(
                f"{kind.__name__} has no field {name!r}",
                f"it has {', '.join(sorted(known))}",
                "the run was written by another version: use that one",
            )
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in described.items()})


def _check_divides(name: str, value: int, divisor: int) -> None:
    if value % divisor:
        raise InputError(
            f"{name}={value}",
            f"a multiple of {divisor}",
            f"take {divisor * (value // divisor + 1)}",
        )


def _check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name}={value!r}", f"one of {', '.join(allowed)}", "choose one of these")


def _check_below_one(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise InputError(f"{name}={value!r}", "in [0, 1)", "choose such a number")
