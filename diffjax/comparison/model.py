"""Both derivations as models of the sweep engine."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.dynamics import theory_dynamics
from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.options_by_rule import RuleNumbers, rule_numbers
from diffjax.asymptotics.problem import AsymptoticProblem, resolved
from diffjax.asymptotics.specialize import grouped, options_of_theories
from diffjax.comparison.differences import TIMES, TheoryComparison, compare
from diffjax.comparison.limit import limit_of
from diffjax.dynamics import LABELS, Label, LearningDynamics
from diffjax.precision import require_float64
from diffjax.random_features import gradient_flow as flow
from diffjax.random_features.model import gradient_flow
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.sweep.model import Model, Output, Points, SharedStage, Special, model

THEORY = "theory"


def _of_theory(label: Label) -> Output:
    return Output(*label._replace(description=f"{label.description}, theory"))


def _log_ratio_of(label: Label) -> Output:
    symbol = rf"\log_{{10}}({label.symbol}/{label.symbol}^\infty)"
    return Output(("class",), f"log10 of {label.description} over theory", symbol=symbol)


_FINITE = ("training_times", "train_loss", "test_loss", "bayes_floor", *TIMES, "status")
_ERROR = "largest deviation from theory over training time, of the"

OUTPUTS = {
    **{name: Output(*LABELS[name]) for name in _FINITE},
    **{f"theory_{name}": _of_theory(LABELS[name]) for name in ("train_loss", "test_loss", *TIMES)},
    **{f"{name}_log_ratio": _log_ratio_of(LABELS[name]) for name in TIMES},
    "train_error": Output(("class",), f"{_ERROR} train loss", symbol=r"\max|\delta L^{\rm tr}|"),
    "test_error": Output(
        ("class",),
        f"{_ERROR} test loss, relative to max(1, loss)",
        symbol=r"\max|\delta L^{\rm te}|",
    ),
}


def _limits(problem: RandomFeatureProblem, options: TheoryOptions) -> AsymptoticProblem:
    """The limit as the one member of a stage: seeds have it in common."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], limit_of(problem, options))


def _shares(problem: RandomFeatureProblem) -> bool:
    """Always; a problem without a limit is refused here, before anything is compiled."""
    limit_of(problem)
    return True


@functools.cache
def _stages(options: TheoryOptions) -> dict[str, SharedStage]:
    """Those of the exact engine and the theory with some sizes of its quadratures."""
    split = functools.partial(_limits, options=options)
    return {**gradient_flow.stages, THEORY: SharedStage(split, theory_dynamics)}


@functools.cache
def _with_options(options: TheoryOptions) -> Model:
    return dataclasses.replace(theory_comparison, stages=_stages(options))


def _by_quadrature(points: Points) -> list[Special]:
    """Points with the sizes of the theory's quadratures that their limits alone would have."""
    found = options_of_theories(points, limit_of, _numbers_of_limit)
    return [
        Special(part.rows, points.problem, _with_options(part.problem))
        for part in grouped(found, lambda options: options)
    ]


def _numbers_of_limit(problem: RandomFeatureProblem) -> RuleNumbers:
    return rule_numbers(limit_of(problem))


def _combine(
    problem: RandomFeatureProblem, stages: Mapping[str, Any], *, solver: flow.Solver = "auto"
) -> TheoryComparison:
    theory: LearningDynamics = jax.tree.map(lambda leaf: leaf[0], stages[THEORY])
    return compare(flow.combine(problem, stages, solver=solver), theory)


@functools.partial(jax.jit, static_argnames="solver")
def _compared(
    problem: RandomFeatureProblem, limit: AsymptoticProblem, solver: flow.Solver
) -> TheoryComparison:
    return compare(flow.random_feature_dynamics(problem, solver=solver), theory_dynamics(limit))


def _coords(problem: RandomFeatureProblem) -> dict[str, np.ndarray]:
    return {"class": np.arange(problem.num_classes)}


def default_problem() -> RandomFeatureProblem:
    """The default problem of the exact engine."""
    assert gradient_flow.default_problem is not None
    return gradient_flow.default_problem()


@model(
    version=3,
    outputs=OUTPUTS,
    stages=_stages(TheoryOptions()),
    combine=_combine,
    specialize=_by_quadrature,
    shares=_shares,
    coords=_coords,
    default_problem=default_problem,
    flops=gradient_flow.flops,
    precision="float64",
    citations=("arXiv:2605.06367", "arXiv:2505.17638"),
)
def theory_comparison(
    problem: RandomFeatureProblem, solver: flow.Solver = "auto"
) -> TheoryComparison:
    """Curves and times of a problem of finite size, those of its limit, and the differences.

    In a sweep the limit is computed once for all seeds.

    Args:
        problem: a `RandomFeatureProblem` with a zero initial readout.
        solver: of the exact engine, see `gradient_flow`.

    Returns:
        TheoryComparison; its status is the worse one of both derivations.

    Raises:
        PrecisionError: JAX is in 32-bit mode.
        InputError: another kind of problem, or one without a limit (see `limit_of`).

    Example:
        >>> import jax; jax.config.update("jax_enable_x64", True)
        >>> from diffjax.mixture import two_classes
        >>> mixture = two_classes((1.4, 0.8), distance=1.0, imbalance_ratio=0.5, cosine=0.2)
        >>> problem = RandomFeatureProblem(mixture, 24, 96, 48, diffusion_time=0.1)
        >>> bool((theory_comparison(problem).train_error < 0.1).all())    # doctest: +SKIP
        True
    """
    require_float64("theory_comparison")
    flow.choose_solver(solver)
    return _compared(problem, resolved(limit_of(problem)), solver)


_WITHOUT_CURVES = {
    name: output
    for name, output in asymptotic_dynamics.outputs.items()
    if "training_time" not in output.dims
}

theory_times = dataclasses.replace(
    asymptotic_dynamics, name="theory_times", outputs=_WITHOUT_CURVES
)
"""`asymptotic_dynamics` of which a sweep keeps times, floors and final losses, but no curves: a
point takes 150 bytes of the store instead of 30 kB."""
