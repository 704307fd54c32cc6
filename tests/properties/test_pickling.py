"""Problems, results and models travel to other processes and are the same there."""

import copy
import multiprocessing
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffjax as dj
from diffjax.numerics.activations import Activation, resolve_activation

PAIR = dj.two_classes((1.5, 1.0), 1.0, 0.5)
RNG = np.random.default_rng(0)
SAMPLES, LABELS = RNG.normal(size=(12, 4)), np.repeat(["a", "b"], 6)
PROBLEMS = {
    "tanh": dj.RandomFeatureProblem(PAIR, 4, 8, 12, 0.1),
    "relu": dj.RandomFeatureProblem(PAIR, 4, 8, 12, 0.1, activation="relu"),
    "function": dj.RandomFeatureProblem(PAIR, 4, 8, 12, 0.1, activation=jax.nn.softplus),
    "theory": dj.AsymptoticProblem(PAIR, 4.0, 2.0, 0.1, activation="erf"),
    "data": dj.DatasetProblem(SAMPLES, LABELS, SAMPLES + 1.0, LABELS, 0.1, num_features=8),
    "generator": dj.GeneratorProblem(PAIR, 4, 8, 12),
    "speciation": dj.SpeciationProblem(PAIR, 100),
}


def same(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems_survive_pickling_and_copying(name):
    problem = PROBLEMS[name]
    for other in (pickle.loads(pickle.dumps(problem)), copy.deepcopy(problem), copy.copy(problem)):
        same(problem, other)


def test_activations_are_the_same_object_or_equal_and_find_what_was_compiled():
    tanh = resolve_activation("tanh")
    assert pickle.loads(pickle.dumps(tanh)) is tanh
    own = Activation("mine", jnp.sinh, bounded=False)
    other = pickle.loads(pickle.dumps(own))
    assert other == own and hash(other) == hash(own)
    traced = []

    @jax.jit
    def shifted(problem):
        traced.append(1)
        return problem.diffusion_time + 1.0

    for problem in (PROBLEMS["function"], pickle.loads(pickle.dumps(PROBLEMS["function"]))):
        shifted(problem)
    assert len(traced) == 1


def test_what_cannot_be_imported_says_so():
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(dj.RandomFeatureProblem(PAIR, 4, 8, 12, 0.1, activation=lambda x: x))


def test_results_and_models_survive():
    result = dj.asymptotic_dynamics(
        dj.AsymptoticProblem(PAIR, 4.0, 2.0, 0.1, training_times=np.geomspace(1e-2, 1e6, 81))
    )
    same(result, pickle.loads(pickle.dumps(result)))
    assert pickle.loads(pickle.dumps(dj.gradient_flow)) is dj.gradient_flow


def size_of(problem):
    """Runs in a process that was spawned."""
    return problem.num_features, problem.activation.name, float(problem.activation(1.0))


def test_a_spawned_process_gets_them():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.map(size_of, [PROBLEMS["tanh"], PROBLEMS["relu"]])
    assert [name for _, name, _ in found] == ["tanh", "relu"]
    assert found[1] == (8, "relu", 1.0)
