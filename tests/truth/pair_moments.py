"""E phi(h_1) phi(h_2) of many Gaussian pairs by iterated quadrature, without any series.

The outer variable runs over Gauss-Legendre panels that crowd around the place where the activation
bends; the inner average is a closed form for erf and relu and a second quadrature for tanh.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.polynomial.legendre import leggauss
from scipy.special import erf, ndtr

_NODES, _WEIGHTS = leggauss(8)
_REACH = 9.0
_BLOCK = 16


class Law(NamedTuple):
    """An activation with its Gaussian average: value(x), mean(m, s) = E value(m + s g)."""

    value: Callable[[np.ndarray], np.ndarray]
    mean: Callable[[np.ndarray, np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _density(g):
    return np.exp(-0.5 * g**2) / np.sqrt(2 * np.pi)


def panels(centre: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes g and weights of E f(g) for every f that bends at `centre` over a length `width`."""
    centre, width = np.atleast_1d(centre), np.atleast_1d(width)
    steps = np.concatenate([[0.5, 1.0, 1.5, 2.25], 3.0 * 1.6 ** np.arange(14)])
    steps = np.concatenate([-steps[::-1], [0.0], steps])
    near = centre[:, None] + width[:, None] * steps
    fixed = np.broadcast_to(np.linspace(-_REACH, _REACH, 25), (len(centre), 25))
    edges = np.sort(np.clip(np.concatenate([near, fixed], axis=1), -_REACH, _REACH), axis=1)
    half = 0.5 * np.diff(edges, axis=1)[..., None]
    nodes = edges[:, :-1, None] + half * (1 + _NODES)
    weights = half * _WEIGHTS * _density(nodes)
    return nodes.reshape(len(centre), -1), weights.reshape(len(centre), -1)


def _rule(mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return panels(-mean / std, 1.0 / std)


_HERMITE_NODES, _HERMITE_WEIGHTS = hermegauss(90)


def _tanh_mean(mean, std):
    mean, std = np.broadcast_arrays(mean, std)
    if std.max() < 1.5:  # poles of tanh are far enough for the rule of Gauss and Hermite
        values = np.tanh(mean[..., None] + std[..., None] * _HERMITE_NODES)
        return values @ _HERMITE_WEIGHTS / np.sqrt(2 * np.pi)
    flat_mean, flat_std = mean.ravel(), std.ravel()
    out = np.empty(flat_mean.size)
    for start in range(0, flat_mean.size, 4096):
        rows = slice(start, start + 4096)
        g, w = _rule(flat_mean[rows], np.maximum(flat_std[rows], 1e-12))
        out[rows] = np.sum(w * np.tanh(flat_mean[rows, None] + flat_std[rows, None] * g), axis=1)
    return out.reshape(mean.shape)


def _tanh_slope(mean, std):
    g, w = _rule(mean, std)
    return np.sum(w / np.cosh(np.clip(mean[:, None] + std[:, None] * g, -300, 300)) ** 2, axis=1)


LAWS = {
    "tanh": Law(np.tanh, _tanh_mean, _tanh_slope),
    "erf": Law(
        erf,
        lambda m, s: erf(m / np.sqrt(1 + 2 * s**2)),
        lambda m, s: 2 / np.sqrt(np.pi * (1 + 2 * s**2)) * np.exp(-(m**2) / (1 + 2 * s**2)),
    ),
    "relu": Law(
        lambda x: np.maximum(x, 0.0),
        lambda m, s: m * ndtr(m / np.maximum(s, 1e-300)) + s * _density(m / np.maximum(s, 1e-300)),
        lambda m, s: ndtr(m / s),
    ),
}


def second_moments(name: str, means: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(p, p) E phi phi^T of a Gaussian with means (p,) and covariance (p, p)."""
    law, std = LAWS[name], np.sqrt(np.diag(covariance))
    first, second = np.tril_indices(len(means), -1)
    r = np.clip(covariance[first, second] / (std[first] * std[second]), -1.0, 1.0)
    values = np.empty(len(first))
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        i, j = first[rows], second[rows]
        g, w = _rule(means[i], std[i])
        inner_mean = means[j, None] + std[j, None] * r[rows, None] * g
        inner_std = (std[j] * np.sqrt(1.0 - r[rows] ** 2))[:, None]
        outer = law.value(means[i, None] + std[i, None] * g)
        values[rows] = np.sum(w * outer * law.mean(inner_mean, inner_std), axis=1)
    out = np.zeros_like(covariance)
    out[first, second] = out[second, first] = values
    g, w = _rule(means, std)
    np.fill_diagonal(out, np.sum(w * law.value(means[:, None] + std[:, None] * g) ** 2, axis=1))
    return out


def mean_slopes(name: str, means: np.ndarray, std: np.ndarray) -> np.ndarray:
    """(p,) E phi'."""
    return LAWS[name].slope(means, std)
