"""The machine's own speed limits: products, eigendecomposition, copies, and starting a program.

Seconds are CPU seconds of a process pinned to one core: other load does not count.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.report import Row, measured

COPIED_NUMBERS = 2**25
"""256 MiB: more than the caches hold."""

LAUNCHES = 500
ROUNDS = 7


class Limits:
    """A job (see jobs.py) whose facts are the limits, measured now.

    Every limit is a list with one number per round: `gemm_gflops` (10^9 operations per second),
    `eigh_seconds`, and with `transport` also `copy_gb_per_s` (10^9 bytes read and written per
    second) and `launch_microseconds` (of a compiled program that adds two numbers).
    """

    def __init__(self, num_features: int, rounds: int = ROUNDS, transport: bool = False):
        self.facts: dict[str, Any] = {
            "gemm_gflops": _product_speeds(num_features, rounds),
            "eigh_seconds": _eigh_seconds(num_features, rounds),
        }
        if transport:
            self.facts["copy_gb_per_s"] = copy_speeds(rounds)
            self.facts["launch_microseconds"] = {"jit": launch_microseconds(rounds)}

    def run(self) -> None:
        """Nothing is left to do."""

    def answer(self, result: None) -> dict:
        """Nothing."""
        return {}


def _product_speeds(size: int, rounds: int) -> dict[str, list[float]]:
    import jax
    import numpy as np

    square = np.random.default_rng(0).standard_normal((size, size))
    device = {name: jax.numpy.asarray(square, name) for name in ("float64", "float32")}
    product = jax.jit(lambda a: a @ a)
    calls = {
        "numpy_float64": lambda: square @ square,
        "xla_float64": lambda: product(device["float64"]).block_until_ready(),
        "xla_float32": lambda: product(device["float32"]).block_until_ready(),
    }
    return {
        name: [2.0 * size**3 / seconds / 1e9 for seconds in _cpu_seconds(call, rounds)]
        for name, call in calls.items()
    }


def _eigh_seconds(size: int, rounds: int) -> dict[str, list[float]]:
    import numpy as np
    from scipy.linalg import eigh

    square = np.random.default_rng(0).standard_normal((size, size))
    covariance = square @ square.T / size
    return {
        f"eigh_{driver}": _cpu_seconds(
            lambda driver=driver: eigh(covariance, driver=driver, check_finite=False), rounds
        )
        for driver in ("evd", "evr")
    }


def copy_speeds(rounds: int = ROUNDS, numbers: int = COPIED_NUMBERS) -> dict[str, list[float]]:
    """10^9 bytes read and written per second, by NumPy and by a compiled program in place."""
    import jax
    import numpy as np

    source, target = np.ones(numbers), np.zeros(numbers)
    negate = jax.jit(lambda a: -a, donate_argnums=0)
    held = [jax.numpy.zeros(numbers)]

    def in_place() -> None:
        held[0] = negate(held[0]).block_until_ready()

    calls = {"numpy": lambda: np.copyto(target, source), "xla": in_place}
    return {
        name: [2.0 * source.nbytes / seconds / 1e9 for seconds in _cpu_seconds(call, rounds)]
        for name, call in calls.items()
    }


def launch_microseconds(rounds: int = ROUNDS) -> list[float]:
    """Of one call of a compiled program that adds two numbers."""
    import jax

    add, one = jax.jit(lambda a: a + 1.0), jax.numpy.zeros(())

    def calls() -> None:
        for _ in range(LAUNCHES):
            add(one).block_until_ready()

    return [1e6 * seconds / LAUNCHES for seconds in _cpu_seconds(calls, rounds)]


def _cpu_seconds(call: Callable[[], Any], rounds: int) -> list[float]:
    call()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return times


def limit_rows(case: str, limits: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Row]:
    """All limits as rows."""
    rows = [measured(case, f"GEMM {n}", v, "GF/s") for n, v in limits["gemm_gflops"].items()]
    for name, seconds in limits["eigh_seconds"].items():
        rows.append(measured(case, name, [1e3 * s for s in seconds], "ms"))
    for name, speeds in limits.get("copy_gb_per_s", {}).items():
        rows.append(measured(case, f"copy {name}", speeds, "GB/s", note="bytes read and written"))
    for name, times in limits.get("launch_microseconds", {}).items():
        rows.append(measured(case, f"launch {name}", times, "us", note="adds two numbers"))
    return rows


def best_speeds(limits: Mapping[str, Mapping[str, Sequence[float]]]) -> tuple[float, float]:
    """The faster float64 product in 10^9 operations per second, and the faster eigh's seconds."""
    gemm, eigh = limits["gemm_gflops"], limits["eigh_seconds"]
    products = (median(gemm["xla_float64"]), median(gemm["numpy_float64"]))
    return max(products), min(median(seconds) for seconds in eigh.values())
