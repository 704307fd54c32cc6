"""The progress bar of a training run: steps, rate, time left, the latest losses."""

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from diffjax.cli.terminal import seconds

_SECONDS_BETWEEN_LINES = 15.0


class TrainingBar:
    """What a training run reports to; see `diffjax.unet.run.Progress`.

    A bar on a terminal, now and then a line where the output goes to a file.

    Attributes:
        total: steps wanted.
        done: steps made, in this session and earlier ones.
    """

    def __init__(self, console: Console):
        self._console = console
        self._bar: Progress | None = None
        self._printed = time.monotonic()
        self._first: tuple[float, int] | None = None
        self._losses = ""
        self.total = self.done = 0

    def start(self, total: int, done: int) -> None:
        """Show the bar."""
        self.total, self.done = total, done
        self._console.print(
            f"{done} of {total} steps are already made" if done else f"{total} steps"
        )
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[pace]}"),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task("compiling", total=total, completed=done, pace="")
            self._bar.start()

    def advance(self, steps: int) -> None:
        """Move the bar."""
        self.done += steps
        if self._first is None:  # the first steps had to wait for the compilation
            self._first = time.monotonic(), self.done
        self._show()

    def measured(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Keep the losses of the latest measurement."""
        del step
        train, test = (metrics[f"{name}_loss"].mean() for name in ("train", "test"))
        self._losses = f"losses {train:.3f}, {test:.3f}"
        self._show()

    def finish(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()

    def pace(self) -> str:
        """Rate, time left and losses (train, held-out)."""
        start, before = self._first or (0.0, self.done)
        spent = time.monotonic() - start
        if self.done == before or spent <= 0:
            return self._losses
        rate = (self.done - before) / spent
        left = f"{rate:.1f} steps/s, about {seconds((self.total - self.done) / rate)} left"
        return f"{left}, {self._losses}" if self._losses else left

    def _show(self) -> None:
        if self._bar is not None:
            self._bar.update(
                self._task, completed=self.done, description="training", pace=self.pace()
            )
        elif time.monotonic() - self._printed > _SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            pace = f", {self.pace()}" if self.pace() else ""
            self._console.print(f"{self.done}/{self.total} steps{pace}")
