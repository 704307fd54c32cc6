"""The study `fashion-mnist` at full size: 28 x 28 pixels, four million parameters, 1024 images.

For an accelerator: on a CPU one point takes days.
"""

from dataclasses import replace

from diffjax.studies import fashion_mnist
from diffjax.studies.study import Claim
from diffjax.unet.config import EvaluationConfig, NetworkConfig, TrainingConfig
from diffjax.unet.problem import UNetProblem


def _renamed(claim: Claim) -> Claim:
    return replace(claim, name=f"{claim.name}-full-size")


STUDY = replace(
    fashion_mnist.STUDY,
    name="fashion-mnist-full",
    title="Order of learning and memorisation of Fashion-MNIST classes, full size",
    problem=UNetProblem(
        fashion_mnist.BAG_AND_DRESS,
        num_samples=1024,
        network=NetworkConfig(width=44, multipliers=(1, 2, 4), groups=4, attention=True),
        training=TrainingConfig(steps=200_000, batch_size=128, learning_rate=3e-4, ema_decay=0.999),
        evaluation=EvaluationConfig(images=512, samples=1024, sampling_steps=100),
    ),
    axes={**fashion_mnist.STUDY.axes, "seed": (0, 1, 2)},
    claims=tuple(map(_renamed, fashion_mnist.CLAIMS)),
)
