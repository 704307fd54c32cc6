"""Which images a step trains on: a function of the seed and the step alone."""

import functools

import numpy as np

from diffjax.typing import Int


def batch_indices(
    seed: int, num_images: int, batch_size: int, first_step: int, steps: int
) -> Int[np.ndarray, "step image"]:
    """Positions of the images of some steps.

    Every epoch is a permutation of its own and follows the one before without a gap, so the order
    is the same wherever a run was interrupted.

    Args:
        seed: of the permutations.
        num_images: n.
        batch_size: images per step; at most n are used.
        first_step: steps that were made before.
        steps: how many are wanted.

    Example:
        >>> batch_indices(0, 10, 4, 0, 3).shape
        (3, 4)
    """
    size = min(batch_size, num_images)
    start = first_step * size
    places = np.arange(start, start + steps * size)
    found = np.empty(len(places), np.int32)
    for epoch in np.unique(places // num_images):
        inside = places // num_images == epoch
        found[inside] = _permutation(seed, int(epoch), num_images)[places[inside] % num_images]
    return found.reshape(steps, size)


@functools.lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, num_images: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(num_images).astype(np.int32)
