"""A full learning curve by explicit training, in PyTorch and NumPy, against the closed form."""

import tempfile
from importlib.util import find_spec

import numpy as np

from benchmarks import problems
from benchmarks.contest import Size, point_arrays
from benchmarks.report import Row, against, agreement
from benchmarks.standalone import Disagreement
from benchmarks.timing import Contender, Worker, interleave, seconds

# where memorisation is studied; the diffusion time of the public code's figures
SMALL_DIFFUSION_TIME = 0.01
SPEEDUP = 3e3
AGREEMENT = 0.1
"""Monte Carlo noise of some hundred epochs, as a share of the loss."""


def explicit_training(size: Size) -> list[Row]:
    """CPU seconds of a full curve by training against the closed form, by stated counts."""
    case = f"explicit training {size.label} t={SMALL_DIFFUSION_TIME}"
    task = {**size.engine, "diffusion_time": SMALL_DIFFUSION_TIME}
    rows = []
    with point_arrays([problems.problem(**task)]) as arrays:
        with Worker(Contender("engine_point", task)) as engine:
            eigenvalues = _eigenvalues(engine)
            samples = interleave({"engine": engine}, size.rounds)["engine"]
        libraries = _libraries()
        for library in libraries:
            arguments = {"arrays": arrays, "eigenvalues": eigenvalues, "library": library}
            with Worker(Contender("explicit", arguments)) as worker:
                key = "explicit" if library == libraries[0] else ""
                rows += _library_rows(case, library, worker.ready, seconds(samples, "cpu"), key)
    return rows


def _library_rows(case: str, library: str, facts: dict, engine: list[float], key: str) -> list[Row]:
    cost, counts = facts["cost"], facts["counts"]
    if not facts["check"] < AGREEMENT:
        raise Disagreement(f"{case}: {library} is {facts['check']:.2g} from the closed form")
    note = (
        f"{counts['epochs']} epochs of {1e3 * cost['epoch']:.3g} ms and {counts['log_points']} "
        f"log points of {1e3 * cost['log_point']:.3g} ms"
    )
    ratios = [cost["curve"] / value for value in engine]
    return [
        agreement(case, f"{library} against closed form, 500 epochs", facts["check"]),
        Row(case, f"{library}, full curve", cost["curve"], "CPU-s", note=note),
        against(case, f"{library} / engine, CPU", ratios, SPEEDUP, ratio=key),
    ]


def _libraries() -> list[str]:
    """The peer of the ratio first."""
    return ["torch", "numpy"] if find_spec("torch") else ["numpy"]


def _eigenvalues(engine: Worker) -> tuple[float, float]:
    """The smallest and the largest of the point."""
    with tempfile.TemporaryDirectory() as folder:
        engine.save(f"{folder}/answer.npz")
        values = np.load(f"{folder}/answer.npz")["eigenvalues"][0]
    return float(values[0]), float(values[-1])
