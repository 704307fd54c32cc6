"""Everything that one accelerator should answer, in one call and less than a given time.

    python -m benchmarks.accelerator [--quick] [--json FILE] [--minutes 8] [--platform gpu]
                                     [--cpu-json FILE] [--suite]

Stages run in order of what they tell, each only if it is likely to end in time; after each the
JSON file is written anew, so that nothing is lost if the process is killed.  A stage that fails,
for lack of memory say, becomes a row of the table.  With --cpu-json, the results of the same call
on a CPU, ratios are appended.  Times of both solvers are kept for `solver="auto"`.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MINUTES = 8.0
_SPARE_SECONDS = 10.0
_COMPARED = ("points per second", "images per second, training")
_LATE = 3


@dataclass(frozen=True)
class Stage:
    """One measurement.

    Attributes:
        name: of the row that says why it was left out, if it was.
        seconds: how long it will probably take; asked when its turn comes.
        run: to its rows.
    """

    name: str
    seconds: Callable[[], float]
    run: Callable[[], list]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 1 if an answer is wrong, 2 if the platform is not there."""
    begun = time.monotonic()
    options = _parser().parse_args(arguments)
    _prepare(options.platform)
    import jax

    from benchmarks import machine, report

    if options.platform and jax.default_backend() != options.platform:
        print(f"JAX runs on {jax.default_backend()}, not on {options.platform}", file=sys.stderr)
        return 2
    facts, rows = machine.facts(), []
    settings = {"quick": options.quick, "platform": jax.default_backend()}

    def keep() -> None:
        if options.json:
            part = options.json.with_suffix(".part")
            report.write(part, [*rows, *_ratios(rows, options.cpu_json)], facts, settings)
            os.replace(part, options.json)

    def left() -> float:
        return 60.0 * options.minutes - (time.monotonic() - begun)

    with _stopped_at(left()):
        for stage in _stages(options, left):
            rows += _outcome(stage, left() - _SPARE_SECONDS)
            keep()
    rows += _ratios(rows, options.cpu_json)
    report.show(rows, facts)
    return int(any(row.met is False for row in rows))


def _prepare(platform: str | None) -> None:
    """Settings that count only before JAX is imported; the CPU stays at hand for the planning."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    if platform is not None:
        names = {"cpu": "cpu", "gpu": "cuda,cpu", "tpu": "tpu,cpu"}
        os.environ.setdefault("JAX_PLATFORMS", names[platform])
    if platform == "cpu":
        os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(len(os.sched_getaffinity(0))))


def _outcome(stage: Stage, left: float) -> list:
    """The rows of a stage, or one that says why there are none."""
    from benchmarks.report import Row

    expected = stage.seconds()
    if expected > left:
        note = f"{max(left, 0.0):.0f} s were left"
        return [Row(stage.name, "left out, would take", expected, "s", note=note)]
    print(f"{stage.name} ...", file=sys.stderr, flush=True)
    start = time.monotonic()
    try:
        rows = stage.run()
    except Exception as error:  # whatever goes wrong on a device must not cost the other rows
        note = f"{type(error).__name__}: {error}".split("\n", 1)[0][:300]
        return [Row(stage.name, "failed after", time.monotonic() - start, "s", note=note)]
    return [*rows, Row(stage.name, "whole stage", time.monotonic() - start, "s")]


class _stopped_at:
    """Ends the process when time is up, whatever the device is doing; finished rows are on disk."""

    def __init__(self, seconds: float):
        self._timer = threading.Timer(max(seconds, 0.1), self._stop)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    @staticmethod
    def _stop() -> None:
        print("time is up: the stage in hand is given up", file=sys.stderr, flush=True)
        os._exit(_LATE)


def _stages(options: argparse.Namespace, left: Callable[[], float]) -> list[Stage]:
    """All measurements, those that tell most first."""
    from benchmarks import accelerator_device as device
    from benchmarks import accelerator_engine as engine
    from benchmarks import accelerator_models as models

    quick, limits, times = options.quick, device.Limits(), engine.GridTimes()

    def grid(size: int, points: int, solver: str, otherwise: float) -> Stage:
        def run() -> list:
            rows = engine.grid_rows(size, points, solver, limits, times, quick)
            _keep_times(size, times)
            return rows

        def seconds() -> float:
            return times.expected(size, points, solver, otherwise)

        return Stage(f"grid p={size} {solver}", seconds, run)

    def known(name: str, seconds: float, function: Callable[..., list], *given: Any) -> Stage:
        return Stage(name, lambda: 0.0 if quick else seconds, lambda: function(*given))

    solvers = ("eigh", "doubling")
    answers = [
        known(f"answers p={size}", 20, engine.answer_rows, size, solvers)
        for size in ((32,) if quick else (64, 256))
    ]
    first = [known("device", 20, device.device_rows, limits, quick), *answers]
    if quick:
        return [
            *first,
            grid(32, 8, "eigh", 0.0),
            grid(32, 4, "doubling", 0.0),
            known("phases p=32", 0, engine.phase_rows, 32, 2),
            known("screening", 0, models.screening_rows, 4),
            known("U-Net", 0, models.network_rows, 2, 8, ("float32",)),
            *_suite_stage(options, left),
        ]
    return [
        *first,
        grid(1024, 64, "eigh", 40),
        grid(256, 64, "eigh", 20),
        known("phases p=1024", 30, engine.phase_rows, 1024, 16),
        grid(1024, 64, "doubling", 60),
        grid(2048, 16, "eigh", 40),
        known("theory 100x100", 30, models.theory_rows, 100),
        grid(4096, 16, "eigh", 60),
        grid(512, 64, "eigh", 30),
        grid(2048, 16, "doubling", 60),
        known("U-Net", 40, models.network_rows, 512, 64),
        grid(8192, 4, "eigh", 90),
        known("theory 316x316", 60, models.theory_rows, 316),
        known("speciation 100x100", 30, models.speciation_rows, 100),
        known("screening 316x316", 20, models.screening_rows, 316),
        grid(256, 64, "doubling", 30),
        known("spectrum 32x32", 30, models.spectrum_rows, 32),
        grid(4096, 8, "doubling", 60),
        known("phases p=4096", 40, engine.phase_rows, 4096, 2),
        grid(8192, 2, "doubling", 90),
        grid(512, 64, "doubling", 40),
        known("theory 1000x1000", 150, models.theory_rows, 1000, 8),
        *_suite_stage(options, left),
    ]


def _keep_times(size: int, times: Any) -> None:
    """Tell `solver="auto"` which solver was faster on this kind of accelerator."""
    import jax

    from diffjax.random_features.solver_choice import SOLVERS, keep_solver_times

    found = {name: times.point[size, name] for name in SOLVERS if (size, name) in times.point}
    if len(found) == len(SOLVERS) and jax.default_backend() != "cpu":
        keep_solver_times(jax.local_devices()[0], {size: found})


def _suite_stage(options: argparse.Namespace, left: Callable[[], float]) -> list[Stage]:
    from benchmarks.accelerator_suite import suite_rows

    if not options.suite:
        return []
    return [Stage("tests", lambda: 30.0, lambda: suite_rows(left() - 2 * _SPARE_SECONDS))]


def _ratios(rows: Sequence[Any], cpu_json: Path | None) -> list:
    """Speeds of this device as multiples of those in another result."""
    from benchmarks.report import Row

    if cpu_json is None:
        return []
    before = json.loads(cpu_json.read_text())["rows"]
    known = {(row["case"], row["quantity"]): row["value"] for row in before}
    return [
        Row(
            row.case, f"{row.quantity}, ratio to the CPU", row.value / known[row.case, row.quantity]
        )
        for row in rows
        if row.quantity in _COMPARED and known.get((row.case, row.quantity))
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelerator", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the harness")
    parser.add_argument("--json", type=Path, help="write all numbers to this file, stage by stage")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="time for everything")
    parser.add_argument("--platform", choices=("cpu", "gpu", "tpu"), help="default: JAX's choice")
    parser.add_argument("--cpu-json", type=Path, help="results on a CPU, for ratios")
    parser.add_argument("--suite", action="store_true", help="also run tests on the device")
    return parser


if __name__ == "__main__":
    sys.exit(main())
