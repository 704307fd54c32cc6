"""Flags of ``diffjax unet train``, by what they set."""

from dataclasses import dataclass
from typing import Literal

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True)
class NetworkFlags:
    """Size of the network.

    Args:
        width: channels at full resolution.
        multipliers: channels of each resolution in units of the width, with commas.
        blocks: residual blocks per resolution.
        attention: self-attention at the lowest resolution.
        class_conditional: the network is told the class.
        precision: of activations.
    """

    width: int = 16
    multipliers: str = "1,2,4"
    blocks: int = 1
    attention: bool = False
    class_conditional: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"


@Parameter(name="*")
@dataclass(frozen=True)
class TrainingFlags:
    """How it is trained.

    Args:
        steps: optimisation steps; a finished run is continued by asking for more.
        batch_size: images per step.
        learning_rate: constant.
        optimizer: adam, or sgd with momentum.
        momentum: of sgd.
        ema_decay: of the average of the weights that is evaluated.
        diffusion_time: the only diffusion time that is trained [all].
        evaluations_per_decade: density of the logarithmic grid of measured steps.
        save_every: steps between states to resume from, beside measured steps [0: none].
        seed: of everything random.
    """

    steps: int = 4000
    batch_size: int = 32
    learning_rate: float = 2e-3
    optimizer: Literal["adam", "sgd"] = "adam"
    momentum: float = 0.9
    ema_decay: float = 0.99
    diffusion_time: float | None = None
    evaluations_per_decade: int = 6
    save_every: int = 0
    seed: int = 0


@Parameter(name="*")
@dataclass(frozen=True)
class EvaluationFlags:
    """What is measured.

    Args:
        samples: images generated at every measured step.
        sampling_steps: steps of the backward process.
        eval_images: pairs of image and noise per class, diffusion time and split.
    """

    samples: int = 128
    sampling_steps: int = 20
    eval_images: int = 64
