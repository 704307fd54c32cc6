"""The pieces of work of a problem, each with what it depends on and nothing else.

draws -> covariances of every class, on its samples ("train") and on its population.  Points of a
grid whose pieces are equal share the result.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from diffjax.mixture import centroid_coordinates
from diffjax.numerics.activations import Activation
from diffjax.numerics.random_streams import Rows, draw_rows, first_rows, normal_rows, streams
from diffjax.random_features.covariances import (
    FeatureCovariances,
    population_covariance,
    weighted_covariance,
)
from diffjax.random_features.features import FEATURES, RandomFeatures, feature_rows
from diffjax.random_features.options import CovarianceOptions
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.products import full_products
from diffjax.random_features.sampling import (
    centroid_in,
    class_counts,
    class_keys,
    class_order,
    orthonormal,
    samples_from,
)
from diffjax.typing import Array, Float, Int, Key


class DrawMember(eqx.Module):
    """What a seed is turned into: the first layer and the frame of the centroids.

    Members stand alone or stacked along leading axes, as all members of this module do.
    """

    seed: Int[Array, " *member"]
    bias_std: Float[Array, " *member"]
    dim: int = eqx.field(static=True)
    num_features: int = eqx.field(static=True)
    num_classes: int = eqx.field(static=True)


class Drawn(NamedTuple):
    """What all classes of a problem have in common.

    Attributes:
        features: the first layer.
        correlation: (p, p) of its features.
        frame: (K, d) rows in which centroids have their coordinates.
        sample_keys: (K, ...) data of the key of every class's samples.
    """

    features: RandomFeatures
    correlation: Float[Array, "feature feature"]
    frame: Float[Array, "class dim"]
    sample_keys: Int[Array, "class data"]


class Samples(NamedTuple):
    """Draws behind the samples of all classes.

    Attributes:
        rows: (n, d) standard normal, class by class.
        labels: (n,) the class of each.
    """

    rows: Float[Array, "sample dim"]
    labels: Int[Array, " sample"]


class PopulationMember(eqx.Module):
    """One class as the population covariance sees it: no counts, no weights, no label."""

    coordinates: Float[Array, "*member class"]
    covariance: Array
    diffusion_time: Float[Array, " *member"]
    activation: Activation = eqx.field(static=True)
    options: CovarianceOptions = eqx.field(static=True)


class SampleMember(eqx.Module):
    """One class with its training samples: label picks the draws, count how many."""

    population: PopulationMember
    label: Int[Array, " *member"]
    count: Int[Array, " *member"]
    num_samples: int = eqx.field(static=True)


def draw_members(problem: RandomFeatureProblem) -> DrawMember:
    """The one member of a problem, with a leading axis of length one."""
    return DrawMember(
        jnp.asarray(problem.seed)[None],
        jnp.asarray(problem.bias_std)[None],
        problem.dim,
        problem.num_features,
        problem.num_classes,
    )


def population_members(problem: RandomFeatureProblem) -> PopulationMember:
    """All classes of a problem, stacked along a leading axis."""
    return PopulationMember(
        coordinates=centroid_coordinates(problem.mixture.gram),
        covariance=problem.mixture.covariances,
        diffusion_time=jnp.broadcast_to(problem.diffusion_time, (problem.num_classes,)),
        activation=problem.activation,
        options=problem.covariance_options,
    )


def sample_members(problem: RandomFeatureProblem) -> SampleMember:
    """All classes with their sample counts, stacked along a leading axis."""
    return SampleMember(
        population=population_members(problem),
        label=jnp.arange(problem.num_classes),
        count=class_counts(problem.mixture.class_weights, problem.num_samples),
        num_samples=problem.num_samples,
    )


@full_products
def drawn_member(member: DrawMember) -> Drawn:
    """The draws of a seed."""
    rows, sample_keys = _first_rows(member)
    return _drawn(member, draw_rows(*rows), sample_keys)


@full_products
def draw(problem: RandomFeatureProblem) -> tuple[Drawn, Samples]:
    """All draws of one problem by one generator."""
    member = jax.tree.map(lambda leaf: leaf[0], draw_members(problem))
    counts = class_counts(problem.mixture.class_weights, problem.num_samples)
    labels, within = class_order(counts, problem.num_samples)
    first, sample_keys = _first_rows(member)
    *common, rows = draw_rows(*first, Rows(sample_keys[labels], within, problem.dim))
    return _drawn(member, common, sample_keys), Samples(rows, labels)


def _first_rows(member: DrawMember) -> tuple[tuple[Rows, ...], Key[Array, " class"]]:
    weights, biases, axes, samples = streams(member.seed, *FEATURES, "centroids", "samples")
    features = feature_rows(weights, biases, member.num_features, member.dim)
    frame = first_rows(axes, member.num_classes, member.dim)
    return (*features, frame), class_keys(samples, member.num_classes)


def _drawn(member: DrawMember, rows: Sequence[Array], keys: Key[Array, " class"]) -> Drawn:
    weights, biases, frame = rows
    features = RandomFeatures(weights, member.bias_std * biases[:, 0])
    frame = orthonormal(frame)
    return Drawn(features, features.correlation, frame, jax.random.key_data(keys))


@full_products
def member_population_covariance(member: PopulationMember, drawn: Drawn) -> FeatureCovariances:
    """Covariances of one class averaged over its population."""
    return population_covariance(
        drawn.features,
        centroid_in(drawn.frame, member.coordinates),
        member.covariance,
        member.diffusion_time,
        member.activation,
        member.options,
        drawn.correlation,
    )


@full_products
def member_sample_covariance(
    member: SampleMember, drawn: Drawn, samples: Samples | None = None
) -> FeatureCovariances:
    """Covariances of one class averaged over its training samples, drawn if they are not given."""
    law, count = member.population, member.num_samples
    centroid = centroid_in(drawn.frame, law.coordinates)
    if samples is None:
        key = jax.random.wrap_key_data(drawn.sample_keys[member.label])
        rows = normal_rows(key, count, drawn.features.dim)
        own = jnp.arange(count) < member.count
    else:
        rows = samples.rows
        own = samples.labels == member.label
    return weighted_covariance(
        drawn.features,
        samples_from(rows, centroid, law.covariance),
        own / member.count,
        law.diffusion_time,
        law.activation,
        law.options,
        drawn.correlation,
    )
