"""Which treatment of anisotropic classes fits a mixture, and how wrong the theory may then be.

The small parameter of the theory is 1/d_eff,c with d_eff,c = (tr Sigma_c)^2/tr Sigma_c^2, not 1/d:
an eigenvalue of the order of the trace stays a finite correction in any dimension.
"""

import dataclasses

import numpy as np

from diffjax.asymptotics.options import Method
from diffjax.mixture import Mixture
from diffjax.typing import ArrayLike

SMALL_DIMENSION = 10.0
LARGE_SHARE = 0.2
CLOSE_TO_COMMUTING = 0.2
LARGEST_MATRIX = 200
TRAIN_COEFFICIENT, TEST_COEFFICIENT = 0.7, 1.0
COMMUTING_COEFFICIENT = 0.1
REFERENCE_TIME, TEST_POWER = 0.1, 0.65


@dataclasses.dataclass(frozen=True)
class TheoryChoice:
    """A treatment of the classes with its reason.

    The expected errors are estimates of the distance to the exact engine on Gaussian classes,
    relative to max(1, loss), calibrated at a few features per sample and dimension; at psi_p = 16
    late test losses are two to four times further off.  What the data has beyond means and
    covariances is not in them.

    Attributes:
        method: "commuting", "matrices" or "sub-classes".
        reason: in words.
        effective_dimension: (K,) d_eff,c.
        top_share: (K,) largest eigenvalue of each class in units of its trace.
        off_diagonal_weight: (K,) share of the Frobenius norm of Sigma_c that is off the diagonal
            in the pooled eigenbasis.
        expected_train_error: largest of the classes, of the train loss.
        expected_test_error: of the test loss.
    """

    method: Method
    reason: str
    effective_dimension: tuple[float, ...]
    top_share: tuple[float, ...]
    off_diagonal_weight: tuple[float, ...]
    expected_train_error: float
    expected_test_error: float

    def __str__(self) -> str:
        rows = (
            ("effective dimension", self.effective_dimension, ".1f"),
            ("largest eigenvalue / trace", self.top_share, ".2f"),
            ("weight off the diagonal", self.off_diagonal_weight, ".2f"),
        )
        lines = [f"method {self.method}: {self.reason}"]
        lines += [f"  {name}: {', '.join(format(v, f) for v in row)}" for name, row, f in rows]
        lines.append(
            f"  expected error of the losses: train {self.expected_train_error:.2f}, "
            f"test {self.expected_test_error:.2f}"
        )
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class _Spectra:
    """Eigenvalues per class, with their multiplicities, and weights off the diagonal."""

    eigenvalues: list[np.ndarray]
    counts: np.ndarray
    off_diagonal: np.ndarray

    def effective_dimensions(self, without: int = 0) -> np.ndarray:
        """(K,) d_eff, of what is left without the largest eigenvalues."""
        found = []
        for values in self.eigenvalues:
            order = np.argsort(values)[::-1]
            values, counts = values[order], self.counts[order].copy()
            for _ in range(without):
                counts[np.argmax(counts > 0)] -= 1.0
            total, square = counts @ values, counts @ values**2
            found.append(total**2 / square if square > 0 else 1.0)
        return np.maximum(found, 1.0)

    def top_shares(self) -> np.ndarray:
        """(K,) largest eigenvalue/trace."""
        return np.array([values.max() / (self.counts @ values) for values in self.eigenvalues])


def choose(
    mixture: Mixture, diffusion_time: ArrayLike, direction_counts: ArrayLike | None = None
) -> TheoryChoice:
    """The treatment by rule, from concrete numbers, on the host.

    Variances along directions are taken as they are.  For matrices: sub-classes if d_eff < 10 or
    an eigenvalue is above 0.2 of the trace; else the pooled basis if less than 0.2 of the weight
    of every covariance is off its diagonal there, or d > 200; else the matrices.

    Args:
        mixture: the data.
        diffusion_time: t.
        direction_counts: (L,) multiplicities of the directions.
    """
    spectra = _spectra(mixture, direction_counts)
    method, reason = _rule(np.asarray(mixture.covariances), spectra)
    removed = 1 if method == "sub-classes" else 0
    small = 1.0 / spectra.effective_dimensions(removed).min()
    basis = 0.0 if method == "matrices" else COMMUTING_COEFFICIENT * spectra.off_diagonal.max()
    growth = max(REFERENCE_TIME / float(np.asarray(diffusion_time)), 1.0) ** TEST_POWER
    return TheoryChoice(
        method=method,
        reason=reason,
        effective_dimension=tuple(spectra.effective_dimensions().tolist()),
        top_share=tuple(spectra.top_shares().tolist()),
        off_diagonal_weight=tuple(spectra.off_diagonal.tolist()),
        expected_train_error=float(TRAIN_COEFFICIENT * small + basis),
        expected_test_error=float(TEST_COEFFICIENT * growth * small + basis),
    )


def _rule(covariances: np.ndarray, spectra: _Spectra) -> tuple[Method, str]:
    smallest = spectra.effective_dimensions().min()
    share, off, dim = spectra.top_shares().max(), spectra.off_diagonal.max(), covariances.shape[-1]
    if covariances.ndim == 1:
        return "commuting", "the classes are isotropic"
    if covariances.ndim == 2:
        return "commuting", "variances in a common basis are given"
    if smallest < SMALL_DIMENSION or share > LARGE_SHARE:
        return "sub-classes", (
            f"few directions dominate (smallest effective dimension {smallest:.1f}, largest "
            f"share of one direction {share:.2f})"
        )
    if off <= CLOSE_TO_COMMUTING:
        return (
            "commuting",
            f"only {off:.2f} of a covariance is off the diagonal in the pooled basis",
        )
    if dim > LARGEST_MATRIX:
        return "commuting", (
            f"{dim} dimensions are too many for full matrices, although {off:.2f} of a covariance "
            "is off the diagonal in the pooled basis"
        )
    return "matrices", f"{off:.2f} of a covariance is off the diagonal in the pooled basis"


def _spectra(mixture: Mixture, direction_counts: ArrayLike | None) -> _Spectra:
    covariances = np.asarray(mixture.covariances)
    num_classes = covariances.shape[0]
    if covariances.ndim == 3:
        values = [np.maximum(np.linalg.eigvalsh(matrix), 0.0) for matrix in covariances]
        weights = np.asarray(mixture.class_weights)
        return _Spectra(values, np.ones(values[0].size), _off_diagonal(covariances, weights))
    rows = covariances.reshape(num_classes, -1)
    if covariances.ndim == 1:
        counts = np.array([np.inf])
        return _Isotropic([*rows], counts, np.zeros(num_classes))
    counts = np.ones(rows.shape[1]) if direction_counts is None else np.asarray(direction_counts)
    return _Spectra([*rows], counts, np.zeros(num_classes))


class _Isotropic(_Spectra):
    """One variance in infinitely many directions."""

    def effective_dimensions(self, without: int = 0) -> np.ndarray:
        return np.full(len(self.eigenvalues), np.inf)

    def top_shares(self) -> np.ndarray:
        return np.zeros(len(self.eigenvalues))


def _off_diagonal(covariances: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(K,) share of the Frobenius norm off the diagonal in the pooled eigenbasis."""
    basis = np.linalg.eigh(np.einsum("c,cij->ij", weights, covariances))[1]
    inside = np.einsum("ji,cjk,ki->ci", basis, covariances, basis)
    whole = np.sum(covariances**2, axis=(1, 2))
    return np.sqrt(np.maximum(whole - np.sum(inside**2, axis=1), 0.0) / whole)
