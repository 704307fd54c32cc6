"""The progress bar of a sweep: points, rate, failures, time left."""

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from diffjax.cli.terminal import seconds

_SECONDS_BETWEEN_LINES = 15.0


class ProgressBar:
    """What the sweep engine reports to; see `diffjax.sweep.run.Progress`.

    A bar on a terminal, now and then a line where the output goes to a file.

    Attributes:
        total: points of the grid.
        done: points that are stored, from this session and earlier ones.
        failures: points that failed in this session.
    """

    def __init__(self, console: Console):
        self._console = console
        self._bar: Progress | None = None
        self._printed = time.monotonic()
        self._first: tuple[float, int] | None = None
        self.total = self.done = self.failures = 0

    def start(self, total: int, done: int) -> None:
        """Show the bar."""
        self.total, self.done = total, done
        there = f"{done} of {total} points are already there" if done else f"{total} points"
        self._console.print(there)
        if self._console.is_terminal:
            self._bar = _bar(self._console)
            self._task = self._bar.add_task("compiling", total=total, completed=done, pace="")
            self._bar.start()

    def listening(self, addresses: str) -> None:
        """Say what of a cluster listens where."""
        self._console.print(f"listening: {addresses}")

    def advance(self, points: int, failures: int) -> None:
        """Move the bar by one batch."""
        self.done += points
        self.failures += failures
        if self._first is None:
            self._first = time.monotonic(), self.done
        if self._bar is not None:
            self._bar.update(
                self._task, completed=self.done, description="computing", pace=self.pace()
            )
        elif time.monotonic() - self._printed > _SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            self._console.print(f"{self.done}/{self.total} points, {self.pace()}")

    def finish(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()

    def pace(self) -> str:
        """Rate, failures and time left.

        The rate is that since the first batch, which had to wait for the compilation.
        """
        failed = f"{self.failures} failed"
        start, before = self._first or (0.0, self.done)
        spent = time.monotonic() - start
        if self.done == before or spent <= 0:
            return failed
        rate = (self.done - before) / spent
        left = (self.total - self.done) / rate
        return f"{rate:.1f} points/s, {failed}, about {seconds(left)} left"


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[pace]}"),
        console=console,
        transient=True,
    )
