"""What one device can do: matrix products, copies, launches and batched eigendecompositions."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.report import Row

ROUNDS = 5


@dataclass
class Limits:
    """Speeds of this device, filled in when they are measured.

    Attributes:
        gemm: operations per second of float64 products.
        copy: bytes per second, read and written.
    """

    gemm: float = 0.0
    copy: float = 0.0


def wall_seconds(call: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Median wall seconds of a call whose results are waited for, after one untimed call."""
    import jax

    jax.block_until_ready(call())
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def device_rows(limits: Limits, quick: bool) -> list[Row]:
    """Everything below, fastest first."""
    return [
        *_fact_rows(),
        *_launch_rows(),
        *_product_rows(limits, 128 if quick else 4096),
        *_copy_rows(limits, 2**16 if quick else 2**27),
        *_eigh_rows(((32, 4),) if quick else ((256, 64), (1024, 16), (4096, 2))),
    ]


def peak_gib() -> float | None:
    """Most memory in use on the fullest device so far; None where JAX does not count it."""
    import jax

    found = [(device.memory_stats() or {}).get("peak_bytes_in_use") for device in jax.devices()]
    known = [value for value in found if value]
    return max(known) / 2**30 if known else None


def _fact_rows() -> list[Row]:
    import jax

    devices = jax.devices()
    statistics_of = devices[0].memory_stats() or {}
    note = f"{devices[0].device_kind} ({devices[0].platform}), jax {jax.__version__}"
    rows = [Row("device", "devices", len(devices), note=note)]
    if "bytes_limit" in statistics_of:
        rows.append(Row("device", "memory for JAX", statistics_of["bytes_limit"] / 2**30, "GiB"))
    return rows


def _launch_rows(count: int = 200) -> list[Row]:
    """Microseconds of one tiny program: alone with its answer waited for, and in a queue."""
    import jax
    import jax.numpy as jnp

    step = jax.jit(lambda x: x + 1.0)

    def queue() -> Any:
        value = jnp.zeros(8)
        for _ in range(count):
            value = step(value)
        return value

    alone = wall_seconds(lambda: step(jnp.zeros(8)), rounds=21)
    return [
        Row("device", "launch, waited for", 1e6 * alone, "us"),
        Row("device", f"launch, {count} queued", 1e6 * wall_seconds(queue) / count, "us"),
    ]


def _product_rows(limits: Limits, size: int) -> list[Row]:
    import jax
    import jax.numpy as jnp

    kinds = {
        "float64": ("float64", "highest"),
        "float32, full precision": ("float32", "highest"),
        "float32, default precision": ("float32", "default"),
        "bfloat16": ("bfloat16", "default"),
    }
    rows = []
    for name, (dtype, precision) in kinds.items():
        matrix = jax.random.normal(jax.random.key(0), (size, size)).astype(dtype)
        product = jax.jit(lambda a, p=precision: jnp.matmul(a, a, precision=p))
        speed = 2.0 * size**3 / wall_seconds(lambda f=product, a=matrix: f(a))
        if dtype == "float64":
            limits.gemm = speed
        rows.append(Row("device", f"product {size}, {name}", speed / 1e12, "TF/s"))
    return rows


def _copy_rows(limits: Limits, numbers: int) -> list[Row]:
    import jax
    import jax.numpy as jnp

    values = jnp.ones(numbers)
    scaled = jax.jit(lambda x: 1.5 * x)
    limits.copy = 2.0 * values.nbytes / wall_seconds(lambda: scaled(values))
    note = f"{values.nbytes / 2**30:.2g} GiB read and written"
    host = values.nbytes / wall_seconds(lambda: jax.device_put(values, _host()), rounds=3)
    return [
        Row("device", "copy bandwidth", limits.copy / 1e9, "GB/s", note=note),
        Row("device", "device to host", host / 1e9, "GB/s"),
    ]


def _host() -> Any:
    import jax

    try:
        return jax.devices("cpu")[0]
    except RuntimeError:
        return jax.devices()[0]


def _eigh_rows(sizes: tuple[tuple[int, int], ...]) -> list[Row]:
    """Milliseconds per matrix: a batch at once on accelerators, one by one on a CPU."""
    import jax
    import jax.numpy as jnp

    at_once = jax.default_backend() != "cpu"
    rows = []
    for size, count in sizes:
        square = jax.random.normal(jax.random.key(0), (count, size, size))
        matrices = square @ square.transpose(0, 2, 1) / size
        programs = {"eigh": jnp.linalg.eigh, "eigvalsh": jnp.linalg.eigvalsh}
        for name, function in programs.items():
            run = jax.vmap(function) if at_once else lambda m, f=function: jax.lax.map(f, m)
            program = jax.jit(run)
            seconds = wall_seconds(lambda f=program, m=matrices: f(m), rounds=2) / count
            rows.append(Row("device", f"{name} p={size}, batch {count}", 1e3 * seconds, "ms"))
    return rows
