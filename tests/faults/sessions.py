"""One session of the sweep under test, in a child; and the comparison with the reference."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.children import Child, Reporter
from tests.faults.models import BATCH, MODELS, OVER, Rung

REFUSED = 2


def compute(
    reporter: Reporter,
    folder: Path | None,
    reference: Path,
    name: str = "ladder",
    inject: Any = None,
    **settings: Any,
) -> int:
    """Run the sweep; report how many points differ from the reference, and all warnings.

    Args:
        reporter: to the parent.
        folder: the run; None only makes the reference.
        reference: file with the numbers of an undisturbed run.
        name: of the model.
        inject: called first, to put a fault into this process.
        settings: of `sweep`.
    """
    from diffjax.sweep import open_run, sweep

    if inject is not None:
        inject(reporter)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            dataset = sweep(
                MODELS[name], Rung(), OVER, folder, batch_size=BATCH, progress=reporter, **settings
            )
        except OSError as error:
            reporter.say("refused", error=str(error), number=error.errno, file=error.filename)
            return REFUSED
        if folder is None:
            np.savez(reference, **_numbers(dataset))
            return 0
        wrong = _wrong_points(dataset, reference) | _wrong_points(open_run(folder), reference)
    texts = [str(warning.message) for warning in caught]
    reporter.say("end", wrong=int(wrong.sum()), warnings=texts)
    return 0


def look(reporter: Reporter, folder: Path, reference: Path) -> int:
    """Open the run; report the points that are missing, and those that differ although present."""
    from diffjax.status import MISSING
    from diffjax.sweep import open_run

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset = open_run(folder)
    missing = (dataset["status"].values == MISSING).ravel()
    some = not missing.all()  # else there are no numbers to compare
    wrong = (_wrong_points(dataset, reference) if some else missing) & ~missing
    texts = [str(warning.message) for warning in caught]
    reporter.say("end", missing=int(missing.sum()), wrong=int(wrong.sum()), warnings=texts)
    return 0


def wrong_points(child: Child) -> int:
    """Points that a finished session found to differ; all of them if it did not finish.

    Raises:
        RuntimeError: the session ended in another way than it should.
    """
    if child.wait() != 0 or not child.said("end"):
        raise RuntimeError(f"a session ended with {child.code}:\n{child.output}\n{child.messages}")
    return child.said("end")[0]["wrong"]


def _numbers(dataset: Any) -> dict[str, np.ndarray]:
    return {str(name): np.asarray(dataset[name].values) for name in ("curve", "energy", "status")}


def _wrong_points(dataset: Any, reference: Path) -> np.ndarray:
    """Whether each point differs in any bit of any output, (point,)."""
    found = _numbers(dataset)
    with np.load(reference) as expected:
        return np.any([_differs(found[name], expected[name]) for name in found], axis=0)


def _differs(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    points = expected.shape[0] * expected.shape[1]
    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        return np.ones(points, bool)
    one, other = (
        np.ascontiguousarray(array).reshape(points, -1).view(np.uint8)
        for array in (found, expected)
    )
    return (one != other).any(axis=1)
