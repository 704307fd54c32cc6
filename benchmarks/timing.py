"""Interleaved timing of contenders that live in processes of their own.

Each contender is a worker process with its own cores and BLAS threads, fixed before its
imports. Rounds go A B A B, so that a change of clock or load hits all alike, and a ratio is
the median of the ratios within each round.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
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
        self.ready = self._answer()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

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

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send one message and wait for its reply."""
        print(json.dumps(message), file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
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
    if contender.cache:
        fixed["JAX_COMPILATION_CACHE_DIR"] = contender.cache
    return {**os.environ, **fixed, **contender.environment}


def interleave(workers: Mapping[str, Worker], rounds: int) -> dict[str, list[Sample]]:
    """Time all workers `rounds` times in turn, after one untimed round."""
    for worker in workers.values():
        worker.run()
    samples: dict[str, list[Sample]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            samples[name].append(worker.run())
    return samples


def ratio(slow: Sequence[Sample], fast: Sequence[Sample], clock: str = "wall") -> float:
    """Median over rounds of slow / fast."""
    pairs = zip(slow, fast, strict=True)
    return statistics.median(getattr(a, clock) / getattr(b, clock) for a, b in pairs)


def median(samples: Sequence[Sample], clock: str = "wall") -> float:
    """Median seconds."""
    return statistics.median(getattr(sample, clock) for sample in samples)


def compile_seconds(contender: Contender, repeats: int = 3) -> dict[str, Sample]:
    """The first call beyond a later one: `cold` with an empty cache, `warm` with a filled one.

    Every measurement is a fresh process. Also returns `start`: imports and set-up.
    """
    with tempfile.TemporaryDirectory() as folder:
        runs = [_first_call(contender, folder) for _ in range(repeats + 1)]
    middle = sorted((first for first, _ in runs[1:]), key=lambda sample: sample.cpu)
    start = statistics.median(start for _, start in runs)
    return {"cold": runs[0][0], "warm": middle[repeats // 2], "start": Sample(start, start)}


def _first_call(contender: Contender, cache: str) -> tuple[Sample, float]:
    with Worker(replace(contender, cache=cache)) as worker:
        first = worker.run()
        later = [worker.run() for _ in range(3)]
        beyond = Sample(first.wall - median(later), first.cpu - median(later, "cpu"))
        return beyond, worker.ready["start"]


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
