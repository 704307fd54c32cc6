"""Isolated eigenvalues of p U beside the bulk.

Extensive centroids, or an activation with an even part, give the features class means.  With the
K(1 + r) functions of a neuron

    alpha_c sqrt(p)            of weight omega_c/(1 + delta_c)
    b_c x_j sqrt(psi_p)        of weight omega_c kappa_c,    x_j coordinates along the centroids,

the outliers solve det(1 + C(z)) = 0, C_ab = sqrt(w_a w_b) E_m[v_a v_b g(m; z)].  To leading order
they are p times the eigenvalues of sqrt(omega_c omega_c') E_m[alpha_c alpha_c'].

Centroids whose norm is of order one, P_c their coordinates, in a problem without extensive ones and
with an odd activation, have outliers at

    det( 1 + psi_p g(z) sum_c omega_c b_c^2 [kappa_c 1 + e^(-2t) P_c P_c^T/(1 + delta_c)] ) = 0

if a root lies above the upper edge.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike

from diffjax.asymptotics.constants import is_odd
from diffjax.asymptotics.deterministic_equivalent import resolvent_of
from diffjax.asymptotics.ensemble import Ensemble, make_ensemble
from diffjax.asymptotics.problem import AsymptoticProblem, resolved
from diffjax.asymptotics.spectrum.continuum import spread_out
from diffjax.asymptotics.spectrum.edges import find_support
from diffjax.asymptotics.spectrum.gaps import CHUNK, solved_points
from diffjax.asymptotics.spectrum.newton import unpacked
from diffjax.errors import InputError
from diffjax.validation import check_finite, check_scalar, float_leaf

BISECTIONS = 4
ABOVE_EDGE = 1e-6


class _RealState(NamedTuple):
    """The solution at real points above the bulk; host arrays."""

    shrink: np.ndarray
    kappa: np.ndarray
    green: np.ndarray


def spike_outliers(problem: AsymptoticProblem, num_features: float) -> np.ndarray:
    """(O,) eigenvalues above the bulk that class means cause, largest first.

    There are at least K entries; nan stands for a spike that is predicted inside the bulk.

    Args:
        problem: an `AsymptoticProblem`.
        num_features: p, which the spikes are proportional to.

    Raises:
        InputError: p is not positive.

    Example:
        >>> mixture = dj.two_classes((1.2, 0.8), 1.0, imbalance_ratio=0.5, cosine=0.2)
        >>> problem = dj.AsymptoticProblem(mixture, 4.0, 2.0, 0.1)
        >>> spike_outliers(problem, 10000).round(1).tolist()    # doctest: +SKIP
        [1147.8, 391.9]
    """
    check_scalar("num_features", num_features, "> 0", low=0.0, strict=True)
    ensemble = _ensemble(problem)
    functions = _spike_functions(ensemble, problem, float(num_features))
    weights, neurons = np.asarray(ensemble.weights), np.asarray(ensemble.neurons.weights)
    rank = functions.shape[1]

    def matrices(state: _RealState) -> np.ndarray:
        means = weights[:, None] * state.shrink
        slopes = weights[:, None] * state.kappa
        scale = np.sqrt(np.stack([means] + [slopes] * (rank - 1), axis=1))
        flat = functions.reshape(-1, functions.shape[-1])
        inner = np.einsum("aq,bq,q,qz->zab", flat, flat, neurons, state.green, optimize=True)
        scale = scale.reshape(flat.shape[0], -1).T
        return scale[:, :, None] * scale[:, None, :] * inner

    bound = float(num_features) * np.sum(weights[:, None] * functions[:, 0] ** 2 @ neurons[:, None])
    return _padded(_roots(ensemble, matrices, bound / float(num_features)), weights.size)


def centroid_outliers(problem: AsymptoticProblem, centroids: ArrayLike) -> np.ndarray:
    """(r,) eigenvalues that centroids of order one send out of the bulk; nan where they do not.

    Args:
        problem: without extensive centroids or biases and with an odd activation.
        centroids: (K, r) coordinates of the centroids themselves, |mu_c| of order one.

    Raises:
        InputError: the problem has extensive centroids or an even part, or a wrong shape.

    Example:
        >>> mixture = dj.GaussianMixture([1.0, 1.0], [0.5, 0.5])
        >>> problem = dj.AsymptoticProblem(mixture, 8.0, 4.0, 0.1)
        >>> found = centroid_outliers(problem, [[12**0.5], [-(12**0.5)]])   # doctest: +SKIP
        >>> found.round(1).tolist()                                         # doctest: +SKIP
        [32.9]
    """
    ensemble = _ensemble(problem)
    places = np.asarray(float_leaf(centroids, "centroids"))
    if bool(spread_out(ensemble)) or not is_odd(problem.activation):
        raise InputError(
            "the problem has extensive centroids, biases or an activation that is not odd",
            "centroid_gram zero, bias_std 0 and an odd activation",
            "pass num_features for the spikes of extensive centroids",
        )
    if places.ndim != 2 or places.shape[0] != ensemble.num_classes:
        raise InputError(
            f"centroids have shape {places.shape}", f"({ensemble.num_classes}, r)", "one row each"
        )
    check_finite("centroids", places)
    slope = np.asarray(ensemble.constants.slope)[:, 0]
    weights = np.asarray(ensemble.weights) * slope**2
    decay = float(np.exp(-2.0 * np.asarray(problem.diffusion_time)))
    outer = decay * np.einsum("cj,ck->cjk", places, places)
    psi_p, rank = float(ensemble.features_per_dim), places.shape[1]

    def matrices(state: _RealState) -> np.ndarray:
        plain = (weights @ state.kappa)[:, None, None] * np.eye(rank)
        tilted = np.einsum("c,cz,cjk->zjk", weights, state.shrink, outer)
        return psi_p * state.green[0][:, None, None] * (plain + tilted)

    bound = psi_p * float(weights @ np.trace(outer, axis1=1, axis2=2))
    return _padded(_roots(ensemble, matrices, bound), rank)


def _ensemble(problem: AsymptoticProblem) -> Ensemble:
    return jax.jit(make_ensemble)(resolved(problem))


def _spike_functions(ensemble: Ensemble, problem: AsymptoticProblem, count: float) -> np.ndarray:
    """(K, 1 + r, Q) alpha_c sqrt(p), then b_c x_j sqrt(psi_p)."""
    mean, slope = np.asarray(ensemble.constants.mean), np.asarray(ensemble.constants.slope)
    along = _centroid_directions(ensemble, problem)
    means = np.sqrt(count) * mean[:, None]
    slopes = np.sqrt(float(ensemble.features_per_dim)) * slope[:, None] * along[None]
    return np.concatenate([means, slopes], axis=1)


def _centroid_directions(ensemble: Ensemble, problem: AsymptoticProblem) -> np.ndarray:
    """(r, Q) expected coordinates of a neuron's weights along the centroids, given its means.

    Without biases they are determined by the means.
    """
    decay = float(np.exp(-2.0 * np.asarray(problem.diffusion_time)))
    gram = decay * np.asarray(problem.mixture.gram)
    values, vectors = np.linalg.eigh(gram)
    kept = values > 1e-9 * max(values[-1], 1e-300)
    factor = vectors[:, kept] * np.sqrt(values[kept])
    covariance = gram + float(np.asarray(problem.bias_std)) ** 2
    return factor.T @ np.linalg.pinv(covariance, rcond=1e-9) @ np.asarray(ensemble.neurons.means)


def _roots(
    ensemble: Ensemble, matrices: Callable[[_RealState], np.ndarray], bound: float
) -> np.ndarray:
    """All z above the bulk where an eigenvalue of 1 + C(z) passes through zero."""
    edge = float(np.nanmax(find_support(ensemble).upper)) * (1.0 + ABOVE_EDGE)
    grid = np.geomspace(edge, 4.0 * (edge + bound), CHUNK)
    values = _eigenvalues(ensemble, matrices, grid)
    roots = [
        _refined(ensemble, matrices, float(grid[cell]), float(grid[cell + 1]), int(column))
        for cell, column in np.argwhere((values[:-1] < 0) & (values[1:] >= 0)).tolist()
    ]
    return np.sort(np.asarray(roots))[::-1]


def _refined(ensemble: Ensemble, matrices: Callable, low: float, high: float, column: int) -> float:
    for _ in range(BISECTIONS):
        grid = np.geomspace(low, high, CHUNK)
        values = _eigenvalues(ensemble, matrices, grid)[:, column]
        cell = int(np.argmax(values >= 0))
        low, high = grid[cell - 1], grid[cell]
    return float(np.sqrt(low * high))


def _eigenvalues(ensemble: Ensemble, matrices: Callable, grid: np.ndarray) -> np.ndarray:
    """(z, n) ascending eigenvalues of 1 + C."""
    found = matrices(_state(ensemble, grid))
    return np.linalg.eigvalsh(np.eye(found.shape[-1]) + found)


def _state(ensemble: Ensemble, grid: np.ndarray) -> _RealState:
    values = np.asarray(solved_points(ensemble, grid).values)
    shrink, green = _resolvent(ensemble, grid, values)
    signals = np.asarray(ensemble.signals) @ np.asarray(ensemble.shares)
    kappa = signals[:, None] * np.asarray(shrink) + float(ensemble.noise)
    return _RealState(np.asarray(shrink), kappa, np.asarray(green))


@jax.jit
def _resolvent(ensemble: Ensemble, grid, values):
    """Real 1/(1 + delta) and g."""
    unknowns = unpacked(values.astype(complex), ensemble.num_classes)
    green = resolvent_of(ensemble, grid.astype(complex), unknowns).green
    return 1.0 / (1.0 + unknowns.delta.real), green.real


def _padded(roots: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([roots, np.full(max(0, size - roots.size), np.nan)])
