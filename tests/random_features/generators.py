"""Small generative models; p = 4 n d, so that late samples are copies."""

from diffjax.mixture import two_classes
from diffjax.random_features.generator_problem import GeneratorProblem

CLOCK = [10.0, 1e3, 1e5, 1e7, 1e9]


def generator_of(stds=(1.5, 1.0), imbalance_ratio=1.0, cosine=-1.0, **changes) -> GeneratorProblem:
    """d=4, n=8, p=128, 16 diffusion times; centroids of squared norm 2 d."""
    distance = (2.0 * 2.0 * (1.0 - cosine)) ** 0.5
    mixture = two_classes(stds, distance, imbalance_ratio, cosine)
    settings = {
        "dim": 4, "num_features": 128, "num_samples": 8, "training_times": CLOCK, "seed": 2,
        "num_diffusion_times": 16, "num_generated": 200,
    }  # fmt: skip
    return GeneratorProblem(mixture, **(settings | changes))
