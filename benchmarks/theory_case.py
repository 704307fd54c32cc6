"""The high-dimensional theory: points per second of phase diagrams, and the cost of one point.

    python -m benchmarks.theory_case [--quick] [--json FILE]

Before anything is timed the curves are compared with those of finer quadratures and with the exact
engine at finite size.  Sweeps run through the engine on two host devices, as a user's do.
"""

import dataclasses
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.standalone import Disagreement, run

FINER = 1e-4
FINITE_SIZE = 0.15
MAP_SECONDS = 60.0
MAP_POINTS = 10_000
CENTROIDS = {0: (0.0, -1.0), 1: (1.0, -1.0), 2: (1.0, 0.0)}
"""Rank of the centroids' Gram matrix to their distance and the cosine between them."""


def problem(rank: int) -> Any:
    """Two classes with centroids of a rank, at psi_p = 8, psi_n = 4, t = 0.1."""
    from diffjax.asymptotics.options import TheoryOptions
    from diffjax.asymptotics.problem import AsymptoticProblem
    from diffjax.mixture import two_classes

    distance, cosine = CENTROIDS[rank]
    mixture = two_classes((1.5, 1.0), distance, 0.4, cosine=cosine)
    options = TheoryOptions(centroid_rank=rank)
    return AsymptoticProblem(mixture, 8.0, 4.0, diffusion_time=0.1, theory_options=options)


def checks(rank: int, quick: bool) -> list:
    """Differences of the curves from finer quadratures and from finite size."""
    import jax.numpy as jnp

    from benchmarks.report import agreement
    from diffjax.asymptotics.model import asymptotic_dynamics

    point, case = problem(rank), f"theory rank {rank}"
    options = dataclasses.replace(
        point.theory_options, contour_nodes=64, centroid_nodes=48 if rank else None
    )
    finer = asymptotic_dynamics(dataclasses.replace(point, theory_options=options))
    found = asymptotic_dynamics(point)
    rows = []
    for split in ("train_loss", "test_loss"):
        ours, other = getattr(found, split), getattr(finer, split)
        difference = float(jnp.max(jnp.abs(ours - other) / jnp.maximum(1.0, other)))
        rows.append(agreement(case, f"{split} against finer quadratures", difference))
        if difference > FINER:
            raise Disagreement(f"rank {rank}: {split} moves by {difference:.1e} with the nodes")
    dim = 24 if quick else 64
    finite = _finite_size(point, found, dim)
    rows.append(agreement(case, f"curves against d={dim}, 4 draws", finite))
    if rows[-1].value > FINITE_SIZE:
        raise Disagreement(f"rank {rank}: curves are {rows[-1].value:.2f} from finite size")
    return rows


def _finite_size(point: Any, found: Any, dim: int) -> float:
    """Largest difference from the mean of some draws, relative to max(1, loss)."""
    import jax.numpy as jnp

    from diffjax.random_features.model import gradient_flow
    from diffjax.random_features.problem import RandomFeatureProblem

    curves = [
        gradient_flow(
            RandomFeatureProblem(
                point.mixture, dim, 8 * dim, 4 * dim, point.diffusion_time,
                training_times=found.training_times, seed=seed,
            )
        )
        for seed in range(4)
    ]  # fmt: skip
    worst = 0.0
    for split in ("train_loss", "test_loss"):
        mean = sum(getattr(curve, split) for curve in curves) / len(curves)
        difference = jnp.abs(mean - getattr(found, split)) / jnp.maximum(1.0, mean)
        # the mean direction of far centroids relaxes on a time 1/d that the limit leaves out
        late = found.training_times > 1.0
        worst = max(worst, float(jnp.max(jnp.where(late[None], difference, 0.0))))
    return worst


def sweep_rows(rank: int, side: int) -> list:
    """side x side points over imbalance and std ratio through the engine, on two devices."""
    import numpy as np

    from benchmarks.report import Row, below
    from diffjax.asymptotics.model import asymptotic_dynamics
    from diffjax.status import FAILURES
    from diffjax.sweep.run import sweep

    over = {
        "imbalance_ratio": np.geomspace(1 / 9, 9.0, side),
        "stds[0]": np.linspace(0.7, 2.0, side),
    }
    start, cpu = time.perf_counter(), time.process_time()
    dataset = sweep(asymptotic_dynamics, problem(rank), over)
    wall, used = time.perf_counter() - start, time.process_time() - cpu
    if np.isin(dataset["status"], [int(s) for s in FAILURES]).any():
        raise Disagreement("points of the sweep failed")
    case, points = f"theory sweep rank {rank}, {side}x{side}", side**2
    rows = [
        Row(case, "wall seconds, compilation included", wall, "s"),
        Row(case, "points per second, wall", points / wall, "1/s"),
        Row(case, "CPU per point, compilation included", 1e3 * used / points, "ms"),
    ]
    if points == MAP_POINTS and rank == 1:
        note = "half the CPU seconds, compilation included"
        rows.append(below(case, "10^4 points on two cores", used / 2, MAP_SECONDS, note=note))
    return rows


def point_rows(rank: int, rounds: int) -> list:
    """Compiling and computing one point on one core, and the screening of the same point."""
    from benchmarks.report import Row, measured
    from diffjax.asymptotics.dynamics import theory_dynamics
    from diffjax.asymptotics.screening import screened

    point, case = problem(rank), f"theory rank {rank}, one point"
    programs = {
        "curves and times": theory_dynamics,
        "screening": screened,
    }
    rows = []
    for name, function in programs.items():
        compiling, computing = _measured(function, point, rounds)
        rows.append(Row(case, f"{name}, compile", compiling, "CPU-s"))
        rows.append(measured(case, f"{name}, compute", [1e3 * s for s in computing], "CPU-ms"))
    return rows


def _measured(function: Callable, point: Any, rounds: int) -> tuple[float, list[float]]:
    """CPU seconds of compilation, and in every round of one of 64 points in a compiled loop."""
    import jax
    import jax.numpy as jnp

    batch = jax.tree.map(lambda leaf: jnp.stack([jnp.asarray(leaf)] * 64), point)
    start = time.process_time()
    compiled = jax.jit(lambda problems: jax.lax.map(function, problems)).lower(batch).compile()
    compiling = time.process_time() - start
    jax.block_until_ready(compiled(batch))
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        jax.block_until_ready(compiled(batch))
        seconds.append((time.process_time() - start) / 64)
    return compiling, seconds


def measure(quick: bool) -> list:
    """All rows: checks, one point and sweeps per rank; one rank if it is quick."""
    rows = []
    for rank in (1,) if quick else CENTROIDS:
        rows += checks(rank, quick)
        rows += point_rows(rank, rounds=2 if quick else 5)
        rows += sweep_rows(rank, 4 if quick else (100 if rank == 1 else 32))
    return rows


if __name__ == "__main__":
    sys.exit(run("benchmarks.theory_case", __doc__, measure, devices=2))
