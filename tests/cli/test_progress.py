"""The progress bar's numbers."""

import io

import pytest
from rich.console import Console

from diffjax.cli import progress
from diffjax.cli.progress import ProgressBar


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("terminal", [True, False])
def test_rate_failures_and_time_left(clock, terminal):
    text = io.StringIO()
    bar = ProgressBar(Console(file=text, force_terminal=terminal, highlight=False))
    bar.start(total=100, done=10)
    clock[0] += 60.0  # compilation and the first batch
    bar.advance(10, 0)
    assert bar.pace() == "0 failed"
    clock[0] += 4.0
    bar.advance(20, 3)
    assert bar.pace() == "5.0 points/s, 3 failed, about 12.0 s left"
    bar.finish()
    assert (bar.done, bar.failures) == (40, 3)
    assert "10 of 100 points are already there" in text.getvalue()
    assert ("20/100 points, 0 failed\n" in text.getvalue()) == (not terminal)


def test_nothing_to_do(clock):
    bar = ProgressBar(Console(file=io.StringIO()))
    bar.start(total=5, done=5)
    bar.finish()
    assert (bar.total, bar.done) == (5, 5)
