"""``diffjax info``: what a report of a fault should contain."""

import importlib.metadata
import os
import platform

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
    "JAX_PLATFORMS",
)


def info() -> int:
    """Print versions, devices and numerical settings."""
    from diffjax.cli.terminal import console, print_facts

    out = console()
    print_facts(out, [("python", platform.python_version()), ("system", platform.platform())])
    print_facts(out, [(name, _version(name)) for name in _PACKAGES])
    print_facts(out, _hardware())
    print_facts(out, [(name, os.environ.get(name, "not set")) for name in _VARIABLES])
    return 0


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _hardware() -> list[tuple[str, str]]:
    import jax

    from diffjax.cli.environment import available_cores

    devices = jax.devices()
    cache = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    return [
        ("cores", str(available_cores())),
        ("devices", f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})"),
        ("64-bit numbers", "on" if jax.config.jax_enable_x64 else "off"),  # pyright: ignore[reportAttributeAccessIssue]
        ("compilation cache", cache or "none"),
    ]
