"""Readouts on a grid of diffusion times and training times, and the samples they generate.

At every diffusion time t, with U = O diag(lam) O^T, P = O^T V and f as in `eigenbasis`,

    a_t(tau) = A_t(tau)/sqrt(p) = -Delta^(-1/2) P^T diag(f(tau)) O^T:

one eigendecomposition per diffusion time gives all training times.  U and V of the training loss
are weighted means over all samples, so that no class needs a matrix of its own.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffjax.diffusion import noise_variance
from diffjax.mixture import centroid_coordinates
from diffjax.mixture.score import IsotropicScore
from diffjax.numerics.activations import Activation
from diffjax.numerics.random_streams import stream
from diffjax.random_features.covariances import cross_covariance, weighted_covariance
from diffjax.random_features.eigenbasis import eigenbasis, relaxation
from diffjax.random_features.features import RandomFeatures, draw_features
from diffjax.random_features.generator_problem import (
    METHODS,
    GeneratorProblem,
    Sampler,
    clock_rate,
    clock_times,
    diffusion_times,
)
from diffjax.random_features.options import CovarianceOptions
from diffjax.random_features.sampling import class_centroid, class_counts, draw_samples
from diffjax.samplers import run_backward
from diffjax.typing import Array, Float, Int, Key

SAMPLING_PRECISION = "float32"
BLOCK_SIZE = 1000
"""Most samples that run through the backward process together."""


class TrainingSet(NamedTuple):
    """Training samples with their classes and their weights omega_c/n_c in the training loss."""

    samples: Float[Array, "sample dim"]
    labels: Int[Array, " sample"]
    weights: Float[Array, " sample"]


class ReadoutGrid(NamedTuple):
    """A trained generative model at several training times.

    Attributes:
        features: W and beta.
        diffusion_times: (N,) falling.
        readouts: (N, T, d, p) a = A/sqrt(p) at each diffusion time and value of the clock.
    """

    features: RandomFeatures
    diffusion_times: Float[Array, " diffusion_time"]
    readouts: Float[Array, "diffusion_time training_time dim feature"]


def training_set(problem: GeneratorProblem) -> TrainingSet:
    """The problem's training samples, those of `RandomFeatureProblem` with the same seed."""
    samples, labels = draw_samples(problem.mixture, problem.seed, problem.num_samples, problem.dim)
    counts = class_counts(problem.mixture.class_weights, problem.num_samples)
    shares = counts / problem.num_samples
    if problem.class_weights is not None:
        shares = jnp.asarray(problem.class_weights)
    return TrainingSet(samples, labels, (shares / counts)[labels])


def exact_score(problem: GeneratorProblem) -> IsotropicScore:
    """The exact score of the problem's mixture, with the centroids where the seed puts them."""
    coordinates = centroid_coordinates(problem.mixture.gram)
    centroids = [class_centroid(row, problem.seed, problem.dim) for row in coordinates]
    mixture = problem.mixture
    return IsotropicScore(
        jnp.asarray(mixture.class_weights), jnp.asarray(mixture.variances), jnp.stack(centroids)
    )


def readouts(
    features: RandomFeatures,
    data: TrainingSet,
    diffusion_time: Float[Array, ""],
    training_times: Float[Array, " training_time"],
    activation: Activation,
    options: CovarianceOptions = CovarianceOptions(),  # noqa: B008
) -> Float[Array, "training_time dim feature"]:
    """(T, d, p) a = A/sqrt(p) after training times tau of gradient flow from zero, at one t.

    Args:
        features: W and beta.
        data: training samples and their weights.
        diffusion_time: t > 0.
        training_times: (T,) tau >= 0.
        activation: the nonlinearity.
        options: truncation of the exact series; None fields by rule.
    """
    covariance = weighted_covariance(
        features, data.samples, data.weights, diffusion_time, activation, options
    )
    basis = eigenbasis(covariance.feature)
    target = basis.rows @ cross_covariance(features, covariance.slope, diffusion_time)
    noise = noise_variance(diffusion_time)
    rate = 2.0 * noise * features.dim / features.num_features
    progress = relaxation(basis.values, rate * training_times)[:-1] / jnp.sqrt(noise)
    return -(target.T[None] * progress[:, None, :]) @ basis.rows


def readout_grid(problem: GeneratorProblem, dtype: str = SAMPLING_PRECISION) -> ReadoutGrid:
    """Readouts at all diffusion times and all values of the problem's clock.

    The eigendecompositions run one after the other in the default precision; the readouts, N T d p
    numbers, are kept in `dtype`.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> problem = GeneratorProblem(two_classes(), dim=4, num_features=32, num_samples=8,
        ...                            training_times=[1.0, 100.0], num_diffusion_times=8)
        >>> readout_grid(problem).readouts.shape
        (8, 2, 4, 32)
    """
    features = draw_features(problem.seed, problem.num_features, problem.dim, problem.bias_std)
    data, clock, times = training_set(problem), clock_times(problem), diffusion_times(problem)

    def at_one_time(time: Array) -> Array:
        found = readouts(
            features,
            data,
            time,
            clock / clock_rate(problem, time),
            problem.activation,
            problem.covariance_options,
        )
        return found.astype(dtype)

    return ReadoutGrid(features, times, jax.lax.map(at_one_time, times))


def trained_score(features: RandomFeatures, activation: Activation) -> Callable[..., Array]:
    """s(x, t, a) = a phi(W x/sqrt(d) + beta) for `diffjax.samplers`, a being the step's input."""
    # one row per sample: both products run faster than with one column per sample
    directions = features.weights.T / jnp.sqrt(features.dim).astype(features.weights.dtype)

    def score(samples: Array, diffusion_time: Array, readout: Array) -> Array:
        del diffusion_time
        return activation(samples @ directions + features.biases[None]) @ readout.T

    return score


def generate(
    grid: ReadoutGrid,
    activation: Activation,
    num_samples: int,
    key: Key[Array, ""],
    sampler: Sampler = "sde",
) -> Float[Array, "training_time sample dim"]:
    """Samples of the trained model at every training time, from the same noise at all of them.

    Args:
        grid: of `readout_grid`; samples have the precision of its readouts.
        activation: the nonlinearity.
        num_samples: per training time.
        key: of the noise.
        sampler: "sde" or "ode".

    Returns:
        (T, num_samples, d).
    """
    dtype = grid.readouts.dtype
    score = trained_score(jax.tree.map(lambda leaf: leaf.astype(dtype), grid.features), activation)

    def at_one_training_time(chosen: Float[Array, "diffusion_time dim feature"]) -> Array:
        return backward(
            score, grid.diffusion_times.astype(dtype), grid.features.dim, num_samples, key,
            sampler, chosen,
        )  # fmt: skip

    return jax.vmap(at_one_training_time, in_axes=1)(grid.readouts)


def backward(
    score: Callable[..., Array],
    times: Float[Array, " diffusion_time"],
    dim: int,
    num_samples: int,
    key: Key[Array, ""],
    sampler: Sampler = "sde",
    step_inputs: Array | None = None,
) -> Float[Array, "sample dim"]:
    """(n, d) samples of any score from pure noise, in the precision of the times.

    Equal keys and times mean equal noise, whatever the score.  Many samples run in blocks of equal
    size, whose hidden layer stays in the cache.
    """
    num_blocks = -(-num_samples // BLOCK_SIZE)
    block_size = -(-num_samples // num_blocks)

    def one_block(block_key: Key[Array, ""]) -> Array:
        start_key, step_key = jax.random.split(block_key)
        start = jax.random.normal(start_key, (block_size, dim), times.dtype)
        return run_backward(
            score, start, times, step_key, method=METHODS[sampler], step_inputs=step_inputs
        )

    blocks = jax.lax.map(one_block, jax.random.split(key, num_blocks))
    return blocks.reshape(-1, dim)[:num_samples]


def generation_key(seed: Int[Array, ""] | int) -> Key[Array, ""]:
    """The key of all noise of generated samples."""
    return jax.random.fold_in(stream(seed, "noise"), 0)
