"""A case in a module of its own: `python -m benchmarks.NAME_case [--quick] [--json FILE]`.

Such cases set the number of devices themselves, so each runs in its own process; `python -m
benchmarks` starts them and reads their JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import Row
from benchmarks.timing import REPOSITORY

MODULES = {
    "theory": "benchmarks.theory_case",
    "spectrum": "benchmarks.spectrum_case",
    "backward": "benchmarks.backward_case",
    "sampling": "benchmarks.sampling_case",
    "unet": "benchmarks.unet_case",
    "sweep": "benchmarks.sweep_case",
    "store": "benchmarks.store_case",
}
"""Case to module."""

DISAGREED = 4
"""Exit code of a case whose contenders disagree; Python itself ends with 1 or 2."""

INTERRUPTED = 130
"""Exit code after Ctrl-C."""


class Disagreement(RuntimeError):
    """Contenders give different answers: nothing is timed."""


def run(module: str, text: str | None, measure: Callable[[bool], list[Row]], devices: int) -> int:
    """The main program of a case.

    Args:
        module: as it is started.
        text: what it does, for the help.
        measure: from "is it quick?" to the rows; raises Disagreement.
        devices: host devices of JAX.

    Returns:
        The exit code: 0, `DISAGREED` or `INTERRUPTED`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=text)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the harness")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", devices)
    from benchmarks import machine, report

    facts = machine.facts()
    try:
        rows = measure(options.quick)
    except Disagreement as disagreement:
        print(f"stopped before timing: {disagreement}", file=sys.stderr)
        return DISAGREED
    except KeyboardInterrupt:
        return INTERRUPTED
    report.show(rows, facts)
    if options.json:
        report.write(options.json, rows, facts, {"quick": options.quick})
    return 0


def rows_of(case: str, quick: bool) -> list[Row]:
    """Run a case in its own process and read its rows.

    Raises:
        Disagreement: its contenders disagree.
        RuntimeError: it failed otherwise.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        command = [sys.executable, "-m", MODULES[case], "--json", str(path)]
        done = subprocess.run(
            [*command, "--quick"] if quick else command,
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode == DISAGREED:
            raise Disagreement(f"{case}: see above")
        if done.returncode:
            raise RuntimeError(f"it ended with exit code {done.returncode}")
        return [Row(**row) for row in json.loads(path.read_text())["rows"]]
