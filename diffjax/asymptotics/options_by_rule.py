"""The sizes of quadratures and the treatment of classes that the numbers of a problem ask for.

The functions take problems of the theory as they are, since a problem asks them for its own checks.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.class_law import class_law
from diffjax.asymptotics.node_rule import nodes_by_rule
from diffjax.asymptotics.options import Method, TheoryOptions
from diffjax.asymptotics.problem_checks import check_rank
from diffjax.numerics.activations import Activation
from diffjax.typing import Array
from diffjax.validation import concrete

RANK_TOLERANCE = 1e-9


class RuleNumbers(NamedTuple):
    """What the rules for isotropic classes, or classes along directions, look at.

    Attributes:
        covariance: (K, K) of the mean pre-activations over neurons, e^(-2t) M + s_b^2 1 1^T.
        narrowest: sqrt(Gamma_c) of the narrowest class.
    """

    covariance: Array | np.ndarray
    narrowest: Array | np.ndarray


def rule_numbers(problem: Any) -> RuleNumbers:
    """The numbers of one problem, which may be traced."""
    covariances = jnp.asarray(problem.mixture.covariances)
    if covariances.ndim == 3:
        covariances = jnp.diagonal(covariances, axis1=1, axis2=2)
    if covariances.ndim == 2:
        counts = problem.direction_counts
        counts = jnp.ones(covariances.shape[1]) if counts is None else jnp.asarray(counts)
        covariances = covariances @ (counts / jnp.sum(counts))
    decay = jnp.exp(-2.0 * jnp.asarray(problem.diffusion_time))
    narrowest = jnp.sqrt(1.0 + decay * (jnp.min(covariances) - 1.0))
    return RuleNumbers(neuron_covariance(problem, problem.mixture.gram), narrowest)


def along_known_directions(problem: Any) -> bool:
    """Whether the rules need no more than `RuleNumbers`: no matrices to judge, no sub-classes."""
    method = problem.theory_options.method
    return method == "commuting" or (method == "auto" and problem.mixture.covariances.ndim < 3)


def neuron_covariance(problem: Any, gram: Array) -> Array:
    """(K, K) covariance of mean pre-activations for centroids with the given Gram matrix."""
    decay = jnp.exp(-2.0 * jnp.asarray(problem.diffusion_time))
    return decay * gram + jnp.asarray(problem.bias_std) ** 2


def options_by_rule(problem: Any, options: TheoryOptions | None = None) -> TheoryOptions:
    """The options of a problem with every None and "auto" replaced.

    The rules look at the numbers if they are there; inside a trace they take full rank, the fewest
    nodes and, for matrices, the matrices.

    Args:
        problem: of the theory.
        options: in place of its own.
    """
    given: TheoryOptions = problem.theory_options if options is None else options
    if given.method != "auto" and None not in (given.centroid_rank, given.centroid_nodes):
        return given
    options = dataclasses.replace(given, method=_method(problem, given))
    if not concrete(problem):
        return options.resolve(_full_rank(problem, options), options.method)
    numbers = rule_numbers(problem)
    if options.method == "sub-classes":
        law = class_law(problem.mixture, options, None, problem.class_centroids)
        numbers = numbers._replace(covariance=neuron_covariance(problem, law.gram))
    numbers = RuleNumbers(*(np.asarray(values)[None] for values in numbers))
    return options_of_points(problem.activation, options, numbers)[0]


def options_of_points(
    activation: Activation, options: TheoryOptions, numbers: RuleNumbers, least_rank: int = 0
) -> list[TheoryOptions]:
    """The same for many problems with equal static fields.

    Args:
        activation: of all of them.
        options: of all of them, with a definite method.
        numbers: with a leading axis (N,), or (N, E) for the ends of an axis.
        least_rank: so that points without centroids need no program of their own.
    """
    values = np.linalg.eigvalsh(np.asarray(numbers.covariance))
    largest = np.maximum(values[..., -1], 0.0)
    ranks = (values > RANK_TOLERANCE * np.maximum(largest, 1e-300)[..., None]).sum(axis=-1)
    ranks = np.maximum(_per_point(ranks, np.max), least_rank)
    if options.centroid_rank is not None:
        ranks = np.full(len(ranks), options.centroid_rank)
    reach = _per_point(np.sqrt(largest), np.max)
    nodes = nodes_by_rule(
        activation, ranks, reach, _per_point(np.asarray(numbers.narrowest), np.min)
    )
    chosen = {
        pair: options.resolve(pair[0], options.method, pair[1])
        for pair in set(zip(ranks.tolist(), nodes.tolist(), strict=True))
    }
    return [chosen[pair] for pair in zip(ranks.tolist(), nodes.tolist(), strict=True)]


def _per_point(values: np.ndarray, reduce: Callable[..., np.ndarray]) -> np.ndarray:
    """(N,) the worst of all ends."""
    return reduce(values.reshape(len(values), -1), axis=1)


def check_quadrature(problem: Any) -> None:
    """Refuse what would be wrong or too large; the usual case is settled without arithmetic."""
    options, classes = problem.theory_options, problem.num_classes
    allowed = options.centroid_rank
    if allowed is not None and (allowed < classes or options.method == "sub-classes"):
        free = dataclasses.replace(options, centroid_rank=None)
        check_rank(options_by_rule(problem, free).centroid_rank or 0, allowed)
    if options.centroid_nodes is not None:
        options_by_rule(problem).check_cost()


def _method(problem: Any, options: TheoryOptions) -> Method:
    """The treatment of anisotropic classes, by rule if it is left open."""
    if options.method != "auto":
        return options.method
    if problem.mixture.covariances.ndim < 3:
        return "commuting"
    return problem.choice.method if concrete(problem) else "matrices"


def _full_rank(problem: Any, options: TheoryOptions) -> int:
    """Coordinates of the mean pre-activations, sub-classes included, if nothing else is known."""
    if options.centroid_rank is not None:
        return options.centroid_rank
    extra = options.subclass_directions if options.method == "sub-classes" else 0
    return problem.num_classes * (1 + extra)
