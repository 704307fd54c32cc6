"""The limiting spectrum against a SciPy root solve per eigenvalue, from the same equations.

    python -m benchmarks.spectrum_case [--quick] [--json FILE]

The densities are compared before the solver is timed, with the part of an atom left out on both
sides.  With --quick the root solves run on every 40th eigenvalue only and their time is scaled,
although their warm starts then lie farther apart.
"""

import sys
import time

from benchmarks.standalone import Disagreement, run
from benchmarks.timing import least_cpu_seconds

NUM_EIGENVALUES = 400
SPEEDUP = 100.0
AGREEMENT = 1e-6


def cases() -> dict:
    """One class, two classes at the origin, collinear and independent centroids."""
    from diffjax.asymptotics.problem import AsymptoticProblem
    from diffjax.mixture import GaussianMixture, two_classes

    def pair(cosine: float):
        return two_classes((1.4, 0.7), distance=1.5, imbalance_ratio=0.4, cosine=cosine)

    return {
        "K=1": AsymptoticProblem(GaussianMixture([1.0], [1.0]), 64.0, 8.0, 0.01),
        "K=2 rank 0": AsymptoticProblem(GaussianMixture([0.5, 2.0], [0.5, 0.5]), 64.0, 4.0, 0.01),
        "K=2 rank 1": AsymptoticProblem(pair(-1.0), 8.0, 4.0, 0.1),
        "K=2 rank 2": AsymptoticProblem(pair(0.3), 8.0, 4.0, 0.1),
    }


def peer_of(ensemble):
    """The same numbers for the root solver."""
    import numpy as np

    from benchmarks.peers.saddle_points import SaddlePoints

    weights, emphasis = np.asarray(ensemble.weights), np.asarray(ensemble.emphasis)
    return SaddlePoints(
        features_per_dim=float(ensemble.features_per_dim),
        samples_per_dim=float(ensemble.samples_per_dim),
        noise=float(ensemble.noise),
        weights=weights,
        shares=weights / emphasis,
        signals=np.asarray(ensemble.signals)[:, 0],
        slope=np.asarray(ensemble.constants.slope),
        sample_variance=np.asarray(ensemble.constants.sample_variance),
        residual=np.asarray(ensemble.residual_noise),
        neuron_weights=np.asarray(ensemble.neurons.weights),
    )


def case_rows(case: str, problem, every: int) -> list:
    """Agreement and time of one problem."""
    import jax
    import numpy as np

    from benchmarks.report import Row, against, agreement
    from diffjax.asymptotics.spectrum.atoms import atom_transform, residual_atom
    from diffjax.asymptotics.spectrum.compute import concrete_ensemble
    from diffjax.asymptotics.spectrum.density import eigenvalue_grid
    from diffjax.asymptotics.spectrum.descent import descend

    ensemble = concrete_ensemble(problem)
    grid = np.asarray(eigenvalue_grid(ensemble, NUM_EIGENVALUES))
    solve = jax.jit(lambda ensemble, grid: descend(ensemble, grid))
    ends = jax.block_until_ready(solve(ensemble, grid))
    found = np.imag(np.asarray(ends.stieltjes)) / np.pi
    part, peer = grid[::every], peer_of(ensemble)
    start = time.process_time()
    expected = peer.density(part)
    slow = (time.process_time() - start) * grid.size / part.size
    above = jax.numpy.asarray(part * (1.0 + 1e-8j))
    atom = np.imag(np.asarray(atom_transform(residual_atom(ensemble), above))) / np.pi
    worst = float(np.max(np.abs(expected - atom - found[::every]) * part))
    if not worst <= AGREEMENT:
        raise Disagreement(f"{case}: densities per unit of log lambda differ by {worst:.1e}")
    fast = least_cpu_seconds(lambda: jax.block_until_ready(solve(ensemble, grid)), rounds=7)
    return [
        agreement(case, "largest difference of lambda rho", worst),
        Row(case, "SciPy root solves, 400 eigenvalues", slow, "s",
            note=f"{part.size} run"),
        Row(case, "density and mass, 400 eigenvalues", fast, "s"),
        against(case, "speed-up at equal answers", slow / fast, SPEEDUP,
                note="CPU seconds; the root solves give no masses", ratio="spectrum"),
    ]  # fmt: skip


def measure(quick: bool) -> list:
    """All rows."""
    every = 40 if quick else 1
    return [row for name, point in cases().items() for row in case_rows(name, point, every)]


if __name__ == "__main__":
    sys.exit(run("benchmarks.spectrum_case", __doc__, measure, devices=1))
