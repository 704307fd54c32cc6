"""Every example in a docstring runs and prints what it says.

Examples find the names of their module, the usual abbreviations, and small objects of the kind that
their text speaks of: a problem, a dataset of a sweep, a run folder.
"""

import contextlib
import doctest
import importlib
import io
import pkgutil
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffjax as dj

UNCHECKED = frozenset(
    {
        "diffjax.asymptotics.class_times",
        "diffjax.asymptotics.model",
        "diffjax.asymptotics.node_rule",
        "diffjax.asymptotics.spectrum.outliers",
        "diffjax.asymptotics.spectrum.result",
        "diffjax.fields",
        "diffjax.plot.against",
        "diffjax.plot.comparison",
        "diffjax.plot.curves",
        "diffjax.plot.generated",
        "diffjax.plot.generated_order",
        "diffjax.plot.labels",
        "diffjax.plot.maps",
        "diffjax.plot.overlay_curves",
        "diffjax.plot.overlay_maps",
        "diffjax.plot.overlay_scaling",
        "diffjax.plot.overlay_spectrum",
        "diffjax.plot.potential",
        "diffjax.plot.speciation",
        "diffjax.plot.spectrum",
        "diffjax.plot.style",
        "diffjax.plot.unet_curves",
        "diffjax.plot.unet_images",
        "diffjax.plot.unet_prediction",
        "diffjax.studies",
        "diffjax.sweep.averages",
        "diffjax.sweep.dataset",
        "diffjax.sweep.estimate",
        "diffjax.timescales",
    }
)
"""Modules whose examples do not run by themselves; to be mended and taken off this list."""

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules() -> list[str]:
    """All modules that have examples; those of the command line are imported, too."""
    found = (module.name for module in pkgutil.walk_packages(dj.__path__, "diffjax."))
    named = ["diffjax", *(name for name in found if not name.endswith("__main__"))]
    return [name for name in named if name not in UNCHECKED]


def tiny_problem() -> Any:
    """A problem that is solved in no time."""
    mixture = dj.two_classes(stds=(1.5, 1.0), distance=1.0, imbalance_ratio=0.5)
    return dj.RandomFeatureProblem(
        mixture, 8, 16, 16, 0.1, training_times=np.geomspace(1e-4, 1e8, 121)
    )


def rates() -> Any:
    """A sweep with the curves of a closed form."""
    from tests.plot.two_rates import two_rate_sweep

    return two_rate_sweep(seeds=3)


def plane() -> dict[str, Any]:
    """What figures of sweeps over distance and imbalance speak of."""
    return {"ds": rates()}


def small_sweep() -> dict[str, Any]:
    """A stored sweep in the current folder, as `runs/phase-diagram`."""
    over = {"distance": [0.5, 1.0], "seed": range(3)}
    problem = tiny_problem()
    ds = dj.sweep(dj.gradient_flow, problem, over, store="runs/phase-diagram")
    return {"problem": problem, "ds": ds, "gradient_flow": dj.gradient_flow}


NAMESPACES: dict[str, Callable[[], dict[str, Any]]] = {
    "diffjax.plot": plane,
    "diffjax.sweep": small_sweep,
    "diffjax.studies": small_sweep,
    "diffjax.timescales": small_sweep,
}
"""By the package or the module, the longest name first."""


def namespace(name: str) -> dict[str, Any]:
    """What the examples of a module find."""
    fitting = [prefix for prefix in NAMESPACES if f"{name}.".startswith(f"{prefix}.")]
    made = NAMESPACES[max(fitting, key=len)]() if fitting else {"problem": tiny_problem()}
    return {"dj": dj, "diffjax": dj, "np": np, "jnp": jnp, "jax": jax, **made}


@pytest.mark.slow
@pytest.mark.parametrize("name", modules())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_examples_of_a_module_print_what_they_say(name, tmp_path, monkeypatch):
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [found for found in finder.find(module, name) if found.examples]
    if not examples:
        return
    monkeypatch.chdir(tmp_path)
    given = namespace(name)
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    for example in examples:
        example.globs = {**given, **vars(module)}
        with contextlib.suppress(doctest.UnexpectedException):
            runner.run(example, out=report.write)
    assert not runner.failures, report.getvalue()
