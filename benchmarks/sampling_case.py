"""Sampling a trained random-features model: share of the processor's matrix-product speed.

    python -m benchmarks.sampling_case [--quick] [--json FILE]

One core.  The work that counts is that of the two matrix products per step, 4 p d operations per
sample; hidden activations and noise are overhead.  The same loop in NumPy is the contender, and its
samples along the probability flow are compared before anything is timed.
"""

import os
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from benchmarks.standalone import Disagreement, run

AGREEMENT = 1e-2
"""Largest difference of 32-bit samples; they are of order one to five."""


class Case(NamedTuple):
    """Sizes of one run."""

    dim: int
    num_features: int
    num_samples: int
    num_steps: int
    num_generated: int
    rounds: int

    @property
    def label(self) -> str:
        """For the table."""
        return f"{self.num_generated} samples d={self.dim} p={self.num_features}"

    @property
    def product_operations(self) -> float:
        """Floating-point operations of all matrix products."""
        return 4.0 * self.num_features * self.dim * self.num_generated * self.num_steps


FULL = Case(64, 512, 256, 200, 10_000, 5)
QUICK = Case(8, 64, 16, 20, 500, 2)


class Contenders:
    """A model trained at every step's diffusion time, and two loops that sample it."""

    def __init__(self, case: Case):
        import jax
        import numpy as np

        from diffjax.mixture import two_classes
        from diffjax.random_features.generator import generate, readout_grid
        from diffjax.random_features.generator_problem import GeneratorProblem

        problem = GeneratorProblem(
            two_classes(stds=(1.5, 1.0), distance=8.0**0.5), case.dim, case.num_features,
            case.num_samples, training_times=[10.0, 1e4], num_diffusion_times=case.num_steps,
        )  # fmt: skip
        trained = jax.jit(readout_grid)(problem)
        self.case, self.key = case, jax.random.key(0)
        self.grid = trained._replace(readouts=trained.readouts[:, 1:])
        self.compiled = jax.jit(
            lambda grid, key: generate(grid, problem.activation, case.num_generated, key)
        )
        self.host = tuple(
            np.asarray(leaf, np.float32)
            for leaf in (
                self.grid.features.weights.T / np.sqrt(case.dim),
                self.grid.features.biases,
                self.grid.readouts[:, 0].swapaxes(1, 2),
                self.grid.diffusion_times,
            )
        )

    def ours(self):
        """(samples, d) by the compiled loop."""
        return self.compiled(self.grid, self.key).block_until_ready()[0]

    def theirs(self, sampler: str = "sde", start=None):
        """(samples, d) by the same steps in NumPy."""
        import numpy as np

        directions, biases, readouts, times = self.host
        draws = np.random.default_rng(0)
        shape = self.case.num_generated, self.case.dim
        x = draws.standard_normal(shape, np.float32) if start is None else start
        for here, ahead, readout in zip(times, [*times[1:], np.float32(0)], readouts, strict=True):
            before, after = -np.expm1(-2 * here), -np.expm1(-2 * ahead)
            score = np.tanh(x @ directions + biases) @ readout
            growth = np.exp(here - ahead)
            if sampler == "ode" and ahead > 0:
                x = growth * x + (before * growth - np.sqrt(before * after)) * score
                continue
            x = growth * x + 2 * np.sinh(here - ahead) * score
            if ahead > 0:
                spread = np.sqrt(-after * np.expm1(-2 * (here - ahead)) / before)
                x += spread * draws.standard_normal(shape, np.float32)
        return x


def check(contenders: Contenders) -> float:
    """Largest difference between the loops along the probability flow from equal starts."""
    import jax
    import numpy as np

    from diffjax.numerics.activations import resolve_activation
    from diffjax.random_features.generator import trained_score
    from diffjax.samplers import run_backward

    start = np.random.default_rng(1).standard_normal(
        (contenders.case.num_generated, contenders.case.dim), np.float32
    )
    grid = contenders.grid
    features = jax.tree.map(lambda leaf: leaf.astype("float32"), grid.features)
    score = trained_score(features, resolve_activation("tanh"))
    found = run_backward(
        score, jax.numpy.asarray(start), grid.diffusion_times.astype("float32"), method="ddim",
        step_inputs=grid.readouts[:, 0],
    )  # fmt: skip
    difference = np.abs(np.asarray(found) - contenders.theirs("ode", start)).max()
    if not difference < AGREEMENT:
        raise Disagreement(f"samples differ by {difference:.2g}")
    return float(difference)


def rows_of(case: Case) -> list:
    """Agreement, seconds, speed and share of the peak."""
    from benchmarks.report import Row, agreement, measured

    contenders = Contenders(case)
    difference = check(contenders)
    peak = product_speed(512)
    ours, theirs = [], []
    contenders.ours()
    for _ in range(case.rounds):
        ours.append(cpu_seconds(contenders.ours))
        theirs.append(cpu_seconds(contenders.theirs))
    speeds = [case.product_operations / seconds / 1e9 for seconds in ours]
    note = f"{case.num_steps} steps, 32 bits, one core"
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    return [
        agreement(case.label, "largest difference from NumPy", difference),
        measured(case.label, "seconds", ours, "s", note=note),
        measured(case.label, "NumPy, seconds", theirs, "s"),
        measured(case.label, "speed-up over NumPy", ratios),
        measured(case.label, "matrix products of the loop", speeds, "GF/s"),
        Row(case.label, "one matrix product, 512 cubed", peak, "GF/s"),
        measured(case.label, "share of the matrix-product speed", [s / peak for s in speeds]),
    ]


def product_speed(size: int) -> float:
    """10^9 operations per second of one 32-bit matrix product."""
    import jax
    import jax.numpy as jnp

    square = jnp.ones((size, size), jnp.float32)
    product = jax.jit(lambda a: a @ a)
    product(square).block_until_ready()
    seconds = median(cpu_seconds(lambda: product(square).block_until_ready()) for _ in range(31))
    return 2.0 * size**3 / seconds / 1e9


def cpu_seconds(call: Callable) -> float:
    """CPU seconds of one call: other load does not count."""
    start = time.process_time()
    call()
    return time.process_time() - start


def measure(quick: bool) -> list:
    """All rows, on one core."""
    # before JAX starts its thread pool, which sizes itself by the affinity
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return rows_of(QUICK if quick else FULL)


if __name__ == "__main__":
    sys.exit(run("benchmarks.sampling_case", __doc__, measure, devices=1))
