"""Facts about the machine, and its own speed limits: matrix product and eigendecomposition."""

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.timing import REPOSITORY

PACKAGES = ("diffjax", "jax", "jaxlib", "numpy", "scipy", "torch")


def facts() -> dict[str, Any]:
    """Processor, cores, memory, versions and commit."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE", "detected"),
        "load": os.getloadavg()[0],
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    lines = dict(
        (part.strip() for part in line.split(":", 1)) for line in text.splitlines() if ":" in line
    )
    names = ("model name", "cpu family", "model")
    wide = "AVX-512" if "avx512f" in lines.get("flags", "") else "no AVX-512"
    return ", ".join(f"{name} {lines.get(name, '?')}" for name in names) + f", {wide}"


def _memory() -> float:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return round(pages * size / 2**30, 1)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


class Limits:
    """One-thread speed limits, measured now. A job (see jobs.py): its facts are the limits.

    Seconds are CPU seconds of a process pinned to one core: other load does not count.
    """

    def __init__(self, num_features: int, rounds: int = 7):
        import jax
        import numpy as np
        from scipy.linalg import eigh

        generator = np.random.default_rng(0)
        square = generator.standard_normal((num_features, num_features))
        covariance = square @ square.T / num_features
        operations = 2.0 * num_features**3
        device = {name: jax.numpy.asarray(square, name) for name in ("float64", "float32")}
        product = jax.jit(lambda a: a @ a)
        calls = {
            "numpy_float64": lambda: square @ square,
            "xla_float64": lambda: product(device["float64"]).block_until_ready(),
            "xla_float32": lambda: product(device["float32"]).block_until_ready(),
            "eigh_evd": lambda: eigh(covariance, driver="evd", check_finite=False),
            "eigh_evr": lambda: eigh(covariance, driver="evr", check_finite=False),
        }
        seconds = {name: _cpu_median(call, rounds) for name, call in calls.items()}
        gemm = {n: operations / s / 1e9 for n, s in seconds.items() if not n.startswith("eigh")}
        self.facts = {
            "gemm_gflops": gemm,
            "eigh_seconds": {n: s for n, s in seconds.items() if n.startswith("eigh")},
        }

    def run(self) -> None:
        """Nothing is left to do."""

    def answer(self, result: None) -> dict:
        """Nothing."""
        return {}


def _cpu_median(call, rounds: int) -> float:
    call()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return median(times)
