"""Speciation: quadrature against d-dimensional clones, and the rate of phase maps.

    python -m benchmarks.backward_case [--quick] [--json FILE]

The clones take as many steps of second order as make their bias smaller than their scatter, and as
many of them as make the binomial error 0.01.  Answers are compared before anything is timed.
"""

import sys
import time

from benchmarks.standalone import Disagreement, run
from benchmarks.timing import least_cpu_seconds

ERROR = 0.01
STEPS = 50
CURVE_TIMES = 20
CURVE_SPEEDUP = 100.0
MAP_SECONDS = 60.0
MAP_SIDE = 100


def curve_rows(dim: int, num_clones: int, simulated_times: int) -> list:
    """One speciation curve at 20 diffusion times by quadrature and by clones."""
    import jax
    import numpy as np

    from benchmarks.report import Row, against, agreement
    from diffjax.backward.clones import simulated_clone_returns
    from diffjax.backward.cloning import cloning_probabilities
    from diffjax.mixture import two_classes

    mixture = two_classes((1.1, 1.0), distance=1.0, imbalance_ratio=0.25)
    centre = 0.5 * np.log(dim) - 0.6
    times = np.linspace(centre - 1.2, centre + 1.2, CURVE_TIMES)
    probed = times[np.linspace(4, CURVE_TIMES - 5, simulated_times).round().astype(int)]
    exact = np.asarray(cloning_probabilities(mixture, dim, probed))

    def simulate(seed: int):
        key = jax.random.key(seed)
        return [
            simulated_clone_returns(
                mixture, dim, float(t), key, num_clones=num_clones, num_times=STEPS
            )
            for t in probed
        ]

    worst = 0.0
    for expected, found in zip(exact, simulate(0), strict=True):
        error = np.asarray(found.standard_error)
        deviation = np.abs(np.asarray(found.share) - expected) / (error + 1e-3)
        worst = max(worst, float(deviation.max()))
    if worst > 4.0:
        raise Disagreement(f"clones are {worst:.1f} standard errors from the quadrature")
    whole = least_cpu_seconds(lambda: jax.block_until_ready(simulate(1)))
    slow = whole * CURVE_TIMES / simulated_times
    fast = least_cpu_seconds(
        lambda: jax.block_until_ready(cloning_probabilities(mixture, dim, times)), rounds=20
    )
    case = f"speciation curve d={dim}"
    note = f"{num_clones} clones per class, {STEPS} steps, {simulated_times} of 20 times run"
    return [
        agreement(case, "largest deviation of the clones", worst, unit="s.e."),
        Row(case, "d-dimensional clones, 20 times", slow, "s", note=note),
        Row(case, "quadrature, 20 times", fast, "s"),
        against(case, "speed-up at equal answers", slow / fast, CURVE_SPEEDUP,
                note="CPU seconds", ratio="speciation"),
    ]  # fmt: skip


def map_rows(side: int) -> list:
    """A phase map of side x side points over imbalance and distance through the engine."""
    import numpy as np

    from benchmarks.report import Row, below
    from diffjax.backward.model import speciation
    from diffjax.backward.problem import SpeciationProblem
    from diffjax.mixture import two_classes
    from diffjax.sweep.run import sweep

    problem = SpeciationProblem(
        two_classes((1.3, 1.0)), 1000, diffusion_times=[1.0, 2.0, 3.0], num_overlaps=3
    )
    over = {
        "imbalance_ratio": np.geomspace(1 / 99, 1.0, side),
        "distance": np.geomspace(0.06, 2.0, side),
    }
    start, cpu = time.perf_counter(), time.process_time()
    dataset = sweep(speciation, problem, over)
    wall, used = time.perf_counter() - start, time.process_time() - cpu
    if int(dataset["status"].max()) > 0:
        raise Disagreement("points of the phase map have no result")
    case = f"phase map {side}x{side}"
    seconds = used / 2 if side == MAP_SIDE else used / 2 * MAP_SIDE**2 / side**2
    return [
        Row(case, "wall seconds, compilation included", wall, "s"),
        Row(case, "CPU seconds per point", used / side**2, "s"),
        below(case, "10^4 points on two cores", seconds, MAP_SECONDS, note="half the CPU seconds"),
    ]


def measure(quick: bool) -> list:
    """All rows: a curve against clones, and a phase map."""
    clones = int(0.25 / ERROR**2)
    rows = curve_rows(*((64, 200, 1) if quick else (4096, clones, 2)))
    return rows + map_rows(10 if quick else MAP_SIDE)


if __name__ == "__main__":
    sys.exit(run("benchmarks.backward_case", __doc__, measure, devices=2))
