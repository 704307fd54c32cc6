"""How surely one class comes before another: scatter, theory's error and error of the moments.

Two times are told apart when the logarithm of their ratio exceeds the sum of

* scatter, by which the ratio on real data varies from one training set and one draw of features to
  the next: a least one, 0.04 for generalisation and memorisation and 0.13 for the half-way time,
  and the fluctuation of the variances of the training set, (sum 2/(n_c d_eff,c))^(1/2) with
  n_c = psi_n d f_c, in quadrature;
* the theory's error, coefficient (1/d_eff,a^2 + 1/d_eff,b^2)^(1/2) (0.1/t)^0.65 for t below 0.1,
  with coefficient 0.5 for generalisation and half-way times and 1 for memorisation, from pairs of
  classes of handwritten digits and of clothes set beside the exact engine on the images;
* the error of moments that m_c samples were measured on: likewise (sum 2/(m_c d_eff,c))^(1/2), and
  the bias of the spectrum, b_c = 0.6 d/m_c.  A bias that classes share cancels in the ratio but for
  0.3 of it, as their spectra differ: |b_a - b_b| + 0.3 max(b_a, b_b).

The 0.6 is what the floor of a sample covariance is too low by, 0.14 d/m_c for isotropic, spiked and
power-law classes at m_c = 3 d and more, in units of B - L_train(inf) near 0.35, times the 1.44 by
which a time half way moves on an exponential approach.  A class of no more than d samples has no
covariance to speak of, and is never clear.  A time that is not reached is one beyond the window.
"""

import dataclasses
from typing import Literal

import numpy as np

from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.typing import Float

Verdict = Literal["clear", "uncertain", "tie", "not reached", "void"]

SCATTER = {"generalization": 0.04, "memorization": 0.04, "half_memorization": 0.13}
COEFFICIENT = {"generalization": 0.5, "memorization": 1.0, "half_memorization": 0.5}
SAFE_TIME, TIME_POWER = 0.1, 0.65
SPECTRUM_BIAS, UNSHARED = 0.6, 0.3


@dataclasses.dataclass(frozen=True)
class Doubts:
    """What there is to know about the errors of one problem's times.

    Attributes:
        effective_dimension: (K,) d_eff,c.
        dim: d; inf for isotropic classes.
        train_counts: (K,) n_c of the training set in question.
        measured_counts: (K,) m_c that the moments were measured on; inf where they are given.
        diffusion_time: t.
    """

    effective_dimension: Float[np.ndarray, " class"]
    dim: float
    train_counts: Float[np.ndarray, " class"]
    measured_counts: Float[np.ndarray, " class"]
    diffusion_time: float

    def scatter(self, quantity: str, pair: tuple[int, int]) -> float:
        """Of the log ratio of two classes' times between training sets."""
        return float(np.hypot(SCATTER[quantity], self._fluctuation(self.train_counts, pair)))

    def error(self, quantity: str, pair: tuple[int, int]) -> float:
        """Of the log ratio by the theory and by the moments."""
        spread = np.sqrt(sum(self.effective_dimension[c] ** -2.0 for c in pair))
        growth = max(SAFE_TIME / self.diffusion_time, 1.0) ** TIME_POWER
        theory = COEFFICIENT[quantity] * spread * growth
        return float(theory + self._fluctuation(self.measured_counts, pair) + self._bias(pair))

    def undetermined(self, c: int) -> bool:
        """Whether a class has too few samples for a covariance."""
        return bool(self.measured_counts[c] <= self.dim) and np.isfinite(self.measured_counts[c])

    def _fluctuation(self, counts: np.ndarray, pair: tuple[int, int]) -> float:
        return float(np.sqrt(sum(2.0 / (counts[c] * self.effective_dimension[c]) for c in pair)))

    def _bias(self, pair: tuple[int, int]) -> float:
        if not np.isfinite(self.measured_counts).all():
            return 0.0
        one, other = (SPECTRUM_BIAS * self.dim / self.measured_counts[c] for c in pair)
        return abs(one - other) + UNSHARED * max(one, other)


def doubts_of(problem: AsymptoticProblem, measured_counts: np.ndarray | None = None) -> Doubts:
    """The doubts of a problem with concrete values.

    Args:
        problem: the problem.
        measured_counts: (K,) samples that its means and covariances were measured on.
    """
    covariances = np.asarray(problem.mixture.covariances)
    dim = np.inf if covariances.ndim == 1 else float(covariances.shape[-1])
    if covariances.ndim == 2 and problem.direction_counts is not None:
        dim = float(np.sum(np.asarray(problem.direction_counts)))
    shares = np.asarray(problem.mixture.class_weights)
    counts = np.full(shares.shape, np.inf) if measured_counts is None else measured_counts
    return Doubts(
        np.asarray(problem.choice.effective_dimension),
        dim,
        float(np.asarray(problem.samples_per_dim)) * dim * shares,
        np.asarray(counts, dtype=float),
        float(np.asarray(problem.diffusion_time)),
    )


def verdict(ratio: float, scatter: float, error: float, undetermined: bool) -> Verdict:
    """Of one class against the next one, `ratio` being the log ratio of their times."""
    if np.isnan(ratio):
        return "not reached"
    if undetermined:
        return "uncertain"
    if ratio <= scatter:
        return "tie"
    return "clear" if ratio > scatter + error else "uncertain"
