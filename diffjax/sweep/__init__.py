"""The sweep engine: any model over any grid, resumable, on all devices. It knows no physics.

A *model* is a named, versioned, pure function from a *problem* (a tree of frozen dataclasses) to
labelled outputs. A *sweep* computes it at every point of a grid over the problem's fields::

    ds = sweep(model, problem, store="runs/phase",
               over={"distance": np.linspace(0, 2, 9),                    # a leaf
                     "line": Zipped({"stds[0]": [1, 2], "cosine": [0, -1]}),  # leaves together
                     "num_features": [256, 512],                          # static: one compile each
                     "seed": range(5)})                                   # realisations
    ds = open_run("runs/phase")     # the same dataset later, also while or after it was cut short
    mean = average(ds, "seed")      # with standard errors and counts
    print(explain(model, problem, over={...}))    # cost, before anything is computed

How it works, one file each: `model` (what is computed), `fields`, `values` and `grid` (names and
values of axes), `points` (every problem is built and checked first), `members`, `sharing`, `sizes`,
`stage_plan` and `plan` (work that points share, batches), `program` and `execute` (one compiled
loop per device), `host` (models in plain Python), `batches` (batch after batch, here), `cluster`,
`worker`, `held_program` and `by_name` (on workers), `identity`, `record`, `saved_grid`, `segments`
and `store` (a folder that survives being killed), `dataset` and `averages` (labels), `job` and
`run` (all together), `estimate` (cost).

Guarantees. A point's numbers depend on its problem only: not on batch size, number of devices
(beyond rounding), order or interruption. At most one batch is recomputed after an interruption.
Failed points carry a `status` and never stop the others. No store holds a pickle; nothing is
printed.

Calling this module is calling `sweep`, so that ``diffjax.sweep(...)`` works as a function even
though the package has the same name.
"""

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

from diffjax.fields import sweepable_fields
from diffjax.sweep.model import (
    Model,
    Output,
    SharedStage,
    available_models,
    find_model,
    model,
)

if TYPE_CHECKING:
    from diffjax.sweep.averages import average
    from diffjax.sweep.batches import SmallerBatchWarning
    from diffjax.sweep.dataset import failed_points
    from diffjax.sweep.estimate import Explanation, explain
    from diffjax.sweep.grid import Zipped
    from diffjax.sweep.run import FailedPointsWarning, Progress, open_run, sweep
    from diffjax.sweep.store import DamagedStoreWarning

__all__ = [
    "DamagedStoreWarning",
    "Explanation",
    "FailedPointsWarning",
    "Model",
    "Output",
    "Progress",
    "SharedStage",
    "SmallerBatchWarning",
    "Zipped",
    "available_models",
    "average",
    "explain",
    "failed_points",
    "find_model",
    "model",
    "open_run",
    "sweep",
    "sweepable_fields",
]

# loaded on first use: a module that only describes a model needs neither zarr nor xarray
_HOMES = {
    "DamagedStoreWarning": "store",
    "Explanation": "estimate",
    "FailedPointsWarning": "run",
    "Progress": "run",
    "SmallerBatchWarning": "batches",
    "Zipped": "grid",
    "average": "averages",
    "explain": "estimate",
    "failed_points": "dataset",
    "open_run": "run",
    "sweep": "run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


class _CallablePackage(types.ModuleType):
    """Importing this package puts it in the place of the function of the same name."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        return __getattr__("sweep")(*arguments, **settings)


sys.modules[__name__].__class__ = _CallablePackage
