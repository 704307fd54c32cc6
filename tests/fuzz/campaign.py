"""Many cases of one kind, each with a time limit; every fault is kept, none stops the others."""

import resource
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from diffjax.errors import InputError

SECONDS_PER_CASE = 10.0
MEMORY_BYTES = 2**31


class Hang(BaseException):
    """A case took longer than its limit; no `except Exception` may swallow it."""


class Fault(AssertionError):
    """A case ended in a way that no user should see."""


@dataclass
class Outcome:
    """What became of the cases of one kind.

    Attributes:
        kind: of input.
        cases: that were tried.
        answered: with a result.
        refused: with a clear message.
        hangs: that reached the time limit.
        faults: where something else happened, with an example.
        seconds: spent.
    """

    kind: str
    cases: int = 0
    answered: int = 0
    refused: int = 0
    hangs: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)


def fuzz(
    kind: str, strategy: SearchStrategy, check: Callable[[Any], bool], cases: int, chance: int
) -> Outcome:
    """Try a check on many generated cases.

    Args:
        kind: name of the row.
        strategy: of the cases.
        check: True for a result, False for a refusal by exit code; InputError is a refusal too,
            any other exception a fault.
        cases: how many.
        chance: seed of the generator.
    """
    outcome = Outcome(kind)

    @seed(chance)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def all_cases(case: Any) -> None:
        _try(outcome, check, case)

    start = time.perf_counter()
    with _little_memory():
        all_cases()
    outcome.seconds = time.perf_counter() - start
    return outcome


def _try(outcome: Outcome, check: Callable[[Any], bool], case: Any) -> None:
    outcome.cases += 1
    start = time.perf_counter()
    try:
        with _limited(SECONDS_PER_CASE):
            answered = check(case)
        outcome.answered += answered
        outcome.refused += not answered
    except InputError as error:
        outcome.refused += 1
        if min(map(len, (error.got, error.allowed, error.remedy))) < 3 or len(str(error)) > 4000:
            outcome.faults.setdefault(f"unclear: {str(error)[:200]}", f"{case!r:.500}")
    except Hang:
        outcome.hangs += 1
        outcome.faults.setdefault("hang", f"{case!r:.500}")
    except (Exception, SystemExit) as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in where if "/diffjax/" in frame.filename] or where
        place = f"{ours[-1].filename.rpartition('/diffjax/')[2]}:{ours[-1].lineno}"
        key = f"{type(error).__name__} at {place}: {str(error)[:120]}"
        outcome.faults.setdefault(key, f"{case!r:.500}")
    outcome.slowest = max(outcome.slowest, time.perf_counter() - start)


@contextmanager
def _little_memory():
    """Ask for gigabytes and get a MemoryError, which is a fault."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(
        resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY_BYTES, before[1])
    )
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def _limited(seconds: float):
    """Raise `Hang` in the main thread after some time, and again until it is heard."""

    def stop(number: int, frame: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def table(outcomes: list[Outcome]) -> str:
    """All outcomes as a Markdown table."""
    lines = ["| input | cases | results | refused in words | tracebacks | hangs | slowest [s] |"]
    lines += ["|---|--:|--:|--:|--:|--:|--:|"]
    for one in outcomes:
        tracebacks = one.cases - one.answered - one.refused - one.hangs
        lines.append(
            f"| {one.kind} | {one.cases} | {one.answered} | {one.refused} | {tracebacks} "
            f"| {one.hangs} | {one.slowest:.1f} |"
        )
    return "\n".join(lines)
