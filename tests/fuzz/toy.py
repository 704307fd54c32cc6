"""A model and a study that cost nothing, known to the command line while the fuzzers run."""

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import equinox as eqx
import numpy as np

from diffjax.status import Status
from diffjax.sweep.model import Output, model
from diffjax.validation import check_count, check_scalar, float_leaf, integer_leaf

MOST_POINTS = 300

STUDY = """\
name = "dial-study"
title = "A dial"
model = "dial"
citations = ["arXiv:2605.06367"]

[problem]
level = 2.0
size = 3

[axes]
level = [1.0, 2.0, 4.0]
seed = {range = [0, 2]}
line = {zip = {offset = {linspace = [0.0, 1.0, 2]}, kind = ["a", "b"]}}

[options]
power = 2
"""


class Dial(eqx.Module):
    """A problem with checks like those of the real ones."""

    level: Any = eqx.field(converter=float_leaf, default=1.0)
    offset: Any = eqx.field(converter=float_leaf, default=0.0)
    seed: Any = eqx.field(converter=integer_leaf, default=0)
    size: int = eqx.field(static=True, default=2)
    kind: str = eqx.field(static=True, default="a")

    def __check_init__(self):
        check_count("size", self.size)
        for name in ("level", "offset"):
            check_scalar(name, getattr(self, name), "finite", low=-np.inf, strict=True)


@model(
    version=1,
    outputs={
        "height": Output(("place",), "height"),
        "logarithm": Output((), "logarithm of the level"),
        "status": Output((), "status"),
    },
    on="host",
    default_problem=Dial,
    citations=("arXiv:2605.06367",),
)
def dial(problem, power: int = 2):
    """A power law; its logarithm fails at and below zero."""
    check_count("power", power, minimum=0)
    with np.errstate(all="ignore"):
        places = np.arange(float(min(problem.size, 50)))
        height = places ** float(power) * problem.level + problem.offset
        logarithm = np.log(np.float64(problem.level))
    return {"height": height, "logarithm": logarithm, "status": int(Status.OK)}


@contextmanager
def installed() -> Iterator[None]:
    """The model as an installed package would bring it, and grids of a few points at most."""
    entry = importlib.metadata.EntryPoint("dial", "tests.fuzz.toy:dial", "diffjax.models")
    known = importlib.metadata.entry_points

    def entry_points(**wanted: Any) -> Any:
        found = known(**wanted)
        if wanted.get("group") == "diffjax.models" and wanted.get("name", "dial") == "dial":
            return importlib.metadata.EntryPoints([*found, entry])
        return found

    with (
        mock.patch("importlib.metadata.entry_points", entry_points),
        mock.patch("diffjax.sweep.grid.MOST_POINTS", MOST_POINTS),
    ):
        yield
