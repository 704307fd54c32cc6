"""Learning dynamics of the theory: symmetries, limits, published times, derivatives."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.problem import resolved
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.status import Status
from tests.asymptotics.cases import GRAM, MIXTURES, TIMES, problem_of

CURVES = ("train_loss", "test_loss", "final_train_loss", "final_test_loss")


def test_classes_can_be_permuted():
    order = np.array([2, 0, 1])
    mixture = MIXTURES["three"]
    turned = GaussianMixture(
        mixture.stds[order], mixture.weights[order], GRAM[np.ix_(order, order)]
    )
    one, other = (asymptotic_dynamics(problem_of(m)) for m in (mixture, turned))
    for name in CURVES:
        np.testing.assert_allclose(getattr(one, name)[order], getattr(other, name), rtol=1e-10)


def test_two_classes_can_be_swapped():
    mixture = MIXTURES["corner"]
    turned = GaussianMixture(mixture.stds[::-1], mixture.weights[::-1],
                             np.asarray(mixture.gram)[::-1, ::-1])  # fmt: skip
    one, other = (asymptotic_dynamics(problem_of(m)) for m in (mixture, turned))
    for name in CURVES:
        np.testing.assert_allclose(getattr(one, name)[::-1], getattr(other, name), rtol=1e-10)


@pytest.mark.parametrize("mixture", ["pair"])
def test_a_class_can_be_split_into_identical_halves(mixture):
    given = MIXTURES[mixture]
    stds, weights, gram = (np.asarray(x) for x in (given.stds, given.weights, given.gram))
    last = np.append(np.arange(weights.size), weights.size - 1)
    shares = weights[last]
    shares[-2:] *= [0.3, 0.7]
    split = GaussianMixture(stds[last], shares, gram[np.ix_(last, last)])
    one, other = (asymptotic_dynamics(problem_of(m)) for m in (given, split))
    for name in CURVES:
        np.testing.assert_allclose(getattr(one, name)[last], getattr(other, name), rtol=1e-10)


def test_directions_of_equal_variance_are_the_isotropic_class():
    given = MIXTURES["corner"]
    spread = GaussianMixture(
        weights=given.weights, centroid_gram=given.gram, class_covariances=[[1.96] * 4, [0.49] * 4]
    )
    one, other = (asymptotic_dynamics(problem_of(m)) for m in (given, spread))
    for name in CURVES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-10)


def test_directions_can_be_permuted():
    given = MIXTURES["directions"]
    order = np.array([3, 0, 2, 1])
    turned = dataclasses.replace(given, class_covariances=given.class_covariances[:, order])
    one, other = (asymptotic_dynamics(problem_of(m)) for m in (given, turned))
    for name in CURVES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-10)


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_identical_laws_do_not_know_their_weights(share):
    same = GaussianMixture([1.1, 1.1], [share, 1 - share], np.ones((2, 2)))
    one = asymptotic_dynamics(problem_of(same))
    for name in CURVES:
        values = np.asarray(getattr(one, name))
        np.testing.assert_allclose(values[0], values[1], rtol=1e-11)


def test_two_identical_laws_are_one_class():
    same = GaussianMixture([1.1, 1.1], [0.2, 0.8], np.ones((2, 2)))
    one = asymptotic_dynamics(problem_of(same))
    alone = asymptotic_dynamics(problem_of(GaussianMixture([1.1], [1.0], [[1.0]])))
    np.testing.assert_allclose(one.test_loss[:1], alone.test_loss, rtol=1e-10)
    np.testing.assert_allclose(one.train_loss[:1], alone.train_loss, rtol=1e-10)


def test_losses_start_at_one_fall_and_respect_the_floor():
    problem = problem_of("corner", training_times=None)
    found = asymptotic_dynamics(problem)
    assert int(found.status) in (Status.OK, Status.NOT_REACHED)
    np.testing.assert_allclose(found.test_loss[:, 0], 1.0, atol=3e-3)
    assert bool((jnp.diff(found.total_train_loss) < 1e-9).all())
    assert bool((found.test_loss.min(axis=1) > found.bayes_floor).all())
    assert bool((found.final_train_loss < found.bayes_floor).all())
    np.testing.assert_allclose(found.train_loss[:, -1], found.final_train_loss, atol=1e-6)
    np.testing.assert_allclose(found.test_loss[:, -1], found.final_test_loss, rtol=1e-5)


def test_training_weights_equal_to_the_shares_change_nothing():
    shares = np.asarray(MIXTURES["corner"].class_weights)
    one, other = (
        asymptotic_dynamics(problem_of("corner", class_weights=w)) for w in (None, shares)
    )
    for name in CURVES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)


def test_a_class_without_training_weight_is_not_learned_by_heart():
    """Its samples are then unseen ones."""
    found = asymptotic_dynamics(problem_of("corner", class_weights=[1.0, 0.0]))
    np.testing.assert_allclose(found.train_loss[1], found.test_loss[1], rtol=1e-9)
    assert float(found.final_train_loss[0]) < float(found.bayes_floor[0])


def test_mirrored_centroids_are_the_same_without_biases_only():
    mixtures = [two_classes((1.2, 0.8), distance, 0.5, cosine=cosine, norm_ratio=2.0).general()
                for distance, cosine in ((3.0, -1.0), (1.0, 1.0))]  # fmt: skip
    same = [asymptotic_dynamics(problem_of(m)) for m in mixtures]
    np.testing.assert_allclose(same[0].test_loss, same[1].test_loss, rtol=1e-10)
    biased = [asymptotic_dynamics(problem_of(m, bias_std=1.0)) for m in mixtures]
    assert float(jnp.abs(biased[0].test_loss - biased[1].test_loss).max()) > 0.01


NONE = np.zeros((2, 2))
CLAIMS = [
    # stds, weight_0, Gram matrix, (psi_p, psi_n), t | generalisation, memorisation, gap onset
    ((1.25, 1.0), 0.5, NONE, (64, 8), 0.01, (50.8, 74.7), (86.2e3, 91.4e3), (55.8, 83.4)),
    ((2.0, 1.0), 0.5, NONE, (64, 8), 0.01, (30.6, 99.1), (84.6e3, 90.6e3), (34.6, 110)),
    ((1.5, 1.0), 0.1, NONE, (64, 8), 0.01, (35.4, 69.5), (82.6e3, 93.7e3), (40.4, 77.2)),
    ((1.0, 1.0), 0.5, np.diag([0.5, 2.0]), (64, 8), 0.01, (93.1, 121), (69.3e3, 80.0e3), (94, 130)),
    ((1.5, 1.0), 0.5, np.eye(2), (64, 8), 0.01, (56.6, 125), (74.1e3, 71.0e3), (59, 130)),
    ((1.5, 1.0), 0.5, NONE, (64, 8), 0.3, (2.23, 3.77), (262, 701), (3.28, 11.7)),
    ((1.2, 1.0), 0.5, 16 * np.eye(2), (16, 8), 0.3, (11.8, 15.7), (199, 181), (16.3, 26.1)),
    # imbalance reverses which class generalises first
    ((1.2, 1.0), 0.1, 16 * np.eye(2), (16, 8), 0.3, (16.8, 12.5), (224, 231), (19.2, 25.1)),
]  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
def test_published_times(claim):
    stds, share, gram, (psi_p, psi_n), time, *expected = claim
    problem = problem_of(
        GaussianMixture(stds, [share, 1 - share], gram),
        features_per_dim=psi_p, samples_per_dim=psi_n, diffusion_time=time, training_times=None,
    )  # fmt: skip
    found = asymptotic_dynamics(problem)
    assert int(found.status) == Status.OK
    names = ("generalization_time", "memorization_time", "gap_onset_time")
    for name, values in zip(names, expected, strict=True):
        np.testing.assert_allclose(getattr(found, name), values, rtol=6e-3)


def test_default_times_are_resampled_without_loss():
    """At as many of them as other problems here have."""
    found = asymptotic_dynamics(problem_of("corner", training_times=None))
    some = np.linspace(0, found.training_times.size - 1, TIMES.size).astype(int)
    direct = asymptotic_dynamics(problem_of("corner", training_times=found.training_times[some]))
    np.testing.assert_allclose(found.train_loss[:, some], direct.train_loss, atol=1e-7)
    np.testing.assert_allclose(found.test_loss[:, some], direct.test_loss, atol=1e-7)


PARAMETERS = np.array([1.3, 0.9, 1.5, 0.4, 6.0, 3.0])
"""Both stds, distance, imbalance ratio, psi_p and psi_n."""


def _log_times(cosine):
    """Logarithms of both times of both classes as a function of the parameters."""
    rank = 1 if cosine == -1.0 else 2
    mixture = two_classes((1.3, 0.9), 1.5, 0.4, cosine=cosine)
    problem = problem_of(
        mixture, training_times=None, theory_options=TheoryOptions(centroid_rank=rank)
    )

    def log_times(values):
        stds, others = values[:2], values[2:]
        law = eqx.tree_at(
            lambda m: (m.stds, m.distance, m.imbalance_ratio), mixture, (stds, *others[:2])
        )
        moved = eqx.tree_at(
            lambda p: (p.mixture, p.features_per_dim, p.samples_per_dim),
            problem,
            (law, *others[2:]),
        )
        found = asymptotic_dynamics(moved)
        return jnp.log(jnp.concatenate([found.generalization_time, found.memorization_time]))

    return log_times


@pytest.mark.parametrize("cosine", [-1.0, pytest.param(0.0, marks=pytest.mark.slow)])
def test_derivatives_of_times(cosine):
    """With respect to stds, distance, imbalance ratio and both sizes, against differences."""
    log_times = _log_times(cosine)
    slopes = jax.jit(jax.jacrev(log_times))(PARAMETERS)
    compiled = jax.jit(log_times)
    for i in range(PARAMETERS.size):
        step = np.zeros(PARAMETERS.size)
        step[i] = 1e-4
        one, two = (
            (compiled(PARAMETERS + k * step) - compiled(PARAMETERS - k * step)) / (2e-4 * k)
            for k in (1, 2)
        )
        np.testing.assert_allclose(slopes[:, i], (4 * one - two) / 3, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("cosine", [-1.0, 0.0])
def test_forward_and_backward_derivatives_agree(cosine):
    log_times = _log_times(cosine)
    forward, backward = (jax.jit(mode(log_times))(PARAMETERS) for mode in (jax.jacfwd, jax.jacrev))
    np.testing.assert_allclose(backward, forward, atol=1e-9)


def test_jit_and_vmap_agree_with_single_calls():
    problem = problem_of("pair", theory_options=TheoryOptions(centroid_rank=1))
    sizes = jnp.array([3.0, 12.0])

    def at(size):
        return asymptotic_dynamics(eqx.tree_at(lambda p: p.features_per_dim, problem, size))

    mapped = jax.jit(jax.vmap(at))(sizes)
    for i, size in enumerate(sizes):
        alone = asymptotic_dynamics(problem_of("pair", features_per_dim=float(size)))
        for name in CURVES:
            np.testing.assert_allclose(getattr(mapped, name)[i], getattr(alone, name), rtol=1e-9)


def test_rank_by_rule_and_full_rank_agree():
    one = asymptotic_dynamics(problem_of("pair"))
    full = asymptotic_dynamics(problem_of("pair", theory_options=TheoryOptions(centroid_rank=2)))
    np.testing.assert_allclose(one.test_loss, full.test_loss, rtol=3e-4)


def test_lattice_and_product_agree():
    options = TheoryOptions(quadrature="lattice", centroid_nodes=2048)
    one = asymptotic_dynamics(problem_of("corner"))
    other = asymptotic_dynamics(problem_of("corner", theory_options=options))
    np.testing.assert_allclose(one.test_loss, other.test_loss, rtol=2e-3)


def test_linear_features_cannot_separate_the_spectrum_from_zero():
    found = asymptotic_dynamics(problem_of("one", activation=lambda x: 1.0 * x))
    assert int(found.status) in (Status.NOT_CONVERGED, Status.NON_FINITE)


def test_too_small_a_budget_is_reported():
    found = asymptotic_dynamics(problem_of("one", theory_options=TheoryOptions(max_steps=3)))
    assert int(found.status) == Status.NOT_CONVERGED


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"diffusion_time": 0.0}, "diffusion_time=0"),
        ({"features_per_dim": -1.0}, "features_per_dim=-1"),
        ({"samples_per_dim": np.nan}, "samples_per_dim"),
        ({"training_times": [1.0, 0.5]}, "increasing"),
        ({"class_weights": [0.5, 0.6]}, "sum to 1"),
        ({"theory_options": TheoryOptions(centroid_rank=1), "bias_std": 0.0}, "rank 2"),
        ({"mixture": "not a mixture"}, "mixture is a str"),
    ],
)
def test_bad_input_is_refused(changes, message):
    changes = dict(changes)
    mixture = changes.pop("mixture", MIXTURES["corner"])
    with pytest.raises(InputError, match=message):
        if isinstance(mixture, str):
            dataclasses.replace(problem_of("pair"), mixture=mixture)
        problem_of(mixture, **changes)


def test_too_many_neuron_nodes_are_refused_with_their_number():
    five = GaussianMixture([1.0] * 5, [0.2] * 5, np.eye(5))
    with pytest.raises(InputError, match=r"3\.71e\+05 nodes.*leave centroid_nodes out"):
        problem_of(five, theory_options=TheoryOptions(centroid_nodes=13))


def test_centroids_in_four_and_more_directions_are_averaged_on_a_lattice():
    """In a frame of orthogonal centroids all classes have the same curves."""
    four = problem_of(GaussianMixture([1.0] * 4, [0.25] * 4, np.eye(4)), training_times=TIMES)
    found = asymptotic_dynamics(four)
    assert resolved(four).theory_options.quadrature == "lattice"
    assert int(found.status) in (Status.OK, Status.NOT_REACHED)
    spread = np.ptp(np.asarray(found.test_loss), axis=0) / np.maximum(1.0, found.test_loss[0])
    assert spread.max() < 1e-3


def test_times_beyond_the_horizon_are_infinite():
    found = asymptotic_dynamics(problem_of("pair", training_times=TIMES / 1e6))
    assert int(found.status) == Status.NOT_REACHED
    assert not np.isfinite(found.memorization_time).any()
