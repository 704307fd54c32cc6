"""Closed-form learning curves in NumPy/SciPy: what a careful expert writes by hand.

One process, one BLAS thread. Notation: p features, d dimensions, n samples, W (p, d);
Psi_k(a, v) = E[tanh(a + sqrt(v) g) He_k(g)] / sqrt(k!), g standard normal.
Per class U_c = sum_k r^k o (Psi_k diag(w) Psi_k^T) with the diagonal by quadrature, and
V_c = sqrt(Delta) diag(b_c) W / sqrt(d) with b_c the mean of Psi_1 / sqrt(v). With
U = sum_c f_c U_c = O diag(lam) O^T, P = O^T V and
f(tau) = (1 - exp(-2 Delta lam tau d / p)) / lam, all losses at all times are

    L_c(tau) = 1 - (2/d) f . q_c + (1/d) f^T M_c f,    M_c = (P P^T) o (O^T U_c O).

What keeps it fast: quadrature in blocks that stay in the cache, Gram products by syrk
(NumPy calls it for X @ X.T), in-place Hadamard series, one matrix product instead of one
per class for the q_c, and the congruence of the last training class from the eigenvalues.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eigh

from benchmarks.peers.point_arrays import PointArrays

Array = np.ndarray
BLOCK_ELEMENTS = 2**17
# spacing and half-width; the error is exp(-pi^2 / (spacing sqrt(v))) + exp(-width^2 / 2)
TRAIN_RULE = (0.25, 7.25)
POPULATION_RULE = (0.1, 8.4)


@dataclass(frozen=True)
class ClassCovariance:
    """U_c (p, p) and the mean slopes b_c (p,) of one class, for one set of centres."""

    feature: Array
    slope: Array


@dataclass(frozen=True)
class Curves:
    """Losses per class, shape (class, training_time); eigenvalues ascending (p,).

    `final_train_loss` (class,) is the train loss at infinite training time.
    """

    train_loss: Array
    test_loss: Array
    final_train_loss: Array
    eigenvalues: Array


def trapezoid(order: int, spacing: float, reach: float) -> tuple[Array, Array]:
    """Nodes g (q,) and rows weight * He_k(g) / sqrt(k!), shape (order + 1, q)."""
    count = round(reach / spacing)
    nodes = spacing * np.arange(-count, count + 1)
    weights = spacing * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    rows = [np.ones_like(nodes), nodes]
    for k in range(1, order):
        rows.append((nodes * rows[k] - np.sqrt(k) * rows[k - 1]) / np.sqrt(k + 1))
    return nodes, weights * np.array(rows[: order + 1])


def hermite_moments(
    centres: Array, variances: Array, nodes: Array, rows: Array
) -> tuple[Array, Array]:
    """Psi_k at every centre, (order + 1, p, n), and E[tanh^2] (p, n).

    Rows are done a block at a time: the activations at all nodes of a block stay in the
    cache, and one small matrix product turns them into all orders.
    """
    features, samples = centres.shape
    moments = np.empty((features, len(rows), samples))
    squares = np.empty((features, samples))
    shifts = np.sqrt(variances)[:, None] * nodes
    block = max(1, BLOCK_ELEMENTS // (samples * len(nodes)))
    values = np.empty((block, len(nodes), samples))
    for start in range(0, features, block):
        rows_here = slice(start, min(start + block, features))
        part = values[: rows_here.stop - start]
        np.add(shifts[rows_here, :, None], centres[rows_here, None, :], out=part)
        np.tanh(part, out=part)
        np.matmul(rows, part, out=moments[rows_here])
        np.square(part, out=part)
        np.matmul(rows[0], part, out=squares[rows_here])
    return moments, squares


def hadamard_series(correlation: Array, gram: Callable[[int], Array], order: int) -> Array:
    """sum_k correlation^k o gram(k) by Horner's rule, in place."""
    total = gram(order)
    for k in range(order - 1, -1, -1):
        total *= correlation
        total += gram(k)
    return total


class Geometry:
    """What depends on the feature weights only."""

    def __init__(self, feature_weights: Array):
        dim = feature_weights.shape[1]
        self.weights = feature_weights / np.sqrt(dim)
        overlap = self.weights @ self.weights.T
        self.norms = np.diag(overlap).copy()
        scale = 1 / np.sqrt(self.norms)
        overlap *= scale
        overlap *= scale[:, None]
        self.correlation = overlap


def train_covariance(
    geometry: Geometry, samples: Array, signal: float, noise_variance: float, order: int
) -> ClassCovariance:
    """Average over the train samples of one class, noise averaged exactly."""
    centres = geometry.weights @ (signal * samples).T
    variances = noise_variance * geometry.norms
    nodes, rows = trapezoid(order, *TRAIN_RULE)
    moments, squares = hermite_moments(centres, variances, nodes, rows)
    moments /= np.sqrt(len(samples))

    def gram(k: int) -> Array:
        block = np.ascontiguousarray(moments[:, k])
        return block @ block.T

    feature = hadamard_series(geometry.correlation, gram, order)
    np.fill_diagonal(feature, squares.mean(axis=1))
    slope = moments[:, 1].sum(axis=1) / np.sqrt(len(samples) * variances)
    return ClassCovariance(feature, slope)


def population_covariance(
    geometry: Geometry,
    centroid: Array,
    std: float,
    signal: float,
    noise_variance: float,
    order: int,
) -> ClassCovariance:
    """Average over the whole class: one centre per feature, larger variance."""
    centres = geometry.weights @ (signal * centroid)
    variances = (signal**2 * std**2 + noise_variance) * geometry.norms
    nodes, rows = trapezoid(order, *POPULATION_RULE)
    moments, squares = hermite_moments(centres[:, None], variances, nodes, rows)

    def gram(k: int) -> Array:
        return np.outer(moments[:, k, 0], moments[:, k, 0])

    feature = hadamard_series(geometry.correlation, gram, order)
    np.fill_diagonal(feature, squares[:, 0])
    return ClassCovariance(feature, moments[:, 1, 0] / np.sqrt(variances))


def relaxation(eigenvalues: Array, times: Array, rate: float) -> Array:
    """f (T, p) = (1 - exp(-rate lam tau)) / lam, its limit rate * tau at lam = 0."""
    decay = np.multiply.outer(-rate * times, eigenvalues)
    np.expm1(decay, out=decay)
    decay /= -eigenvalues
    return decay


def loss(relaxed: Array, linear: Array, quadratic: Array, dim: int) -> Array:
    """1 - (2/d) f . q + (1/d) f^T M f at every time: one matrix product."""
    product = relaxed @ quadratic
    product *= relaxed
    return 1 - (2 / dim) * (relaxed @ linear) + product.sum(axis=1) / dim


def learning_curves(
    geometry: Geometry,
    train: list[ClassCovariance],
    population: list[ClassCovariance],
    point: PointArrays,
) -> Curves:
    """Per-class curves from the class covariances: one eigh and congruences."""
    dim = geometry.weights.shape[1]
    share = point.loss_weights
    total = share[0] * train[0].feature
    for weight, covariance in zip(share[1:], train[1:], strict=True):
        total += weight * covariance.feature
    # evd beats evr by 5-15 % here and needs no second copy
    lam, basis = eigh(total, driver="evd", overwrite_a=True, check_finite=False)
    slope: Any = sum(w * c.slope for w, c in zip(share, train, strict=True))
    drift = np.sqrt(point.noise_variance) * (basis.T @ (slope[:, None] * geometry.weights))
    overlap = drift @ drift.T
    # q_c = diag(P V_c^T O): (W P^T) o O once, then a matrix-vector product per class
    projected = geometry.weights @ drift.T
    projected *= basis
    projected *= np.sqrt(point.noise_variance)
    rate = 2 * point.noise_variance * dim / len(lam)
    relaxed = relaxation(lam, np.append(point.training_times, np.inf), rate)

    def curve(covariance: ClassCovariance, rotated: Array) -> Array:
        return loss(relaxed, covariance.slope @ projected, overlap * rotated, dim)

    test_loss = [curve(c, basis.T @ (c.feature @ basis)) for c in population]
    # sum_c f_c O^T U_c O = diag(lam): the last class with weight needs no product
    rotated = [basis.T @ (c.feature @ basis) for c in train[:-1]]
    last = np.diag(lam) - sum(w * m for w, m in zip(share[:-1], rotated, strict=True))
    rotated.append(last / share[-1])
    train_loss = np.array([curve(c, m) for c, m in zip(train, rotated, strict=True)])
    return Curves(train_loss[:, :-1], np.array(test_loss)[:, :-1], train_loss[:, -1], lam)


class ClosedForm:
    """Solves points in a loop, in one process.

    With `share=True` what several points have in common is computed once: the geometry of the
    feature weights, train covariances by (std, centroid, count, seed) and population
    covariances by (std, centroid, seed).
    """

    def __init__(self, share: bool = False):
        self.share = share
        self.results: dict = {}

    def solve(self, point: PointArrays) -> Curves:
        """All curves of one point."""
        weights = point.feature_weights
        geometry = self._cached(("geometry", id(weights)), lambda: Geometry(weights))
        classes = range(len(point.stds))
        train = [self._train(geometry, point, c) for c in classes]
        population = [self._population(geometry, point, c) for c in classes]
        return learning_curves(geometry, train, population, point)

    def _train(self, geometry: Geometry, point: PointArrays, c: int) -> ClassCovariance:
        return self._cached(
            ("train", *point.train_keys[c]),
            lambda: train_covariance(
                geometry, point.samples[c], point.signal, point.noise_variance, point.orders[0]
            ),
        )

    def _population(self, geometry: Geometry, point: PointArrays, c: int) -> ClassCovariance:
        centroid, std = point.centroids[c], float(point.stds[c])
        return self._cached(
            ("population", *point.population_keys[c]),
            lambda: population_covariance(
                geometry, centroid, std, point.signal, point.noise_variance, point.orders[1]
            ),
        )

    def _cached(self, key: tuple, build: Callable[[], Any]) -> Any:
        if not self.share:
            return build()
        if key not in self.results:
            self.results[key] = build()
        return self.results[key]


def solve_grid(points: list[PointArrays], share: bool = False) -> list[Curves]:
    """All curves of many points."""
    solver = ClosedForm(share=share)
    return [solver.solve(point) for point in points]
