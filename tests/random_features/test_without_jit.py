"""Callers that switched compilation off get the same numbers, and soon."""

import jax
import numpy as np
import optax
import pytest

import diffjax as dj


def disabled() -> bool:
    return jax.config.jax_disable_jit  # pyright: ignore[reportAttributeAccessIssue]


@pytest.fixture(scope="module")
def problem():
    return dj.RandomFeatureProblem(
        dj.two_classes(stds=(1.3, 0.8), distance=1.0), 8, 24, 12, 0.2, training_times=[1.0, 30.0]
    )


@pytest.mark.timeout(120)
def test_models_give_the_same_numbers_without_jit(problem):
    expected = dj.gradient_flow(problem)
    with jax.disable_jit():
        found = dj.gradient_flow(problem)
        assert disabled()  # the caller's choice is left as it was
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.timeout(120)
def test_training_gives_the_same_numbers_without_jit(problem):
    expected = dj.train(problem, optax.sgd(1.0), 5)
    with jax.disable_jit():
        found = dj.train(problem, optax.sgd(1.0), 5)
    np.testing.assert_array_equal(found.readout, expected.readout)


def test_models_of_others_are_left_alone():
    """Somebody who looks into a model of his own sees it run operation by operation."""

    @dj.model(version=1, outputs={"off": dj.Output((), "whether compilation is off")})
    def probe(problem):
        return {"off": disabled()}

    with jax.disable_jit():
        assert probe(None)["off"]
