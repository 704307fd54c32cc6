"""Masses of the limiting spectrum against the resolvent equations, solved far from the real axis.

With m(z) = E_m g the mass below lambda is 1/2 - (1/pi) int_0^inf Re m(lambda + i y) dy.  The
constants, the quadrature over centroids and the solution (plain damped iteration, from large y
down) are written from the equations and share no code with the package.
"""

import numpy as np

import diffjax as dj
from tests.truth.pair_moments import LAWS, panels
from tests.truth.theory import Arguments
from tests.truth.trial import CENSORED, Finding

TOLERANCE = 2e-3
"""Of a mass; the package promises that masses sum to one within 1e-3."""

SHARES = (0.15, 0.5, 0.85, 0.98)
HEIGHTS = 130


def check(arguments: Arguments) -> Finding:
    """Masses below a few quantiles of the package's own spectrum."""
    found = dj.spectrum(arguments.problem)
    if int(found.status) not in CENSORED:
        return Finding(int(found.status), 0.0)
    error, what = 0.0, ""
    lam = np.asarray(found.resolved.eigenvalues)
    mass = np.asarray(found.resolved.cumulative)
    density = np.asarray(found.resolved.density)
    fine, coarse = Equations(arguments), Equations(arguments, every=2)
    for share in SHARES:
        place = _beside_atoms(lam, int(np.searchsorted(mass, share)), found.atom_locations)
        right = fine.mass_below(lam[place])
        unsure = abs(right - coarse.mass_below(lam[place]))  # one near-atom per node
        off = max(abs(mass[place] - right) - unsure, 0.0) / TOLERANCE
        if off > error:
            error, what = off, f"mass below {lam[place]:.6g} {mass[place]:.5f}, not {right:.5f}"
    total = np.trapezoid(density, lam) + np.sum(found.atom_masses)
    if abs(total - 1.0) / 5e-3 > error:
        error, what = abs(total - 1.0) / 5e-3, f"integral {total:.5f}, not 1"
    return Finding(int(found.status), error, what)


def _beside_atoms(lam: np.ndarray, place: int, atoms: np.ndarray) -> int:
    """The next place that is no atom, where the mass jumps."""
    place = int(np.clip(place, 1, len(lam) - 2))
    while place < len(lam) - 2 and np.any(np.abs(lam[place] / atoms - 1.0) < 1e-5):
        place += 1
    return place


class Equations:
    """The K + K(K+1)/2 equations of a problem with centroids of rank at most two.

    Letters: a, b the mean of the activation and of its slope; gamma^2, s^2 its sample and residual
    variances; rho the shares; e = exp(-t), D = 1 - e^2.
    """

    def __init__(self, arguments: Arguments, every: int = 1):
        drawn, name = arguments.drawn, arguments.activation
        self.psi_p, self.psi_n = arguments.features, arguments.samples
        self.rho, self.variance = np.array(drawn.weights), np.array(drawn.stds) ** 2
        self.e2 = np.exp(-2 * arguments.time)
        self.noise = 1.0 - self.e2
        gram = self.e2 * drawn.centroids @ drawn.centroids.T + arguments.bias**2
        self.node_weights, nodes = _gaussian_nodes(gram, every)
        law = LAWS[name]
        total = self.e2 * self.variance + self.noise
        parts = [_constants(law, nodes[:, c], total[c], self.noise) for c in range(len(total))]
        mean, slope, fixed, second = (np.array(part) for part in zip(*parts, strict=True))
        self.slope = slope
        self.gamma2 = np.maximum(fixed - mean**2 - self.e2 * self.variance[:, None] * slope**2, 0.0)
        self.s2 = np.maximum(second - fixed - self.noise * slope**2, 0.0)

    def mass_below(self, lam: float) -> float:
        """Share of the eigenvalues below lambda."""
        heights = lam * np.geomspace(1e7, 1e-6, HEIGHTS)
        size = len(self.rho)
        state = (np.zeros(size, complex), np.zeros((size, size), complex))
        values = []
        for y in heights:
            state, m = self._solve(lam + 1j * y, state)
            values.append(m.real)
        values = np.array(values)
        # int Re m dy in the logarithm of y, with the tail -y/(...) ~ 1/y^2 closed beyond the ends
        body = np.trapezoid((values * heights)[::-1], np.log(heights[::-1]))
        return float(0.5 - (body + values[-1] * heights[-1]) / np.pi)

    def _solve(self, z: complex, state: tuple, steps: int = 20_000):
        delta, h = state
        for _ in range(steps):
            new_delta, new_h, m = self._step(z, delta, h)
            change = max(
                np.max(np.abs(new_delta - delta) / (1e-12 + np.abs(new_delta))),
                np.max(np.abs(new_h - h)) / (1e-300 + np.max(np.abs(new_h))),
            )
            delta, h = 0.5 * (delta + new_delta), 0.5 * (h + new_h)
            if change < 1e-6:
                break
        return (delta, h), m

    def _step(self, z: complex, delta: np.ndarray, h: np.ndarray):
        rho, size = self.rho, len(self.rho)
        kappa = self.e2 * self.variance / (1 + delta) + self.noise
        inner = np.linalg.inv(np.eye(size) + (rho * kappa)[:, None] * h)
        coupling = inner * (rho * kappa)[None, :]
        response = h @ inner
        bilinear = np.einsum("cm,cd,dm->m", self.slope, coupling, self.slope)
        diagonal = rho @ (self.gamma2 / (1 + delta)[:, None] + self.s2)
        g = self.node_weights / (diagonal - z + bilinear)
        new_h = self.psi_p * np.einsum("cm,dm,m->cd", self.slope, self.slope, g)
        own = self.e2 * self.variance * np.diag(response) + self.psi_p * self.gamma2 @ g
        return own / self.psi_n, new_h, g.sum()


def _gaussian_nodes(gram: np.ndarray, every: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (M,) and nodes (M, K) of a Gaussian with this covariance, of rank at most two."""
    values, vectors = np.linalg.eigh(gram)
    keep = values > 1e-12 * max(values[-1], 1e-12)
    root = vectors[:, keep] * np.sqrt(values[keep])
    if not keep.any():
        return np.ones(1), np.zeros((1, len(gram)))
    count = 1401 if keep.sum() == 1 else 101
    line = np.linspace(-7.0, 7.0, count)[::every]
    weight = np.exp(-0.5 * line**2)
    grids = np.meshgrid(*[line] * int(keep.sum()), indexing="ij")
    weights = np.prod(np.meshgrid(*[weight] * int(keep.sum()), indexing="ij"), axis=0).ravel()
    nodes = np.stack([g.ravel() for g in grids], axis=1) @ root.T
    return weights / weights.sum(), nodes


def _constants(law, means: np.ndarray, total: float, noise: float):
    """E phi, E phi', E (E_noise phi)^2 and E phi^2 of one class at every node."""
    std, sample = np.sqrt(total), np.sqrt(max(total - noise, 0.0))
    g, w = panels(-means / std, np.full_like(means, 1.0 / std))
    second = np.sum(w * law.value(means[:, None] + std * g) ** 2, axis=1)
    width = np.sqrt(noise + 0.3) / max(sample, 1e-12)
    g, w = panels(-means / max(sample, 1e-12), np.full_like(means, min(width, 1.0)))
    smooth = law.mean(means[:, None] + sample * g, np.full_like(g, np.sqrt(noise)))
    mean = law.mean(means, np.full_like(means, std))
    return mean, law.slope(means, np.full_like(means, std)), np.sum(w * smooth**2, axis=1), second
