"""Facts about the machine."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
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
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    lines = {name.strip(): value.strip() for name, value in pairs}
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
