"""Gaussian expectations by brute-force quadrature, and the closed forms known for erf and relu."""

import math
from collections.abc import Callable

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import erf as _erf
from scipy.stats import norm

Activation = Callable[[np.ndarray], np.ndarray]

#: A smooth activation that is neither odd nor even, standing for the user's own callable.
BENT_ANGULAR_FREQUENCY = 1.3


def tanh(x):
    return np.tanh(x)


def erf(x):
    return _erf(x)


def relu(x):
    return np.maximum(x, 0.0)


def bent(x):
    return 0.5 * x + 0.4 * np.cos(BENT_ANGULAR_FREQUENCY * x) + 0.3 * np.tanh(x)


ACTIVATIONS: dict[str, Activation] = {"tanh": tanh, "erf": erf, "relu": relu, "bent": bent}

_PANEL_NODES, _PANEL_WEIGHTS = leggauss(20)


def normal_density(g):
    return np.exp(-(g**2) / 2) / math.sqrt(2 * math.pi)


def gaussian_rule(kink: float | None = None, half_width: float = 11.0, panels: int = 44):
    """Nodes and weights with sum w f(g) = E f(g), g ~ N(0,1); a panel edge is put at `kink`."""
    edges = np.linspace(-half_width, half_width, panels + 1)
    if kink is not None and abs(kink) < half_width:
        edges = np.sort(np.append(edges, kink))
    half = np.diff(edges)[:, None] / 2
    nodes = edges[:-1, None] + half * (1 + _PANEL_NODES)
    weights = half * _PANEL_WEIGHTS * normal_density(nodes)
    return nodes.ravel(), weights.ravel()


def hermite_table(max_order: int, g: np.ndarray) -> np.ndarray:
    """He_k(g)/sqrt(k!) for k = 0..max_order, orthonormal under the standard normal law."""
    rows = [np.ones_like(g), g]
    for k in range(1, max_order):
        rows.append((g * rows[k] - math.sqrt(k) * rows[k - 1]) / math.sqrt(k + 1))
    return np.array(rows[: max_order + 1])


def hermite_normalised(order: int, g: np.ndarray) -> np.ndarray:
    """He_k(g)/sqrt(k!)."""
    return hermite_table(order, g)[order]


def _rule(mean: float, variance: float):
    deviation = math.sqrt(variance)
    return deviation, *gaussian_rule(kink=-mean / deviation)


def hermite_moment(activation: Activation, mean: float, variance: float, order: int) -> float:
    """Psi_k(a, v) = E[phi(a + sqrt(v) g) He_k(g)]/sqrt(k!)."""
    deviation, g, w = _rule(mean, variance)
    return float(np.sum(w * activation(mean + deviation * g) * hermite_normalised(order, g)))


def hermite_moments(activation: Activation, means, variances, max_order: int) -> np.ndarray:
    """All Psi_0..Psi_kmax of an array of (mean, variance) pairs, one at a time: (kmax+1, ...)."""
    means, variances = np.broadcast_arrays(means, variances)
    out = np.zeros((max_order + 1, *means.shape))
    for index in np.ndindex(means.shape):
        deviation, g, w = _rule(means[index], variances[index])
        values = w * activation(means[index] + deviation * g)
        for k, polynomial in enumerate(hermite_table(max_order, g)):
            out[(k, *index)] = np.sum(values * polynomial)
    return out


def second_moment(activation: Activation, mean: float, variance: float) -> float:
    """E phi(a + sqrt(v) g)^2."""
    deviation, g, w = _rule(mean, variance)
    return float(np.sum(w * activation(mean + deviation * g) ** 2))


def mean_slope(activation: Activation, mean: float, variance: float) -> float:
    """E phi'(a + sqrt(v) g) = E[phi g]/sqrt(v) (Stein), which needs no derivative of phi."""
    return hermite_moment(activation, mean, variance, 1) / math.sqrt(variance)


def _split_rule(kinks: np.ndarray, half_width: float = 9.0, panels: int = 10):
    """A Gaussian rule per row, with a panel edge at that row's kink: nodes, weights (N, m)."""
    edges = np.linspace(0.0, 1.0, panels + 1)
    unit = (edges[:-1, None] + np.diff(edges)[:, None] * (1 + _PANEL_NODES) / 2).ravel()
    share = (np.diff(edges)[:, None] * _PANEL_WEIGHTS / 2).ravel()
    kinks = np.clip(kinks, -half_width, half_width)[:, None]
    left, right = kinks + half_width, half_width - kinks
    nodes = np.concatenate([-half_width + left * unit, kinks + right * unit], axis=1)
    return nodes, np.concatenate([left * share, right * share], axis=1) * normal_density(nodes)


def product_moment(activation: Activation, means, covariance: np.ndarray) -> float:
    """E[phi(h_1) phi(h_2)] for a Gaussian pair, by iterated quadrature: no series anywhere."""
    (mean_1, mean_2), (s_1, s_2) = means, np.sqrt(np.diag(covariance))
    r = covariance[0, 1] / (s_1 * s_2)
    rest = s_2 * math.sqrt(1.0 - r * r)
    g, w = gaussian_rule(kink=-mean_1 / s_1, half_width=9.0, panels=20)
    centres = mean_2 + s_2 * r * g
    inner_g, inner_w = _split_rule(-centres / rest)
    inner = np.sum(inner_w * activation(centres[:, None] + rest * inner_g), axis=1)
    return float(np.sum(w * activation(mean_1 + s_1 * g) * inner))


def erf_moment(mean: float, variance: float, order: int) -> float:
    """Psi_k for erf: k-th derivative of erf(a/sqrt(1+2v)) in a, times v^{k/2}/sqrt(k!)."""
    u, slope = math.sqrt(2) * mean / math.sqrt(1 + 2 * variance), math.sqrt(2 / (1 + 2 * variance))
    if order == 0:
        return float(_erf(u / math.sqrt(2)))
    hermite = hermite_normalised(order - 1, np.asarray(u)) * math.sqrt(math.factorial(order - 1))
    derivative = 2 * norm.pdf(u) * slope**order * (-1) ** (order - 1) * hermite
    return float(variance ** (order / 2) * derivative / math.sqrt(math.factorial(order)))


def relu_moment(mean: float, variance: float, order: int) -> float:
    """Psi_k for relu, from E relu = a Phi(u) + s N(u), u = a/s, s = sqrt(v)."""
    s = math.sqrt(variance)
    u = mean / s
    if order == 0:
        return float(mean * norm.cdf(u) + s * norm.pdf(u))
    if order == 1:
        return float(s * norm.cdf(u))
    hermite = hermite_normalised(order - 2, np.asarray(u)) * math.sqrt(math.factorial(order - 2))
    derivative = (-1) ** order * hermite * norm.pdf(u) / s ** (order - 1)
    return float(variance ** (order / 2) * derivative / math.sqrt(math.factorial(order)))


def relu_second_moment(mean: float, variance: float) -> float:
    """E relu^2 = (a^2 + v) Phi(u) + a s N(u)."""
    s = math.sqrt(variance)
    return float((mean**2 + variance) * norm.cdf(mean / s) + mean * s * norm.pdf(mean / s))
