"""Interleaved timing of contenders that live in processes of their own.

Each contender is a worker process with its own cores and BLAS threads, fixed before its
imports. Rounds go A B A B, so that a change of clock or load hits all alike, and a ratio is
the median of the ratios within each round.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Sample:
    """One timed run: wall and CPU seconds (all threads, all child processes)."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Contender:
    """What a worker runs: a job's name with its arguments, and how many cores it gets."""

    job: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    cores: int = 1
    cache: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class Worker:
    """A running contender; use as a context manager."""

    def __init__(self, contender: Contender):
        self.contender = contender
        text = json.dumps(
            {"job": contender.job, "arguments": dict(contender.arguments), "cores": contender.cores}
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=_environment(contender),
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self._to, self._from = self.process.stdin, self.process.stdout
        try:
            self.ready = self._answer()
        except BaseException:
            self.__exit__("not ready")
            raise

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:  # nobody waits for what it is doing
            self.process.terminate()
        with contextlib.suppress(BrokenPipeError):
            self._to.close()
        self.process.wait()
        self._from.close()

    def run(self) -> Sample:
        """Run once, timed inside the worker."""
        reply = self.ask({"do": "run"})
        return Sample(reply["wall"], reply["cpu"])

    def save(self, path: str | Path) -> None:
        """Run once and write the answer (arrays by name) as npz."""
        self.ask({"do": "save", "path": str(path)})

    def peak_memory(self) -> float:
        """Largest resident set of the worker (and its children) so far, in MiB."""
        return self.ask({"do": "memory"})["mib"]

    def run_memory(self) -> tuple[float, float]:
        """Resident set before one run and its largest value during the run, in MiB.

        Where the system cannot forget an old peak (it is no Linux), the largest value so far.
        """
        before = self.ask({"do": "forget memory"})["mib"]
        self.run()
        return before, self.ask({"do": "memory"})["mib"]

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send one message and wait for its reply."""
        print(json.dumps(message), file=self._to, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._from.readline()
        if not line:
            code = self.process.wait()
            raise RuntimeError(f"worker {self.contender.job!r} stopped with exit code {code}")
        return json.loads(line)


def _environment(contender: Contender) -> dict[str, str]:
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    fixed = {
        **dict.fromkeys(threads, "1"),
        "JAX_ENABLE_X64": "1",
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(contender.cores),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    cache = contender.cache or (_shared[-1] if _shared else None)
    if cache:
        fixed["JAX_COMPILATION_CACHE_DIR"] = cache
    return {**with_bytecode(os.environ), **fixed, **contender.environment}


def with_bytecode(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which Python keeps what it compiled, as it does unless it is told not to.

    Without, every process would compile the sources of all that it imports.
    """
    return {k: v for k, v in environment.items() if k != "PYTHONDONTWRITEBYTECODE"}


_shared: list[str] = []


@contextlib.contextmanager
def shared_cache() -> Iterator[None]:
    """Workers started inside compile a program once for all, unless they have their own cache."""
    with tempfile.TemporaryDirectory() as folder:
        _shared.append(folder)
        try:
            yield
        finally:
            _shared.remove(folder)


def interleave(
    workers: Mapping[str, Worker], rounds: int, warm: bool = True
) -> dict[str, list[Sample]]:
    """Time all workers `rounds` times in turn, with `warm` after one untimed round."""
    if warm:
        for worker in workers.values():
            worker.run()
    samples: dict[str, list[Sample]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            samples[name].append(worker.run())
    return samples


def ratios(slow: Sequence[Sample], fast: Sequence[Sample], clock: str = "wall") -> list[float]:
    """slow / fast of every round."""
    pairs = zip(slow, fast, strict=True)
    return [getattr(a, clock) / getattr(b, clock) for a, b in pairs]


def ratio(slow: Sequence[Sample], fast: Sequence[Sample], clock: str = "wall") -> float:
    """Median over rounds of slow / fast."""
    return statistics.median(ratios(slow, fast, clock))


def seconds(samples: Sequence[Sample], clock: str = "wall") -> list[float]:
    """Seconds of every round."""
    return [getattr(sample, clock) for sample in samples]


def median(samples: Sequence[Sample], clock: str = "wall") -> float:
    """Median seconds."""
    return statistics.median(seconds(samples, clock))


def compile_seconds(contender: Contender, repeats: int = 3) -> dict[str, list[Sample]]:
    """The first call beyond a later one: `cold` with an empty cache, `warm` with a filled one.

    Every measurement is a fresh process, and every pair has a cache of its own. Also returns
    `start`: imports and set-up.
    """
    found: dict[str, list[Sample]] = {"cold": [], "warm": [], "start": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            for cache in ("cold", "warm"):
                first, start = _first_call(contender, folder)
                found[cache].append(first)
                found["start"].append(start)
    return found


def _first_call(contender: Contender, cache: str) -> tuple[Sample, Sample]:
    with Worker(replace(contender, cache=cache)) as worker:
        start = Sample(worker.ready["start"], worker.ready["start_cpu"])
        first = worker.run()
        later = [worker.run() for _ in range(3)]
        return Sample(first.wall - median(later), first.cpu - median(later, "cpu")), start


def least_cpu_seconds(call: Callable, rounds: int = 1) -> float:
    """Smallest CPU time of some calls after one to compile; other load does not count."""
    if rounds > 1:
        call()
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best
