"""Explicit training of the readout: what one runs when there is no closed form.

Written from the equations in the manner of the public code of arXiv 2505.17638: full-batch
gradient descent on the denoising loss with fresh noise at every epoch, losses by Monte Carlo
at logarithmically spaced epochs. One epoch, with x_t = e^{-t} x + sqrt(Delta) xi for every
train sample, h = tanh(W x_t / sqrt(d)) and a = A / sqrt(p), is

    a <- a - step sum_nu w_nu (a h_nu + xi_nu / sqrt(Delta)) h_nu^T,    sum_nu w_nu = 1,

so that on average a mode of eigenvalue lam of E[h h^T] decays by 1 - step lam. The step is
2e-2 (learning rate 1e-2 d / Delta of that code), or 1 / lam_max where that is less, as the
spikes of extensive centroids make larger ones unstable. Ten e-folds of the slowest mode take
10 / (step lam_min) epochs.

Time is measured on a few epochs and one logged evaluation and scaled by the stated counts.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.peers.closed_form import ClosedForm
from benchmarks.peers.point_arrays import PointArrays

REFERENCE_STEP = 2e-2
E_FOLDS = 10
LOGS_PER_DECADE = 40
LOG_SAMPLES = 5000


@dataclass(frozen=True)
class Counts:
    """How much work a full curve is, from the eigenvalues of the problem."""

    step: float
    epochs: int
    log_points: int

    @classmethod
    def of(cls, smallest: float, largest: float) -> "Counts":
        """Epochs to ten e-folds of the slowest mode, and log points at 40 per decade.

        `smallest` and `largest` are eigenvalues of the training covariance.
        """
        step = min(REFERENCE_STEP, 1 / largest)
        epochs = int(np.ceil(E_FOLDS / (step * smallest)))
        grid = np.geomspace(1, epochs, int(LOGS_PER_DECADE * np.log10(epochs)) + 1)
        return cls(step, epochs, len(np.unique(grid.astype(int))))


class NumpyTraining:
    """Training in NumPy, float32."""

    library = "numpy"
    # arrays here, tensors in the PyTorch version
    weights: Any
    clean: Any
    shares: Any
    readout: Any

    def __init__(self, point: PointArrays, step: float, seed: int = 0):
        self.point, self.step = point, step
        self.random = np.random.default_rng(seed)
        dim = point.feature_weights.shape[1]
        self.weights = (point.feature_weights / np.sqrt(dim)).astype(np.float32)
        self.clean = np.concatenate(point.samples).astype(np.float32) * np.float32(point.signal)
        counts = [len(x) for x in point.samples]
        shares = np.repeat(point.loss_weights / counts, counts)
        self.shares = shares.astype(np.float32)[:, None]
        self.readout = np.zeros((dim, len(self.weights)), np.float32)

    def epoch(self) -> None:
        """One gradient step with fresh noise on every sample."""
        noise, hidden = self._noisy(self.clean)
        root = np.float32(np.sqrt(self.point.noise_variance))
        residual = hidden @ self.readout.T + noise / root
        residual *= self.shares
        self.readout -= np.float32(self.step) * (residual.T @ hidden)

    def losses(self, samples: int = LOG_SAMPLES) -> np.ndarray:
        """One log point: train loss on noised train samples, test losses on new samples.

        Returns (2, class): train, test.
        """
        both = [self._train_losses(), self._test_losses(samples)]
        return np.array(both)

    def _train_losses(self) -> list[float]:
        ends = np.cumsum([len(x) for x in self.point.samples])
        return [self._loss(part) for part in np.split(self.clean, ends[:-1])]

    def _test_losses(self, samples: int) -> list[float]:
        point, dim = self.point, self.weights.shape[1]
        result = []
        for centroid, std in zip(point.centroids, point.stds, strict=True):
            draws = self.random.standard_normal((samples, dim), dtype=np.float32)
            clean = (centroid + std * draws) * point.signal
            result.append(self._loss(clean.astype(np.float32)))
        return result

    def _loss(self, clean: Any) -> float:
        noise, hidden = self._noisy(clean)
        root = np.float32(np.sqrt(self.point.noise_variance))
        return float(np.mean((root * (hidden @ self.readout.T) + noise) ** 2))

    def _noisy(self, clean: Any) -> tuple[Any, Any]:
        noise = self.random.standard_normal(clean.shape, dtype=np.float32)
        root = np.float32(np.sqrt(self.point.noise_variance))
        return noise, np.tanh((clean + root * noise) @ self.weights.T)


class TorchTraining(NumpyTraining):
    """The same in PyTorch, float32; needs torch."""

    library = "torch"

    def __init__(self, point: PointArrays, step: float, seed: int = 0):
        import torch

        super().__init__(point, step, seed)
        self.torch = torch
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        for name in ("weights", "clean", "shares", "readout"):
            setattr(self, name, torch.from_numpy(getattr(self, name)))

    def _train_losses(self) -> list[float]:
        parts = self.torch.split(self.clean, [len(x) for x in self.point.samples])
        return [self._loss(part) for part in parts]

    def _test_losses(self, samples: int) -> list[float]:
        point, dim = self.point, self.weights.shape[1]
        result = []
        for centroid, std in zip(point.centroids, point.stds, strict=True):
            mean = self.torch.from_numpy(centroid).float()
            draws = self.torch.randn(samples, dim)
            result.append(self._loss((mean + float(std) * draws) * point.signal))
        return result

    def _loss(self, clean) -> float:
        noise, hidden = self._noisy(clean)
        root = float(np.sqrt(self.point.noise_variance))
        return float(((root * (hidden @ self.readout.T) + noise) ** 2).mean())

    def _noisy(self, clean):
        noise = self.torch.randn_like(clean)
        root = float(np.sqrt(self.point.noise_variance))
        return noise, self.torch.tanh((clean + root * noise) @ self.weights.T)

    def epoch(self) -> None:
        """One gradient step with fresh noise on every sample."""
        noise, hidden = self._noisy(self.clean)
        residual = hidden @ self.readout.T + noise / float(np.sqrt(self.point.noise_variance))
        self.readout -= self.step * ((residual * self.shares).T @ hidden)


def training_time(epochs: int, step: float, point: PointArrays) -> float:
    """tau after some epochs: the flow relaxes a mode as exp(-2 Delta d tau lam / p)."""
    features, dim = point.feature_weights.shape
    return epochs * step * features / (2 * point.noise_variance * dim)


def cost(training: NumpyTraining, counts: Counts, epochs: int = 40) -> dict[str, float]:
    """CPU seconds of one epoch and one log point, and of the whole curve by the counts."""
    training.epoch()
    start = time.process_time()
    for _ in range(epochs):
        training.epoch()
    per_epoch = (time.process_time() - start) / epochs
    start = time.process_time()
    training.losses()
    per_log = time.process_time() - start
    total = counts.epochs * per_epoch + counts.log_points * per_log
    return {"epoch": per_epoch, "log_point": per_log, "curve": total}


def compare(training: NumpyTraining, step: float, epochs: int = 500) -> float:
    """Largest difference to the closed form after some epochs, as a share of the loss.

    The two agree up to Monte Carlo noise and the size of the step.
    """
    for _ in range(epochs):
        training.epoch()
    times = np.array([training_time(epochs, step, training.point)])
    exact = ClosedForm().solve(replace(training.point, training_times=times))
    expected = np.stack([exact.train_loss[:, 0], exact.test_loss[:, 0]])
    measured = np.mean([training.losses() for _ in range(10)], axis=0)
    return float(np.max(np.abs(measured / expected - 1)))
