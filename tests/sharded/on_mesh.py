"""Program: solve cases on meshes of forced host devices, perhaps as one of several processes.

Usage: python -m tests.sharded.on_mesh RESULT DEVICES WORD [WORD ...] [--of NUM ID ADDRESS]

A word is CASE:NUMBER, a case on that many devices or on "all"; FUNCTION:P, a function of
`tests.sharded.products` at p = P on 1, 2, 4 .. devices; or products:P, errors of all products.
"""

import sys

import jax
import numpy as np


def save(path: str, dynamics) -> None:
    """All fields of a result."""
    fields = {name: np.asarray(value) for name, value in vars(dynamics).items()}
    np.savez(path, allow_pickle=False, **fields)


def join(processes: list[str]) -> None:
    """Become one of several processes."""
    if not processes:
        return
    num_processes, process_id, address = processes
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        address,
        num_processes=int(num_processes),
        process_id=int(process_id),
        initialization_timeout=60,
    )


def main(result: str, devices: str, *words: str) -> None:
    """Do what every word says."""
    entries, processes = _split(words)
    jax.config.update("jax_num_cpu_devices", int(devices))
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_numpy_rank_promotion", "raise")
    join(processes)
    for entry in entries:
        name, number = entry.split(":")
        path = f"{result}-{name}-{number}.npz"
        if name.startswith("memory"):
            measure(path, name, int(number))
        elif name == "products":
            multiply(path, int(number))
        else:
            solve(path, name, number)


def solve(path: str, name: str, number: str) -> None:
    """A case on some devices of a mesh with two axes."""
    from diffjax.random_features.sharded.compute import gradient_flow_sharded
    from tests.sharded.cases import case

    problem, options = case(name)
    mesh = None
    if number != "all":
        grid = np.asarray(jax.devices()[: int(number)])
        mesh = jax.sharding.Mesh(grid.reshape(1, -1), ("some", "axes"))
    save(path, gradient_flow_sharded(problem, mesh=mesh, **options))


def measure(path: str, function: str, num_features: int) -> None:
    """Bytes per device for 1, 2, 4 .. devices."""
    from tests.sharded import products

    numbers = [2**k for k in range(jax.device_count().bit_length())]
    sizes = [getattr(products, function)(number, num_features) for number in numbers]
    np.savez(path, devices=numbers, sizes=sizes)


def multiply(path: str, num_features: int) -> None:
    """Largest errors of products on rings of two devices and more."""
    from tests.sharded.products import product_errors

    numbers = list(range(2, jax.device_count() + 1))
    errors, asymmetry = zip(*(product_errors(n, num_features) for n in numbers), strict=True)
    np.savez(path, devices=numbers, errors=np.asarray(errors), asymmetry=np.asarray(asymmetry))


def _split(words: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Cases, and what follows --of."""
    listed = list(words)
    if "--of" not in listed:
        return listed, []
    place = listed.index("--of")
    return listed[:place], listed[place + 1 :]


if __name__ == "__main__":
    main(*sys.argv[1:])
