"""The exact engine on one device: its answers, points per second, and where the time goes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.accelerator_device import Limits, peak_gib, wall_seconds
from benchmarks.phases import stage_work
from benchmarks.report import Row

AGREEMENT = 1e-6
CURVES = ("train_loss", "test_loss", "eigenvalues")
ORDER_OF_AXES = ("imbalance_ratio", "distance", "stds[0]")
_CHAINS = 6


@dataclass
class GridTimes:
    """Wall seconds of the grids that ran, to foresee those of larger ones.

    Attributes:
        first: (p, solver) to seconds of the first run, compilation included.
        point: (p, solver) to seconds per point of a later run.
    """

    first: dict[tuple[int, str], float] = field(default_factory=dict)
    point: dict[tuple[int, str], float] = field(default_factory=dict)

    def expected(self, num_features: int, points: int, solver: str, otherwise: float) -> float:
        """Seconds that two runs of a grid will take, from the nearest smaller one, as p^3."""
        smaller = [p for p, name in self.point if name == solver and p < num_features]
        if not smaller:
            return otherwise
        near = max(smaller)
        run = self.point[near, solver] * (num_features / near) ** 3 * points
        compiling = max(0.0, self.first[near, solver] - self.point[near, solver])
        return compiling + 2.0 * run


def answer_rows(num_features: int, solvers: Sequence[str]) -> list[Row]:
    """Largest differences from the closed form in NumPy, in float64 and float32."""
    import jax
    import numpy as np

    import diffjax as dj
    from benchmarks.peers.closed_form import solve_grid
    from benchmarks.problems import problem, to_arrays

    point, case = problem(num_features, 128, imbalance_ratio=0.5), f"answers p={num_features}"
    peer = solve_grid([to_arrays(point)])[0]
    rows = []
    for solver in solvers:
        worst = _difference(dj.gradient_flow(point, solver=solver), peer)
        target = f"<= {AGREEMENT:g}"
        met = worst <= AGREEMENT
        rows.append(Row(case, f"{solver}, float64, against NumPy", worst, "", target, met))
    for solver in solvers:
        with jax.enable_x64(False):
            found = dj.gradient_flow(point, solver=solver, allow_float32=True)
            status, worst = int(found.status), _difference(found, peer)
        kappa = float(peer.eigenvalues[-1] / peer.eigenvalues[0])
        note = f"condition {kappa:.1e}, status {dj.Status(status).name}"
        rows.append(Row(case, f"{solver}, float32, against NumPy", worst, note=note))
    assert all(np.isfinite(row.value) for row in rows)
    return rows


def _difference(found: Any, peer: Any) -> float:
    """Largest difference, as a share of the largest value of the same curve."""
    import numpy as np

    worst = 0.0
    for name in CURVES:
        ours, theirs = np.asarray(getattr(found, name)), getattr(peer, name)
        scale = np.abs(theirs).max(axis=-1, keepdims=True)
        worst = max(worst, float(np.max(np.abs(ours - theirs) / scale)))
    return worst


def grid_axes(points: int, quick: bool) -> dict[str, Sequence[float]]:
    """At most that many points of the benchmark grid; the axes that share most come first."""
    from benchmarks.problems import axes

    full, chosen, total = axes(quick), {}, 1
    for name in ORDER_OF_AXES:
        values = full[name][: max(1, min(len(full[name]), points // total))]
        chosen[name] = values
        total *= len(values)
    return chosen


def grid_rows(
    num_features: int, points: int, solver: str, limits: Limits, times: GridTimes, quick: bool
) -> list[Row]:
    """A grid through the sweep engine, twice; the second time nothing is compiled."""
    import numpy as np

    import diffjax as dj
    from benchmarks.problems import problem
    from diffjax.status import FAILURES

    base, over = problem(num_features, 32 if quick else None), grid_axes(points, quick)
    options = {"solver": solver}
    planned = dj.explain(dj.gradient_flow, base, over, options=options)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        dataset = dj.sweep(dj.gradient_flow, base, over, options=options)
        seconds.append(time.perf_counter() - start)
    if np.isin(dataset["status"], [int(status) for status in FAILURES]).any():
        raise ArithmeticError("points of the grid failed")
    count = dataset["status"].size
    times.first[num_features, solver], times.point[num_features, solver] = (
        seconds[0],
        seconds[1] / count,
    )
    case = f"grid p={num_features} {solver}"
    octaves = octaves_of(base, dataset) if solver == "doubling" else 0
    flops, moved = work_of(base, count, planned.members, octaves)
    note = f"{count} points, {planned.lanes} at once, batches of {planned.batch_size}"
    rows = [
        Row(case, "points per second", count / seconds[1], "1/s", note=note),
        Row(case, "first run beyond a later one", seconds[0] - seconds[1], "s"),
        Row(case, "share of the float64 product speed", flops / limits.gemm / seconds[1]),
        Row(case, "share of the copy bandwidth", moved / limits.copy / seconds[1]),
        Row(case, "work space that was foreseen", planned.work_space / 2**30, "GiB"),
    ]
    peak = peak_gib()
    if peak is not None:
        rows.append(Row(case, "most memory in use so far", peak, "GiB"))
    return rows


def octaves_of(problem: Any, dataset: Any) -> int:
    """Doublings between the first step, 1/64 of the fastest time, and the last training time."""
    import numpy as np

    from diffjax.random_features.clock import training_times

    times = np.asarray(training_times(problem))
    rate = 2.0 * -np.expm1(-2.0 * float(problem.diffusion_time)) * problem.dim
    largest = float(dataset["eigenvalues"].max())
    last = rate / problem.num_features * float(times.max())
    return int(np.ceil(np.log2(64.0 * last * largest))) + 5


def work_of(
    problem: Any, points: int, members: Mapping[str, tuple[int, int]], octaves: int
) -> tuple[float, float]:
    """Operations and least traffic in bytes of a grid; `octaves` 0 stands for eigh.

    Symmetric products count half and eigh 9 p^3; only covariances that are computed count.
    Traffic is that of both covariances of every class, read once, and of every (p, p) result of a
    point, written and read once.
    """
    p, n, d = problem.num_features, problem.num_samples, problem.dim
    classes, times = problem.num_classes, 481
    orders = problem.covariance_options.resolve(d)
    built = members["train"][0] * p**2 * n / classes * (orders.train_order + 1)
    built += members["population"][0] * 3.0 * p**2 * (orders.population_order + 1)
    read = 2 * classes * p**2
    if octaves:
        chain = 2.0 * p**3 + 2.0 * p**2 * d + 2 * classes * 2.0 * p**2 * d
        work = octaves * _CHAINS * chain + 4.0 / 3.0 * p**3
        traffic = octaves * _CHAINS * (4 * p**2 + 3 * p * d + read)
    else:
        work = 9.0 * p**3 + (2 * classes - 1) * 3.0 * p**3 + 5.0 * p**2 * d
        work += 2 * classes * 2.0 * p**2 * times
        traffic = read + 2 * (4 + 2 * classes) * p**2
    return built + points * work, 8.0 * points * traffic


def phase_rows(num_features: int, lanes: int) -> list[Row]:
    """Seconds of every phase of a point, with the slowest named."""
    import jax
    import jax.numpy as jnp

    import diffjax as dj
    from benchmarks.problems import problem

    base, model = problem(num_features), dj.gradient_flow
    at_once = jax.default_backend() != "cpu"
    lanes = lanes if at_once else 1
    case = f"phases p={num_features}, {lanes} at once"
    seconds = {}
    work, results = stage_work(model, base)
    for name, inputs in work.items():
        stage = model.stages[name]
        some = jax.tree.map(lambda leaf: jnp.repeat(leaf[None], lanes, axis=0), inputs)
        many = jax.jit(_over(lambda one, f=stage.compute: f(*one), at_once))
        label = name if stage.needs is None else f"{name} covariance of a class"
        seconds[label] = wall_seconds(lambda f=many, m=some: f(m)) / lanes
    train = results["train"].feature
    weights = jnp.linspace(0.2, 0.8, lanes)[:, None, None]
    mixed = weights * train[:1] + (1.0 - weights) * train[1:2]
    rotated = mixed + mixed.transpose(0, 2, 1)
    programs = {
        "eigh": (_over(jnp.linalg.eigh, at_once), mixed),
        "eigenvalues only": (_over(jnp.linalg.eigvalsh, at_once), mixed),
        "three rotations": (_over(_three_rotations, at_once), rotated),
    }
    for name, (function, matrices) in programs.items():
        run = jax.jit(function)
        seconds[name] = wall_seconds(lambda f=run, m=matrices: f(m), rounds=2) / lanes
    own = {name: value for name, value in seconds.items() if name != "eigenvalues only"}
    slowest = max(own, key=own.__getitem__)
    rows = [Row(case, name, 1e3 * value, "ms") for name, value in seconds.items()]
    share = own[slowest] / sum(own.values())
    return [*rows, Row(case, "share of the slowest phase", share, note=slowest)]


def _over(function: Any, at_once: bool) -> Any:
    import jax

    return jax.vmap(function) if at_once else lambda rows: jax.lax.map(function, rows)


def _three_rotations(matrix: Any) -> Any:
    """Six products, as many as the curves of two classes need."""
    for _ in range(3):
        matrix = matrix.T @ (matrix @ matrix) / matrix.shape[0] ** 2
    return matrix
