"""Settings of the numerical libraries that only count if made before they are imported.

They belong to the command, not to the library: ``import diffjax`` changes nothing. A variable that
the user has set is left alone.
"""

import importlib.metadata
import os
from collections.abc import MutableMapping
from pathlib import Path

_COMPILE_SECONDS_WORTH_CACHING = "0.2"


def prepare(variables: MutableMapping[str, str] = os.environ) -> None:
    """Set one BLAS thread, one CPU device per core, 64 bits and the compilation cache.

    Points run in parallel, one per core, each with single-threaded linear algebra: that is faster
    than threaded linear algebra, whose idle threads spin and take the other points' cores.

    Args:
        variables: the process's environment, changed in place.
    """
    variables.setdefault("OPENBLAS_NUM_THREADS", "1")
    variables.setdefault("JAX_ENABLE_X64", "1")
    if not _counts_devices(variables):
        variables["JAX_NUM_CPU_DEVICES"] = str(available_cores())
    if "JAX_COMPILATION_CACHE_DIR" not in variables and (folder := cache_folder(variables)):
        variables["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        variables.setdefault(
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", _COMPILE_SECONDS_WORTH_CACHING
        )


def _counts_devices(variables: MutableMapping[str, str]) -> bool:
    """Whether the user chose the number of CPU devices."""
    flag = "xla_force_host_platform_device_count"
    return "JAX_NUM_CPU_DEVICES" in variables or flag in variables.get("XLA_FLAGS", "")


def available_cores() -> int:
    """Cores this process may use: its affinity, less where a container's quota says so."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    return max(1, min(cores, _container_quota(cores)))


def _container_quota(unlimited: int, file: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    try:
        quota, period = file.read_text().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return unlimited


def cache_folder(variables: MutableMapping[str, str]) -> Path | None:
    """Folder for compiled programs, made if need be; None where it cannot be written.

    Its name holds the versions, as compiled programs of other versions are of no use.
    """
    try:
        base = variables.get("XDG_CACHE_HOME")
        folder = Path(base) if base else Path.home() / ".cache"
        folder = folder / "diffjax" / f"xla-{_version('jax')}-{_version('jaxlib')}"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        return None
    return folder if os.access(folder, os.W_OK) else None


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
