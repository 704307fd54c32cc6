"""What a user waits for before the first number: imports, the command line, compilation."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from benchmarks.contest import Size
from benchmarks.report import Row, below, measured
from benchmarks.timing import (
    REPOSITORY,
    Contender,
    Sample,
    compile_seconds,
    ratios,
    seconds,
    with_bytecode,
)

COLD, WARM = 5.0, 0.5
COMMANDS: Mapping[str, Sequence[str]] = {
    "Python alone": ("-c", "pass"),
    "import numpy, jax": ("-c", "import numpy, jax"),
    "import diffjax": ("-c", "import diffjax"),
    "import diffjax, all of gradient_flow": ("-c", "import diffjax; diffjax.gradient_flow"),
    "diffjax --help": ("-m", "diffjax.cli", "--help"),
    "diffjax info": ("-m", "diffjax.cli", "info"),
}


def compile_time(size: Size) -> list[Row]:
    """First call beyond a later one, in fresh processes: empty cache and filled cache."""
    rows = []
    jobs = {
        "one point": Contender("engine_point", size.engine),
        "sweep of 8 points": Contender("engine_sweep", {**size.engine, "quick": True}),
    }
    for name, contender in list(jobs.items())[: 1 if size.quick else None]:
        found = compile_seconds(contender, repeats=1 if size.quick else 3)
        case = f"compile {name} p={size.num_features}"
        for cache, target in (("cold", COLD), ("warm", WARM)):
            wall, cpu = (seconds(found[cache], clock) for clock in ("wall", "cpu"))
            rows.append(below(case, f"{cache} cache, wall", wall, target, ratio="compile"))
            rows.append(measured(case, f"{cache} cache, CPU", cpu, "s"))
        rows.append(measured(case, "imports and start", seconds(found["start"]), "s"))
    return rows


def start_time(size: Size) -> list[Row]:
    """Fresh processes that import or start the command line, against bare Python and JAX."""
    samples: dict[str, list[Sample]] = {name: [] for name in COMMANDS}
    rounds = 1 if size.quick else size.rounds
    for number in range(rounds + 1):
        for name, command in COMMANDS.items():
            sample = _timed([sys.executable, *command])
            if number:  # the first round fills the caches of files
                samples[name].append(sample)
    rows = []
    for name, runs in samples.items():
        rows += [
            measured("start", f"{name}, {clock}", seconds(runs, clock), "s")
            for clock in ("wall", "cpu")
        ]
    beyond = ratios(samples["diffjax info"], samples["import numpy, jax"], "cpu")
    return [*rows, measured("start", "diffjax info / import numpy, jax, CPU", beyond)]


def _timed(command: Sequence[str]) -> Sample:
    """Wall and CPU seconds of a process.

    Raises:
        CalledProcessError: it failed.
    """
    start, before = time.perf_counter(), _children_seconds()
    subprocess.run(
        command,
        check=True,
        cwd=REPOSITORY,
        env={**with_bytecode(os.environ), "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    return Sample(time.perf_counter() - start, _children_seconds() - before)


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
