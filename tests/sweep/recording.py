"""A progress callback that remembers, and may interrupt."""

import signal


class Recorder:
    """Keeps what it was told; raises Ctrl-C after a number of batches if asked to."""

    def __init__(self, interrupt_after: int | None = None):
        self.total = self.done = -1
        self.batches: list[int] = []
        self.failures = 0
        self.finished = 0
        self._interrupt_after = interrupt_after

    def start(self, total, done):
        self.total, self.done = total, done

    def listening(self, addresses):
        pass

    def advance(self, points, failures):
        self.batches.append(points)
        self.failures += failures
        if len(self.batches) == self._interrupt_after:
            signal.raise_signal(signal.SIGINT)

    def finish(self):
        self.finished += 1
