"""Directions, their nodes, sub-classes, and the rule that chooses between treatments."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.asymptotics import constants, ensemble, hermite_closure
from diffjax.asymptotics.class_law import class_law, common_directions, subclass_rule
from diffjax.asymptotics.deterministic_equivalent import solve_resolvent
from diffjax.asymptotics.direction_nodes import cluster_directions
from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.problem import resolved
from diffjax.diffusion import bayes_floor
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.numerics.activations import ACTIVATIONS
from tests.asymptotics.anisotropic import general_matrices, law, power_law, rotation
from tests.asymptotics.cases import problem_of

make_ensemble = jax.jit(ensemble.make_ensemble)
feature_constants = jax.jit(constants.feature_constants, static_argnums=(0, 4))
closed_constants = jax.jit(hermite_closure.closed_constants, static_argnums=(1, 5))


@jax.jit
def resolvent_at(found, points):
    """The solution at a few points."""
    return solve_resolvent(found, points, TheoryOptions(tolerance=1e-14)).resolvent


SPLIT = TheoryOptions(method="sub-classes")


def test_counts_are_repeated_directions():
    """At one point z: unknowns, transforms and Bayes floors."""
    variances, counts = power_law(0.8, 4), np.array([1.0, 3.0, 2.0, 2.0])
    few = problem_of(law(variances), direction_counts=counts)
    many = problem_of(law(np.repeat(variances, counts.astype(int), axis=1)))
    one, other = (
        resolvent_at(make_ensemble(problem), jnp.array([0.5 + 0.4j])) for problem in (few, many)
    )
    np.testing.assert_allclose(one.unknowns.gram, other.unknowns.gram, rtol=1e-10)
    np.testing.assert_allclose(one.unknowns.delta, other.unknowns.delta, rtol=1e-10)
    np.testing.assert_allclose(
        make_ensemble(few).floor, bayes_floor(many.mixture, many.diffusion_time), rtol=1e-12
    )


def test_nodes_keep_traces_and_isolated_directions():
    variances = power_law(1.2, 200)
    nodes = cluster_directions(variances, 16)
    assert nodes.counts.sum() == 200 and nodes.counts.size == 16
    np.testing.assert_allclose(nodes.variances @ nodes.counts, variances.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(nodes.shares.sum(), 1.0)
    assert variances[0, 0] in nodes.variances[0] and variances[1, -1] in nodes.variances[1]


def test_more_nodes_than_directions_change_nothing():
    variances = power_law(0.8, 6)
    nodes = cluster_directions(variances, 50)
    assert (nodes.counts == 1).all()
    np.testing.assert_allclose(np.sort(nodes.variances), np.sort(variances), rtol=1e-14)
    assert cluster_directions(np.ones((2, 9)), 4).counts.tolist() == [9.0]


@pytest.mark.parametrize(("count", "error"), [(8, 2.7e-2), (32, 5e-3)])
@pytest.mark.slow
def test_few_nodes_are_enough(count, error):
    """On power laws at t = 0.1, every curve, relative to max(1, loss)."""
    variances = power_law(0.8, 100)
    nodes = cluster_directions(variances, count)
    whole = asymptotic_dynamics(problem_of(law(variances)))
    few = asymptotic_dynamics(problem_of(law(nodes.variances), direction_counts=nodes.counts))
    for name in ("train_loss", "test_loss"):
        one, other = np.asarray(getattr(whole, name)), np.asarray(getattr(few, name))
        assert (np.abs(one - other) / np.maximum(one, 1.0)).max() < error


def test_pooled_basis_is_found_again():
    variances, basis = power_law(0.8, 6), rotation(6)
    turned = law(np.array([basis @ np.diag(v) @ basis.T for v in variances]))
    found = np.asarray(common_directions(turned))
    order = np.argsort(np.array([0.6, 0.4]) @ variances)
    np.testing.assert_allclose(found, variances[:, order], rtol=1e-10)


def test_subclasses_are_points_along_the_dominant_direction():
    """Their Gram matrix from explicit centroids, and the moments of the classes they make up."""
    dim = 7
    matrices = general_matrices(2, dim)
    centroids = np.random.default_rng(5).standard_normal((2, dim))
    mixture = GaussianMixture(weights=[0.6, 0.4], centroid_gram=centroids @ centroids.T / dim,
                              class_covariances=matrices)  # fmt: skip
    options = TheoryOptions(method="sub-classes", subclass_directions=2, subclass_nodes=3)
    found = class_law(mixture, options, None, jnp.asarray(centroids))
    nodes, _ = subclass_rule(2, 3)
    points, rest = [], []
    for centroid, matrix in zip(centroids, matrices, strict=True):
        values, basis = np.linalg.eigh(matrix)
        for node in nodes:
            points.append(centroid + sum(
                zeta * np.sqrt(values[-1 - k]) * basis[:, -1 - k] for k, zeta in enumerate(node)
            ))  # fmt: skip
            rest.append(values[:-2].sum() / dim)
    points = np.array(points)
    # the signs of eigenvectors are free, and permute the points of a class
    gram, expected = np.asarray(found.gram), points @ points.T / dim
    np.testing.assert_allclose(np.linalg.eigvalsh(gram), np.linalg.eigvalsh(expected), atol=1e-12)
    np.testing.assert_allclose(
        np.sort(np.diagonal(gram)), np.sort(np.diagonal(expected)), rtol=1e-10
    )
    np.testing.assert_allclose(found.variances, rest, rtol=1e-12)
    merged = np.asarray(found.merge)
    np.testing.assert_allclose(merged.sum(axis=1), 1.0)
    for c, (centroid, matrix) in enumerate(zip(centroids, matrices, strict=True)):
        top = np.linalg.eigvalsh(matrix)[-2:].sum()
        squared = merged[c] @ np.diagonal(found.gram)
        np.testing.assert_allclose(squared, (centroid @ centroid + top) / dim, rtol=1e-10)
        mean = merged[c] @ np.asarray(found.gram) @ merged.T
        np.testing.assert_allclose(mean, mixture.gram[c], atol=1e-12)
    assert np.linalg.eigvalsh(found.gram).min() > -1e-12


@pytest.mark.slow
def test_subclasses_of_flat_classes_change_little():
    """A direction of share 1/L is nothing to speak of."""
    flat = law(np.tile(np.array([[1.2], [0.6]]), (1, 400)))
    one = asymptotic_dynamics(problem_of(flat))
    other = asymptotic_dynamics(problem_of(flat, theory_options=SPLIT))
    assert other.test_loss.shape == (2, one.test_loss.shape[1])
    np.testing.assert_allclose(one.test_loss, other.test_loss, atol=5e-3)
    np.testing.assert_allclose(one.bayes_floor, other.bayes_floor, rtol=1e-12)


def test_many_coordinates_of_subclasses_use_the_lattice():
    problem = problem_of(
        law(power_law(1.2, 20)), theory_options=dataclasses.replace(SPLIT, subclass_directions=2)
    )
    options = resolved(problem).theory_options
    assert options.quadrature == "lattice" and options.centroid_rank == 6
    assert resolved(resolved(problem)).theory_options == options


def test_the_closure_vanishes_with_the_concentration():
    """Energies of order 2 and 3 of a flat spectrum are those of white noise up to 1/d."""
    means, changes = jnp.array([[0.0, 0.8], [0.3, -0.5]]), []
    for dim in (100, 200):
        flat = class_law(law(np.tile(np.array([[1.2], [0.6]]), (1, dim))),
                         TheoryOptions(method="commuting"))  # fmt: skip
        phi = ACTIVATIONS["tanh"]
        given = feature_constants(phi, means, flat.variances, 0.1, 257)
        closed = closed_constants(given, phi, means, flat, 0.1, 257)
        changes.append(np.asarray(given.sample_variance - closed.sample_variance))
        assert (np.asarray(closed.sample_variance) > 0).all()
    assert (changes[0] > 0).all()
    np.testing.assert_allclose(changes[0] / changes[1], 2.0, rtol=0.1)


@pytest.mark.parametrize("name", ["tanh", "erf", "relu"])
def test_the_closure_removes_what_is_explicit(name):
    """One direction: gamma^2 + s^2 loses all energy of orders 2, 3, of which 1/3, 1/15 is kept."""
    phi, mean, variance, time = ACTIVATIONS[name], 0.4, 1.3, 0.3
    single = class_law(law(np.full((2, 1), variance)), TheoryOptions(method="commuting"))
    means = jnp.full((2, 1), mean)
    given = feature_constants(phi, means, single.variances, time, 257)
    closed = closed_constants(given, phi, means, single, time, 257)
    field = np.exp(-2 * time) * variance - np.expm1(-2 * time)
    g = np.linspace(-9, 9, 20001)
    w = np.exp(-0.5 * g**2) / np.sqrt(2 * np.pi) * (g[1] - g[0])
    values = np.asarray(phi(jnp.asarray(mean + np.sqrt(field) * g)))
    energies = [(w @ (values * he)) ** 2 / n for he, n in ((g**2 - 1, 2), (g**3 - 3 * g, 6))]
    removed = energies[0] * (1 - 2 / 3) + energies[1] * (1 - 6 / 15)
    total = given.sample_variance + given.noise_variance
    found = total - closed.sample_variance - closed.noise_variance
    np.testing.assert_allclose(found, removed, atol=2e-7)


@pytest.mark.parametrize(
    ("mixture", "method"),
    [
        (two_classes(), "commuting"),
        (law(power_law(1.2, 20)), "commuting"),
        (law(np.array([np.diag(v) for v in power_law(0.2, 40)])), "commuting"),
        (law(np.array([np.diag(v) for v in power_law(1.5, 40)])), "sub-classes"),
        (law(general_matrices(2, 40)), "matrices"),
    ],
)
def test_the_rule(mixture, method):
    problem = problem_of(mixture)
    assert resolved(problem).theory_options.method == method
    assert problem.choice.method == method and problem.choice.reason in str(problem.choice)


def test_the_rule_counts_dimensions():
    choice = problem_of(law(np.array([np.eye(50), 2 * np.eye(50)]))).choice
    np.testing.assert_allclose(choice.effective_dimension, 50.0)
    np.testing.assert_allclose(choice.top_share, 0.02)
    assert max(choice.off_diagonal_weight) < 1e-7
    assert choice.expected_test_error == pytest.approx(1 / 50)
    early = problem_of(law(np.array([np.eye(50)] * 2)), diffusion_time=0.01).choice
    assert early.expected_test_error > 4 * choice.expected_test_error
    assert problem_of(two_classes()).choice.expected_test_error == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"direction_counts": [1.0, 2.0]}, "direction_counts has shape"),
        ({"direction_counts": [1.0, 0.0, 1.0]}, "positive"),
        ({"class_centroids": np.ones((2, 2))}, "class_centroids has shape"),
        ({"class_centroids": np.ones((2, 3))}, "differ by"),
        ({"theory_options": dataclasses.replace(SPLIT, subclass_directions=4)}, "4 of 3"),
    ],
)
def test_bad_fields_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        problem_of(law(power_law(0.8, 3)), **changes)


def test_bad_options_are_refused():
    with pytest.raises(InputError, match="method='best'"):
        TheoryOptions(method="best")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="hermite_closure"):
        dataclasses.replace(SPLIT, hermite_closure=True)
    with pytest.raises(InputError, match="isotropic"):
        problem_of("corner", theory_options=SPLIT)
    with pytest.raises(InputError, match=r"variances has shape \(3,\)"):
        cluster_directions(np.ones(3), 2)
    with pytest.raises(InputError, match="nan"):
        cluster_directions(np.array([[1.0, np.nan]]), 2)
