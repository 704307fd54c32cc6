"""Density of the limiting spectrum by a SciPy root solve per eigenvalue.

The unknowns delta_c and h_ab (a <= b) of one class or several solve, with kappa_c =
signal_c/(1 + delta_c) + noise, D = diag(omega_c kappa_c), and E the average over neurons,

    g = 1/( sum_c omega_c (gamma_c^2/(1 + delta_c) + s_c^2) - z + b^T (1 + D h)^(-1) D b )
    h = psi_p E[b b^T g],     R = h (1 + D h)^(-1)
    delta_c = omega_c/(f_c psi_n) (signal_c R_cc + psi_p E[gamma_c^2 g]),

and the density is Im E[g]/pi just above the axis.  The solver walks down from the largest
eigenvalue and starts each solve from the solution before; where that fails, or leaves the physical
branch, it lowers Im z step by step from far above.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import root

HEIGHT = 1e-8
STEPS_DOWN = np.geomspace(1.0, HEIGHT, 17)


@dataclass(frozen=True)
class SaddlePoints:
    """The numbers of one problem; Q neurons, K classes.

    Attributes:
        features_per_dim: psi_p.
        samples_per_dim: psi_n.
        noise: Delta.
        weights: (K,) omega_c.
        shares: (K,) f_c.
        signals: (K,) e^(-2t) sigma_c^2.
        slope: (K, Q) b_c.
        sample_variance: (K, Q) gamma_c^2.
        residual: (Q,) s^2.
        neuron_weights: (Q,).
    """

    features_per_dim: float
    samples_per_dim: float
    noise: float
    weights: np.ndarray
    shares: np.ndarray
    signals: np.ndarray
    slope: np.ndarray
    sample_variance: np.ndarray
    residual: np.ndarray
    neuron_weights: np.ndarray

    def density(self, eigenvalues: np.ndarray) -> np.ndarray:
        """At increasing eigenvalues."""
        found, last = np.empty(eigenvalues.size), None
        for number in reversed(range(eigenvalues.size)):
            last = self._solution(eigenvalues[number], last)
            point = eigenvalues[number] * (1.0 + 1j * HEIGHT)
            green = self._green(point, *self._unpacked(last)) @ self.neuron_weights
            found[number] = np.imag(green)
        return found / np.pi

    def _solution(self, eigenvalue: float, start: np.ndarray | None) -> np.ndarray:
        if start is not None:
            found, good = self._root(eigenvalue * (1.0 + 1j * HEIGHT), start)
            if good:
                return found
        values = self._from_infinity(eigenvalue * (1.0 + 1j))
        for height in STEPS_DOWN:
            values, _ = self._root(eigenvalue * (1.0 + 1j * height), values)
        return values

    def _root(self, point: complex, start: np.ndarray) -> tuple[np.ndarray, bool]:
        """Real and imaginary parts of the equations, and whether the root is physical."""
        scale = 1.0 + np.abs(start)

        def defect(parts):
            values = (parts[: start.size] + 1j * parts[start.size :]) * scale
            gap = (self._map(point, values) - values) / scale
            return np.concatenate([gap.real, gap.imag])

        begin = start / scale
        found = root(defect, np.concatenate([begin.real, begin.imag]), tol=1e-12)
        values = (found.x[: start.size] + 1j * found.x[start.size :]) * scale
        green = self._green(point, *self._unpacked(values)) @ self.neuron_weights
        error = np.abs(defect(found.x)).max()
        good = error < 1e-9 and np.imag(green) > 0 and (values[: self.weights.size].imag > 0).all()
        return values, bool(good)

    def _from_infinity(self, point: complex) -> np.ndarray:
        """Plain iteration, which converges far from the axis."""
        count = self.weights.size
        values = np.zeros(count + count * (count + 1) // 2, complex)
        for _ in range(200):
            values = self._map(point, values)
        return values

    def _map(self, point: complex, values: np.ndarray) -> np.ndarray:
        delta, gram = self._unpacked(values)
        green = self._green(point, delta, gram) * self.neuron_weights
        kappa = self.signals / (1.0 + delta) + self.noise
        dressed = gram @ np.linalg.inv(np.eye(delta.size) + (self.weights * kappa)[:, None] * gram)
        psi_p = self.features_per_dim
        after = psi_p * (self.slope * green) @ self.slope.T
        spread = self.signals * np.diagonal(dressed) + psi_p * self.sample_variance @ green
        rate = self.weights / (self.shares * self.samples_per_dim)
        return np.concatenate([rate * spread, after[np.triu_indices(delta.size)]])

    def _green(self, point: complex, delta: np.ndarray, gram: np.ndarray) -> np.ndarray:
        weight = self.weights * (self.signals / (1.0 + delta) + self.noise)
        signal = np.linalg.inv(np.eye(delta.size) + weight[:, None] * gram) * weight
        level = (self.weights / (1.0 + delta)) @ self.sample_variance + self.residual
        lifted = np.einsum("aq,ab,bq->q", self.slope, signal, self.slope)
        return 1.0 / (level - point + lifted)

    def _unpacked(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count = self.weights.size
        gram = np.zeros((count, count), complex)
        rows, columns = np.triu_indices(count)
        gram[rows, columns] = gram[columns, rows] = values[count:]
        return values[:count], gram
