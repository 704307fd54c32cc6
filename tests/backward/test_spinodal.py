"""Spinodal times: published values, brute-force counting of fixed points, limiting laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.backward.basins import flow_basin_times, spinodal_times, trajectory_times
from diffjax.backward.imbalance_laws import delay_laws
from diffjax.backward.potential import effective_potential
from diffjax.backward.spinodal import field_and_coupling, two_class_times
from diffjax.mixture import GaussianMixture, two_classes
from diffjax.status import Status
from tests.backward.fixed_points import Counter
from tests.backward.mixtures import antipodal


def orthogonal(stds, weights, gram):
    return GaussianMixture(stds, weights, gram)


def triangle(stds):
    return GaussianMixture(stds, (0.5, 0.3, 0.2), np.eye(3) * 12 / 40)


TABLE = {
    "equal variances": (antipodal(3.0, 40, ratio=9.0), 40, {1: 0.9400}),
    "unequal": (antipodal(3.0, 40, (1.2, 0.9), 4.0), 40, {1: 1.0395}),
    "orthogonal": (orthogonal((1.5, 0.8), (0.5, 0.5), np.eye(2)), 40, {0: 1.8048}),
    "rare wide": (orthogonal((1.5, 0.8), (0.1, 0.9), np.eye(2)), 40, {0: 1.3988}),
    "norm": (two_classes((1.4, 0.7), 0.0, 1 / 9), 160, {0: 0.9269}),
    "three equal": (triangle((1.0, 1.0, 1.0)), 40, {1: 0.9896, 2: 0.8920}),
    "three unequal": (triangle((1.3, 1.0, 0.8)), 40, {1: 1.0121, 2: 0.9365}),
}


@pytest.mark.parametrize("case", TABLE)
def test_published_values(case):
    mixture, dim, expected = TABLE[case]
    times = np.asarray(spinodal_times(mixture, dim))
    for label in range(mixture.num_classes):
        assert times[label] == pytest.approx(expected.get(label, np.inf), abs=1.2e-4)


@pytest.mark.parametrize(
    ("mixture", "dim"),
    [
        TABLE["equal variances"][:2],
        TABLE["unequal"][:2],
        TABLE["orthogonal"][:2],
        TABLE["norm"][:2],
        (two_classes((1.1, 0.9), 0.3, 0.02, cosine=0.3, norm_ratio=1.5), 300),
        (two_classes((1.0, 1.0), 0.7, 0.3, cosine=0.5, norm_ratio=0.6), 50),
        (antipodal(3.0, 40, ratio=1.0), 40),
    ],
)
def test_brute_force_root_counting(mixture, dim):
    time = float(np.min(spinodal_times(mixture, dim)))
    counter = Counter(mixture, dim)
    assert (counter.wells(time - 1e-4), counter.wells(time + 1e-4)) == (2, 1)


def test_a_narrow_window_of_a_second_well():
    # the wide window of class 0 ends at 3.956; class 1 has a basin in a narrow one far above
    mixture = GaussianMixture((0.42, 1.42), (0.86, 0.14), [[1.5, 7.2], [7.2, 34.56]])
    counter = Counter(mixture, 1000)
    assert [counter.wells(time) for time in (3.9, 4.3, 4.5779, 4.5780)] == [2, 1, 2, 1]
    np.testing.assert_allclose(spinodal_times(mixture, 1000), [np.inf, 4.5779608], atol=1e-6)


def random_mixture(seed):
    rng = np.random.default_rng(seed)
    stds = np.exp(rng.uniform(np.log(0.25), np.log(2.0), 2))
    weight = 1 / (1 + np.exp(-rng.uniform(-6, 6)))
    norms = np.exp(rng.uniform(np.log(0.02), np.log(6), 2))
    cosine = rng.uniform(-1, 1) if seed % 3 else 1.0
    gram = np.outer(norms, norms) * np.array([[1.0, cosine], [cosine, 1.0]])
    dim = int(np.exp(rng.uniform(np.log(10), np.log(5000))))
    return GaussianMixture(stds, (weight, 1 - weight), gram), dim


def check_random_mixture(seed):
    """Two wells just below the time, one just above, and never more than one from there on."""
    mixture, dim = random_mixture(seed)
    found = _two_class_times(mixture, float(dim))
    assert int(found.status) in (Status.OK, Status.NOT_REACHED)
    times = np.asarray(found.times)
    last, counter = times[np.isfinite(times)].max(), Counter(mixture, dim)
    if last > 0:
        assert (counter.wells(last - 1e-6), counter.wells(last + 1e-6)) == (2, 1)
    assert (int(found.status) == Status.NOT_REACHED) == (last == 0)
    highest = 0.5 * np.log(1 + 4 * dim * np.asarray(mixture.gram).max()) + 2
    for time in np.linspace(last + 1e-4, max(last + 0.5, highest), 60):
        assert counter.wells(time, points=1201, zooms=1) == 1


_two_class_times = jax.jit(two_class_times)


@pytest.mark.parametrize("start", [0, 40])
def test_random_mixtures_against_dense_counting(start):
    for seed in range(start, start + 40):
        check_random_mixture(seed)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 2000, 100))
def test_more_random_mixtures_against_dense_counting(start):
    for seed in range(start, start + 100):
        check_random_mixture(seed)


@pytest.mark.parametrize("seed", range(3))
def test_derivatives_of_the_time(seed):
    mixture, dim = random_mixture(seed)
    label = int(np.argmax(np.isfinite(_two_class_times(mixture, float(dim)).times)))

    def time(std):
        stds = jnp.stack([std, mixture.stds[1]])
        moved = GaussianMixture(stds, mixture.class_weights, mixture.gram)
        return two_class_times(moved, float(dim)).times[label]

    time, std = jax.jit(time), float(mixture.stds[0])
    finite = (time(std + 1e-5) - time(std - 1e-5)) / 2e-5
    forward = jax.jvp(time, (std,), (1.0,))[1]
    assert float(forward) == pytest.approx(float(finite), rel=1e-5, abs=1e-8)
    assert float(jax.grad(time)(std)) == pytest.approx(float(forward), rel=1e-12)


@pytest.mark.parametrize("std", [1.0, 1.6])
@pytest.mark.parametrize(
    "weights", [(0.5, 0.5), (0.3, 0.7), (1 / 3, 1 / 3, 1 / 3), (0.2, 0.3, 0.5)]
)
def test_identical_classes_in_any_order(std, weights):
    count, weights = len(weights), np.array(weights)
    stds, gram = np.full(count, std), np.zeros((count, count))
    times = [
        np.asarray(spinodal_times(GaussianMixture(stds, w, gram), 100))
        for w in (weights, weights[::-1])
    ]
    default = (weights == weights.max()) & (np.sum(weights == weights.max()) == 1)
    np.testing.assert_array_equal(times[0], np.where(default, np.inf, 0.0))
    np.testing.assert_array_equal(times[1], times[0][::-1])


@pytest.mark.parametrize("seed", range(3))
def test_times_move_with_the_classes(seed):
    rng = np.random.default_rng(seed)
    stds, weights = rng.uniform(0.5, 1.9, 3), rng.dirichlet(np.ones(3))
    points = rng.standard_normal((3, 3))
    order = np.array([2, 0, 1])
    base = spinodal_times(GaussianMixture(stds, weights, points @ points.T), 60)
    moved = points[order]
    found = spinodal_times(GaussianMixture(stds[order], weights[order], moved @ moved.T), 60)
    np.testing.assert_allclose(found, np.asarray(base)[order], atol=1e-4)


@pytest.mark.parametrize("case", ["unequal", "rare wide", "norm"])
def test_flow_and_scalar_equation_agree(case):
    mixture, dim, _ = TABLE[case]
    flow = jax.jit(lambda mixture: flow_basin_times(mixture, dim))(mixture)
    np.testing.assert_allclose(flow.times, spinodal_times(mixture, dim), atol=1e-4)
    assert int(flow.status) == Status.OK


@pytest.mark.parametrize(
    ("weight", "expected"), [(0.5, 1.445), (0.7, 1.140), (0.9, 0.940), (0.99, 0.731)]
)
def test_closed_form_of_equal_variances(weight, expected):
    times = spinodal_times(antipodal(3.0, 40, ratio=weight / (1 - weight)), 40)
    assert float(times[1]) == pytest.approx(expected, abs=6e-4)
    if weight == 0.5:
        assert float(times[0]) == pytest.approx(0.5 * np.log(18.0), abs=1e-6)


def test_nearly_equal_variances_join_the_closed_form():
    equal = spinodal_times(two_classes((1.0, 1.0), 0.5, 0.2, cosine=0.2), 200)
    nearly = spinodal_times(two_classes((1.0, 1.0 + 1e-7), 0.5, 0.2, cosine=0.2), 200)
    np.testing.assert_allclose(nearly, equal, atol=1e-5)


@pytest.mark.parametrize(("field", "tolerance"), [(0.01, 0.012), (0.1, 0.06)])
def test_law_of_weak_imbalance(field, tolerance):
    # the law is for A - 1 = exp(2 delay) - 1
    delay, laws = delay_and_laws(field)
    assert 2 * float(laws.weak[0]) == pytest.approx(np.expm1(2 * delay), rel=tolerance)


@pytest.mark.parametrize(("field", "tolerance"), [(3.0, 0.05), (10.0, 0.012)])
def test_law_of_strong_imbalance(field, tolerance):
    # the law is for A = exp(2 delay)
    delay, laws = delay_and_laws(field)
    assert np.exp(2 * float(laws.strong[0])) == pytest.approx(np.exp(2 * delay), rel=tolerance)


def delay_and_laws(field):
    mixture = antipodal(20.0, 1000, ratio=np.exp(-2 * field))
    balanced = 0.5 * np.log(2 * 20.0**2)
    delay = balanced - float(spinodal_times(mixture, 1000)[0])
    return delay, delay_laws(mixture.class_weights)


@pytest.mark.parametrize(
    ("stds", "dim", "tolerance"), [((1.4, 0.7), 640, 2e-3), ((2.0, 1.0), 10_000, 0.012)]
)
def test_norm_channel_is_the_curie_weiss_law(stds, dim, tolerance):
    first, second = np.square(stds)
    kappa = (first + second - 2) / (2 * (first - second))
    times = np.linspace(0.2, 4.0, 200_001)
    coupling = dim / 4 * np.exp(-4 * times) * (first - second) ** 2
    s = np.sqrt(np.maximum(1 - 1 / coupling, 0.0))
    present = coupling * s - np.arctanh(s) > np.abs(kappa) * coupling
    expected = times[np.flatnonzero(present & (coupling > 1))[-1]] if present.any() else 0.0
    found = np.asarray(spinodal_times(two_classes(stds, 0.0), dim))
    assert found[np.isfinite(found)].max() == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("mixture", "dim", "expected"),
    [
        (*TABLE["equal variances"][:2], {1: 1.051}),
        (*TABLE["unequal"][:2], {1: 1.294}),
        (*TABLE["norm"][:2], {0: 0.922}),
        (*TABLE["three equal"][:2], {1: 1.577, 2: 1.285}),
        (*TABLE["three unequal"][:2], {1: 1.867, 2: 1.487}),
    ],
)
def test_trajectory_times(mixture, dim, expected):
    times = np.asarray(trajectory_times(mixture, dim))
    for label, value in expected.items():
        assert times[label] == pytest.approx(value, abs=2e-3)


def test_field_and_coupling_at_the_pitchfork():
    law = field_and_coupling(antipodal(3.0, 40), 40, 0.5 * np.log(18.0))
    assert float(law.coupling) == pytest.approx(1.0)
    assert float(law.field) == 0.0


@pytest.mark.parametrize("offset", [-0.1, 0.1])
def test_second_minimum_of_the_potential_appears_at_the_spinodal(offset):
    mixture = antipodal(3.0, 40, ratio=0.25)
    time = float(spinodal_times(mixture, 40)[0]) + offset
    found = effective_potential(mixture, 40, [time], num_overlaps=801)
    curve = np.asarray(found.potential[0])
    minima = (curve[1:-1] < curve[:-2]) & (curve[1:-1] < curve[2:])
    assert minima.sum() == (2 if offset < 0 else 1)


def test_potential_is_the_closed_form():
    mixture, time = antipodal(3.0, 40, ratio=0.25), 0.8
    found = effective_potential(mixture, 40, [time])
    q = np.exp(-time) * 3.0 * np.asarray(found.overlaps)
    field = 0.5 * np.log(0.25)
    expected = q**2 / 2 - 2 * np.log(np.cosh(np.exp(-time) * 3.0 * q + field))
    np.testing.assert_allclose(found.potential[0], expected - expected.min(), atol=1e-12)


def test_wide_class_runs_away():
    # Gamma_0 > 2 at small t: no fixed point, and the basin counts as there
    times = spinodal_times(two_classes((2.5, 0.5), distance=1.0, imbalance_ratio=0.1), 100)
    assert bool(jnp.isfinite(times[0])) and float(times[0]) > 0.3
