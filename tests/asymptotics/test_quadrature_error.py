"""Nodes follow the numbers of a problem, and an error that remains is told by the status."""

import dataclasses

import numpy as np
import pytest

from diffjax.asymptotics.dynamics import LARGEST_ERROR
from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.node_rule import COUNTS, bending_length, nodes_by_rule
from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.problem import AsymptoticProblem, resolved
from diffjax.mixture import GaussianMixture
from diffjax.numerics.activations import resolve_activation
from diffjax.numerics.contour import contour_error, positive_contour
from diffjax.numerics.normal_nodes import normal_nodes
from diffjax.status import FAILURES, Status


def _problem(stds, norm, time, activation="tanh", nodes=None):
    """Two classes with opposite centroids."""
    gram = norm * np.array([[1.0, -0.6], [-0.6, 0.36]])
    return AsymptoticProblem(
        GaussianMixture(stds, [0.3, 0.7], centroid_gram=gram), 20.0, 5.0, time,
        activation=activation,
        theory_options=TheoryOptions(centroid_nodes=nodes, centroid_rank=1),
    )  # fmt: skip


def _difference(found, exact):
    """Largest of both losses relative to max(1, loss)."""
    pairs = ((found.train_loss, exact.train_loss), (found.test_loss, exact.test_loss))
    return max(float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b)))) for a, b in pairs)


@pytest.mark.parametrize(
    ("stds", "norm", "time", "activation"),
    [
        ([0.4, 0.3], 4.0, 0.002, "tanh"),
        ([0.2, 1.3], 9.0, 0.03, "relu"),
        ([0.6, 20.0], 40.0, 0.05, "erf"),
        ([1.5, 1.0], 1.0, 0.5, "relu"),
        ([0.5, 0.5], 6.0, 0.01, np.sin),
    ],
)
def test_losses_of_narrow_far_classes_agree_with_many_nodes(stds, norm, time, activation):
    if activation is np.sin:
        import jax.numpy as jnp

        activation = jnp.sin
    found = asymptotic_dynamics(_problem(stds, norm, time, activation))
    exact = asymptotic_dynamics(_problem(stds, norm, time, activation, nodes=383))
    assert int(found.status) not in FAILURES | {Status.COARSE}
    assert _difference(found, exact) < LARGEST_ERROR
    both = np.isfinite(exact.memorization_time)
    np.testing.assert_allclose(
        np.asarray(found.memorization_time)[both], exact.memorization_time[both], rtol=4e-3
    )


@pytest.mark.parametrize("nodes", [15, 16, 23, 24])
def test_too_few_nodes_are_told(nodes):
    few = asymptotic_dynamics(_problem([0.25, 1.3], 16.0, 0.03, nodes=nodes))
    exact = asymptotic_dynamics(_problem([0.25, 1.3], 16.0, 0.03, nodes=383))
    assert _difference(few, exact) > LARGEST_ERROR
    assert int(few.status) == Status.COARSE


def test_a_contour_with_few_nodes_is_told():
    problem = _problem([1.5, 1.0], 1.0, 0.1)
    options = dataclasses.replace(problem.theory_options, contour_nodes=10)
    assert int(asymptotic_dynamics(problem).status) == Status.OK
    coarse = dataclasses.replace(problem, theory_options=options)
    assert int(asymptotic_dynamics(coarse).status) == Status.COARSE


def test_error_of_the_contour_bounds_that_of_a_square_root():
    for nodes in (10, 16, 24):
        points, weights = positive_contour(1e-3, 10.0, nodes)
        matrix = 0.7
        found = float(np.imag(np.sum(weights * np.sqrt(points) / (matrix - points))) / np.pi)
        assert abs(found - matrix**0.5) < 20.0 * float(contour_error(1e-3, 10.0, nodes))


def test_nodes_by_rule_follow_the_spacing_in_units_of_the_bend():
    tanh, relu = resolve_activation("tanh"), resolve_activation("relu")
    assert nodes_by_rule(tanh, 1, 0.7, 1.5) == COUNTS[1][0]
    assert nodes_by_rule(tanh, 1, 4.0, 0.3) > COUNTS[1][0]
    assert nodes_by_rule(relu, 1, 1.0, 0.1) > COUNTS[1][0]
    found = nodes_by_rule(tanh, [2, 2, 3], [0.7, 40.0, 2.0], [1.0, 1.0, 0.3])
    assert found.tolist() == [COUNTS[2][0], COUNTS[2][-1], COUNTS[3][-1]]
    # a relu smoothed by a Gaussian of width w bends within sqrt(2 pi) w
    np.testing.assert_allclose(bending_length(relu, 0.3), np.sqrt(2 * np.pi) * 0.3, rtol=1e-3)
    # tanh itself: max of sech^2 over max of 2 sech^2 tanh is 3 sqrt(3)/4
    np.testing.assert_allclose(bending_length(tanh, 0.02), 0.75 * np.sqrt(3), rtol=2e-3)


def test_numbers_decide_outside_of_a_trace_only():
    import jax

    problem = _problem([0.3, 0.3], 16.0, 0.01)
    assert resolved(problem).theory_options.centroid_nodes > COUNTS[1][0]
    seen = []
    jax.eval_shape(lambda p: seen.append(resolved(p).theory_options.centroid_nodes) or 0, problem)
    assert seen == [COUNTS[1][0]]


@pytest.mark.parametrize(("count", "even"), [(23, True), (24, True), (24, False), (21, True)])
def test_the_coarser_rule_is_a_rule(count, even):
    for rank in (1, 2):
        rule = normal_nodes(rank, count, even=even)
        square = rule.coarse_weights @ (rule.nodes**2).sum(axis=0)
        np.testing.assert_allclose(square, rank, rtol=0.02)
        # it is not the rule itself
        wave = np.cos(3.5 * rule.nodes[0])
        assert abs(rule.coarse_weights @ wave - rule.weights @ wave) > 1e-6


def test_half_a_lattice_is_a_rule():
    rule = normal_nodes(4, 2048, "lattice")
    np.testing.assert_allclose(rule.coarse_weights @ (rule.nodes**2).T, 1.0, rtol=0.03)
    np.testing.assert_allclose(rule.coarse_weights.sum(), 1.0)
