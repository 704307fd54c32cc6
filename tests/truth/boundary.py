"""Phase boundaries against a dense scan of the axis and finer times on both sides."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import diffjax as dj
from diffjax.asymptotics.boundary import placed
from tests.truth.problems import ORDINARY, geometric
from tests.truth.theory import finer
from tests.truth.trial import CENSORED, Case, Finding

TOLERANCE = 1e-3
"""Of the position, relative to the interval."""

SCAN = 41
TIMES = ("generalization_time", "memorization_time", "half_score_error_time")
LOW, HIGH = 0.05, 1.0


class Arguments(NamedTuple):
    """Two classes whose imbalance ratio is the axis."""

    stds: tuple[float, float]
    distance: float
    cosine: float
    features: float
    samples: float
    diffusion_time: float
    activation: str
    time: str

    @property
    def problem(self) -> dj.BoundaryProblem:
        """The problem."""
        mixture = dj.two_classes(self.stds, self.distance, 0.5, cosine=self.cosine)
        theory = dj.AsymptoticProblem(
            mixture, self.features, self.samples, self.diffusion_time, activation=self.activation,
            theory_options=dj.TheoryOptions(centroid_rank=2),
        )  # fmt: skip
        return dj.BoundaryProblem(theory, low=LOW, high=HIGH, time=self.time)


def case(rng: np.random.Generator) -> Case:
    """A problem in which a reversal is possible: extensive centroids at an angle."""
    arguments = Arguments(
        (geometric(rng, 0.7, 1.6), 1.0),
        geometric(rng, 1.0, 8.0),
        float(rng.choice([0.0, -0.5, 0.5])),
        geometric(rng, 4.0, 64.0),
        geometric(rng, 2.0, 16.0),
        geometric(rng, 0.03, 1.0),
        str(rng.choice(["tanh", "erf"])),
        str(rng.choice(TIMES)),
    )
    return Case(str(arguments), ORDINARY.time[0] <= arguments.diffusion_time, arguments)


@functools.partial(jax.jit, static_argnames="time")
def _ratios(problem: dj.BoundaryProblem, positions: Any, time: str) -> Any:
    def one(position):
        found = dj.asymptotic_dynamics.function(placed(problem, position))
        logs = jnp.log(getattr(found, time))
        return logs[0] - logs[1], found.status

    return jax.lax.map(one, positions)


def check(arguments: Arguments) -> Finding:
    """The order changes at the position, and not beyond it."""
    problem = arguments.problem
    found = dj.boundary(problem)
    status = int(found.status)
    if status not in CENSORED:
        return Finding(status, 0.0)
    scan = np.linspace(LOW, HIGH, SCAN)
    ratios, statuses = map(np.asarray, _ratios(problem, jnp.asarray(scan), arguments.time))
    good = np.isin(statuses, CENSORED) & np.isfinite(ratios)
    position = float(found.position)
    beyond = scan > (position + 1e-6 if np.isfinite(position) else LOW)
    signs = np.sign(ratios[beyond & good])
    if len(signs) and (signs != signs[0]).any():
        return Finding(status, 1e3, f"position {position:.5g}, but the order changes beyond it")
    if not np.isfinite(position):
        return Finding(status, 0.0)
    step = TOLERANCE * (HIGH - LOW)
    precise = dj.BoundaryProblem(
        finer(problem.theory), low=LOW, high=HIGH, axis="imbalance_ratio", time=arguments.time
    )
    sides, _ = map(
        np.asarray,
        _ratios(precise, jnp.asarray([position - step, position, position + step]), arguments.time),
    )
    if sides[0] * sides[2] <= 0:
        return Finding(status, 0.5)
    slope = (sides[2] - sides[0]) / (2 * step)
    off = abs(sides[1] / slope) / step
    return Finding(status, float(off), f"position {position:.6g}, ratio there {sides[1]:.3g}")
