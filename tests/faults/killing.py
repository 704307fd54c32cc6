"""Sessions that end too early: kill -9, SIGINT, SIGTERM, an exception of the model."""

import importlib.metadata
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

from tests.faults.children import Child, Reporter
from tests.faults.models import LOG, POINTS, logged_points
from tests.faults.tally import Bench, Tally, done_at_start

STUDY = """\
model = "ladder"
[axes]
height = {linspace = [1.0, 3.0, 5]}
seed = {range = [0, 8]}
"""
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def killed(bench: Bench) -> Tally:
    """kill -9 at random moments, from before the folder exists to the last write."""
    tally = Tally("kill -9 at a random moment")
    wanted, longest = bench.count(240), _duration(bench)
    while tally.faults < wanted:
        folder, stored, log = bench.new(), 0, bench.new("log")
        while True:
            child = bench.session(folder, inject=Logging(log))
            moment = bench.rng.uniform(0.0, longest)
            if child.listen(moment):
                child.wait()
            else:
                child.kill()
                child.wait()
            tally.lost += _forgotten(child, stored)
            stored = max(stored, child.stored())
            if child.code == 0:
                tally.lost += child.said("end")[0]["wrong"]
                break
            if child.code != -signal.SIGKILL:
                raise RuntimeError(f"a session ended with {child.code}:\n{child.output}")
            tally.faults += 1
        tally.runs += 1
        tally.recomputed += logged_points(log) - POINTS
    return tally


def interrupted(bench: Bench) -> Tally:
    """Ctrl-C and SIGTERM to the command line: exit code, message, and the command once more."""
    tally = Tally("SIGINT and SIGTERM to the command")
    tally.notes = "exit codes 130, 143"
    bench.reference()
    (bench.scratch / "study.toml").write_text(STUDY)
    while tally.faults < bench.count(60):
        folder, log = bench.new(), bench.new("log")
        number = (signal.SIGINT, signal.SIGTERM)[tally.runs % 2]
        child = bench.start(command, folder, log)
        child.listen(30.0, until="batch")
        child.listen(bench.rng.uniform(0.0, 0.05))
        child.kill(number)
        kept = child.stored()
        if child.wait() != 0:  # else it was faster
            said = re.search(rf"(\d+) of {POINTS} points are kept", child.output)
            if child.code != CODES[number] or said is None:
                raise RuntimeError(f"exit code {child.code} after {number!r}:\n{child.output}")
            kept = max(child.stored(), int(said[1]))
            tally.faults += 1
        last = bench.finish(folder, tally, inject=Logging(log))
        tally.lost += _forgotten(last, kept)
        tally.recomputed += logged_points(log) - POINTS
    return tally


def command(reporter: Reporter, folder: Path, log: Path) -> int:
    """``diffjax sweep`` in this process, with the toy model installed."""
    from diffjax.cli import main
    from diffjax.cli.progress import ProgressBar

    class Reporting(ProgressBar):
        def start(self, total: int, done: int) -> None:
            super().start(total, done)
            reporter.start(total, done)

        def listening(self, addresses: str) -> None:
            pass

        def advance(self, points: int, failures: int) -> None:
            super().advance(points, failures)
            reporter.advance(points, failures)

    os.environ[LOG] = str(log)
    _install_ladder()
    _replace("diffjax.cli.progress", "ProgressBar", Reporting)
    study = str(folder.parent / "study.toml")
    code = main(["sweep", study, "--out", str(folder), "--no-figures"])
    return 0 if code == 3 else code  # some points of the grid fail, as they should


def raising(bench: Bench) -> Tally:
    """The model itself raises at a random point; the session ends there, nothing is lost."""
    tally = Tally("exception inside a point")
    for _ in range(bench.count(20)):
        folder = bench.new()
        place = bench.rng.randrange(1, POINTS)
        child = bench.session(folder, inject=Raising(place))
        if child.wait() == 0 or child.stored() != place:
            raise RuntimeError(f"{child.stored()} points stored instead of {place}")
        tally.faults += 1
        tally.lost += _forgotten(bench.finish(folder, tally), place)
    return tally


class Logging:
    """Count computed points in a file."""

    def __init__(self, log: Path):
        self._log = log

    def __call__(self, reporter: Reporter) -> None:
        os.environ[LOG] = str(self._log)


class Raising:
    """Let the model raise at one of its calls."""

    def __init__(self, place: int):
        self._place = place

    def __call__(self, reporter: Reporter) -> None:
        counted = iter(range(10**6))

        def log(count: int) -> None:
            if next(counted) == self._place:
                raise ZeroDivisionError("injected")

        _replace("tests.faults.models", "log_points", log)


def _duration(bench: Bench) -> float:
    bench.reference()
    before = time.monotonic()
    bench.session(bench.new()).wait()
    return time.monotonic() - before


def _forgotten(child: Child, stored: int) -> int:
    """Points that were stored and that a later session did not find."""
    return max(0, stored - done_at_start(child)) if child.said("start") else 0


def _install_ladder() -> None:
    entry = importlib.metadata.EntryPoint("ladder", "tests.faults.models:ladder", "diffjax.models")
    entries = importlib.metadata.EntryPoints([entry])
    _replace("importlib.metadata", "entry_points", lambda **_: entries)


def _replace(module: str, name: str, value: Any) -> None:
    """Patch this child, which is thrown away afterwards."""
    import importlib

    setattr(importlib.import_module(module), name, value)
