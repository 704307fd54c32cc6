"""Finite systems against pairwise quadrature and SciPy's eigh: no series, no shared code."""

from typing import NamedTuple

import numpy as np
import scipy.linalg

import diffjax as dj
from tests.random_features.realisation import realise
from tests.truth.pair_moments import mean_slopes, second_moments
from tests.truth.problems import ACTIVATIONS, ORDINARY, Drawn, either, geometric, mixture_of
from tests.truth.times import time_error, times_of_curves
from tests.truth.trial import CENSORED, Case, Finding

TOLERANCE = 1e-3
"""Of a loss, relative to the larger of 1 and the loss."""

SIZES = ((2, 12, 8), (2, 40, 12), (3, 20, 30), (4, 24, 12), (6, 36, 18), (8, 16, 40), (16, 32, 24),
         (24, 24, 60), (32, 4, 40), (40, 48, 16))  # fmt: skip
"""Dimension, features, samples."""

ORDINARY_SIZES = ((8, 16, 40), (16, 32, 24), (24, 24, 60), (40, 48, 16))


class Arguments(NamedTuple):
    """Of a finite problem."""

    drawn: Drawn
    sizes: tuple[int, int, int]
    time: float
    activation: str
    bias: float
    seed: int

    @property
    def problem(self) -> dj.RandomFeatureProblem:
        """The problem."""
        return dj.RandomFeatureProblem(
            self.drawn.mixture, *self.sizes, self.time, activation=self.activation,
            bias_std=self.bias, seed=self.seed,
        )  # fmt: skip


def case(rng: np.random.Generator) -> Case:
    """A random problem of one of a few shapes, since every shape is compiled."""
    ranges = either(rng)
    ordinary = ranges is ORDINARY
    shapes = ORDINARY_SIZES if ordinary else SIZES
    sizes = shapes[int(rng.integers(len(shapes)))]
    classes = int(rng.choice([2, 3] if ordinary else [1, 2, 3, 6]))
    rarest = max(ranges.share[0], 1.0 / sizes[2])  # every class has to get a sample
    arguments = Arguments(
        mixture_of(
            rng,
            ranges._replace(share=(rarest, ranges.share[1])),
            classes if sizes[2] >= 6 * classes else 2,
        ),
        sizes,
        geometric(rng, *ranges.time),
        str(rng.choice(ACTIVATIONS)),
        float(rng.choice([0.0, 0.0, 0.5])),
        int(rng.integers(100)),
    )
    label = (
        f"RandomFeatureProblem({arguments.drawn.label}, {sizes}, t={arguments.time}, "
        f"{arguments.activation}, bias_std={arguments.bias}, seed={arguments.seed})"
    )
    return Case(label, ordinary, arguments)


class Reference(NamedTuple):
    """Curves of a realisation at the training times, and at the end."""

    train: np.ndarray
    test: np.ndarray
    final_train: np.ndarray
    final_test: np.ndarray


def check(arguments: Arguments) -> Finding:
    """Curves, final losses and times of one problem."""
    problem = arguments.problem
    found = dj.gradient_flow(problem)
    if int(found.status) not in CENSORED:
        return Finding(int(found.status), 0.0)
    times = np.asarray(found.training_times)
    truth = reference(problem, arguments.activation, times)
    error, what = 0.0, ""
    for name, right in (
        ("train_loss", truth.train), ("test_loss", truth.test),
        ("final_train_loss", truth.final_train), ("final_test_loss", truth.final_test),
    ):  # fmt: skip
        one = np.asarray(getattr(found, name))
        off = np.abs(one - right) / np.maximum(np.abs(right), 1.0) / TOLERANCE
        if not off.max() <= error:
            place = np.unravel_index(np.argmax(off), off.shape)
            error, what = (
                float(off.max()),
                f"{name}{list(map(int, place))} {one[place]:.6g}, not {right[place]:.6g}",
            )
    right = times_of_curves(times, *truth, np.asarray(found.bayes_floor))
    late, text = time_error({name: getattr(found, name) for name in right}, right)
    return Finding(int(found.status), max(error, late), text if late > error else what)


def reference(problem: dj.RandomFeatureProblem, activation: str, times: np.ndarray) -> Reference:
    """Curves by pairwise quadrature and one eigendecomposition."""
    drawn = realise(problem)
    t, d = float(problem.diffusion_time), problem.dim
    signal, noise = np.exp(-t), -np.expm1(-2 * t)
    weights = drawn.weights / np.sqrt(d)
    isotropic = noise * weights @ weights.T
    train, test = [], []
    for c in range(problem.num_classes):
        points = drawn.samples[drawn.labels == c]
        rows = [
            _covariance(activation, signal * weights @ x + drawn.biases, isotropic) for x in points
        ]
        train.append(tuple(np.mean(part, axis=0) for part in zip(*rows, strict=True)))
        spread = signal**2 * weights @ drawn.class_covariances[c] @ weights.T + isotropic
        means = signal * weights @ drawn.centroids[c] + drawn.biases
        test.append(_covariance(activation, means, spread))
    feature = sum(f * u for f, (u, _) in zip(drawn.fractions, train, strict=True))
    slope = sum(f * b for f, (_, b) in zip(drawn.fractions, train, strict=True))
    lam, vectors = scipy.linalg.eigh(feature)
    target = vectors.T @ (slope[:, None] * weights) * np.sqrt(noise)
    rate = 2 * noise * lam * d / problem.num_features
    filters = np.concatenate([-np.expm1(-np.outer(times, rate)), np.ones((1, len(lam)))]) / lam
    curves = []
    for u, b in (*train, *test):
        overlap = np.sum(target * (vectors.T @ (b[:, None] * weights) * np.sqrt(noise)), axis=1)
        pairs = (target @ target.T) * (vectors.T @ u @ vectors)
        curves.append(
            1 - 2 / d * filters @ overlap + np.sum((filters @ pairs) * filters, axis=1) / d
        )
    curves = np.array(curves).reshape(2, problem.num_classes, -1)
    return Reference(curves[0, :, :-1], curves[1, :, :-1], curves[0, :, -1], curves[1, :, -1])


def _covariance(
    activation: str, means: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """p U_c and b_c of one Gaussian."""
    std = np.sqrt(np.diag(spread))
    return second_moments(activation, means, spread), mean_slopes(activation, means, std)
