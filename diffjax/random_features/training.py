"""Explicit training of the same loss with any optimiser, for what has no closed form.

The loss is the denoising loss per dimension, L(A) = (1/d) sum_nu w_nu E_xi |sqrt(Delta)
s_A(x_t) + xi|^2 with w_nu = omega_c/n_c, as in `objective`.  With exact gradients plain gradient
descent of step h reproduces gradient flow at training time tau = steps h/d^2, up to its step
error.
"""

import functools
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from diffjax.compiled import compiled
from diffjax.diffusion import signal_scale
from diffjax.errors import InputError
from diffjax.numerics.activations import Activation
from diffjax.numerics.random_streams import stream
from diffjax.precision import require_float64
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.gradient_flow import training_objective
from diffjax.random_features.objective import Objective, losses
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.sampling import draw_samples
from diffjax.typing import Array, Float, Int, Key
from diffjax.validation import check_count

Gradient = Literal["exact", "fresh_noise"]


class TrainingRun(eqx.Module):
    """Losses along an explicit training run, evaluated exactly (no Monte Carlo).

    Attributes:
        steps: (R,) optimiser steps at which losses were recorded, beginning with 0.
        train_loss: (K, R).
        test_loss: (K, R).
        total_train_loss: (R,) the loss that training minimises.
        readout: (d, p) final A.
        dim: d, static.
    """

    steps: Int[Array, " record"]
    train_loss: Float[Array, "class record"]
    test_loss: Float[Array, "class record"]
    total_train_loss: Float[Array, " record"]
    readout: Float[Array, "dim feature"]
    dim: int = eqx.field(static=True)

    def training_times(self, learning_rate: float) -> Float[Array, " record"]:
        """tau = steps h/d^2 of plain gradient descent with step h."""
        return self.steps * learning_rate / self.dim**2


class _Data(NamedTuple):
    """Training samples with their weights in the loss."""

    points: Float[Array, "sample dim"]
    weights: Float[Array, " sample"]


def train(
    problem: RandomFeatureProblem | DatasetProblem,
    optimizer: optax.GradientTransformation,
    num_steps: int,
    *,
    gradient: Gradient = "exact",
    batch_size: int | None = None,
    record_steps: Any = None,
    initial_readout: Any = None,
    allow_float32: bool = False,
) -> TrainingRun:
    """Train the readout with an optax optimiser and record the exact per-class losses.

    Args:
        problem: what is trained on what; its `training_times` are not used.
        optimizer: any optax transformation, for example `optax.sgd(h)` or `optax.adam(1e-2)`.
        num_steps: number of optimiser steps.
        gradient: "exact" averages over the noise exactly; "fresh_noise" draws new noise for every
            sample at every step.
        batch_size: samples per step with "fresh_noise", drawn uniformly with replacement; default
            all samples.
        record_steps: increasing step numbers to record; default about 20 per decade.
        initial_readout: (d, p) A at the start; default zero.
        allow_float32: consent to 32-bit numbers.

    Returns:
        TrainingRun.

    Raises:
        InputError: unknown gradient, a batch size with exact gradients, bad step numbers.
        PrecisionError: JAX is in 32-bit mode without consent.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> problem = RandomFeatureProblem(two_classes(), dim=8, num_features=32, num_samples=16,
        ...                                diffusion_time=0.2)
        >>> run = train(problem, optax.adam(1e-1), num_steps=100)
        >>> bool(run.total_train_loss[-1] < run.total_train_loss[0])
        True
    """
    require_float64("train", allow_float32)
    check_count("num_steps", num_steps)
    _check_gradient(gradient, batch_size)
    recorded = _record_steps(record_steps, num_steps)
    shape = (problem.dim, problem.num_features)
    readout = jnp.zeros(shape) if initial_readout is None else jnp.asarray(initial_readout)
    if readout.shape != shape:
        raise InputError(
            f"initial_readout has shape {readout.shape}",
            f"(dim, num_features) = {shape}",
            "mend it",
        )
    with compiled():
        return _run(problem, optimizer, jnp.asarray(recorded), readout, gradient, batch_size)


def stable_learning_rate(problem: RandomFeatureProblem | DatasetProblem) -> Float[Array, ""]:
    """Half the step at which plain gradient descent on A diverges, d p/(2 Delta lambda_max)."""
    objective = training_objective(problem)
    largest = jnp.linalg.eigvalsh(objective.feature)[-1]
    size = objective.features.dim * objective.features.num_features
    return size / (2.0 * objective.noise * largest)


def exact_gradient(objective: Objective, readout: Float[Array, "dim feature"]) -> Array:
    """dL/dA = (2/(d sqrt(p))) (sqrt(Delta) V^T + Delta a U), a = A/sqrt(p)."""
    p, dim = objective.features.num_features, objective.features.dim
    scaled = readout / jnp.sqrt(p)
    noise = objective.noise
    slope = jnp.sqrt(noise) * objective.cross.T + noise * scaled @ objective.feature
    return 2.0 * slope / (dim * jnp.sqrt(p))


def noisy_gradient(
    objective: Objective,
    activation: Activation,
    data: _Data,
    readout: Float[Array, "dim feature"],
    key: Key[Array, ""],
    batch_size: int | None,
) -> Float[Array, "dim feature"]:
    """Unbiased estimate of dL/dA from one noise draw per sample, or per sample of a minibatch."""
    noise_key, batch_key = jax.random.split(key)
    points, weights = data
    if batch_size is not None:
        chosen = jax.random.randint(batch_key, (batch_size,), 0, points.shape[0])
        points, weights = points[chosen], weights[chosen] * points.shape[0] / batch_size
    features, level = objective.features, jnp.sqrt(objective.noise)
    draws = jax.random.normal(noise_key, points.shape, points.dtype)
    noisy = signal_scale(objective.diffusion_time) * points + level * draws
    hidden = activation(features.preactivation_means(noisy)) / jnp.sqrt(features.num_features)
    residual = (level * readout @ hidden + draws.T) * weights[None, :]
    return 2.0 * level * residual @ hidden.T / features.dim


@functools.partial(jax.jit, static_argnames=("optimizer", "gradient", "batch_size"))
def _run(problem, optimizer, recorded, readout, gradient, batch_size) -> TrainingRun:
    objective = training_objective(problem)
    data = None if gradient == "exact" else _training_data(problem, objective)
    key = stream(problem.seed, "noise")

    def slope(step, readout):
        if data is None:
            return exact_gradient(objective, readout)
        step_key = jax.random.fold_in(key, step)
        return noisy_gradient(objective, problem.activation, data, readout, step_key, batch_size)

    def one_step(step, carry):
        readout, state = carry
        updates, state = optimizer.update(slope(step, readout), state, readout)
        return optax.apply_updates(readout, updates), state

    def to_record(carry, span):
        carry = jax.lax.fori_loop(span[0], span[1], one_step, carry)
        return carry, losses(objective, carry[0])

    spans = jnp.stack([jnp.concatenate([recorded[:1], recorded[:-1]]), recorded], axis=1)
    (readout, _), (train_loss, test_loss) = jax.lax.scan(
        to_record, (readout, optimizer.init(readout)), spans
    )
    return TrainingRun(
        recorded,
        train_loss.T,
        test_loss.T,
        train_loss @ objective.class_weights,
        readout,
        problem.dim,
    )


def _training_data(problem: RandomFeatureProblem | DatasetProblem, objective: Objective) -> _Data:
    if isinstance(problem, DatasetProblem):
        points, labels = jnp.asarray(problem.train_samples), jnp.asarray(problem.train_labels)
    else:
        points, labels = draw_samples(
            problem.mixture, problem.seed, problem.num_samples, problem.dim
        )
    counts = jnp.bincount(labels, length=problem.num_classes)
    return _Data(points, (objective.class_weights / counts)[labels])


def _check_gradient(gradient: str, batch_size: int | None) -> None:
    if not isinstance(gradient, str) or gradient not in ("exact", "fresh_noise"):
        raise InputError(f"gradient={gradient!r}", "exact or fresh_noise", "choose one")
    if batch_size is not None:
        check_count("batch_size", batch_size)
        if gradient == "exact":
            raise InputError(
                f"batch_size={batch_size} with exact gradients",
                "minibatches come with fresh noise",
                'pass gradient="fresh_noise"',
            )


def _record_steps(record_steps: Any, num_steps: int) -> np.ndarray:
    if record_steps is None:
        points = max(2, int(20 * np.log10(num_steps)) + 1)
        spaced = np.round(np.geomspace(1, num_steps, points)).astype(np.int64)
        return np.unique(np.concatenate([[0], spaced]))
    steps = np.asarray(record_steps)
    valid = steps.ndim == 1 and steps.size > 0 and steps.dtype.kind in "iu"
    if not valid or (np.diff(steps) <= 0).any() or steps[0] < 0 or steps[-1] > num_steps:
        raise InputError(
            f"record_steps={record_steps!r}",
            f"increasing whole numbers from 0 to num_steps={num_steps}",
            "leave it out for about 20 per decade",
        )
    return np.unique(np.concatenate([[0], steps])) if steps[0] else steps
