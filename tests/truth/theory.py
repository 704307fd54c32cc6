"""The limit of infinite dimension against the same equations on finer quadratures."""

import dataclasses
from typing import NamedTuple

import numpy as np

import diffjax as dj
from tests.truth.problems import ACTIVATIONS, ORDINARY, Drawn, either, geometric, mixture_of
from tests.truth.times import time_error, times_of_curves
from tests.truth.trial import CENSORED, Case, Finding

TOLERANCE = 1e-3
"""Of a loss, relative to the larger of 1 and the loss."""

FINER_NODES = {0: 2, 1: 400, 2: 100, 3: 26}
FINER_LATTICE = 19_997


class Arguments(NamedTuple):
    """Of a problem of the theory."""

    drawn: Drawn
    features: float
    samples: float
    time: float
    activation: str
    bias: float

    @property
    def problem(self) -> dj.AsymptoticProblem:
        """The problem."""
        return dj.AsymptoticProblem(
            self.drawn.mixture, self.features, self.samples, self.time,
            activation=self.activation, bias_std=self.bias,
        )  # fmt: skip

    def __str__(self) -> str:
        sizes = f"psi=({self.features}, {self.samples}), t={self.time}"
        return f"AP({self.drawn.label}, {sizes}, {self.activation}, bias_std={self.bias})"


def case(rng: np.random.Generator, most_classes: int = 6) -> Case:
    """A random problem of the theory."""
    ranges = either(rng)
    classes = (ranges.classes[0], min(most_classes, ranges.classes[1]))
    arguments = Arguments(
        mixture_of(rng, ranges._replace(classes=classes)),
        geometric(rng, *ranges.features),
        geometric(rng, *ranges.samples),
        geometric(rng, *ranges.time),
        str(rng.choice(ACTIVATIONS)),
        float(rng.choice([0.0, 0.0, 0.0, 0.5])),
    )
    return Case(str(arguments), ranges is ORDINARY, arguments)


def finer(problem: dj.AsymptoticProblem) -> dj.AsymptoticProblem:
    """The problem with every quadrature at least doubled."""
    gram = np.asarray(problem.mixture.gram) + float(problem.bias_std) ** 2
    scale = max(np.linalg.eigvalsh(gram)[-1], 1e-300)
    rank = int((np.linalg.eigvalsh(gram) > 1e-9 * scale).sum()) if scale > 1e-12 else 0
    nodes = FINER_NODES.get(rank, FINER_LATTICE)
    options = dj.TheoryOptions(
        contour_nodes=110, centroid_nodes=nodes, field_nodes=2049, max_steps=2000,
        quadrature="product" if rank in FINER_NODES else "lattice",
    )  # fmt: skip
    return dataclasses.replace(problem, theory_options=options)


def check(arguments: Arguments) -> Finding:
    """Curves, final losses and times of one problem."""
    found = dj.asymptotic_dynamics(arguments.problem)
    if int(found.status) not in CENSORED:
        return Finding(int(found.status), 0.0)
    truth = dj.asymptotic_dynamics(finer(arguments.problem))
    error, what = 0.0, ""
    for name in ("train_loss", "test_loss", "final_train_loss", "final_test_loss"):
        one, right = np.asarray(getattr(found, name)), np.asarray(getattr(truth, name))
        off = np.abs(one - right) / np.maximum(np.abs(right), 1.0) / TOLERANCE
        if not off.max() <= error:
            place = np.unravel_index(np.argmax(off), off.shape)
            error = float(off.max())
            what = f"{name}{list(map(int, place))} {one[place]:.6g}, not {right[place]:.6g}"
    right = times_of_curves(
        *(np.asarray(getattr(truth, name)) for name in (
            "training_times", "train_loss", "test_loss", "final_train_loss", "final_test_loss",
            "bayes_floor"))
    )  # fmt: skip
    late, text = time_error({name: getattr(found, name) for name in right}, right)
    return Finding(int(found.status), max(error, late), text if late > error else what)
