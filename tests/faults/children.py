"""Processes that are cheap to start and may be killed at any moment.

The parent imports everything once and never starts a JAX backend or a thread; its children are
forks, so that a session of a sweep costs a fraction of a second instead of the import.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

CRASHED = 70
LIMIT_SECONDS = 120.0


class Reporter:
    """What a child tells its parent, line by line; also the `Progress` of a sweep."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor

    def say(self, what: str, **facts: Any) -> None:
        """Send one line, whole."""
        os.write(self._descriptor, (json.dumps({"what": what, **facts}) + "\n").encode())

    def start(self, total: int, done: int) -> None:
        """The sweep begins."""
        self.say("start", total=total, done=done)

    def listening(self, addresses: str) -> None:
        pass

    def advance(self, points: int, failures: int) -> None:
        """A batch is stored."""
        self.say("batch", points=points, failures=failures)

    def finish(self) -> None:
        """The sweep ends."""


class Child:
    """A forked process and what it said so far."""

    def __init__(self, pid: int, descriptor: int, output: Path):
        self.pid, self._descriptor, self._file = pid, descriptor, output
        self.messages: list[dict[str, Any]] = []
        self.code: int | None = None
        self._rest = b""
        self._open = True

    @property
    def output(self) -> str:
        """What it printed."""
        return self._file.read_text(errors="replace")

    def said(self, what: str) -> list[dict[str, Any]]:
        """All messages of one kind."""
        return [message for message in self.messages if message["what"] == what]

    def stored(self) -> int:
        """Points that it said to be stored, those of earlier sessions included."""
        start = self.said("start")
        return sum(m["points"] for m in self.said("batch")) + (start[0]["done"] if start else 0)

    def listen(self, seconds: float, until: str | None = None) -> bool:
        """Take messages for some time; True once it said `until`, or has nothing more to say."""
        deadline = time.monotonic() + seconds
        while self._open and not (until and self.said(until)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._descriptor], [], [], left)[0]:
                return False
            self._take()
        return True

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = LIMIT_SECONDS) -> int:
        """Its exit code, or minus the signal that ended it.

        Raises:
            TimeoutError: it did not end in time; it is killed.
        """
        ended = self.listen(seconds)
        if not ended:
            self.kill()
        while self._open:
            self._take()
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._descriptor)
        if not ended:
            raise TimeoutError(f"a session hung for {seconds} s:\n{self.output}")
        return self.code

    def _take(self) -> None:
        found = os.read(self._descriptor, 65536)
        self._open = bool(found)
        *lines, self._rest = (self._rest + found).split(b"\n")
        self.messages += [json.loads(line) for line in lines]


def start(
    task: Callable[..., int | None], *arguments: Any, scratch: Path, **settings: Any
) -> Child:
    """Run ``task(reporter, *arguments, **settings)`` in a fork; it returns its exit code."""
    read, write = os.pipe()
    output = scratch / f"output-{time.monotonic_ns()}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX warns of forks; its backend is not running here
        pid = os.fork()
    if pid:
        os.close(write)
        return Child(pid, read, output)
    code = CRASHED
    try:
        os.close(read)
        _redirect(output)
        code = task(Reporter(write), *arguments, **settings) or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(output: Path) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
