"""The order of learning and memorisation of real images: two pairs of Fashion-MNIST classes.

Bag and dress have means of similar norm and variances per dimension in the ratio 1.9; shirt and
pullover have similar variances and squared norms of their means in the ratio 0.42.  Each pair is
trained with 1 : 9, 1 : 1 and 9 : 1 images.  This size, on images of 14 x 14 pixels, takes eight
minutes of one core; `fashion-mnist-full` is the same for an accelerator.

The files are taken from the folder that the environment variable DIFFJAX_FASHION_MNIST names, or
downloaded once.
"""

from diffjax.studies.image_criteria import (
    IMBALANCE,
    first_class_first,
    imbalance_moves,
    order_table,
    predicted,
    statistics_table,
    time_table,
)
from diffjax.studies.study import Claim, Figure, Study
from diffjax.unet.config import EvaluationConfig, NetworkConfig, TrainingConfig
from diffjax.unet.problem import UNetProblem

BAG_AND_DRESS, SHIRT_AND_PULLOVER = (8, 3), (6, 2)
IMBALANCES = (1 / 9, 1.0, 9.0)

_PAPER = "arXiv 2605.06367, abstract"


def _order_claims(variable: str, verb: str) -> tuple[Claim, Claim]:
    at = "equal counts, every seed"
    return (
        Claim(
            f"image-class-of-larger-variance-{verb}-first",
            f"Of two classes of images with means of similar norm, that of larger variance "
            f"{verb} first.",
            _PAPER,
            f"bag and dress, {at}",
            first_class_first("[8,3]", variable, "bag (class 0) against dress"),
        ),
        Claim(
            f"image-class-of-smaller-norm-{verb}-first",
            f"Of two classes of images of similar variance, that whose mean is closer to the mean "
            f"of the data {verb} first.",
            _PAPER + ": centroid geometry has a secondary role",
            f"shirt and pullover, {at}",
            first_class_first("[6,2]", variable, "shirt (class 0) against pullover"),
        ),
    )


def _imbalance_claim(variable: str, verb: str) -> Claim:
    return Claim(
        f"imbalance-moves-the-order-images-{verb}",
        f"Imbalance moves the order in which two classes of images are {verb}, in the same "
        "direction for every seed.",
        _PAPER,
        "bag and dress, 1 : 9 and 9 : 1",
        imbalance_moves("[8,3]", variable),
    )


CLAIMS = (
    *_order_claims("generalization_time", "generalises"),
    *_order_claims("memorization_time", "memorises"),
    _imbalance_claim("generalization_time", "learned"),
    _imbalance_claim("memorization_time", "memorised"),
    Claim(
        "exact-engine-predicts-the-order-of-images",
        "The random-feature model of the same images, solved exactly, has the U-Net's order.",
        "this package",
        "all points at which both orders are settled",
        predicted("exact"),
    ),
    Claim(
        "theory-predicts-the-order-of-images",
        "The high-dimensional theory for the measured means and covariances has the U-Net's order.",
        "this package",
        "all points at which both orders are settled",
        predicted("theory"),
    ),
)

_BALANCED = {"classes": "[8,3]", IMBALANCE: 1.0}
FIGURES = (
    Figure("bag-and-dress", "image_curves", at=_BALANCED),
    Figure("bag-and-dress-rare-bags", "image_curves", at={**_BALANCED, IMBALANCE: 1 / 9}),
    Figure("shirt-and-pullover", "image_curves", at={**_BALANCED, "classes": "[6,2]"}),
    Figure("generated-images", "image_grid", at={**_BALANCED, "seed": 0}),
    Figure("predicted-order", "predicted_order"),
)

STUDY = Study(
    name="fashion-mnist",
    title="Order of learning and memorisation of Fashion-MNIST classes in a U-Net",
    model="image_order",
    citations=("arXiv:1708.07747",),
    problem=UNetProblem(
        BAG_AND_DRESS,
        num_samples=64,
        shrink=2,
        network=NetworkConfig(width=16, multipliers=(1, 2)),
        training=TrainingConfig(steps=1000, learning_rate=3e-3, evaluations_per_decade=5),
        evaluation=EvaluationConfig(samples=64),
    ),
    axes={
        "classes": (BAG_AND_DRESS, SHIRT_AND_PULLOVER),
        IMBALANCE: IMBALANCES,
        "seed": (0, 1),
    },
    figures=FIGURES,
    claims=CLAIMS,
    tables=(statistics_table, time_table, order_table),
)
