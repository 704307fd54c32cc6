"""From a problem to its learning dynamics, in pieces that other problems can share.

problem -> members (one per class) -> covariances -> objective -> solver -> curves -> times
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from diffjax.diffusion import bayes_floor
from diffjax.dynamics import ClassShares, LearningDynamics, learning_dynamics
from diffjax.random_features.class_members import (
    Drawn,
    Samples,
    draw,
    member_population_covariance,
    member_sample_covariance,
    population_members,
    sample_members,
)
from diffjax.random_features.clock import training_times
from diffjax.random_features.covariances import FeatureCovariances, sample_covariances
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.doubling import solve_by_doubling
from diffjax.random_features.eigenbasis import solve_by_eigenbasis
from diffjax.random_features.features import RandomFeatures, draw_features
from diffjax.random_features.floor_estimate import FloorEstimate, estimated_floor
from diffjax.random_features.objective import InitialReadout, Objective
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.products import full_products
from diffjax.random_features.sampling import class_counts
from diffjax.random_features.solver_choice import Solver, choose_solver
from diffjax.status import worst
from diffjax.typing import Array, Float, Int


@full_products
def combine(
    problem: RandomFeatureProblem,
    stages: Mapping[str, Any],
    *,
    solver: Solver = "auto",
    initial_readout: Any = None,
    allow_float32: bool = False,
) -> LearningDynamics:
    """Learning dynamics from draws and covariances, the results of the stages."""
    del allow_float32
    drawn = Drawn(*jax.tree.map(lambda leaf: leaf[0], stages["draws"]))
    return _combined(problem, drawn.features, stages, solver, initial_readout)


def _combined(
    problem: RandomFeatureProblem,
    features: RandomFeatures,
    stages: Mapping[str, Any],
    solver: Solver,
    initial_readout: Any,
) -> LearningDynamics:
    counts = class_counts(problem.mixture.class_weights, problem.num_samples)
    train, population = (FeatureCovariances(*stages[name]) for name in ("train", "population"))
    objective = _objective(problem, features, train, population, counts)
    floor = bayes_floor(problem.mixture, problem.diffusion_time)
    shares = ClassShares(objective.class_weights, problem.mixture.class_weights, counts)
    return _solve(problem, objective, floor, shares, solver, initial_readout)


def random_feature_stages(problem: RandomFeatureProblem) -> dict[str, Any]:
    """Draws ("draws") and covariances of all classes ("train", "population") of one problem."""
    drawn, samples = draw(problem)
    shared = jax.tree.map(lambda leaf: leaf[None], drawn)
    return {"draws": shared, **_covariances(problem, drawn, samples)}


@full_products
def random_feature_dynamics(
    problem: RandomFeatureProblem,
    *,
    solver: Solver = "auto",
    initial_readout: Any = None,
    allow_float32: bool = False,
) -> LearningDynamics:
    """Learning dynamics of one problem, class by class, from one draw for all classes."""
    del allow_float32
    drawn, samples = draw(problem)
    stages = _covariances(problem, drawn, samples)
    return _combined(problem, drawn.features, stages, solver, initial_readout)


def _covariances(
    problem: RandomFeatureProblem, drawn: Drawn, samples: Samples
) -> dict[str, FeatureCovariances]:
    return {
        "train": jax.lax.map(
            lambda one: member_sample_covariance(one, drawn, samples), sample_members(problem)
        ),
        "population": jax.lax.map(
            lambda one: member_population_covariance(one, drawn), population_members(problem)
        ),
    }


@full_products
def dataset_dynamics(
    problem: DatasetProblem,
    *,
    solver: Solver = "auto",
    initial_readout: Any = None,
    allow_float32: bool = False,
) -> LearningDynamics:
    """Learning dynamics on labelled data.

    The Bayes floor is that of a Gaussian class, estimated from all its samples, train and held-out:
    a model of the class, which the half memorisation time does without.  The status FEW_SAMPLES
    says that the estimate is too uncertain for the memorisation time or the score error.
    """
    del allow_float32
    objective = training_objective(problem)
    counts = _dataset_counts(problem)
    shares = ClassShares(objective.class_weights, counts / problem.num_samples, counts)
    return _solve(problem, objective, dataset_floor(problem), shares, solver, initial_readout)


@full_products
def training_objective(problem: RandomFeatureProblem | DatasetProblem) -> Objective:
    """The quadratic training objective of a problem, for those who want to train it themselves.

    Example:
        >>> problem = dj.RandomFeatureProblem(dj.two_classes(), 8, 16, 16, diffusion_time=0.1)
        >>> training_objective(problem).train.feature.shape    # (class, feature, feature)
        (2, 16, 16)
    """
    if isinstance(problem, RandomFeatureProblem):
        drawn, samples = draw(problem)
        stages = _covariances(problem, drawn, samples)
        counts = class_counts(problem.mixture.class_weights, problem.num_samples)
        return _objective(problem, drawn.features, stages["train"], stages["population"], counts)
    features = dataset_features(problem)
    train, test = (
        sample_covariances(
            features,
            jnp.asarray(samples),
            jnp.asarray(labels),
            problem.num_classes,
            problem.diffusion_time,
            problem.activation,
            problem.covariance_options,
        )
        for samples, labels in (
            (problem.train_samples, problem.train_labels),
            (problem.test_samples, problem.test_labels),
        )
    )
    return _objective(problem, features, train, test, _dataset_counts(problem))


def _objective(
    problem: RandomFeatureProblem | DatasetProblem,
    features: RandomFeatures,
    train: FeatureCovariances,
    test: FeatureCovariances,
    counts: Int[Array, " class"],
) -> Objective:
    """Weighs classes by their share of the samples unless the problem says otherwise."""
    weights = counts / problem.num_samples
    if problem.class_weights is not None:
        weights = jnp.asarray(problem.class_weights)
    return Objective(features, train, test, weights, jnp.asarray(problem.diffusion_time))


def _dataset_counts(problem: DatasetProblem) -> Int[Array, " class"]:
    return jnp.bincount(jnp.asarray(problem.train_labels), length=problem.num_classes)


def dataset_features(problem: DatasetProblem) -> RandomFeatures:
    """The first layer of a data problem: given weights, or drawn ones."""
    drawn = draw_features(problem.seed, problem.num_features, problem.dim, problem.bias_std)
    if problem.feature_weights is None:
        return drawn
    return RandomFeatures(jnp.asarray(problem.feature_weights), drawn.biases)


def dataset_floor(problem: DatasetProblem) -> FloorEstimate:
    """(K,) Bayes floors of Gaussian classes, estimated from train and held-out samples together."""
    points = jnp.concatenate([jnp.asarray(problem.train_samples), problem.test_samples])
    labels = jnp.concatenate([jnp.asarray(problem.train_labels), problem.test_labels])

    def one_class(label):
        return estimated_floor(points, (labels == label).astype(points.dtype), time)

    time = jnp.asarray(problem.diffusion_time)
    return jax.lax.map(one_class, jnp.arange(problem.num_classes))


def _solve(
    problem: RandomFeatureProblem | DatasetProblem,
    objective: Objective,
    floor: Array | FloorEstimate,
    shares: ClassShares,
    solver: Solver,
    initial_readout: Any,
) -> LearningDynamics:
    times = training_times(problem)
    matrix = None if initial_readout is None else jnp.asarray(initial_readout)
    std = None if problem.readout_std is None else jnp.asarray(problem.readout_std)
    initial = InitialReadout(matrix, std)
    if choose_solver(solver) == "eigh":
        curves, eigenvalues, errors = solve_by_eigenbasis(objective, times, initial)
    else:
        curves, errors = solve_by_doubling(objective, times, initial)
        eigenvalues = eigenvalues_of(objective.feature)
    status = errors.status
    if isinstance(floor, FloorEstimate):
        status, floor = worst(status, floor.status(curves[2])), floor.floor
    return learning_dynamics(times, *curves[:2], *curves[2:], eigenvalues, floor, shares, status)


def eigenvalues_of(matrix: Float[Array, "feature feature"]) -> Float[Array, " feature"]:
    """Ascending eigenvalues of a symmetric matrix, without eigenvectors."""
    return jnp.linalg.eigvalsh(matrix, symmetrize_input=False)
