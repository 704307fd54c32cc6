"""Stable fixed points of the backward drift of two classes, counted in NumPy on a dense grid."""

import numpy as np

WIDEST = 90.0


class Counter:
    """Counts wells at one time; a side on which the drift runs away is one well."""

    def __init__(self, mixture, dim):
        self.gram, self.dim = dim * np.asarray(mixture.gram, float), dim
        self.weights = np.asarray(mixture.class_weights, float)
        self.variances = np.asarray(mixture.variances, float)
        self.rest = dim - np.linalg.matrix_rank(self.gram, tol=1e-9 * max(self.gram.max(), 1e-300))

    def mismatch(self, time, u):
        """F(u) from (q, R) of the fixed-point equations; very large where the drift runs away."""
        e2 = np.exp(-2 * time)
        noisy = 1 + e2 * (self.variances - 1)
        shares = np.stack([1 / (1 + np.exp(-u)), 1 / (1 + np.exp(u))], axis=1) / noisy
        stiffness = 2 * shares.sum(axis=1) - 1
        runs = stiffness <= 0
        stiffness = np.where(runs, 1.0, stiffness)
        a = 2 * shares / stiffness[:, None]
        q_q, q_mu = e2 * np.einsum("uk,kl,ul->u", a, self.gram, a), e2 * a @ self.gram
        away = (q_q + self.rest / stiffness)[:, None] - 2 * q_mu + e2 * np.diag(self.gram)
        log_w = np.log(self.weights) - self.dim / 2 * np.log(noisy) - away / (2 * noisy)
        outward = 1e300 if self.variances[0] > self.variances[1] else -1e300
        return np.where(runs, outward, log_w[:, 0] - log_w[:, 1] - u)

    def wells(self, time, points=6001, zooms=2):
        """Number of stable fixed points, with the extrema of F on the grid looked at closely."""
        u = np.linspace(-WIDEST, WIDEST, points)
        for _ in range(zooms):
            f = self.mismatch(time, u)
            turns = np.flatnonzero((f[1:-1] - f[:-2]) * (f[2:] - f[1:-1]) < 0) + 1
            turns = turns[np.abs(f[turns - 1]) + np.abs(f[turns + 1]) < 1e299][:8]
            near = [np.linspace(u[i - 1], u[i + 1], 401) for i in turns]
            edge = np.flatnonzero((np.abs(f[1:]) < 1e299) != (np.abs(f[:-1]) < 1e299))
            near += [np.linspace(u[i], u[i + 1], 401) for i in edge]
            u = np.unique(np.concatenate([u, *near]))
        f = self.mismatch(time, u)
        inner = ((f[:-1] > 0) & (f[1:] <= 0)).sum()
        return int(inner + (f[0] <= 0) + (f[-1] > 0))
