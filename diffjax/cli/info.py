"""``diffjax info``: what a report of a fault should contain, and how sweeps will run here."""

import importlib.metadata
import os
import platform
from typing import Annotated, Any

from cyclopts import Parameter

SIZES = (256, 512, 1024, 2048, 4096)
GRID_POINTS = 1000

_PACKAGES = (
    "diffjax",
    "jax",
    "jaxlib",
    "equinox",
    "optax",
    "flax",
    "numpy",
    "xarray",
    "zarr",
    "matplotlib",
    "cyclopts",
    "h5netcdf",
)
_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "JAX_NUM_CPU_DEVICES",
    "XLA_FLAGS",
    "XLA_PYTHON_CLIENT_MEM_FRACTION",
    "JAX_PLATFORMS",
)


def info(
    *,
    measure_solvers: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Print versions, devices and numerical settings, and how gradient_flow runs on them.

    Args:
        measure_solvers: first time both solvers of gradient_flow on the device at p = 256 to 4096
            and keep the times, by which accelerators choose from then on (a minute or two).
    """
    from diffjax.cli.terminal import console, print_columns, print_facts
    from diffjax.cli.tested_versions import python_remark

    out = console()
    python = f"{platform.python_version()}  {python_remark()}".rstrip()
    print_facts(out, [("python", python), ("system", platform.platform())])
    print_facts(out, [(name, _version(name)) for name in _PACKAGES])
    print_facts(out, _hardware())
    print_facts(out, [(name, os.environ.get(name, "not set")) for name in _VARIABLES])
    if measure_solvers:
        _measure(out)
    print_columns(out, "gradient_flow", _COLUMNS, solver_rows())
    return 0


def _version(package: str) -> str:
    """The installed version, with a word if it lies outside what was tested."""
    from diffjax.cli.tested_versions import remark

    try:
        found = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
    return f"{found}  {remark(package, found)}".rstrip()


def _hardware() -> list[tuple[str, str]]:
    import jax

    from diffjax.cli.environment import available_cores

    devices = jax.devices()
    cache = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    return [
        ("cores", str(available_cores())),
        ("devices", f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})"),
        ("memory", memory(jax.local_devices())),
        ("64-bit numbers", "on" if jax.config.jax_enable_x64 else "off"),  # pyright: ignore[reportAttributeAccessIssue]
        ("precision", precision(devices[0].platform)),
        ("compilation cache", cache or "none"),
    ]


def memory(devices: list[Any]) -> str:
    """Free and total memory of one device, in words."""
    from diffjax.sweep.sizes import free_memory, host_memory

    if devices[0].platform == "cpu":
        return f"{host_memory() / 2**30:.1f} GiB of the host for {len(devices)} devices"
    free = free_memory(devices) / 2**30
    limit = (devices[0].memory_stats() or {}).get("bytes_limit")
    known = f" of {limit / 2**30:.1f} GiB that JAX may use" if limit else " (assumed)"
    return f"{free:.1f} GiB free{known}, on each device"


def precision(platform: str) -> str:
    """What the exact engine computes in, in words."""
    import jax

    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        return "float32 only if allow_float32=True, with products in full precision"
    return "float64" + (", emulated and slow on a TPU" if platform == "tpu" else "")


_COLUMNS = ("p", "points at once", "batch of 1000", "solver", "why")


def solver_rows(devices: list[Any] | None = None) -> list[tuple[str, ...]]:
    """For several p: points at once on a device, points per batch, the solver and why."""
    import jax

    from diffjax.random_features.solver_choice import fastest_solver

    devices = jax.local_devices() if devices is None else devices
    rows = []
    for size in SIZES:
        lanes, batch = _batch(size, devices)
        choice = fastest_solver(size, devices[0])
        rows.append((str(size), str(lanes), str(batch), choice.solver, choice.reason))
    return rows


def _batch(num_features: int, devices: list[Any]) -> tuple[int, int]:
    """Points at once on a device, and points per batch over all, as a sweep would choose them."""
    from diffjax.mixture import two_classes
    from diffjax.random_features.model import gradient_flow
    from diffjax.random_features.problem import RandomFeatureProblem
    from diffjax.sweep.estimate import planned_batch

    size = num_features
    problem = RandomFeatureProblem(two_classes(), size // 4, size, size // 2, 0.1)
    return planned_batch(gradient_flow, problem, GRID_POINTS, devices)


def _measure(out: Any) -> None:
    from diffjax.random_features.solver_choice import measurement_file
    from diffjax.random_features.solver_timing import measure_solvers

    for size in SIZES:
        times = measure_solvers((size,))[size]
        text = ", ".join(f"{name} {1e3 * seconds:.3g} ms" for name, seconds in times.items())
        out.print(f"p={size}: {text} a point", markup=False)
    out.print(f"kept in {measurement_file()}", markup=False)
