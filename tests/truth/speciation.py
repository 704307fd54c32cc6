"""Spinodal times against dense counting of stable roots, cloning against sampling."""

from typing import NamedTuple

import numpy as np

import diffjax as dj
from tests.truth.problems import ORDINARY, Drawn, either, mixture_of
from tests.truth.trial import CENSORED, Case, Finding

TOLERANCE = 2e-3
"""Of a spinodal time."""

SAMPLES = 100_000
CURVE_TIMES = np.array([0.1, 0.3, 0.7, 1.2, 2.0, 3.5])


class Arguments(NamedTuple):
    """Of a problem."""

    drawn: Drawn
    dim: int


def case(rng: np.random.Generator) -> Case:
    """Two or three classes."""
    ranges = either(rng)
    arguments = Arguments(
        mixture_of(rng, ranges, int(rng.choice([2, 2, 3]))), int(rng.choice([40, 400]))
    )
    label = f"SpeciationProblem({arguments.drawn.label}, {arguments.dim})"
    return Case(label, ranges is ORDINARY, arguments)


def check(arguments: Arguments) -> Finding:
    """Both."""
    mixture, dim = arguments.drawn.mixture, arguments.dim
    found = dj.speciation(dj.SpeciationProblem(mixture, dim, diffusion_times=CURVE_TIMES))
    status = int(found.status)
    if status not in CENSORED:
        return Finding(status, 0.0)
    cloning = np.asarray(found.cloning_probability)
    error, what = 0.0, ""
    for place, time in enumerate(CURVE_TIMES):
        mean, deviation = sampled_cloning(arguments, time)
        off = np.abs(cloning[place] - mean) / (5 * deviation + 1e-3)
        if off.max() > error:
            c = np.unravel_index(np.argmax(off), off.shape)
            error = float(off.max())
            what = f"Phi{list(map(int, c))}({time}) {cloning[place][c]:.4f}, not {mean[c]:.4f}"
    if len(arguments.drawn.stds) == 2:
        times = np.asarray(found.spinodal_time)
        late, text = _spinodal_error(arguments, times)
        if late > error:
            error, what = late, text
    return Finding(status, error, what)


def sampled_cloning(arguments: Arguments, time: float) -> tuple[np.ndarray, np.ndarray]:
    """(K, K) mean and standard error of the posterior over samples of each class."""
    drawn, dim = arguments.drawn, arguments.dim
    rng = np.random.default_rng(0)
    decay = np.exp(-time)
    total = decay**2 * np.array(drawn.stds) ** 2 - np.expm1(-2 * time)
    centroids = decay * np.sqrt(dim) * drawn.centroids
    rank = centroids.shape[1]
    size = len(total)
    mean, deviation = np.zeros((size, size)), np.zeros((size, size))
    for c in range(size):
        inside = centroids[c] + np.sqrt(total[c]) * rng.standard_normal((SAMPLES, rank))
        outside = total[c] * rng.chisquare(dim - rank, SAMPLES)
        squares = ((inside[:, None, :] - centroids) ** 2).sum(-1) + outside[:, None]
        logs = np.log(drawn.weights) - 0.5 * dim * np.log(total) - squares / (2 * total)
        posterior = np.exp(logs - logs.max(1, keepdims=True))
        posterior /= posterior.sum(1, keepdims=True)
        mean[c], deviation[c] = posterior.mean(0), posterior.std(0) / np.sqrt(SAMPLES)
    return mean, deviation


def _spinodal_error(arguments: Arguments, times: np.ndarray) -> tuple[float, str]:
    finite = times[np.isfinite(times) & (times > 0)]
    scan = np.linspace(0.03, 0.5 * np.log(arguments.dim) + 4.0, 400)
    wells = np.array([stable_roots(arguments, t) for t in scan])
    two = scan[wells >= 2]
    if not len(two):  # no window, or one that is narrower than the scan
        return 0.0, ""
    last = float(two.max())
    upper = scan[min(np.searchsorted(scan, last) + 1, len(scan) - 1)]
    if (wells[scan >= last] < 0).any():
        return 0.0, ""
    own = float(finite.max()) if len(finite) else 0.0
    if own < last - TOLERANCE:
        return (last - own) / TOLERANCE, f"spinodal times {times.tolist()}, two wells at {last:.4f}"
    if own > upper + TOLERANCE:
        near = np.linspace(own * (1 - 1e-3), own * (1 - 1e-6), 8)
        if max(stable_roots(arguments, t) for t in near) < 2:
            return (own - upper) / TOLERANCE, f"spinodal times {times.tolist()}, last {last:.4f}"
    return 0.0, ""


def stable_roots(arguments: Arguments, time: float, count: int = 40_001) -> int:
    """Wells of two classes at a time: zeros of log w_1 - log w_2 - u with a negative slope.

    -1 where a class is so wide that the drift runs away.
    """
    drawn, dim = arguments.drawn, arguments.dim
    decay = np.exp(-time)
    total = decay**2 * np.array(drawn.stds) ** 2 - np.expm1(-2 * time)
    if total.max() >= 2.0:
        return -1
    gram = dim * drawn.centroids @ drawn.centroids.T
    rank = np.linalg.matrix_rank(gram, tol=1e-10 * max(gram.max(), 1e-300)) if gram.any() else 0
    scale = 5 + abs(np.log(drawn.weights)).max() + dim * abs(np.diff(np.log(total))[0])
    scale += decay**2 * gram.max() * 4 / total.min() ** 2
    tail = np.geomspace(1e-6, scale, count // 2)
    u = np.concatenate([-tail[::-1], [0.0], tail])
    p = np.stack([1 / (1 + np.exp(-u)), 1 / (1 + np.exp(u))])
    mean = (p / total[:, None]).sum(0)
    coefficients = 2 * decay * p / total[:, None] / (2 * mean - 1)
    outside = (dim - rank) / (2 * mean - 1)
    squares = []
    for c in range(2):
        offset = coefficients - decay * np.eye(2)[:, c : c + 1]
        squares.append(np.einsum("iu,ij,ju->u", offset, gram, offset))
    logs = [
        np.log(drawn.weights[c])
        - 0.5 * dim * np.log(total[c])
        - (squares[c] + outside) / (2 * total[c])
        for c in range(2)
    ]
    values = logs[0] - logs[1] - u
    return int(((values[:-1] > 0) & (values[1:] <= 0)).sum())
