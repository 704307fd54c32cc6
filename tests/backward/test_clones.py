"""U-turn experiments: reduced clones, d-dimensional clones and quadrature give one answer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.backward.clones import clone_returns, simulated_clone_returns
from diffjax.backward.cloning import cloning_probabilities
from diffjax.backward.score import MixtureScore
from diffjax.errors import InputError
from tests.backward.mixtures import NAMED
from tests.reference.mixtures import mixture_score


def deviation(returns, expected):
    return float(jnp.abs((returns.share - expected) / (returns.standard_error + 1e-3)).max())


@pytest.mark.parametrize(("name", "dim"), [("wide", 40), ("three", 40), ("equal", 10**6)])
def test_reduced_clones_return_as_computed(name, dim):
    mixture, time = NAMED[name], 1.2 if dim == 40 else 6.0
    expected = cloning_probabilities(mixture, dim, [time])[0]
    returns = clone_returns(mixture, dim, time, jax.random.key(0), num_clones=4000, num_times=60)
    assert deviation(returns, expected) < 3.0


def test_d_dimensional_clones_return_as_computed():
    mixture = NAMED["wide"]
    expected = cloning_probabilities(mixture, 20, [0.9])[0]
    returns = simulated_clone_returns(
        mixture, 20, 0.9, jax.random.key(1), num_clones=3000, num_times=60
    )
    assert deviation(returns, expected) < 3.0


def test_first_order_steps_agree_in_both_forms():
    # same step, hence the same bias: the reduction itself is exact in law
    arguments = {"num_clones": 4000, "num_times": 15, "method": "ancestral"}
    mixture = NAMED["three"]
    reduced = clone_returns(mixture, 30, 1.0, jax.random.key(2), **arguments)
    whole = simulated_clone_returns(mixture, 30, 1.0, jax.random.key(3), **arguments)
    error = jnp.hypot(reduced.standard_error, whole.standard_error)
    assert float(jnp.abs((reduced.share - whole.share) / error).max()) < 3.0


@pytest.mark.parametrize("name", ["wide", "three"])
def test_exact_score_against_the_reference(name, rng):
    mixture, dim, time = NAMED[name], 12, 0.6
    score = MixtureScore(mixture, dim)
    expected = mixture_score(
        np.asarray(mixture.class_weights),
        np.asarray(score.centroids),
        np.sqrt(np.asarray(mixture.variances)),
        time,
    )
    points = rng.standard_normal((20, dim))
    np.testing.assert_allclose(score(points, time), expected(points), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"diffusion_time": 5e-4}, "diffusion_time"),
        ({"diffusion_time": -1.0}, "positive"),
        ({"dim": 3}, "dim"),
        ({"num_clones": 1}, "num_clones"),
        ({"method": "ddim"}, "stochastic-heun"),
    ],
)
def test_bad_input(changes, word):
    arguments = {"dim": 20, "diffusion_time": 1.0, **changes}
    with pytest.raises(InputError, match=word):
        clone_returns(NAMED["equal"], key=jax.random.key(0), **arguments)
